"""A mute that is lifted while the daemon thinks stays lifted; one that comes meanwhile is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from p2pbot.conversation.records import Mute, OrderMemory
from p2pbot.model import Reason
from p2pbot.ports import Store
from tests.fakes.records import ACCOUNT, NOW_MS, ORDER, claim, entry

MUTE = Mute(reason=Reason.TAKEN_OVER, since_ms=NOW_MS)
LATER = Mute(reason=Reason.MUTED, since_ms=NOW_MS + 1_000)
Write = Callable[[Store, OrderMemory], Awaitable[object]]


async def remember(store: Store, memory: OrderMemory) -> None:
    """Write by itself."""
    await store.remember(memory)


async def claimed(store: Store, memory: OrderMemory) -> None:
    """Write with a decision."""
    await store.claim(replace(claim(entry("9")), memory=memory))


@pytest.fixture(params=[remember, claimed], ids=["remember", "claim"])
def write(request: pytest.FixtureRequest) -> Write:
    """Give each way in which a memory is written."""
    found: Write = request.param
    return found


async def read(store: Store) -> OrderMemory:
    """Return the order's memory, as the daemon reads it before it thinks."""
    memory = await store.recall(ACCOUNT, ORDER)
    assert memory is not None
    return memory


async def muted(store: Store) -> OrderMemory:
    """Mute the order and read its memory."""
    await store.remember(OrderMemory(account=ACCOUNT, order_no=ORDER, mute=MUTE))
    return await read(store)


async def test_a_mute_that_was_lifted_meanwhile_is_not_written_again(store: Store, write: Write) -> None:
    """`p2pbot resume` comes between the daemon's look and its write, which is about something else."""
    memory = await muted(store)
    assert await store.unmute("*", ORDER) == (ACCOUNT,)
    await write(store, replace(memory, caught_up_ms=NOW_MS))
    after = await read(store)
    assert after.mute is None
    assert after.caught_up_ms == NOW_MS


async def test_a_takeover_counts_although_the_old_mute_was_lifted_meanwhile(store: Store, write: Write) -> None:
    """Who wrote after all keeps the order."""
    memory = await muted(store)
    await store.unmute("*", ORDER)
    await write(store, replace(memory, mute=LATER))
    assert (await read(store)).mute == LATER


async def test_the_daemon_lifts_a_mute_itself(store: Store, write: Write) -> None:
    """A rule's ``unmute`` is written."""
    memory = await muted(store)
    await write(store, replace(memory, mute=None))
    assert (await read(store)).mute is None


async def test_a_memory_that_was_not_read_brings_its_mute(store: Store, write: Write) -> None:
    """Of an order that nobody knew."""
    await write(store, OrderMemory(account=ACCOUNT, order_no=ORDER, mute=MUTE))
    assert (await read(store)).mute == MUTE
