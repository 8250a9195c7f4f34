"""What there is to tell about an order, as lines: what was said, what was decided and why, what became of a reply.

Promise: pure; from one look at an order to the next comes what is new, in the order in which it happened.
Danger: texts in a line come from outside; the screen escapes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from p2pbot.cli.demo_stage import OrderView
from p2pbot.cli.why import traces
from p2pbot.cli.words import STATES, reason_words, rule_words
from p2pbot.conversation.records import InboxEntry, OutboxRow, OutboxState
from p2pbot.model import EventKind, Path, Reason
from p2pbot.rules.ruleset import RuleSet
from p2pbot.rules.verdict import Outcome, RuleTrace
from p2pbot.sandbox import Life, SeenLine, Speaker

_SPOKEN = (Reason.ANSWERED, Reason.SHADOW)
_NOTEWORTHY_DELAY_MS = 800  # a reply that waits longer is announced, or it looks as if nothing happened
_MESSAGES = (EventKind.MESSAGE, EventKind.IMAGE)


class Who(StrEnum):
    """Whose line it is; the screen's colours follow it."""

    CUSTOMER = "customer"
    BOT = "p2pbot"
    PERSON = "our person"
    EXCHANGE = "exchange"
    SPOKE = "rule"
    SILENT = "no answer"
    DELIVERY = "delivery"
    DOUBT = "in doubt"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to tell. ``at_ms`` is Unix time."""

    at_ms: int
    who: Who
    text: str = field(repr=False)


_SPEAKERS = {
    Speaker.COUNTERPARTY: Who.CUSTOMER,
    Speaker.BOT: Who.BOT,
    Speaker.OPERATOR: Who.PERSON,
    Speaker.SYSTEM: Who.EXCHANGE,
}
_LIVES = {Life.TRADING: "unpaid", Life.APPEAL: "in appeal", Life.CANCELLED_BY_SYSTEM: "cancelled"}
_NEARNESS = (Outcome.FIRED, Outcome.LIMITED, Outcome.UNKNOWN, Outcome.NO, Outcome.NOT_REACHED)
# What happens in one millisecond is told in this order.
_RANK = (Who.EXCHANGE, Who.CUSTOMER, Who.PERSON, Who.SPOKE, Who.SILENT, Who.BOT, Who.DOUBT, Who.DELIVERY)


@dataclass(slots=True)
class Teller:
    """Tells one order's news. It remembers what was told: about a hundred bytes for each message of a demo."""

    _lines: int = 0
    _entries: set[str] = field(default_factory=set)
    _rows: dict[str, OutboxState] = field(default_factory=dict)
    _life: Life | None = None

    def news(self, view: OrderView, rules: RuleSet) -> list[Line]:
        """Return what is new since the last look."""
        fresh = [*self._said(view), *self._decisions(view, rules), *self._deliveries(view)]
        return sorted(fresh, key=lambda line: (line.at_ms, _RANK.index(line.who)))

    def _said(self, view: OrderView) -> Iterator[Line]:
        fresh, self._lines = view.chat[self._lines :], len(view.chat)
        last_card = next((line for line in reversed(fresh) if line.by is Speaker.SYSTEM), None)
        for line in fresh:
            moved = view.life if line is last_card and view.life is not self._life else None
            yield Line(line.at_ms, _SPEAKERS[line.by], _spoken(line, moved))
        self._life = view.life

    def _decisions(self, view: OrderView, rules: RuleSet) -> Iterator[Line]:
        for entry in view.inbox:
            if entry.key not in self._entries:
                self._entries.add(entry.key)
                yield from decision_lines(entry, [row for row in view.outbox if row.stimulus_key == entry.key], rules)

    def _deliveries(self, view: OrderView) -> Iterator[Line]:
        seen_ms = {line.uuid: line.at_ms for line in view.chat}
        for row in view.outbox:
            if row.stimulus_key in self._entries and self._rows.get(row.uuid) is not row.state:
                self._rows[row.uuid] = row.state
                yield from delivery_lines(row, seen_ms.get(row.uuid, 0))


def _spoken(line: SeenLine, moved: Life | None) -> str:
    if line.by is Speaker.SYSTEM:
        card = f"card {_card_type(line.text)}"
        return f"the order is {life_words(moved).upper()} ({card})" if moved else card
    if line.kind == "text":
        return line.text
    size = f" {line.width} × {line.height}" if line.width else ""
    return f"[{line.kind}{size}] {line.text}".strip()


def life_words(life: Life) -> str:
    """Return where an order stands, in the words of the rules."""
    return _LIVES.get(life, life.value)


