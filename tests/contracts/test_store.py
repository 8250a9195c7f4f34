"""What every store promises: decisions, replies and memories. Runs on the fake and on the real file."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from p2pbot.conversation.records import ClaimResult, Mute, OrderMemory, OutboxState
from p2pbot.errors import OurError
from p2pbot.model import EventKind, LimitScope, MessageKind, OrderStatus, Reason, Side
from p2pbot.ports import Store
from tests.contracts.conftest import StoreWorld
from tests.fakes.records import ACCOUNT, NOW_MS, ORDER, claim, entry, mark, reply

OTHER_ORDER = "20476365073825144833"


def memory(
    order_no: str = ORDER,
    *,
    created_at_ms: int | None = NOW_MS,
    status: OrderStatus = OrderStatus.UNPAID,
    seen_at_ms: int = NOW_MS,
) -> OrderMemory:
    """Return an order's memory."""
    return OrderMemory(
        account=ACCOUNT, order_no=order_no, status=status, created_at_ms=created_at_ms, seen_at_ms=seen_at_ms
    )


# Claiming


async def test_claim_writes_everything(store: Store) -> None:
    """A claim's entry, replies, firings and memory are all there afterwards."""
    decided = replace(entry("1"), reason=Reason.ANSWERED, ruleset="abc", trace='[{"rule": "greeting"}]')
    remembered = memory()
    whole = replace(
        claim(decided, reply("u1"), reply("u2"), firings=(mark(LimitScope.ORDER, ORDER),)), memory=remembered
    )
    assert await store.claim(whole) is ClaimResult.CLAIMED
    assert await store.inbox(ORDER) == (decided,)
    assert await store.outbox(ORDER) == (replace(reply("u1"), seq=1), replace(reply("u2"), seq=2))
    assert await store.recall(ACCOUNT, ORDER) == remembered
    assert [(f.group, f.count) for f in (await store.talk(ACCOUNT, ORDER, "", NOW_MS)).firings] == [("greeting", 1)]


async def test_claim_without_lease_writes_nothing(world: StoreWorld) -> None:
    """A claim for an account whose lease is lost is NOT_LEADER, and nothing of it is kept."""
    world.lease.lost.add(ACCOUNT)
    whole = replace(claim(entry("1"), reply("u1"), firings=(mark(LimitScope.ORDER, ORDER),)), memory=memory())
    assert await world.store.claim(whole) is ClaimResult.NOT_LEADER
    assert await world.store.inbox(ORDER) == ()
    assert await world.store.outbox(ORDER) == ()
    assert await world.store.recall(ACCOUNT, ORDER) is None
    assert (await world.store.talk(ACCOUNT, ORDER, "", NOW_MS)).firings == ()


async def test_lease_of_one_account_does_not_stop_another(world: StoreWorld) -> None:
    """Accounts are isolated: a lost lease concerns its own account only."""
    world.lease.lost.add("other")
    assert await world.store.claim(claim(entry("1"))) is ClaimResult.CLAIMED


async def test_duplicate_claim_writes_nothing(store: Store) -> None:
    """A second claim of a message is DUPLICATE: no second reply, firing or memory."""
    await store.claim(claim(entry("1"), reply("u1"), firings=(mark(LimitScope.ORDER, ORDER),)))
    again = replace(claim(entry("1"), reply("u2"), firings=(mark(LimitScope.ORDER, ORDER),)), memory=memory())
    assert await store.claim(again) is ClaimResult.DUPLICATE
    assert [row.uuid for row in await store.outbox(ORDER)] == ["u1"]
    assert await store.recall(ACCOUNT, ORDER) is None
    assert (await store.talk(ACCOUNT, ORDER, "", NOW_MS)).firings[0].count == 1


async def test_reused_reply_uuid_is_our_fault(store: Store) -> None:
    """A reply with a uuid that was used before is OurError, and nothing of its claim is kept."""
    await store.claim(claim(entry("1"), reply("u1")))
    with pytest.raises(OurError):
        await store.claim(claim(entry("2"), reply("u2"), reply("u1")))
    assert [e.message_id for e in await store.inbox(ORDER)] == ["1"]
    assert [row.uuid for row in await store.outbox(ORDER)] == ["u1"]


