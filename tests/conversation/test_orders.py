"""An order's state and events: whatever is heard in whatever order, each event once, and no side is guessed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations, product
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.orders import (
    CANCEL_PERSISTS_MS,
    Heard,
    accepts,
    agreed,
    card_heard,
    event_of,
    nth_appeal,
    order_heard,
    raised_by,
    remembered,
    told_by,
)
from p2pbot.conversation.records import OrderMemory
from p2pbot.model import (
    Counterparty,
    EventKind,
    Order,
    OrderStatus,
    Side,
    Stimulus,
    SystemEvent,
    SystemEventKind,
)
from tests.fakes.records import ACCOUNT, NOW_MS, ORDER

S = OrderStatus
MINUTE_MS = 60_000
FORWARD = [S.UNKNOWN, S.UNPAID, S.PAID, S.APPEAL, S.CANCELLED, S.COMPLETED]
RAISES = {
    S.UNPAID: EventKind.ORDER_CREATED,
    S.PAID: EventKind.ORDER_PAID,
    S.APPEAL: EventKind.APPEAL_OPENED,
    S.COMPLETED: EventKind.ORDER_COMPLETED,
    S.CANCELLED: EventKind.ORDER_CANCELLED,
}


def card(status: OrderStatus, at_ms: int = NOW_MS, side: Side | None = None) -> Heard:
    """Return what a card says."""
    return Heard(status=status, at_ms=at_ms, side=side, exact=True)


def told(status: OrderStatus, at_ms: int = NOW_MS, side: Side | None = None, *, firm: bool = True) -> Heard:
    """Return what a list row or a detail says."""
    return Heard(status=status, at_ms=at_ms, side=side, created_at_ms=NOW_MS - 5 * MINUTE_MS, firm=firm)


def lived(*heards: Heard) -> tuple[OrderMemory | None, list[EventKind]]:
    """Return the memory after all that was heard, and the events as the inbox keeps them: each key once."""
    memory: OrderMemory | None = None
    raised: list[EventKind] = []
    for heard in heards:
        for stimulus in raised_by(memory, heard, ORDER):
            if stimulus.kind not in raised:
                assert stimulus.key == f"e:{stimulus.kind.value}"
                raised.append(stimulus.kind)
        memory = remembered(memory, heard, ACCOUNT, ORDER)
    return memory, raised


def memory_of(*heards: Heard) -> OrderMemory:
    """Return the memory after all that was heard."""
    memory, _ = lived(*heards)
    assert memory is not None
    return memory


KINDS = {
    SystemEventKind.ORDER_CREATED: S.UNPAID,
    SystemEventKind.VERIFICATION_REQUIRED: S.UNPAID,
    SystemEventKind.ORDER_PAID: S.PAID,
    SystemEventKind.ORDER_COMPLETED: S.COMPLETED,
    SystemEventKind.ORDER_CANCELLED: S.CANCELLED,
    SystemEventKind.APPEAL_OPENED: S.APPEAL,
}


@pytest.mark.parametrize("kind", SystemEventKind)
def test_a_card_tells_the_state_that_it_names_and_no_other(kind: SystemEventKind) -> None:
    """What a card leaves open (the end of an appeal) is asked for, not guessed."""
    heard = card_heard(SystemEvent(kind=kind, raw_type="x", our_side=Side.SELL), NOW_MS)
    assert (heard.status if heard else None) is KINDS.get(kind)
    assert heard is None or (heard.side, heard.exact, heard.at_ms) == (Side.SELL, True, NOW_MS)


@pytest.mark.parametrize(
    ("raw_type", "firm"),
    [
        ("buyer_cancelled", True),
        ("seller_cancelled_fiat_trade", True),
        ("cancelled_by_system", False),
        ("cancelled_by_system_with_ref", False),
        ("CANCELLED_BY_SYSTEM_with_ref_fiat_trade", False),
    ],
)
def test_only_a_persons_cancellation_counts_at_once(raw_type: str, firm: bool) -> None:  # noqa: FBT001 - a table
    """The system's has been seen to flip back, whatever suffix it carries."""
    heard = card_heard(SystemEvent(kind=SystemEventKind.ORDER_CANCELLED, raw_type=raw_type), NOW_MS)
    assert heard is not None
    assert heard.firm is firm


ROW = Order(number=ORDER, account=ACCOUNT, status=S.CANCELLED, side=Side.SELL, created_at_ms=NOW_MS - MINUTE_MS)


