"""The fake store with a disk that takes time and a process that can die at each step of a transaction.

Promise: transactions happen one after the other, as the real store's writer thread does them; what was committed when
the process died stays, what was queued is gone; the caller learns of a commit a little later than it happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from p2pbot.errors import StateUnwritable
from tests.fakes.store import Disk, MemoryStore
from tests.sim.doors import SimLease
from tests.sim.life import Life

T = TypeVar("T")


@dataclass
class Plate:
    """The machine's disk: what is on it, how slow it is, whether it is full."""

    disk: Disk = field(default_factory=Disk)
    slow_until_s: float = 0.0
    full_until_s: float = 0.0
    broke: bool = False


class SimStore(MemoryStore):
    """``ports.Store`` for one life. ``committed`` is told of each transaction that was written."""

    def __init__(self, life: Life, plate: Plate, committed: Callable[[str], None]) -> None:
        super().__init__(SimLease(life), disk=plate.disk)
        self._life = life
        self._universe = life.universe
        self._plate = plate
        self._committed = committed
        self._free_s = 0.0

    async def _transaction(self, work: Callable[[], T]) -> T:
        self._life.check()
        name = cast("Any", work).__qualname__.split(".")[1]
        done: asyncio.Future[T] = self._universe.loop.create_future()
        timeline = self._universe.timeline
        self._free_s = max(self._free_s, timeline.now_s) + self._cost_s()
        timeline.at(self._free_s, lambda: timeline.awake(lambda: self._execute(name, work, done)))
        result = await done
        self._life.point(f"store.{name}.acknowledged")
        return result

    def _cost_s(self) -> float:
        slow = self._universe.timeline.now_s < self._plate.slow_until_s
        return self._universe.weather.between(0.0, 0.25 if slow else self._universe.climate.disk_s)

    def _execute(self, name: str, work: Callable[[], T], done: asyncio.Future[T]) -> None:
        try:
            self._life.point(f"store.{name}.queued")
            if self._universe.timeline.now_s < self._plate.full_until_s:
                self._plate.broke = True
                raise StateUnwritable("the simulated disk is full")  # noqa: TRY301 - one place where it ends
            result = work()
            self._committed(name)
            self._life.point(f"store.{name}.committed")
        except asyncio.CancelledError:
            return  # the process is dead: nobody waits
        except Exception as error:  # noqa: BLE001 - whatever the work raises belongs to its caller
            if not done.done():
                done.set_exception(error)
            return
        if not done.done():
            done.set_result(result)
