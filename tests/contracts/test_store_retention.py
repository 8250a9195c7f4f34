"""What every store forgets, and what it must not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pbot.conversation.records import OrderMemory
from p2pbot.model import LimitScope, OrderStatus
from p2pbot.ports import Store
from tests.fakes.records import ACCOUNT, NOW_MS, ORDER, claim, entry, mark, reply

DAY_MS = 86_400_000
TRACE = '[{"rule": "greeting"}]'


def order(status: OrderStatus, *, seen_days_ago: int, order_no: str = ORDER) -> OrderMemory:
    """Return an order's memory."""
    return OrderMemory(account=ACCOUNT, order_no=order_no, status=status, seen_at_ms=NOW_MS - seen_days_ago * DAY_MS)


async def decide(store: Store, number: int, *, days_ago: int) -> None:
    """Decide a message that has a trace and a reply."""
    at_ms = NOW_MS - days_ago * DAY_MS
    await store.claim(claim(entry(str(number), at_ms=at_ms, trace=TRACE), reply(f"u{number}", at_ms=at_ms)))


async def test_nothing_young_is_forgotten(store: Store) -> None:
    """Within the retention everything stays, traces for 30 days and the rest for 90."""
    await decide(store, 1, days_ago=29)
    assert await store.prune(NOW_MS) == 0
    assert [e.trace for e in await store.inbox(ORDER)] == [TRACE]


async def test_traces_go_first(store: Store) -> None:
    """After 30 days a message loses its trace and keeps everything else."""
    await decide(store, 1, days_ago=31)
    (before,) = await store.inbox(ORDER)
    assert await store.prune(NOW_MS) == 1
    assert await store.inbox(ORDER) == (replace(before, trace="[]"),)
    assert len(await store.outbox(ORDER)) == 1


@pytest.mark.parametrize(
    ("remembered", "kept"),
    [
        (None, False),
        (order(OrderStatus.COMPLETED, seen_days_ago=1), False),
        (order(OrderStatus.UNPAID, seen_days_ago=91), False),
        (order(OrderStatus.APPEAL, seen_days_ago=1), True),
        (order(OrderStatus.UNKNOWN, seen_days_ago=1), True),
    ],
    ids=["unknown order", "closed", "lost sight of", "in appeal", "status unknown"],
)
async def test_old_messages_of_living_orders_stay(store: Store, remembered: OrderMemory | None, *, kept: bool) -> None:
    """After 90 days messages and replies go, unless their order is open and was heard of within that time."""
    await decide(store, 1, days_ago=91)
    if remembered is not None:
        await store.remember(remembered)
    await store.prune(NOW_MS)
    assert bool(await store.inbox(ORDER)) is kept
    assert bool(await store.outbox(ORDER)) is kept
    assert await store.is_decided(entry("1")) is kept


async def test_a_message_with_a_younger_reply_stays(store: Store) -> None:
    """A reply never stands without the decision that made it."""
    old_ms = NOW_MS - 91 * DAY_MS
    await store.claim(claim(entry("1", at_ms=old_ms), reply("u1", at_ms=NOW_MS)))
    await store.prune(NOW_MS)
    assert len(await store.inbox(ORDER)) == 1


async def test_old_orders_are_forgotten_with_their_pauses(store: Store) -> None:
    """An order not heard of for 90 days is forgotten, and its pause; wider pauses and other orders stay."""
    await store.remember(order(OrderStatus.COMPLETED, seen_days_ago=91))
    await store.remember(order(OrderStatus.COMPLETED, seen_days_ago=89, order_no="2"))
    for pair in (("*", "*"), (ACCOUNT, "*"), (ACCOUNT, ORDER), ("*", ORDER), (ACCOUNT, "2"), ("second", ORDER)):
        await store.set_paused(*pair, paused=True)
    assert await store.prune(NOW_MS) == 3
    assert await store.recall(ACCOUNT, ORDER) is None
    assert await store.recall(ACCOUNT, "2") is not None
    assert await store.paused() == (("*", "*"), (ACCOUNT, "*"), (ACCOUNT, "2"), ("second", ORDER))


