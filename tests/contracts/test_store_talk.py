"""What every store tells a decision of the talk: our streak, the windows of the caps, firings, texts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pbot.conversation.records import OrderMemory, OutboxState, Talk
from p2pbot.model import EventKind, FiringCount, LimitScope, MessageKind, Order
from p2pbot.ports import Store
from p2pbot.rules.facts import Facts
from p2pbot.rules.limits import scope_ids
from tests.contracts.conftest import StoreWorld
from tests.fakes.records import ACCOUNT, NOW_MS, ORDER, claim, entry, event, mark, reply

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
OTHER_ORDER = "20476365073825144833"


async def talk(store: Store, counterparty_key: str = "", *, now_ms: int = NOW_MS) -> Talk:
    """Return the talk of the test's order."""
    return await store.talk(ACCOUNT, ORDER, counterparty_key, now_ms)


# The streak. One word a step, in the order of the decisions: ``hi``, ``hi+`` (with a reply), ``hi++`` (with two) are
# texts of the counterparty; ``@image``, ``@event``, ``@auto``, ``@system``, ``@operator``, ``@unsure`` other entries;
# a ``_`` is a space;
# a reply marked ``-`` instead of ``+`` is dropped, ``~`` is a shadow, ``!`` was rejected.

STREAKS = [
    ("", 0),
    ("hi", 0),
    ("hi+", 1),
    ("hi++", 2),
    ("hi+ hi+", 2),
    ("hi+ hi+ hi+", 3),
    ("hi+ hi", 1),
    ("hi+ ho", 0),
    ("hi+ ho+", 1),
    ("hi+ ho+ hi+", 1),
    ("hi+ ho+ ho+ ho", 2),
    ("hi+ hi+ ho++ ho+", 3),
    ("hi+ @image", 0),
    ("hi+ @image+", 1),
    ("hi+ @image+ hi+", 2),
    ("hi+ @event", 0),
    ("@event++", 2),
    ("@event+ hi+", 1),
    ("hi+ @event+ hi+ hi+", 3),
    ("hi+ @auto", 1),
    ("hi+ @auto hi+", 2),
    ("hi+ hi_+", 2),
    ("hi+ @system hi", 1),
    ("hi+ @operator hi", 1),
    ("hi+ @unsure", 1),
    ("hi~ hi~", 2),
    ("hi+ hi-", 1),
    ("hi!", 1),
    ("hi- hi-", 0),
]
KINDS = {
    "@image": (MessageKind.IMAGE, False),
    "@auto": (MessageKind.AUTO_REPLY, False),
    "@system": (MessageKind.SYSTEM, None),
    "@operator": (MessageKind.TEXT, True),
    "@unsure": (MessageKind.TEXT, None),
}
ENDS = {
    "+": OutboxState.CLAIMED,
    "-": OutboxState.DROPPED,
    "~": OutboxState.SHADOW,
    "!": OutboxState.REJECTED,
}


async def play(store: Store, script: str) -> None:
    """Decide the script's entries one after the other."""
    for number, step in enumerate(script.split()):
        word = step.rstrip("+-~!")
        rows = [reply(f"{number}/{at}", state=ENDS[end]) for at, end in enumerate(step[len(word) :])]
        kind, from_us = KINDS.get(word, (MessageKind.TEXT, False))
        decided = entry(str(number), kind=kind, from_us=from_us, text=word.replace("_", " "))
        if word == "@event":
            decided = replace(event(EventKind.ORDER_PAID), key=f"e:{number}")
        await store.claim(claim(decided, *rows))


@pytest.mark.parametrize(("script", "streak"), STREAKS, ids=[script or "silence" for script, _ in STREAKS])
async def test_streak(store: Store, script: str, streak: int) -> None:
    """The streak is our replies since the counterparty last wrote something unlike what they wrote before."""
    await play(store, script)
    assert (await talk(store)).streak == streak


async def test_streak_of_another_order_or_account_is_not_ours(store: Store) -> None:
    """Each order of each account has a streak of its own."""
    await play(store, "hi+ hi+")
    assert (await store.talk(ACCOUNT, OTHER_ORDER, "", NOW_MS)).streak == 0
    assert (await store.talk("second", ORDER, "", NOW_MS)).streak == 0


async def test_a_reply_dropped_later_leaves_the_streak(store: Store) -> None:
    """A reply that is dropped before it is sent never was said, and counts for nothing."""
    await play(store, "hi+ hi+")
    row, _ = await store.pending(ACCOUNT)
    await store.advance(replace(row, state=OutboxState.DROPPED), OutboxState.CLAIMED)
    counted = await talk(store)
    assert (counted.streak, counted.replies_order_1h, counted.replies_account_1m) == (1, 1, 1)


