"""What every store takes for the same message, and that no message can stop it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from p2pbot.conversation.records import ClaimResult, InboxEntry
from p2pbot.model import EventKind
from p2pbot.ports import Store
from tests.contracts.conftest import StoreWorld
from tests.fakes.records import ACCOUNT, NOW_MS, ORDER, claim, entry, event, reply

OTHER_ORDER = "20476365073825144833"

IDENTITY = {
    "same id": (entry("1"), entry("1", text="hi again"), True),
    "same id, other uuid": (entry("1", uuid="a"), entry("1", uuid="b"), True),
    "other id": (entry("1"), entry("2"), False),
    "other id, same uuid": (entry("1", uuid="a"), entry("2", uuid="a"), False),
    "other id, same key": (entry("1", key="k"), entry("2", key="k"), False),
    "id learnt later": (entry(uuid="a"), entry("1", uuid="a"), True),
    "id not told again": (entry("1", uuid="a"), entry(uuid="a"), True),
    "same uuid without ids": (entry(uuid="a"), entry(uuid="a"), True),
    "other uuid without ids": (entry(uuid="a"), entry(uuid="b"), False),
    "other uuid, same key": (entry(uuid="a", key="k"), entry(uuid="b", key="k"), False),
    "id against uuid, nothing in common": (entry("1"), entry(uuid="a"), False),
    "id against uuid, same key": (entry("1", key="k"), entry(uuid="a", key="k"), True),
    "same event": (event(EventKind.ORDER_PAID), event(EventKind.ORDER_PAID), True),
    "other event": (event(EventKind.ORDER_PAID), event(EventKind.ORDER_COMPLETED), False),
    "other order": (entry("1"), entry("1", order_no=OTHER_ORDER), False),
    "other account": (entry("1"), entry("1", account="second"), False),
}


@pytest.mark.parametrize(("first", "second", "same"), IDENTITY.values(), ids=IDENTITY)
async def test_identity(store: Store, first: InboxEntry, second: InboxEntry, *, same: bool) -> None:
    """Messages of an order are compared by id if both have one, else by uuid if both have one, else by key."""
    await store.claim(claim(first))
    assert await store.is_decided(second) is same
    assert await store.claim(claim(second)) is (ClaimResult.DUPLICATE if same else ClaimResult.CLAIMED)


async def test_id_learnt_later_is_filled_in(store: Store) -> None:
    """A message met by uuid and again with its id is known by that id from then on."""
    await store.claim(claim(entry(uuid="a")))
    await store.claim(claim(entry("1", uuid="a")))
    assert [e.message_id for e in await store.inbox(ORDER)] == ["1"]
    assert await store.is_decided(entry("1"))
    assert not await store.is_decided(entry("2", uuid="a"))


async def test_asking_fills_in_nothing(store: Store) -> None:
    """``is_decided`` only reads."""
    await store.claim(claim(entry(uuid="a")))
    assert await store.is_decided(entry("1", uuid="a"))
    assert [e.message_id for e in await store.inbox(ORDER)] == [""]


async def test_an_id_is_not_lost_again(store: Store) -> None:
    """A message known by its id and met again without it keeps the id."""
    await store.claim(claim(entry("1", uuid="a")))
    await store.claim(claim(entry(uuid="a")))
    assert [e.message_id for e in await store.inbox(ORDER)] == ["1"]


async def test_an_id_that_is_taken_is_not_filled_in(store: Store) -> None:
    """A message known by its id leaves an older one with the same uuid as it is."""
    await store.claim(claim(entry("1")))
    await store.claim(claim(entry(uuid="a")))
    assert await store.claim(claim(entry("1", uuid="a"))) is ClaimResult.DUPLICATE
    assert [e.message_id for e in await store.inbox(ORDER)] == ["1", ""]


async def test_without_lease_no_id_is_filled_in(world: StoreWorld) -> None:
    """A duplicate claimed without the lease is NOT_LEADER and changes nothing."""
    await world.store.claim(claim(entry(uuid="a")))
    world.lease.lost.add(ACCOUNT)
    assert await world.store.claim(claim(entry("1", uuid="a"))) is ClaimResult.NOT_LEADER
    assert [e.message_id for e in await world.store.inbox(ORDER)] == [""]


async def test_same_message_at_once_is_claimed_once(store: Store) -> None:
    """Of many simultaneous claims of one message exactly one is CLAIMED."""
    results = await asyncio.gather(*(store.claim(claim(entry("1"), reply(f"u{n}"))) for n in range(20)))
    assert sorted(results) == [ClaimResult.CLAIMED] + [ClaimResult.DUPLICATE] * 19
    assert len(await store.outbox(ORDER)) == 1


@pytest.mark.parametrize("text", ["half a pair \ud83d", "nul \x00 inside", "\u202eright to left", "𝕏" * 3], ids=ascii)
async def test_no_text_can_stop_a_claim(store: Store, text: str) -> None:
    """Whatever a stranger writes can be decided, found again and is the same at the second time."""
    odd = replace(entry(uuid=text, key=text, text=text), trace=text)
    assert await store.claim(claim(odd)) is ClaimResult.CLAIMED
    assert await store.claim(claim(odd)) is ClaimResult.DUPLICATE
    assert len((await store.talk(ACCOUNT, ORDER, text, NOW_MS)).last_inbound) == len(text)


async def test_no_number_can_stop_a_claim(store: Store) -> None:
    """A time that no column holds is cut to the largest that one does."""
    assert await store.claim(claim(replace(entry("1"), created_at_ms=10**30))) is ClaimResult.CLAIMED
    assert (await store.inbox(ORDER))[0].created_at_ms == 2**63 - 1


async def test_texts_are_bounded(store: Store) -> None:
    """An endless inbound text is cut, and a trace that is too long is dropped whole."""
    await store.claim(claim(entry("1", text="x" * 1_000_000, trace="[" + "0," * 500_000 + "0]")))
    (kept,) = await store.inbox(ORDER)
    assert (len(kept.text), kept.trace) == (20_000, "[]")
