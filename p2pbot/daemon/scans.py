"""The scans loop: reads orders' histories when asked and puts what it finds on the desk.

Promise: requests for one order merge into one; at most ``scan_workers`` calls at a time; looks that nobody waits for go
at the door's slower pace, and one worker is kept free of them; a failing exchange is asked again with backoff, a rate
limit is obeyed; every look ends with a mark, so that what was in doubt can be settled by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import NoReturn

from p2pbot.conversation.history import ROWS, Reading, since_of
from p2pbot.daemon.desk import Inbound, Item, Looked
from p2pbot.daemon.supervisor import guarded
from p2pbot.daemon.surroundings import AccountPlan, Doors
from p2pbot.errors import OurError, P2pbotError, RateLimited, RequestRefused
from p2pbot.protocol.backoff import Backoff
from p2pbot.protocol.calls import history


class Scans:
    """Looks that are wanted, by order, and the workers that do them."""

    def __init__(self, plan: AccountPlan, doors: Doors, put: Callable[[Item], None]) -> None:
        self._plan = plan
        self._doors = doors
        self._put = put
        self._wanted: dict[str, int] = {}
        self._urgent: dict[str, None] = {}
        self._active: set[str] = set()
        self._wake = asyncio.Event()
        self._backoff = Backoff(cap_s=60.0)
        self._not_before_s = doors.clock.monotonic_s() + _held_s(plan, doors)

    @property
    def waiting(self) -> int:
        """Looks that are wanted or under way."""
        return len(self._wanted) + len(self._active)

    def request(self, order_no: str, since_ms: int, *, urgent: bool = True) -> None:
        """Ask for a look at an order, at least back to ``since_ms``; it begins after this call.

        ``urgent``: somebody waits for it (a reply, a message that is not read); these go before the round after a gap.
        """
        self._wanted[order_no] = min(since_ms, self._wanted.get(order_no, since_ms))
        if urgent:
            self._urgent[order_no] = None
        self._wake.set()

    async def run(self) -> NoReturn:
        """Do looks for ever."""
        async with asyncio.TaskGroup() as group:
            workers = self._plan.timings.scan_workers
            for number in range(workers):
                work = self._work(patient=number > 0 or workers == 1)
                name = f"{self._plan.name}: scan worker {number}"
                group.create_task(guarded(work, name, self._doors.progress), name=name)
            self._doors.progress.rest()
        raise OurError("the scan workers returned")

    async def _work(self, *, patient: bool) -> NoReturn:
        """Do one look after the other; only a ``patient`` worker takes those that nobody waits for."""
        while True:
            order_no, since_ms, urgent = await self._next(patient=patient)
            try:
                await self._scan(order_no, since_ms, urgent=urgent)
                self._backoff = self._backoff.lasted(self._backoff.useful_s)
            except OurError:
                raise
            except P2pbotError as error:
                self._failed(order_no, since_ms, error, urgent=urgent)
            finally:
                self._active.discard(order_no)

    async def _next(self, *, patient: bool) -> tuple[str, int, bool]:
        while True:
            pause_s = self._not_before_s - self._doors.clock.monotonic_s()
            if pause_s > 0:
                await self._doors.clock.sleep(pause_s)
                continue
            urgent = self._first_free(self._urgent)
            free = urgent or (self._first_free(self._wanted) if patient else None)
            if free is not None:
                self._active.add(free)
                self._urgent.pop(free, None)
                return free, self._wanted.pop(free), urgent is not None
            self._wake.clear()
            self._doors.progress.rest()
            await self._wake.wait()
            self._doors.progress.step()

    def _first_free(self, orders: Iterable[str]) -> str | None:
        return next((order_no for order_no in orders if order_no not in self._active), None)

    async def _scan(self, order_no: str, wanted_ms: int, *, urgent: bool) -> None:
        began_ms = self._doors.now_ms()
        memory = await self._doors.store.recall(self._plan.name, order_no)
        reading = Reading(since_ms=since_of(memory, wanted_ms))
        while not reading.done:
            call = history(order_no, rows=ROWS, below_id=reading.below_id, patient=not urgent)
            page = await self._doors.rest.call(call)
            reading = reading.page(page.messages, page.rows, page.lowest_id)
        if reading.truncated:
            self._doors.events.warning("history_truncated", account=self._plan.name, order=order_no)
        for message in reading.oldest_first():
            self._put(Inbound(message))
        until_ms = began_ms - int(self._plan.timings.history_margin_s * 1000)
        self._put(Looked(order_no, began_ms, until_ms, reading.since_ms, complete=not reading.truncated))

    def _failed(self, order_no: str, since_ms: int, error: P2pbotError, *, urgent: bool) -> None:
        if isinstance(error, RequestRefused):
            self._doors.events.warning("history_refused", account=self._plan.name, order=order_no, what=error.what)
            return  # the same request would be refused again; the next gap asks anew
        delay_s, self._backoff = self._backoff.failed(self._doors.rng)
        if isinstance(error, RateLimited):
            delay_s = max(delay_s, error.retry_after_s)
        self._not_before_s = self._doors.clock.monotonic_s() + delay_s
        self.request(order_no, since_ms, urgent=urgent)
        if self._backoff.failures == 1:
            self._doors.events.warning("history_unavailable", account=self._plan.name, what=error.what)


def _held_s(plan: AccountPlan, doors: Doors) -> float:
    """Return how long the first look waits: on a restored state until the history shows all that was said before.

    A former p2pbot may have written until the moment when this one began.
    """
    if not plan.moved_in_ms:
        return 0.0
    since_s = max(0.0, (doors.clock.now_ms() - plan.moved_in_ms) / 1000)
    return max(0.0, plan.timings.history_margin_s - since_s)