async def test_reply_uuid_twice_in_one_claim_is_our_fault(store: Store) -> None:
    """Two replies of one claim with the same uuid are OurError, and nothing is kept."""
    with pytest.raises(OurError):
        await store.claim(claim(entry("1"), reply("u1"), reply("u1")))
    assert await store.inbox(ORDER) == ()


async def test_seq_follows_the_order_given(store: Store) -> None:
    """Replies are numbered in the order in which they were given, over all orders, and never alike."""
    await store.claim(claim(entry("1"), reply("b"), reply("a")))
    await store.claim(claim(entry("1", order_no=OTHER_ORDER), reply("c", order_no=OTHER_ORDER)))
    await store.claim(claim(entry("2"), reply("d")))
    assert [row.uuid for row in await store.pending(ACCOUNT)] == ["b", "a", "c", "d"]
    seqs = [row.seq for row in await store.pending(ACCOUNT)]
    assert seqs == sorted(set(seqs))


# Replies


async def test_advance_writes_what_changes(store: Store) -> None:
    """``advance`` writes state, attempts, times, reason and id, and leaves the rest as it was claimed."""
    await store.claim(claim(entry("1"), reply("u1")))
    (row,) = await store.pending(ACCOUNT)
    changed = replace(
        row,
        state=OutboxState.UNKNOWN,
        attempts=2,
        passing_refusals=1,
        not_before_ms=1,
        expires_at_ms=2,
        sending_at_ms=3,
        settled_at_ms=4,
        reason=Reason.NO_ECHO,
        message_id="77",
    )
    other = replace(changed, text="forged", order_no=OTHER_ORDER, rule_id="other", created_at_ms=9)
    assert await store.advance(other, OutboxState.CLAIMED)
    assert await store.outbox(ORDER) == (changed,)


async def test_advance_needs_the_expected_state(store: Store) -> None:
    """``advance`` from a state that is no longer stored is refused and changes nothing."""
    await store.claim(claim(entry("1"), reply("u1")))
    (row,) = await store.pending(ACCOUNT)
    assert await store.advance(replace(row, state=OutboxState.SENDING), OutboxState.CLAIMED)
    assert not await store.advance(replace(row, state=OutboxState.DROPPED), OutboxState.CLAIMED)
    assert [r.state for r in await store.outbox(ORDER)] == [OutboxState.SENDING]


async def test_advance_of_a_stranger_is_refused(store: Store) -> None:
    """``advance`` of a reply that was never claimed returns False and makes none."""
    assert not await store.advance(reply("u1"), OutboxState.CLAIMED)
    assert await store.outbox(ORDER) == ()


async def test_only_one_of_two_advances_wins(store: Store) -> None:
    """Two advances from the same state: one is carried out."""
    await store.claim(claim(entry("1"), reply("u1")))
    (row,) = await store.pending(ACCOUNT)
    sending = replace(row, state=OutboxState.SENDING)
    wins = await asyncio.gather(*(store.advance(sending, OutboxState.CLAIMED) for _ in range(5)))
    assert sorted(wins) == [False] * 4 + [True]


async def test_pending_is_what_is_not_final(store: Store) -> None:
    """Replies in a final state, shadow ones included, are not pending; another account's are not ours."""
    rows = [reply(state.value, state=state) for state in OutboxState]
    await store.claim(claim(entry("1"), *rows))
    await store.claim(claim(entry("1", account="second"), reply("theirs", account="second")))
    assert [row.uuid for row in await store.pending(ACCOUNT)] == ["claimed", "sending", "unknown"]


@pytest.mark.parametrize("state", OutboxState)
async def test_own_replies_are_found_in_any_state(store: Store, state: OutboxState) -> None:
    """A reply of ours is found by its uuid in its order, however it ended, and in no other order or account."""
    await store.claim(claim(entry("1"), reply("u1", state=state)))
    assert await store.find_own(ACCOUNT, ORDER, "u1") == replace(reply("u1", state=state), seq=1)
    assert await store.find_own(ACCOUNT, OTHER_ORDER, "u1") is None
    assert await store.find_own("second", ORDER, "u1") is None
    assert await store.find_own(ACCOUNT, ORDER, "u2") is None


