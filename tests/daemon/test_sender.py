"""The sender: no reply is judged by a clock that is not known to be right, nor spent on a socket that swallows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from p2pbot.conversation.delivery import DeliveryEvent
from p2pbot.conversation.records import OutboxRow, OutboxState
from p2pbot.daemon.sender import Sender
from p2pbot.daemon.surroundings import AccountPlan
from tests.fakes.occasions import NOW_MS, NUMBER
from tests.fakes.records import PICTURE
from tests.fakes.world import StillClock, World, not_connected


def a_sender(world: World, write: Callable[[str], Awaitable[None]] = not_connected) -> Sender:
    """Return a sender that nobody asks for looks."""
    return Sender(
        AccountPlan(name="main"),
        world.doors(),
        write=write,
        online=lambda: False,
        look=lambda _order, _since_ms: None,
        suspect=lambda _since_ms: None,
    )


def a_row(world: World, **known: Any) -> OutboxRow:
    """Return a reply that is in the store."""
    usual: dict[str, Any] = {"uuid": "1", "account": "main", "order_no": NUMBER, "rule_id": "r", "stimulus_key": "k"}
    row = OutboxRow(**(usual | {"text": "t", "created_at_ms": NOW_MS - 9} | known))
    world.store.disk.outbox[row.uuid] = row
    return row


async def test_no_reply_is_late_before_the_exchanges_time_is_known() -> None:
    """A machine that starts with a wrong clock would drop every reply that a former process left."""
    world = World(StillClock(NOW_MS))
    world.rest.clock_offset_ms = None
    sender = a_sender(world)
    row = a_row(world)
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


async def test_a_frame_that_was_held_up_is_not_written() -> None:
    """A machine stood still between the commit and the write: the look for it would begin before it can be there."""
    world = World(StillClock(NOW_MS))
    sender = a_sender(world)
    row = a_row(world, state=OutboxState.SENDING, sending_at_ms=NOW_MS - 6_000, attempts=1)
    sender.outbox.put(row)
    await sender._put_on_wire(row)  # not_connected refuses every write
    assert world.store.disk.outbox[row.uuid].state is OutboxState.UNKNOWN


async def test_the_settling_delay_begins_when_the_frame_has_left() -> None:
    """A write may wait for a peer that reads slowly."""
    world = World(StillClock(NOW_MS))

    async def slow(_text: str) -> None:
        world.clock.at_ms += 3_000

    sender = a_sender(world, slow)
    row = a_row(world, state=OutboxState.SENDING, sending_at_ms=NOW_MS, attempts=1)
    sender.outbox.put(row)
    await sender._put_on_wire(row)
    assert [held.sending_at_ms for held in sender.outbox] == [NOW_MS + 3_000]


async def test_no_picture_is_written_whose_place_was_taken_back_meanwhile() -> None:
    """A late refusal may come between the choice of the step and the write."""
    world = World(StillClock(NOW_MS))
    sender = a_sender(world)  # not_connected refuses every write
    row = a_row(world, picture=PICTURE, image_url="https://pictures.invalid/1", expires_at_ms=NOW_MS + 60_000)
    sender.outbox.put(replace(row, image_url=""))
    await sender._write(row)
    assert world.store.disk.outbox[row.uuid].state is OutboxState.CLAIMED
