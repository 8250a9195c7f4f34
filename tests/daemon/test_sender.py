"""The sender: no reply is judged by a clock that is not known to be right, nor spent on a socket that swallows."""

from __future__ import annotations

import asyncio

import pytest

from p2pbot.conversation.delivery import DeliveryEvent
from p2pbot.conversation.records import OutboxRow, OutboxState
from p2pbot.daemon.sender import Sender
from p2pbot.daemon.surroundings import AccountPlan
from tests.fakes.occasions import NOW_MS, NUMBER
from tests.fakes.world import StillClock, World, not_connected


async def test_no_reply_is_late_before_the_exchanges_time_is_known() -> None:
    """A machine that starts with a wrong clock would drop every reply that a former process left."""
    world = World(StillClock(NOW_MS))
    world.rest.clock_offset_ms = None
    sender = Sender(
        AccountPlan(name="main"),
        world.doors(),
        write=not_connected,
        online=lambda: False,
        look=lambda _order, _since_ms: None,
        suspect=lambda _since_ms: None,
    )
    row = OutboxRow(
        uuid="1", account="main", order_no=NUMBER, rule_id="r", stimulus_key="k", text="t", created_at_ms=NOW_MS - 9
    )
    world.store.disk.outbox[row.uuid] = row
    await sender.recover()
    task = asyncio.create_task(sender.run())
    for _ in range(20):
        await asyncio.sleep(0)
    assert world.store.disk.outbox[row.uuid].state is OutboxState.CLAIMED
    world.rest.clock_offset_ms = 0
    sender.opened()
    async with asyncio.timeout(5):
        while world.store.disk.outbox[row.uuid].state is not OutboxState.DROPPED:  # noqa: ASYNC110 - the sender has no event for it
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})


@pytest.mark.parametrize(("proven_ms", "suspected"), [(None, [NOW_MS]), (NOW_MS - 1, [NOW_MS]), (NOW_MS, [])])
async def test_a_socket_that_swallows_is_suspected_and_one_that_delivers_is_not(
    proven_ms: int | None, suspected: list[int]
) -> None:
    """A write that never arrived casts doubt on its socket, unless one made no earlier did arrive."""
    world, told = World(StillClock(NOW_MS + 60_000)), list[int]()
    sender = Sender(
        AccountPlan(name="main"),
        world.doors(),
        write=not_connected,
        online=lambda: True,
        look=lambda _order, _since_ms: None,
        suspect=told.append,
    )
    lost = _unknown("lost", NUMBER, NOW_MS)
    world.store.disk.outbox[lost.uuid] = lost
    if proven_ms is not None:
        shown = _unknown("shown", "another order", proven_ms)
        world.store.disk.outbox[shown.uuid] = shown
    await sender.recover()
    if proven_ms is not None:
        assert await sender.confirmed("shown", "1", DeliveryEvent.ECHO)
    await sender.looked(NUMBER, NOW_MS + 30_000, 0)
    assert world.store.disk.outbox[lost.uuid].state is OutboxState.CLAIMED
    assert told == suspected


def _unknown(uuid: str, order_no: str, sending_at_ms: int) -> OutboxRow:
    return OutboxRow(
        uuid=uuid,
        account="main",
        order_no=order_no,
        rule_id="r",
        stimulus_key=uuid,
        text="t",
        created_at_ms=sending_at_ms,
        state=OutboxState.UNKNOWN,
        attempts=1,
        sending_at_ms=sending_at_ms,
        expires_at_ms=NOW_MS + 600_000,
    )