# Memory of orders


async def test_memory_is_whole(store: Store) -> None:
    """What is remembered comes back field by field, a mute with and without end included."""
    for until_ms in (None, NOW_MS + 1):
        remembered = OrderMemory(
            account=ACCOUNT,
            order_no=ORDER,
            status=OrderStatus.APPEAL,
            side=Side.BUY,
            created_at_ms=1,
            seen_at_ms=2,
            caught_up_ms=3,
            last_operator_ms=4,
            counterparty_key="k",
            mute=Mute(reason=Reason.TAKEN_OVER, since_ms=5, until_ms=until_ms),
        )
        await store.remember(remembered)
        assert await store.recall(ACCOUNT, ORDER) == remembered


async def test_remember_replaces(store: Store) -> None:
    """The newest memory of an order is the only one."""
    await store.remember(replace(memory(), mute=Mute(reason=Reason.BREAKER, since_ms=1), seen_at_ms=1))
    before = await store.recall(ACCOUNT, ORDER)
    assert before is not None
    await store.remember(replace(before, mute=None, seen_at_ms=2))
    assert await store.recall(ACCOUNT, ORDER) == replace(memory(), seen_at_ms=2)
    assert await store.recall("second", ORDER) is None


async def test_open_orders_newest_first(store: Store) -> None:
    """Open orders come newest first, by creation or else by when they were heard of; unknown counts as open."""
    await store.remember(memory("1", created_at_ms=NOW_MS - 3))
    await store.remember(memory("2", created_at_ms=None, seen_at_ms=NOW_MS - 1, status=OrderStatus.UNKNOWN))
    await store.remember(memory("3", created_at_ms=NOW_MS - 2, status=OrderStatus.APPEAL))
    await store.remember(memory("4", status=OrderStatus.COMPLETED))
    await store.remember(memory("5", status=OrderStatus.CANCELLED))
    await store.remember(replace(memory("6"), account="second"))
    assert [m.order_no for m in await store.open_orders(ACCOUNT)] == ["2", "3", "1"]


# The operator's side


async def test_a_mute_is_lifted_in_one_account_or_in_any(store: Store) -> None:
    """``unmute`` names the accounts in which there was one, and does nothing a second time."""
    mute = Mute(reason=Reason.TAKEN_OVER, since_ms=NOW_MS)
    for account in ("main", "second", "third"):
        await store.remember(replace(memory(), account=account, mute=mute))
    assert await store.unmute("second", ORDER) == ("second",)
    assert await store.unmute("second", ORDER) == ()
    assert await store.unmute("*", ORDER) == ("main", "third")
    assert await store.unmute("*", OTHER_ORDER) == ()
    kept = await store.recall("main", ORDER)
    assert kept == replace(memory(), account="main")


async def test_pause_and_resume(store: Store) -> None:
    """Pauses are pairs; resuming removes exactly the pair that is named."""
    await store.set_paused("*", "*", paused=True)
    await store.set_paused(ACCOUNT, ORDER, paused=True)
    await store.set_paused(ACCOUNT, ORDER, paused=True)
    assert await store.paused() == (("*", "*"), (ACCOUNT, ORDER))
    await store.set_paused("*", "*", paused=False)
    await store.set_paused("*", "*", paused=False)
    assert await store.paused() == ((ACCOUNT, ORDER),)


@pytest.mark.parametrize(
    ("pair", "paused"),
    [
        ((ACCOUNT, ORDER), True),
        ((ACCOUNT, "*"), True),
        (("*", "*"), True),
        (("*", ORDER), True),
        ((ACCOUNT, OTHER_ORDER), False),
        (("second", "*"), False),
        (("second", ORDER), False),
    ],
)
async def test_talk_tells_whether_it_is_paused(store: Store, pair: tuple[str, str], *, paused: bool) -> None:
    """An order is paused by its own pair, by its account, or by everything."""
    await store.set_paused(*pair, paused=True)
    assert (await store.talk(ACCOUNT, ORDER, "", NOW_MS)).paused is paused