async def test_streak_survives_a_restart(world: StoreWorld) -> None:
    """A daemon that starts again is not more talkative than one that went on."""
    await play(world.store, "hi+ hi+ hi+")
    assert (await talk(await world.restart())).streak == 3


# What the counterparty wrote


@pytest.mark.parametrize(
    ("script", "inbound", "last"),
    [
        ("", 0, ""),
        ("hi", 1, "hi"),
        ("hi ho", 2, "ho"),
        ("hi hi", 2, "hi"),
        ("hi @image", 2, "hi"),
        ("hi @operator @auto @system @event @unsure", 1, "hi"),
    ],
)
async def test_what_they_wrote(store: Store, script: str, inbound: int, last: str) -> None:
    """Only what the counterparty typed or showed counts as theirs, and only a text can be the last one."""
    await play(store, script)
    counted = await talk(store)
    assert (counted.inbound, counted.last_inbound) == (inbound, last)


# What we said


async def test_said_is_oldest_first(store: Store) -> None:
    """Our texts of this order come oldest first, whatever their state, with the time of their claim."""
    await store.claim(claim(entry("1"), reply("u1", text="one", at_ms=NOW_MS - 2), reply("u2", text="two")))
    await store.claim(claim(entry("2"), reply("u3", text="three", state=OutboxState.SHADOW)))
    await store.claim(claim(entry("3", order_no=OTHER_ORDER), reply("u4", order_no=OTHER_ORDER)))
    said = (await talk(store)).said
    assert [(s.text, s.uuid, s.state) for s in said] == [
        ("one", "u1", OutboxState.CLAIMED),
        ("two", "u2", OutboxState.CLAIMED),
        ("three", "u3", OutboxState.SHADOW),
    ]
    assert said[0].at_ms == NOW_MS - 2


async def test_said_tells_when_it_was_written(store: Store) -> None:
    """A text of ours tells when it was last written to the chat and under which id it is known there."""
    await store.claim(claim(entry("1"), reply("u1")))
    (row,) = await store.pending(ACCOUNT)
    await store.advance(
        replace(row, state=OutboxState.SENT, sending_at_ms=NOW_MS + 7, message_id="77"), OutboxState.CLAIMED
    )
    (said,) = (await talk(store)).said
    assert (said.at_ms, said.written_at_ms, said.message_id) == (NOW_MS, NOW_MS + 7, "77")


async def test_said_is_bounded(store: Store) -> None:
    """Of many texts the newest fifty are told."""
    await store.claim(claim(entry("1"), *(reply(f"u{number}") for number in range(60))))
    assert [s.uuid for s in (await talk(store)).said] == [f"u{number}" for number in range(10, 60)]


# The windows of the caps


@pytest.mark.parametrize(
    ("age_ms", "counts"),
    [
        (-5, (1, 1, 1)),
        (0, (1, 1, 1)),
        (MINUTE_MS - 1, (1, 1, 1)),
        (MINUTE_MS, (1, 1, 0)),
        (HOUR_MS - 1, (1, 1, 0)),
        (HOUR_MS, (0, 1, 0)),
        (DAY_MS - 1, (0, 1, 0)),
        (DAY_MS, (0, 0, 0)),
    ],
)
async def test_windows(store: Store, age_ms: int, counts: tuple[int, int, int]) -> None:
    """Replies count for one hour per order, one day per counterparty, one minute per account; the end is outside."""
    await store.claim(claim(entry("1"), reply("u1", at_ms=NOW_MS - age_ms)))
    told = await talk(store)
    assert (told.replies_order_1h, told.replies_counterparty_24h, told.replies_account_1m) == counts


@pytest.mark.parametrize("state", OutboxState)
async def test_every_state_but_dropped_counts(store: Store, state: OutboxState) -> None:
    """Shadow replies count like live ones, so that shadow shows what live would do; dropped ones never count."""
    await store.claim(claim(entry("1"), reply("u1", state=state)))
    told = await talk(store)
    expected = 0 if state is OutboxState.DROPPED else 1
    assert (told.replies_order_1h, told.replies_counterparty_24h, told.replies_account_1m) == (expected,) * 3