OLD_ORDER = order(OrderStatus.COMPLETED, seen_days_ago=91)


@pytest.mark.parametrize(
    "kept",
    [
        replace(OLD_ORDER, created_at_ms=NOW_MS),
        replace(OLD_ORDER, seen_at_ms=NOW_MS),
        replace(OLD_ORDER, last_operator_ms=NOW_MS),
    ],
    ids=["created", "seen", "operator"],
)
async def test_an_order_with_anything_new_is_remembered(store: Store, kept: OrderMemory) -> None:
    """An order's memory stays while its creation, its status or its operator is younger than 90 days."""
    await store.remember(kept)
    await store.prune(NOW_MS)
    assert await store.recall(ACCOUNT, ORDER) == kept


@pytest.mark.parametrize(
    ("scope", "scope_id", "days_ago", "kept"),
    [
        (LimitScope.ORDER, ORDER, 89, True),
        (LimitScope.ORDER, ORDER, 91, False),
        (LimitScope.DAY, "2026-01-03/anna", 2, True),
        (LimitScope.DAY, "2026-01-01/anna", 4, False),
        (LimitScope.COUNTERPARTY, "anna", 364, True),
        (LimitScope.COUNTERPARTY, "anna", 366, False),
        (LimitScope.ACCOUNT, ACCOUNT, 364, True),
        (LimitScope.ACCOUNT, ACCOUNT, 366, False),
    ],
)
async def test_firings_are_bounded(
    store: Store, scope: LimitScope, scope_id: str, days_ago: int, *, kept: bool
) -> None:
    """A firing lives as long as its scope: an order's 90 days, a date's three, a person's and an account's a year."""
    at_ms = NOW_MS - days_ago * DAY_MS
    await store.claim(claim(entry("1"), firings=(mark(scope, scope_id, at_ms=at_ms),)))
    await store.prune(NOW_MS)
    assert bool((await store.talk(ACCOUNT, ORDER, "anna", at_ms)).firings) is kept


async def test_firings_of_a_living_order_stay(store: Store) -> None:
    """In an order that is still open "once per order" holds however long it takes."""
    await store.remember(order(OrderStatus.APPEAL, seen_days_ago=0))
    old_ms = NOW_MS - 100 * DAY_MS
    await store.claim(claim(entry("1"), firings=(mark(LimitScope.ORDER, ORDER, at_ms=old_ms),)))
    await store.prune(NOW_MS)
    assert len((await store.talk(ACCOUNT, ORDER, "", NOW_MS)).firings) == 1


async def test_what_remains_is_not_confused(store: Store) -> None:
    """After forgetting, the streak and the numbers of new replies go on as if nothing had happened."""
    for number in range(3):
        await decide(store, number, days_ago=91)
    await decide(store, 3, days_ago=0)
    await store.prune(NOW_MS)
    await decide(store, 4, days_ago=0)
    assert (await store.talk(ACCOUNT, ORDER, "", NOW_MS)).streak == 2
    assert [row.seq for row in await store.outbox(ORDER)] == [4, 5]


async def test_many_rows_are_forgotten_at_once(store: Store) -> None:
    """More rows than one batch holds are all forgotten in one call."""
    old_ms = NOW_MS - 91 * DAY_MS
    rows = (reply(f"u{number}", at_ms=old_ms) for number in range(1100))
    await store.claim(claim(entry("1", at_ms=old_ms), *rows))
    assert await store.prune(NOW_MS) == 1101
    assert await store.tally() == {}


async def test_retention_can_be_chosen(store: Store) -> None:
    """Every retention is a parameter."""
    await decide(store, 1, days_ago=3)
    assert await store.prune(NOW_MS, traces_ms=2 * DAY_MS, messages_ms=4 * DAY_MS) == 1
    assert await store.prune(NOW_MS, messages_ms=2 * DAY_MS) == 2