async def test_inbox_and_outbox_of_an_order_of_any_account(store: Store) -> None:
    """The console sees an order's messages and replies of every account in the order of the decisions."""
    await store.claim(claim(entry("1"), reply("u1")))
    await store.claim(claim(entry("1", account="second"), reply("u2", account="second")))
    await store.claim(claim(entry("2", at_ms=NOW_MS - 1), reply("u3")))
    await store.claim(claim(entry("3", order_no=OTHER_ORDER)))
    assert [(e.account, e.message_id) for e in await store.inbox(ORDER)] == [
        (ACCOUNT, "1"),
        ("second", "1"),
        (ACCOUNT, "2"),
    ]
    assert [row.uuid for row in await store.outbox(ORDER)] == ["u1", "u2", "u3"]


async def test_limits_keep_the_newest(store: Store) -> None:
    """With a limit the newest rows are kept, still oldest first; a limit below one gives none."""
    for number in range(4):
        await store.claim(claim(entry(str(number)), reply(f"u{number}")))
    assert [e.message_id for e in await store.inbox(ORDER, limit=2)] == ["2", "3"]
    assert [row.uuid for row in await store.outbox(ORDER, limit=2)] == ["u2", "u3"]
    assert await store.inbox(ORDER, limit=0) == ()
    assert await store.outbox(ORDER, limit=-1) == ()


@pytest.mark.parametrize("kind", [*MessageKind, *EventKind])
async def test_every_kind_comes_back(store: Store, kind: MessageKind | EventKind) -> None:
    """An entry of whatever kind is read as it was written."""
    await store.claim(claim(entry("1", kind=kind)))
    assert await store.inbox(ORDER) == (entry("1", kind=kind),)


async def test_tally(store: Store) -> None:
    """Counts of entries by reason and of replies by state, per account."""
    await store.claim(claim(entry("1"), reply("u1"), reply("u2", state=OutboxState.SHADOW)))
    await store.claim(claim(entry("2", reason=Reason.NO_RULE)))
    await store.claim(claim(entry("3", reason=Reason.NO_RULE)))
    await store.claim(claim(entry("1", account="second", reason=Reason.PAUSED)))
    assert await store.tally() == {
        ("inbox", ACCOUNT, "answered"): 1,
        ("inbox", ACCOUNT, "no_rule"): 2,
        ("inbox", "second", "paused"): 1,
        ("outbox", ACCOUNT, "claimed"): 1,
        ("outbox", ACCOUNT, "shadow"): 1,
    }


# Life


async def test_everything_survives_a_restart(world: StoreWorld) -> None:
    """After a restart the store answers as before it."""
    await world.store.claim(replace(claim(entry("1"), reply("u1")), memory=memory()))
    await world.store.set_paused(ACCOUNT, "*", paused=True)
    before = await world.store.talk(ACCOUNT, ORDER, "", NOW_MS)
    store = await world.restart()
    assert await store.talk(ACCOUNT, ORDER, "", NOW_MS) == before
    assert await store.is_decided(entry("1"))
    assert [row.uuid for row in await store.pending(ACCOUNT)] == ["u1"]
    assert await store.open_orders(ACCOUNT) == (memory(),)


async def test_close_is_idempotent_and_final(store: Store) -> None:
    """A store may be closed twice; what is asked afterwards is our own fault."""
    await store.close()
    await store.close()
    with pytest.raises(OurError):
        await store.pending(ACCOUNT)


async def test_a_cancelled_claim_is_whole_or_nothing(store: Store) -> None:
    """Cancel a claim at each point where it waits: afterwards all of it is there or nothing, and the store works."""
    outcomes = set()
    for turns in range(4):
        number = f"c{turns}"
        task = asyncio.ensure_future(store.claim(claim(entry(number), reply(number))))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        written = await store.is_decided(entry(number))
        assert written is (await store.find_own(ACCOUNT, ORDER, number) is not None)
        outcomes.add(written)
    assert outcomes == {True, False}
