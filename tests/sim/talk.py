"""What people say in a run, what the rules answer, and the ledger that a judge reads.

Each question carries its own number and the rule's reply repeats it, so that the true chat says of each single message
whether it was answered never, once or twice.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum

from p2pbot.model import Side
from p2pbot.sandbox.life import Turn
from tests.sim.climate import Climate
from tests.sim.pictures import QR

GREETED_FIAT = "USD"  # the rules greet orders of this fiat only
MACHINE_NUMBER = 777_000  # asked by counterparties' automatic texts only
_NUMBERED = re.compile(r"(Answer|Purchase|First|Second) (\d+)\.")
CAUSES: dict[str, set[Turn]] = {  # what must have happened to an order before it is told so
    "Welcome.": set(),
    "Payment noted.": {Turn.PAY},
    "Thank you.": {Turn.RELEASE},
    "A pity.": {Turn.CANCEL, Turn.CANCEL_BY_SYSTEM},
}
EVENTS = {"e:order_created", "e:order_paid", "e:order_completed", "e:order_cancelled"}  # each has its rule
ONCE_TEXTS = (*CAUSES, "Hi there.")

_RULES = """
version: 1
rules:
  - {{id: sale, regex: '^question (?P<n>\\d+)$', when: {{side: sell}}, {common},
     reply: [{picture}"Answer {{{{ match.n }}}}."]}}
  - {{id: purchase, regex: '^question (?P<n>\\d+)$', when: {{side: buy}}, {common},
     reply: "Purchase {{{{ match.n }}}}."}}
  - {{id: double, regex: '^double (?P<n>\\d+)$', {common},
     reply: [{picture}"First {{{{ match.n }}}}.", "Second {{{{ match.n }}}}."]}}
  - {{id: picture, on: image, {common}, reply: "Picture seen."}}
  - {{id: hello, words: hello, expires: {expires}s, reply: "Hi there."}}
  - {{id: human, words: human, {common}, handover: {{for: 2m}}, reply: "A person comes."}}
  - {{id: welcome, on: order_created, when: {{fiat: USD}}, expires: {expires}s, reply: "Welcome."}}
  - {{id: paid, on: order_paid, expires: {expires}s, reply: "Payment noted."}}
  - {{id: thanks, on: order_completed, expires: {expires}s, reply: "Thank you."}}
  - {{id: pity, on: order_cancelled, expires: {expires}s, reply: "A pity."}}
"""


class Form(StrEnum):
    """How something is said."""

    QUESTION = "question"
    DOUBLE = "double"
    IMAGE = "image"
    HELLO = "hello"
    HUMAN = "human"
    CHATTER = "chatter"  # no rule speaks of it
    QUOTE = "quote"  # repeats our newest text
    AUTO_REPLY = "auto_reply"
    CARD = "card"
    VIDEO = "video"
    TRANSLATE = "translate"
    MARK = "mark"
    OPERATOR = "operator"

    @property
    def is_answerable(self) -> bool:
        """Whether a rule answers it, unless something forbids that."""
        return self in (Form.QUESTION, Form.DOUBLE, Form.IMAGE, Form.HELLO, Form.HUMAN)


TYPED_KINDS = (Form.AUTO_REPLY, Form.CARD, Form.VIDEO, Form.TRANSLATE, Form.MARK)


@dataclass(slots=True)
class Said:
    """Something that was said in an order; ``at_ms`` is the exchange's time, ``at_s`` the world's."""

    order_no: str
    account: str
    form: Form
    number: int
    message_id: int
    at_s: float
    at_ms: int
    recalled: bool = False


@dataclass
class Ledger:
    """All that people did."""

    said: list[Said] = field(default_factory=list)
    sides: dict[str, Side] = field(default_factory=dict)
    fiats: dict[str, str] = field(default_factory=dict)
    turns: dict[str, list[tuple[float, Turn]]] = field(default_factory=lambda: defaultdict(list))
    pauses: list[tuple[float, str]] = field(default_factory=list)  # when, which account or order
    troubles: list[tuple[float, float]] = field(default_factory=list)  # from, until: REST could fail
    faults_ended_s: float | None = None

    def of(self, order_no: str, *forms: Form) -> list[Said]:
        """Return what was said in an order in these forms."""
        return [said for said in self.said if said.order_no == order_no and said.form in forms]

    def numbered(self, number: int) -> Said | None:
        """Return what carries this number."""
        return next((said for said in self.said if said.number == number), None)


def rules_text(climate: Climate) -> str:
    """Return the rules of a run."""
    common = f"limit: {{at_most: 1000, per: order}}, expires: {climate.expires_s}s, delay: 0s..{climate.delay_s}s"
    picture = f"{{image: {QR.name}}}, " if climate.pictures else ""
    return _RULES.format(common=common, expires=climate.expires_s, picture=picture)


def number_of(text: str) -> tuple[str, int] | None:
    """Return the word and the number of a numbered reply."""
    found = _NUMBERED.fullmatch(text)
    return (found[1], int(found[2])) if found else None


def words_for(form: Form, side: Side) -> tuple[str, ...]:
    """Return the words that answer a numbered question."""
    if form is Form.DOUBLE:
        return ("First", "Second")
    return ("Answer",) if side is Side.SELL else ("Purchase",)
