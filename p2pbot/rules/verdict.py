"""What the rules decided about one stimulus, and why each of them spoke or did not.

Promise: a trace holds rule ids, conditions as the merchant wrote them and facts such as side, status and amounts; never
a rendered text, a name or bank data. It is bounded, so that it can be stored with every message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from p2pbot.model import FiringMark, Picture, Reason

MAX_TRACE = 60  # rules in a stored trace: more than a merchant reads; those that came nearest are kept
_MAX_FIELD = 120  # characters of one part of a trace line


class Outcome(StrEnum):
    """How a rule met a stimulus."""

    FIRED = "fired"
    NO = "no"
    UNKNOWN = "unknown"
    LIMITED = "limited"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """One rule: its outcome and the first check that failed, with what it wanted and what it found."""

    rule_id: str
    outcome: Outcome
    check: str = ""
    wanted: str = ""
    actual: str = ""
    where: str = ""

    def to_json(self) -> dict[str, str]:
        """Return plain JSON data, each part bounded, empty parts left out."""
        return {key: str(value)[:_MAX_FIELD] for key, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> RuleTrace:
        """Read ``to_json`` back; an outcome of a newer version is UNKNOWN, a missing part is empty."""
        texts = {key: str(data.get(key, ""))[:_MAX_FIELD] for key in ("rule_id", "check", "wanted", "actual", "where")}
        named = str(data.get("outcome", ""))
        outcome = Outcome(named) if named in set(Outcome) else Outcome.UNKNOWN
        return cls(outcome=outcome, **texts)


@dataclass(frozen=True, slots=True)
class Handover:
    """The order goes to a person. ``for_ms`` None: until the order ends or the operator lifts it."""

    for_ms: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One rule speaks.

    ``bubbles`` are rendered texts in order; ``expires_ms`` counts from when they may be sent (None: as configured).
    ``delays_ms``: one for each bubble, when they differ. ``debounce_ms``: wait this long for the counterparty's next
    message before deciding. ``pictures``: which of the bubbles are pictures, by their place; the text only says so.
    """

    rule_id: str
    bubbles: tuple[str, ...] = field(default=(), repr=False)
    pictures: tuple[tuple[int, Picture], ...] = ()
    delay_ms: int = 0
    delays_ms: tuple[int, ...] = ()
    expires_ms: int | None = None
    notify: tuple[str, ...] = ()
    handover: Handover | None = None
    unmute: bool = False
    tags: tuple[tuple[str, str], ...] = ()
    debounce_ms: int = 0
    marks: tuple[FiringMark, ...] = ()
    shadow: bool = False

    @property
    def is_stop(self) -> bool:
        """Whether the rule says, tells and changes nothing: it is there to end the search in silence."""
        return not (self.bubbles or self.notify or self.handover or self.unmute or self.tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision.

    ``timed_out``: rules whose pattern ran into its deadline and must be left out from now on; ``not_asked``: rules
    whose pattern was not asked, for others had taken the time that all have together.
    """

    reason: Reason
    firings: tuple[Firing, ...] = ()
    trace: tuple[RuleTrace, ...] = ()
    timed_out: tuple[str, ...] = ()
    not_asked: tuple[str, ...] = ()
