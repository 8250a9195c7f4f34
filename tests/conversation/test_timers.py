"""The plan of timed events: what is coming for an order, and what makes no sense any more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.timers import planned
from p2pbot.model import EventKind, Order, OrderStatus
from tests.fakes.occasions import NOW_MS, an_order

MINUTE = 60_000
EXPIRING, SILENCE = (EventKind.PAYMENT_EXPIRING, 5 * MINUTE), (EventKind.SILENCE, 3 * MINUTE)


def unpaid(**known: object) -> Order:
    """Return an order of this minute that must be paid within 15."""
    return an_order(**({"created_at_ms": NOW_MS, "pay_deadline_ms": NOW_MS + 15 * MINUTE} | known))


def test_a_deadline_is_warned_of_once_before_it() -> None:
    """The key is the order's alone, so that whoever plans it again raises the same event."""
    (event,) = planned(unpaid(), 0, [EXPIRING], NOW_MS)
    assert (event.at_ms, event.key, event.span_ms) == (NOW_MS + 10 * MINUTE, "e:payment_expiring:300000", 5 * MINUTE)
    assert planned(unpaid(), NOW_MS + 1, [EXPIRING], NOW_MS + MINUTE) == (event,)


@pytest.mark.parametrize(
    ("known", "now_ms"),
    [
        ({"status": OrderStatus.PAID}, NOW_MS),
        ({"status": OrderStatus.UNKNOWN}, NOW_MS),
        ({"pay_deadline_ms": None}, NOW_MS),
        ({}, NOW_MS + 15 * MINUTE),
    ],
)
def test_a_deadline_that_is_met_unknown_or_over_is_not_warned_of(known: dict[str, object], now_ms: int) -> None:
    """A warning that is wrong is worse than none."""
    assert planned(unpaid(**known), 0, [EXPIRING], now_ms) == ()


def test_a_window_shorter_than_the_warning_is_warned_of_at_once() -> None:
    """Not before the order existed."""
    (event,) = planned(unpaid(pay_deadline_ms=NOW_MS + MINUTE), 0, [EXPIRING], NOW_MS)
    assert event.at_ms == NOW_MS


def test_silence_counts_from_the_last_word_or_from_the_beginning() -> None:
    """Each word begins a new silence, with an event of its own."""
    (first,) = planned(unpaid(), 0, [SILENCE], NOW_MS)
    (second,) = planned(unpaid(), NOW_MS + MINUTE, [SILENCE], NOW_MS)
    assert (first.at_ms, second.at_ms) == (NOW_MS + 3 * MINUTE, NOW_MS + 4 * MINUTE)
    assert first.key != second.key


@pytest.mark.parametrize(
    "status", [OrderStatus.APPEAL, OrderStatus.COMPLETED, OrderStatus.CANCELLED, OrderStatus.UNKNOWN]
)
def test_a_silence_is_nothing_where_nobody_waits(status: OrderStatus) -> None:
    """In an appeal and after the end."""
    assert planned(unpaid(status=status), NOW_MS, [SILENCE], NOW_MS) == ()


@given(
    st.integers(0, 2 * NOW_MS),
    st.lists(
        st.tuples(st.sampled_from([EventKind.PAYMENT_EXPIRING, EventKind.SILENCE]), st.integers(1, 10**8)), max_size=5
    ),
)
def test_a_plan_is_ordered_and_each_event_has_its_own_key(word_ms: int, timers: list[tuple[EventKind, int]]) -> None:
    """Whatever the timers."""
    events = planned(unpaid(), word_ms, set(timers), NOW_MS)
    assert [event.at_ms for event in events] == sorted(event.at_ms for event in events)
    assert len({event.key for event in events}) == len(events)