@pytest.mark.parametrize(
    ("since_ms", "firm"),
    [(None, False), (NOW_MS, False), (NOW_MS - 59_999, False), (NOW_MS - CANCEL_PERSISTS_MS, True)],
)
def test_a_listed_cancellation_counts_once_it_has_persisted(since_ms: int | None, firm: bool) -> None:  # noqa: FBT001 - a table
    """A minute."""
    assert order_heard(ROW, NOW_MS, "anna", cancelled_since_ms=since_ms).firm is firm


def test_a_cancellation_that_is_not_firm_changes_and_raises_nothing() -> None:
    """Also if it is the first that is heard of the order."""
    flicker = told(S.CANCELLED, firm=False)
    assert event_of(None, flicker, ORDER) is None
    assert memory_of(told(S.UNPAID), flicker).status is S.UNPAID
    assert memory_of(flicker).status is S.UNKNOWN


def test_a_cancellation_that_flips_back_is_undone_once_the_order_is_open_for_a_minute() -> None:
    """Looks every half minute: each that shows it open brings the end nearer."""
    cancelled = memory_of(told(S.UNPAID, NOW_MS), told(S.CANCELLED, NOW_MS + MINUTE_MS))
    at_ms = [NOW_MS + MINUTE_MS + seconds * 1000 for seconds in (30, 59, 60)]
    seen = []
    for now_ms in at_ms:
        cancelled = remembered(cancelled, told(S.UNPAID, now_ms), ACCOUNT, ORDER)
        seen.append(cancelled.status)
    assert seen == [S.CANCELLED, S.CANCELLED, S.UNPAID]


LIFE = [S.UNPAID, S.PAID, S.COMPLETED]
Source: TypeAlias = Callable[[OrderStatus, int], Heard]
SOURCES: tuple[Source, ...] = (card, told)


@pytest.mark.parametrize("sources", list(product(SOURCES, repeat=3)))
def test_each_event_is_raised_once_whatever_the_order_and_repetition(sources: tuple[Source, ...]) -> None:
    """All permutations of a whole life, each word heard twice, by cards and lists mixed."""
    heards = [source(status, NOW_MS + n * 1000) for n, (source, status) in enumerate(zip(sources, LIFE, strict=True))]
    for order in permutations(heards + heards):
        memory, raised = lived(*order)
        assert memory is not None
        assert memory.status is S.COMPLETED
        assert raised == [RAISES[status] for status in LIFE if RAISES[status] in raised]
        assert raised[-1] is EventKind.ORDER_COMPLETED
        first = order[0].status
        assert (EventKind.ORDER_CREATED in raised) is (first is S.UNPAID)


def test_an_order_first_seen_beyond_its_beginning_raises_no_order_created() -> None:
    """A greeting to somebody who has paid already would be late and wrong."""
    for status in (S.PAID, S.APPEAL, S.COMPLETED, S.CANCELLED):
        assert EventKind.ORDER_CREATED not in lived(told(status), told(S.UNPAID, NOW_MS + 10 * MINUTE_MS))[1]


def test_an_appeal_that_ends_is_no_payment() -> None:
    """The order is paid again, and nobody is thanked for it."""
    after = NOW_MS + 10 * MINUTE_MS
    memory, raised = lived(told(S.APPEAL), told(S.PAID, after))
    assert memory is not None
    assert (memory.status, raised) == (S.PAID, [EventKind.APPEAL_OPENED, EventKind.APPEAL_CLOSED])


@pytest.mark.parametrize("end", [S.COMPLETED, S.CANCELLED])
def test_an_appeal_that_ends_the_order_is_two_events(end: OrderStatus) -> None:
    """The appeal is closed, and the order has its own end."""
    _, raised = lived(told(S.PAID), card(S.APPEAL, NOW_MS + 1), card(end, NOW_MS + MINUTE_MS))
    assert raised[-2:] == [EventKind.APPEAL_CLOSED, RAISES[end]]


def test_cards_raise_what_no_state_tells() -> None:
    """That a deadline is near, and that an appeal is over."""
    for kind, raised in (
        (SystemEventKind.PAYMENT_EXPIRING, EventKind.PAYMENT_EXPIRING),
        (SystemEventKind.APPEAL_CLOSED, EventKind.APPEAL_CLOSED),
    ):
        event = told_by(SystemEvent(kind=kind, raw_type="x"), ORDER, NOW_MS)
        assert event is not None
        assert (event.kind, event.key, event.at_ms) == (raised, f"e:{raised.value}", NOW_MS)
    assert told_by(SystemEvent(kind=SystemEventKind.ORDER_PAID, raw_type="x"), ORDER, NOW_MS) is None


