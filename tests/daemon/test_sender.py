"""The sender: no reply is judged by a clock that is not known to be right."""

from __future__ import annotations

import asyncio

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
