"""The last look before a write: what was right when it was decided may be wrong now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pbot.conversation.gate import late_reason
from p2pbot.conversation.records import BY_HAND, Mute, OrderMemory
from p2pbot.model import OrderStatus, Reason
from tests.fakes.records import ACCOUNT, NOW_MS, ORDER, reply

ROW = replace(reply("u1"), order_status=OrderStatus.UNPAID)
LATER_MS = NOW_MS + 2_000
OPEN = OrderMemory(account=ACCOUNT, order_no=ORDER, status=OrderStatus.UNPAID)


def muted(reason: Reason, since_ms: int, until_ms: int | None = None) -> OrderMemory:
    """Return an order that was silenced."""
    return replace(OPEN, mute=Mute(reason=reason, since_ms=since_ms, until_ms=until_ms))


def test_a_reply_whose_order_is_as_it_was_goes_out() -> None:
    """Nothing speaks against it."""
    assert late_reason(ROW, OPEN, paused=False, now_ms=LATER_MS) is None


@pytest.mark.parametrize(
    ("memory", "reason"),
    [
        (muted(Reason.TAKEN_OVER, NOW_MS + 1), Reason.TAKEN_OVER),
        (muted(Reason.BREAKER, NOW_MS), Reason.BREAKER),
        (muted(Reason.MUTED, NOW_MS + 1), Reason.MUTED),
        (muted(Reason.TAKEN_OVER, NOW_MS - 1), Reason.TAKEN_OVER),
        (replace(OPEN, status=OrderStatus.APPEAL), Reason.IN_APPEAL),
        (replace(OPEN, status=OrderStatus.PAID), Reason.ORDER_CHANGED),
        (replace(OPEN, status=OrderStatus.COMPLETED), Reason.ORDER_CHANGED),
        (replace(OPEN, status=OrderStatus.CANCELLED), Reason.ORDER_CHANGED),
        (replace(OPEN, status=OrderStatus.UNKNOWN), Reason.ORDER_CHANGED),
        (replace(OPEN, last_operator_ms=NOW_MS + 1), Reason.TAKEN_OVER),
        (None, Reason.ORDER_UNKNOWN),
    ],
)
def test_what_happened_since_drops_the_reply_with_its_reason(memory: OrderMemory | None, reason: Reason) -> None:
    """Takeover, breaker, handover, appeal, another state, an order that nobody remembers."""
    assert late_reason(ROW, memory, paused=False, now_ms=LATER_MS) is reason


@pytest.mark.parametrize(
    ("memory", "reason"),
    [
        (muted(Reason.TAKEN_OVER, NOW_MS), None),
        (muted(Reason.BREAKER, NOW_MS - 1), None),
        (replace(OPEN, last_operator_ms=NOW_MS + 1), None),
        (replace(OPEN, status=OrderStatus.APPEAL), Reason.IN_APPEAL),
        (replace(OPEN, status=OrderStatus.PAID), Reason.ORDER_CHANGED),
        (None, Reason.ORDER_UNKNOWN),
    ],
)
def test_what_a_person_sends_asks_not_who_has_taken_over(memory: OrderMemory | None, reason: Reason | None) -> None:
    """It is a person's word itself; an appeal and an order that has changed stop it all the same."""
    by_hand = replace(ROW, stimulus_key=f"{BY_HAND}one")
    assert late_reason(by_hand, memory, paused=False, now_ms=LATER_MS) is reason
    assert late_reason(by_hand, memory, paused=True, now_ms=LATER_MS) is Reason.PAUSED


def test_the_reply_that_announces_a_handover_goes_out() -> None:
    """The mute that its own decision set is not against it."""
    assert late_reason(ROW, muted(Reason.MUTED, NOW_MS), paused=False, now_ms=LATER_MS) is None


def test_a_person_who_writes_stops_even_the_reply_that_announces_a_handover() -> None:
    """The takeover keeps the handover's mute, for that is the longer one; the person's word counts by itself."""
    memory = replace(muted(Reason.MUTED, NOW_MS), last_operator_ms=NOW_MS + 500)
    assert late_reason(ROW, memory, paused=False, now_ms=LATER_MS) is Reason.TAKEN_OVER


def test_a_person_who_wrote_since_stops_the_reply_although_the_silence_is_over() -> None:
    """A short takeover mute may end before a long delay does."""
    memory = replace(muted(Reason.TAKEN_OVER, NOW_MS + 1, NOW_MS + 500), last_operator_ms=NOW_MS + 1)
    assert late_reason(ROW, memory, paused=False, now_ms=LATER_MS) is Reason.TAKEN_OVER


def test_a_person_who_wrote_before_the_decision_does_not() -> None:
    """Rules with ``operator_idle`` answer again after a while; that was decided knowing it."""
    memory = replace(OPEN, last_operator_ms=NOW_MS - 1)
    assert late_reason(ROW, memory, paused=False, now_ms=LATER_MS) is None


def test_pausing_stops_what_is_queued() -> None:
    """The kill switch needs no restart."""
    assert late_reason(ROW, OPEN, paused=True, now_ms=LATER_MS) is Reason.PAUSED


@pytest.mark.parametrize(("after_ms", "late"), [(0, False), (1, True)])
def test_a_reply_expires_after_its_last_millisecond(after_ms: int, late: bool) -> None:  # noqa: FBT001 - a table
    """Up to ``expires_at_ms`` it may go out."""
    reason = late_reason(ROW, OPEN, paused=False, now_ms=ROW.expires_at_ms + after_ms)
    assert (reason is Reason.LATE) is late


def test_a_reply_from_the_future_is_late() -> None:
    """The clock was wrong when it was decided, so nobody knows its age."""
    assert late_reason(ROW, OPEN, paused=False, now_ms=NOW_MS - 60_001) is Reason.LATE
    assert late_reason(ROW, OPEN, paused=False, now_ms=NOW_MS - 60_000) is None
