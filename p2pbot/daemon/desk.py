"""The desk: works an account's inbound items off, order by order, each order's in turn.

Promise: a message is decided once, whatever path it came by and however often; its decision, replies and limits are
written in one transaction; a slow answer about one order holds up that order only. A full queue loses nothing: the
order is read again from its history.
Danger: context → decision → claim must stay under one lock per account, or two orders of one counterparty would each
spend the same limit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from p2pbot.conversation.orders import Heard
from p2pbot.daemon.clerk import Clerk
from p2pbot.daemon.surroundings import AccountPlan, Doors
from p2pbot.model import ChatMessage, Stimulus

_PER_ORDER = 2_000  # items waiting in one order: twice what a look reads, or the look after an overflow would overflow
_ALL_ORDERS = 20_000  # items waiting in all; about 20 MB at the worst


@dataclass(frozen=True, slots=True)
class Inbound:
    """A chat message."""

    message: ChatMessage


@dataclass(frozen=True, slots=True)
class Told:
    """A look at the order list or an order's detail says this of the order's state."""

    order_no: str
    heard: Heard


@dataclass(frozen=True, slots=True)
class Looked:
    """All of an order's history up to ``until_ms`` was put in before this; the look began at ``began_ms``.

    It reached back to ``since_ms``. ``complete`` False: the talk is longer than we read, so a message that was not
    found may still be there.
    """

    order_no: str
    began_ms: int
    until_ms: int
    since_ms: int
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Rang:
    """The time of a timed event has come; ``holds`` says whether it still makes sense when it is its turn."""

    order_no: str
    stimulus: Stimulus
    holds: Callable[[Stimulus], bool]


Item = Inbound | Told | Looked | Rang


class Desk:
    """One queue and at most one worker per order."""

    def __init__(self, plan: AccountPlan, doors: Doors, clerk: Clerk, look: Callable[[str, int], None]) -> None:
        self._plan = plan
        self._doors = doors
        self._clerk = clerk
        self._look = look
        self._queues: dict[str, deque[Item]] = {}
        self._new: asyncio.Queue[str] = asyncio.Queue()
        self._overflowed: set[str] = set()
        self._waiting = 0
        self._closed = False

    @property
    def waiting(self) -> int:
        """Items not yet worked off."""
        return self._waiting

    def put(self, item: Item) -> None:
        """Take an item in. Beyond the bound it is dropped here and read again from the history later."""
        order_no = item.message.order_no if isinstance(item, Inbound) else item.order_no
        if self._closed:
            return  # a restart reads it from the history
        queue = self._queues.get(order_no)
        if self._waiting >= _ALL_ORDERS or (queue is not None and len(queue) >= _PER_ORDER):
            self._overflow(order_no)
            return
        if queue is None:
            queue = self._queues[order_no] = deque()
            self._new.put_nowait(order_no)
        queue.append(item)
        self._waiting += 1

    def take_ours(self, order_no: str) -> tuple[ChatMessage, ...]:
        """Take out of an order's queue what our own account said: it may be a person, and that counts at once."""
        queue = self._queues.get(order_no, deque())
        ours = tuple(item for item in queue if isinstance(item, Inbound) and item.message.from_us)
        for item in ours:
            queue.remove(item)
        self._waiting -= len(ours)
        return tuple(item.message for item in ours)

    def coming(self, order_no: str) -> tuple[ChatMessage, ...]:
        """Return what waits in an order's queue of the other side's messages."""
        queue = self._queues.get(order_no, ())
        return tuple(item.message for item in queue if isinstance(item, Inbound) and item.message.from_us is False)

    def close(self) -> None:
        """Take nothing in any more and start nothing new: the daemon is stopping."""
        self._closed = True

    async def run(self) -> NoReturn:
        """Start a worker for each order that has items."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._doors.progress.rest()
                order_no = await self._new.get()
                group.create_task(self._worker(order_no), name=f"{self._plan.name}: order {order_no}")

    async def _worker(self, order_no: str) -> None:
        with self._doors.progress.watched(f"{self._plan.name}: order {order_no}"):
            await self._work(order_no)

    def _overflow(self, order_no: str) -> None:
        if order_no not in self._overflowed:
            self._overflowed.add(order_no)
            self._doors.events.warning("desk_full", account=self._plan.name, order=order_no, waiting=self._waiting)
        if order_no not in self._queues:
            self._overflowed.discard(order_no)
            self._look(order_no, 0)

    async def _work(self, order_no: str) -> None:
        queue = self._queues[order_no]
        while queue and not self._closed:
            item = queue.popleft()
            self._waiting -= 1
            self._doors.progress.step()
            await self._handle(item)
        del self._queues[order_no]
        if order_no in self._overflowed:
            self._overflowed.discard(order_no)
            self._look(order_no, 0)

    async def _handle(self, item: Item) -> None:
        match item:
            case Inbound(message):
                await self._clerk.take(message)
            case Told(order_no, heard):
                await self._clerk.hear(order_no, heard)
            case Looked(order_no, began_ms, until_ms, since_ms, complete):
                await self._clerk.looked(order_no, began_ms, until_ms, since_ms if complete else None)
            case Rang(_, stimulus, holds):
                if holds(stimulus):
                    await self._clerk.rang(stimulus)