@pytest.mark.parametrize(
    ("kind", "opened", "closed", "key"),
    [
        (EventKind.APPEAL_OPENED, 0, 0, "e:appeal_opened"),
        (EventKind.APPEAL_OPENED, 1, 0, "e:appeal_opened"),
        (EventKind.APPEAL_CLOSED, 0, 0, "e:appeal_closed"),
        (EventKind.APPEAL_CLOSED, 1, 1, "e:appeal_closed"),
        (EventKind.APPEAL_OPENED, 1, 1, "e:appeal_opened:2"),
        (EventKind.APPEAL_CLOSED, 2, 1, "e:appeal_closed:2"),
    ],
)
def test_an_appeal_is_numbered_by_what_is_decided(kind: EventKind, opened: int, closed: int, key: str) -> None:
    """Whoever hears of the same one again makes the same key."""
    assert nth_appeal(Stimulus(kind=kind, order_no=ORDER, key="e:x", at_ms=NOW_MS), opened, closed).key == key


def test_an_appeal_is_not_undone_by_a_list_that_lags() -> None:
    """To speak in an appeal is worse than to be silent for some seconds longer."""
    appeal = memory_of(told(S.PAID), card(S.APPEAL, NOW_MS + 1_000))
    assert not accepts(appeal, told(S.PAID, NOW_MS + 10_999))
    assert accepts(appeal, told(S.PAID, NOW_MS + 11_000))


@pytest.mark.parametrize("known", [S.PAID, S.APPEAL, S.CANCELLED, S.COMPLETED])
@pytest.mark.parametrize("old", [S.UNPAID, S.PAID])
def test_a_card_older_than_what_is_known_undoes_nothing(known: OrderStatus, old: OrderStatus) -> None:
    """The history brings old cards after new ones."""
    memory = memory_of(told(known))
    assert remembered(memory, card(old, NOW_MS - MINUTE_MS), ACCOUNT, ORDER).status is known


def test_the_card_of_an_appeal_that_has_ended_since_begins_no_new_one() -> None:
    """It was missed, and the history brings it after the list has told of the end."""
    memory = memory_of(told(S.PAID))
    assert not accepts(memory, card(S.APPEAL, NOW_MS - 10 * MINUTE_MS))
    assert accepts(memory, card(S.APPEAL, NOW_MS - 2_000))


STATUSES = st.sampled_from([status for status in S if status is not S.UNKNOWN])
HEARDS = st.builds(
    Heard,
    status=st.sampled_from(S),
    at_ms=st.integers(NOW_MS, NOW_MS + 20 * MINUTE_MS),
    side=st.sampled_from([None, Side.BUY, Side.SELL]),
    created_at_ms=st.none() | st.just(NOW_MS),
    exact=st.booleans(),
    firm=st.booleans(),
)


@given(st.lists(HEARDS, max_size=12))
def test_completed_is_final_and_unknown_never_wins(heards: list[Heard]) -> None:
    """Whatever is heard: released crypto stays released, a word that we cannot read changes nothing."""
    memory: OrderMemory | None = None
    for heard in heards:
        before = memory.status if memory else S.UNKNOWN
        memory = remembered(memory, heard, ACCOUNT, ORDER)
        if before is S.COMPLETED:
            assert memory.status is S.COMPLETED
        if heard.status is S.UNKNOWN or not heard.firm:
            assert memory.status is before


@given(st.lists(HEARDS, max_size=12))
def test_what_is_heard_twice_is_heard_once(heards: list[Heard]) -> None:
    """Repetition changes neither the memory nor the events."""
    once, doubled = lived(*heards), lived(*[heard for heard in heards for _ in range(2)])
    assert once == doubled


@given(st.lists(HEARDS, max_size=12))
def test_an_event_comes_with_the_state_that_it_tells_of(heards: list[Heard]) -> None:
    """An event without its state would be raised again; a step forward without its event would be lost."""
    memory: OrderMemory | None = None
    for heard in heards:
        stimulus = event_of(memory, heard, ORDER)
        after = remembered(memory, heard, ACCOUNT, ORDER)
        if stimulus is not None:
            assert stimulus.kind is RAISES[after.status]
            assert after.status is not (memory.status if memory else S.UNKNOWN)
            assert event_of(after, heard, ORDER) is None
        before = memory.status if memory else S.UNKNOWN
        if FORWARD.index(after.status) > FORWARD.index(before):
            assert stimulus is not None
        memory = after