def _card_type(text: str) -> str:
    try:
        card = json.loads(text)
    except ValueError:
        return "without a type"
    return str(card.get("type", "without a type")) if isinstance(card, dict) else "without a type"


def decision_lines(entry: InboxEntry, rows: Sequence[OutboxRow], rules: RuleSet) -> Iterator[Line]:
    """Yield what was decided about a message or an event, and why; nothing for a card, which is told by its event.

    ``rows``: the replies of this decision.
    """
    if entry.reason is Reason.SYSTEM_MESSAGE:
        return
    at_ms = max(entry.decided_at_ms, entry.created_at_ms)  # of two clocks: no answer is told before its question
    found = "found in the history: " if entry.path is Path.HISTORY and entry.message_id else ""
    if entry.reason not in _SPOKEN:
        words = f"{found}{_occasion(entry)}{reason_words(entry.reason)}{_nearest(entry)}"
        yield Line(at_ms, Who.SILENT, words)
        return
    for trace in traces(entry):
        if trace.outcome is Outcome.FIRED:
            why = f"{cause(trace, entry, rules)} ({_place(trace)})"
            words = f"{found}{trace.rule_id} speaks{_delay(trace.rule_id, rows)}, for {why}"
            yield Line(at_ms, Who.SPOKE, words)


def _delay(rule_id: str, rows: Sequence[OutboxRow]) -> str:
    wait_ms = max((row.not_before_ms - row.created_at_ms for row in rows if row.rule_id == rule_id), default=0)
    return f" in {wait_ms / 1000:.1f} s" if wait_ms >= _NOTEWORTHY_DELAY_MS else ""


def cause(trace: RuleTrace, entry: InboxEntry, rules: RuleSet) -> str:
    """Return what made a rule speak: its event or words, and its conditions."""
    rule = next((rule for rule in rules.rules if rule.id == trace.rule_id), None)
    parts = [] if entry.message_id or entry.kind in _MESSAGES else [f"the event {entry.kind.value}"]
    if rule is not None:
        hits = rules.hear(entry.text).hits
        parts += [f"it {check.actual(hits)}" for check in rule.matcher.phrases if not check.negative]
        parts += [
            f"{check.name.removeprefix('when.')} {check.wanted}"
            for check in rule.checks
            if check.name != "when.operator_idle"  # every rule has it; it says nothing of this one
        ]
    return ", ".join(parts) or "any message"


def _occasion(entry: InboxEntry) -> str:
    return "" if entry.message_id or entry.kind in _MESSAGES else f"on {entry.kind.value}, "


def _nearest(entry: InboxEntry) -> str:
    """Return the rule that came nearest to speaking: the one at its limit, else one that failed by a condition only."""
    lines = traces(entry)
    for line in lines:
        if line.outcome is Outcome.LIMITED:
            return f" ({line.rule_id}: {line.wanted}, {line.actual})"
    conditional = [line for line in lines if line.check.startswith("when.")]
    return f" ({conditional[0].rule_id}: {rule_words(conditional[0])})" if conditional else ""


def delivery_lines(row: OutboxRow, seen_ms: int = 0) -> Iterator[Line]:
    """Yield what became of a reply. ``seen_ms``: when the chat had it."""
    if row.state is OutboxState.UNKNOWN:
        yield Line(row.sending_at_ms, Who.DOUBT, f"{reason_words(row.reason)}; the chat's history will tell")
    if row.state.is_final:
        why = f": {reason_words(row.reason)}" if row.reason else ""
        tries = f", attempt {row.attempts}" if row.attempts > 1 else ""
        yield Line(max(row.settled_at_ms, seen_ms), Who.DELIVERY, f"{STATES[row.state]}{why} ({row.rule_id}{tries})")


def why_table(entry: InboxEntry, rules: RuleSet, most: int = 12) -> tuple[list[tuple[str, str, str]], int]:
    """Return (rule, what it said, its place) of the rules that came nearest, and how many more there were."""
    lines = sorted(traces(entry), key=lambda line: (_NEARNESS.index(line.outcome), not line.check.startswith("when.")))
    rows = [(line.rule_id, _said_by(line, entry, rules), _place(line)) for line in lines[:most]]
    return rows, max(0, len(lines) - most)


def _said_by(line: RuleTrace, entry: InboxEntry, rules: RuleSet) -> str:
    return f"spoke, for {cause(line, entry, rules)}" if line.outcome is Outcome.FIRED else rule_words(line)


def _place(line: RuleTrace) -> str:
    return line.where.rpartition("/")[2]