async def other_order(store: Store, counterparty_key: str, *, account: str = ACCOUNT) -> None:
    """Reply in another order, remembered as of this counterparty."""
    remembered = OrderMemory(account=account, order_no=OTHER_ORDER, counterparty_key=counterparty_key)
    decided = entry("9", order_no=OTHER_ORDER, account=account)
    row = reply("u9", order_no=OTHER_ORDER, account=account)
    await store.claim(replace(claim(decided, row), memory=remembered))


async def test_a_counterparty_is_counted_over_their_orders(store: Store) -> None:
    """Replies in all orders of one counterparty add up, this order's included before its memory names them."""
    await store.claim(claim(entry("1"), reply("u1")))
    await other_order(store, "anna")
    told = await talk(store, "anna")
    assert (told.replies_order_1h, told.replies_counterparty_24h, told.replies_account_1m) == (1, 2, 2)
    assert (await talk(store, "boris")).replies_counterparty_24h == 1


async def test_nobody_is_a_person_per_order(store: Store) -> None:
    """Two orders without a counterparty key are two persons."""
    await store.claim(claim(entry("1"), reply("u1")))
    await other_order(store, "")
    assert (await talk(store)).replies_counterparty_24h == 1


async def test_accounts_are_counted_apart(store: Store) -> None:
    """The same counterparty under another account of ours is counted there."""
    await store.claim(claim(entry("1"), reply("u1")))
    await other_order(store, "anna", account="second")
    told = await talk(store, "anna")
    assert (told.replies_counterparty_24h, told.replies_account_1m) == (1, 1)


# Firings


async def test_firings_add_up(store: Store) -> None:
    """A group's firings within a scope are counted over its life, with the time of the newest."""
    for number, at_ms in enumerate((5, 9, 7)):
        fired = (mark(LimitScope.ORDER, ORDER, at_ms=at_ms),)
        await store.claim(claim(entry(str(number)), firings=fired))
    expected = FiringCount(group="greeting", scope=LimitScope.ORDER, scope_id=ORDER, count=3, last_ms=9)
    assert (await talk(store)).firings == (expected,)


async def test_firings_of_every_scope_that_holds_here(store: Store) -> None:
    """A decision sees the firings of its order, its counterparty, its account and the last days; no others."""
    ours = (
        mark(LimitScope.ACCOUNT, ACCOUNT),
        mark(LimitScope.COUNTERPARTY, "anna"),
        mark(LimitScope.DAY, "2026-01-05"),
        mark(LimitScope.DAY, "2026-01-06/anna"),
        mark(LimitScope.ORDER, ORDER),
    )
    others = (
        mark(LimitScope.COUNTERPARTY, "boris"),
        mark(LimitScope.DAY, "2026-01-03/anna"),
        mark(LimitScope.DAY, "2026-01-05/boris"),
        mark(LimitScope.ORDER, OTHER_ORDER),
    )
    await store.claim(claim(entry("1"), firings=ours + others))
    await store.claim(claim(entry("1", account="second"), firings=ours))
    told = (await talk(store, "anna")).firings
    assert [(f.scope, f.scope_id, f.count) for f in told] == [(m.scope, m.scope_id, 1) for m in ours]


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "America/New_York", "UTC", "Europe/Moscow", "Pacific/Kiritimati"])
@pytest.mark.parametrize("person", ["", "anna"])
@pytest.mark.parametrize("hour", range(0, 24, 5))
async def test_the_rules_find_every_scope_that_they_wrote(store: Store, zone: str, person: str, hour: int) -> None:
    """Whatever the merchant's clock says, what the rules counted a moment ago is told to them under the same names."""
    now_ms = NOW_MS + hour * HOUR_MS
    facts = Facts(order=Order(number=ORDER, account=ACCOUNT), account=ACCOUNT, now_ms=now_ms, timezone=zone)
    ids = scope_ids(facts, person)
    await store.claim(claim(entry("1"), firings=tuple(mark(scope, ids[scope], at_ms=now_ms) for scope in LimitScope)))
    assert {f.scope: f.scope_id for f in (await talk(store, person, now_ms=now_ms)).firings} == ids


async def test_firings_without_a_counterparty_key_stay_in_their_order(store: Store) -> None:
    """A firing for a counterparty without a key holds in its own order only, and is told under the empty key."""
    await store.claim(claim(entry("1"), firings=(mark(LimitScope.COUNTERPARTY, ""),)))
    assert [(f.scope_id, f.count) for f in (await talk(store)).firings] == [("", 1)]
    assert (await store.talk(ACCOUNT, OTHER_ORDER, "", NOW_MS)).firings == ()
