"""A reply's life as a table, and each row's next version after an event.

Promise: at least once across crashes, duplicates removed by looking in the history. ``sending`` is committed before
the write, so after a crash a row in that state is ``unknown``, never forgotten and never blindly resent. The same
``uuid`` serves every attempt.
Danger: MISSING may be raised only from a complete look at the history that *began* after the settling delay, else
duplicates follow.
Source: architecture notes, "Delivery"; C2C chat protocol notes, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from p2pbot.conversation.records import OutboxRow, OutboxState
from p2pbot.model import Reason
from p2pbot.protocol.machine import Machine


class DeliveryEvent(StrEnum):
    """What can happen to a reply."""

    WRITE = "write"
    ECHO = "echo"
    FOUND = "found"
    REFUSED = "refused"
    REFUSED_PASSING = "refused_passing"
    NO_ECHO = "no_echo"
    LOST = "lost"
    CRASH = "crash"
    MISSING = "missing"
    DROP = "drop"


_CONFIRMED = {
    DeliveryEvent.ECHO: OutboxState.SENT,
    DeliveryEvent.FOUND: OutboxState.SENT,
    DeliveryEvent.REFUSED: OutboxState.REJECTED,
    DeliveryEvent.REFUSED_PASSING: OutboxState.CLAIMED,
}

DELIVERY = Machine[OutboxState, DeliveryEvent](
    "delivery",
    {
        OutboxState.CLAIMED: {
            **_CONFIRMED,
            DeliveryEvent.WRITE: OutboxState.SENDING,
            DeliveryEvent.DROP: OutboxState.DROPPED,
        },
        OutboxState.SENDING: {
            **_CONFIRMED,
            DeliveryEvent.NO_ECHO: OutboxState.UNKNOWN,
            DeliveryEvent.LOST: OutboxState.UNKNOWN,
            DeliveryEvent.CRASH: OutboxState.UNKNOWN,
        },
        OutboxState.UNKNOWN: {
            **_CONFIRMED,
            DeliveryEvent.MISSING: OutboxState.CLAIMED,
            DeliveryEvent.DROP: OutboxState.DROPPED,
        },
    },
)

_REASONS = {
    DeliveryEvent.ECHO: Reason.ECHOED,
    DeliveryEvent.FOUND: Reason.FOUND_IN_HISTORY,
    DeliveryEvent.REFUSED: Reason.REJECTED_BY_EXCHANGE,
    DeliveryEvent.REFUSED_PASSING: Reason.REJECTED_PASSING,
    DeliveryEvent.NO_ECHO: Reason.NO_ECHO,
    DeliveryEvent.LOST: Reason.CONNECTION_LOST,
    DeliveryEvent.CRASH: Reason.CRASHED,
    DeliveryEvent.MISSING: Reason.NOT_IN_HISTORY,
}


CLOCK_LEAP_MS = 60_000  # a stamp this far ahead of now was made by a clock that was wrong and has been set right


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPolicy:
    """The numbers of delivery, all configurable.

    ``settle_ms`` must exceed the longest flight plus the history's lag (1–3 s reported); ``order_spacing_ms`` answers
    the reported loss of bursts (800 ms cured it); ``passing_retry_ms`` is the pause that cures most ILLEGAL_PARAM
    refusals.
    """

    order_spacing_ms: int = 1_000
    account_spacing_ms: int = 200
    echo_timeout_ms: int = 5_000
    settle_ms: int = 10_000
    passing_retry_ms: int = 3_000
    passing_retries: int = 1
    max_attempts: int = 3
    max_pending: int = 5_000


def advanced(row: OutboxRow, event: DeliveryEvent, now_ms: int, *, message_id: str = "") -> OutboxRow:
    """Return ``row`` after ``event``. Raises IllegalTransition."""
    state = DELIVERY.next(row.state, event)
    after = replace(row, state=state, reason=_REASONS.get(event, row.reason), message_id=message_id or row.message_id)
    if event is DeliveryEvent.WRITE:
        return replace(after, attempts=row.attempts + 1, sending_at_ms=now_ms)
    if state.is_final:
        return replace(after, settled_at_ms=now_ms)
    return after


def dropped(row: OutboxRow, reason: Reason, now_ms: int) -> OutboxRow:
    """Return ``row`` given up for ``reason``. Raises IllegalTransition while a write is in flight."""
    return replace(advanced(row, DeliveryEvent.DROP, now_ms), reason=reason)


def refused(row: OutboxRow, *, passing: bool, policy: DeliveryPolicy, now_ms: int) -> OutboxRow:
    """Return ``row`` after an error frame: tried once more if the refusal is of the passing kind.

    A frame that comes again (pushes are sometimes repeated) refuses nothing new: each attempt is refused once.
    """
    if passing and row.state is OutboxState.CLAIMED and row.passing_refusals >= row.attempts:
        return row
    if not passing or row.passing_refusals >= policy.passing_retries:
        return advanced(row, DeliveryEvent.REFUSED, now_ms)
    again = advanced(row, DeliveryEvent.REFUSED_PASSING, now_ms)
    not_before_ms = max(row.not_before_ms, now_ms + policy.passing_retry_ms)
    # A picture goes up anew: its place may be what was refused.
    return replace(
        again,
        passing_refusals=row.passing_refusals + 1,
        not_before_ms=not_before_ms,
        image_url="",
        uploaded_at_ms=0,
    )


def missing(row: OutboxRow, policy: DeliveryPolicy, now_ms: int) -> OutboxRow:
    """Return an UNKNOWN ``row`` that a complete, settled look at the history did not find: again, or given up."""
    if row.attempts >= policy.max_attempts:
        return dropped(row, Reason.ATTEMPTS_EXHAUSTED, now_ms)
    return advanced(row, DeliveryEvent.MISSING, now_ms)