@pytest.mark.parametrize(
    ("memory", "heard", "at_ms"),
    [
        (None, card(S.PAID, NOW_MS), NOW_MS),
        (None, told(S.UNPAID), NOW_MS - 5 * MINUTE_MS),
        (None, told(S.PAID), NOW_MS - 5 * MINUTE_MS),
        (None, replace(told(S.PAID), created_at_ms=None), 0),
        (memory_of(told(S.UNPAID, NOW_MS - 30_000)), told(S.PAID), NOW_MS - 30_000),
        (memory_of(told(S.UNPAID, NOW_MS + 30_000)), told(S.PAID), NOW_MS),
        (OrderMemory(account=ACCOUNT, order_no=ORDER), told(S.PAID), NOW_MS - 5 * MINUTE_MS),
    ],
)
def test_an_event_is_as_old_as_it_may_be(memory: OrderMemory | None, heard: Heard, at_ms: int) -> None:
    """A card has its time; else it happened since the last look, or since the order began."""
    stimulus = event_of(memory, heard, ORDER)
    assert stimulus is not None
    assert stimulus.at_ms == at_ms


def listed(status: OrderStatus, side: Side | None = Side.SELL) -> Order:
    """Return an order as list or detail give it."""
    return Order(
        number=ORDER,
        account=ACCOUNT,
        status=status,
        side=side,
        counterparty=Counterparty(nickname="anna", real_name="Anna Example", orders=7),
    )


@pytest.mark.parametrize(
    ("known", "status", "used"),
    [
        (S.UNPAID, S.UNPAID, S.UNPAID),
        (S.PAID, S.UNPAID, S.PAID),
        (S.APPEAL, S.PAID, S.APPEAL),
        (S.COMPLETED, S.PAID, S.COMPLETED),
        (S.COMPLETED, S.CANCELLED, S.COMPLETED),
        (S.UNPAID, S.CANCELLED, S.UNKNOWN),
        (S.UNKNOWN, S.CANCELLED, S.UNKNOWN),
        (S.CANCELLED, S.CANCELLED, S.CANCELLED),
        (S.PAID, S.UNKNOWN, S.UNKNOWN),
        (S.UNKNOWN, S.PAID, S.PAID),
    ],
)
def test_a_decision_uses_the_newest_firm_state(known: OrderStatus, status: OrderStatus, used: OrderStatus) -> None:
    """A lagging answer gives way to the card; a cancellation that may flip back is unknown, and unknown is silent."""
    memory = OrderMemory(account=ACCOUNT, order_no=ORDER, status=known)
    assert agreed(listed(status), memory).status is used


WORDS = [card(S.UNPAID, side=Side.SELL), told(S.UNPAID, side=Side.BUY), card(S.PAID), told(S.PAID, side=Side.BUY)]


@pytest.mark.parametrize("order", list(permutations(WORDS)))
def test_a_card_and_a_list_that_disagree_about_our_side_leave_it_unknown(order: tuple[Heard, ...]) -> None:
    """Whoever spoke first: BUY is never answered as SELL; names were picked by the side, so they go too."""
    facts = agreed(listed(S.PAID, Side.BUY), memory_of(*order))
    assert facts.side is None
    assert (facts.counterparty.nickname, facts.counterparty.real_name, facts.counterparty.orders) == ("", "", 7)


@pytest.mark.parametrize(
    ("known", "side", "used"),
    [
        (None, Side.BUY, Side.BUY),
        (Side.BUY, Side.BUY, Side.BUY),
        (Side.SELL, None, None),
        (Side.SELL, Side.BUY, None),
        (None, None, None),
    ],
)
def test_the_side_is_what_all_agree_about(known: Side | None, side: Side | None, used: Side | None) -> None:
    """A side that the facts do not name is not taken from a card either: the facts were read without it."""
    memory = OrderMemory(account=ACCOUNT, order_no=ORDER, side=known)
    assert agreed(listed(S.UNPAID, side), memory).side is used


def test_facts_without_a_memory_are_used_as_they_are() -> None:
    """Nothing speaks against them."""
    assert agreed(listed(S.PAID), None) == listed(S.PAID)


def test_what_is_known_of_an_order_is_kept() -> None:
    """Beginning, side and counterparty stay when a later word does not name them."""
    first = replace(told(S.UNPAID, side=Side.BUY), counterparty_key="anna")
    memory = memory_of(first, card(S.PAID, NOW_MS + 1_000))
    assert (memory.side, memory.created_at_ms, memory.counterparty_key) == (
        Side.BUY,
        NOW_MS - 5 * MINUTE_MS,
        "anna",
    )


def test_a_look_that_tells_nothing_new_is_remembered_as_the_last_look() -> None:
    """The next change happened after it; a word that was not believed is no look."""
    memory = memory_of(told(S.UNPAID), told(S.UNPAID, NOW_MS + MINUTE_MS))
    assert memory.seen_at_ms == NOW_MS + MINUTE_MS
    flicker = told(S.CANCELLED, NOW_MS + 2 * MINUTE_MS, firm=False)
    assert remembered(memory, flicker, ACCOUNT, ORDER).seen_at_ms == NOW_MS + MINUTE_MS
