"""What docs/delivery.md promises of the sender itself: what is committed when, and what is looked at right before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from p2pbot.conversation.records import OrderMemory, OutboxRow, OutboxState
from p2pbot.daemon.sender import Sender
from p2pbot.daemon.surroundings import AccountPlan
from p2pbot.errors import StateUnwritable
from p2pbot.model import OrderStatus, Reason
from tests.fakes.occasions import NOW_MS, NUMBER
from tests.fakes.store import SwitchedLease
from tests.fakes.world import StillClock, World

ROW = OutboxRow(
    uuid="1",
    account="main",
    order_no=NUMBER,
    rule_id="greeting",
    stimulus_key="m:1",
    text="Hello",
    created_at_ms=NOW_MS,
    expires_at_ms=NOW_MS + 600_000,
    order_status=OrderStatus.UNPAID,
)
MEMORY = OrderMemory(account="main", order_no=NUMBER, status=OrderStatus.UNPAID)


@dataclass
class Desk:
    """A sender in its world, and what it wrote: the state that the store had at each write."""

    world: World = field(default_factory=lambda: World(StillClock(NOW_MS)))
    written: list[OutboxState] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sender = Sender(
            AccountPlan(name="main"),
            self.world.doors(),
            write=self._write,
            online=lambda: True,
            look=lambda _order, _since_ms: None,
            suspect=lambda _since_ms: None,
        )

    def put(self, row: OutboxRow, memory: OrderMemory = MEMORY) -> None:
        """Have a claim's reply in the store and at the sender, in an order that was looked at."""
        self.world.store.disk.outbox[row.uuid] = row
        self.world.store.disk.orders[("main", NUMBER)] = memory
        self.sender.admit((row,), NOW_MS)

    def stored(self) -> OutboxRow:
        """Return the reply as the store has it."""
        return self.world.store.disk.outbox[ROW.uuid]

    async def _write(self, _text: str) -> None:
        self.written.append(self.stored().state)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[object]]:
        """Run the sender while the block lasts."""
        task: asyncio.Task[object] = asyncio.create_task(self.sender.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def until(self, state: OutboxState) -> None:
        """Wait until the store has the reply in this state."""
        async with asyncio.timeout(10):
            while self.stored().state is not state:  # noqa: ASYNC110 - the store has no event for it
                await asyncio.sleep(0)


async def test_sending_is_in_the_store_before_the_frame_is_written() -> None:
    """So a crash at any moment leaves behind that a write may have happened."""
    desk = Desk()
    desk.put(ROW)
    async with desk.running():
        await desk.until(OutboxState.SENDING)
        async with asyncio.timeout(10):
            while not desk.written:  # noqa: ASYNC110 - the write has no event
                await asyncio.sleep(0)
    assert desk.written == [OutboxState.SENDING]


async def test_a_write_that_cannot_be_committed_is_not_made() -> None:
    """A store that cannot be written ends the sender, and the counterparty sees nothing that is not on record."""
    desk = Desk()
    desk.put(ROW)
    desk.world.store.failure = StateUnwritable("the disk is full")
    async with desk.running() as task:
        with pytest.raises(StateUnwritable):
            await asyncio.wait_for(asyncio.shield(task), 10)
    assert desk.written == []


async def test_without_the_lease_nothing_is_written() -> None:
    """Another process may hold the state directory by now: the operator is told instead."""
    desk = Desk()
    desk.put(ROW)
    lease = desk.sender._doors.lease
    assert isinstance(lease, SwitchedLease)
    lease.lost.add("main")
    async with desk.running():
        async with asyncio.timeout(10):
            while not desk.world.told.notices:  # noqa: ASYNC110 - the notifier has no event
                await asyncio.sleep(0)
    assert (desk.written, desk.stored().state) == ([], OutboxState.CLAIMED)


@pytest.mark.parametrize(
    ("memory", "reason"),
    [
        (replace(MEMORY, last_operator_ms=NOW_MS + 1), Reason.TAKEN_OVER),
        (replace(MEMORY, status=OrderStatus.APPEAL), Reason.IN_APPEAL),
        (replace(MEMORY, status=OrderStatus.COMPLETED), Reason.ORDER_CHANGED),
    ],
    ids=["person", "appeal", "completed"],
)
async def test_an_order_is_looked_at_right_before_the_write(memory: OrderMemory, reason: Reason) -> None:
    """What the store learnt of the order after the reply was claimed drops it: it is not written."""
    desk = Desk()
    desk.put(ROW, memory)
    async with desk.running():
        await desk.until(OutboxState.DROPPED)
    assert (desk.written, desk.stored().reason) == ([], reason)


@pytest.mark.parametrize(("since_ms", "state"), [(None, OutboxState.UNKNOWN), (0, OutboxState.CLAIMED)])
async def test_a_look_that_was_cut_settles_nothing(since_ms: int | None, state: OutboxState) -> None:
    """A talk longer than what was read may hold the reply; one that was read whole does not."""
    desk = Desk()
    desk.put(replace(ROW, state=OutboxState.UNKNOWN, attempts=1, sending_at_ms=NOW_MS - 60_000))
    await desk.sender.looked(NUMBER, NOW_MS, since_ms)
    assert desk.stored().state is state


async def test_the_operator_is_told_of_a_reply_that_is_given_up() -> None:
    """After its last attempt, with the order's number, so that a person can answer."""
    desk = Desk()
    desk.put(replace(ROW, state=OutboxState.UNKNOWN, attempts=3, sending_at_ms=NOW_MS - 60_000))
    await desk.sender.looked(NUMBER, NOW_MS, 0)
    assert (desk.stored().state, desk.stored().reason) == (OutboxState.DROPPED, Reason.ATTEMPTS_EXHAUSTED)
    assert [(notice.order_no, "could not be delivered" in notice.text) for notice in desk.world.told.notices] == [
        (NUMBER, True)
    ]
