"""One incarnation of the daemon's process, and how it ends: its doors are dead from that moment on.

Promise: after ``kill`` nothing that the old tasks still do reaches the store, the exchange, the record or the dice;
what was not committed is gone, what was written to a socket is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.sim.universe import Universe


class Life:
    """One process. Every door asks it before it acts."""

    def __init__(self, universe: Universe, number: int) -> None:
        self.universe = universe
        self.number = number
        self.dead = False
        self.born_s = universe.timeline.now_s
        self.on_death: list[Callable[[], None]] = []
        self._doom: tuple[str, int, float] | None = None

    def check(self) -> None:
        """Raise CancelledError in a process that is dead."""
        if self.dead:
            raise asyncio.CancelledError

    def arm(self, point: str, after: int, freeze_s: float = 0.0) -> None:
        """Have the process killed, or frozen, at the ``after``-th next passing of a point with such a name."""
        self._doom = (point, after, freeze_s)

    def disarm(self) -> None:
        """Forget a kill that has not happened."""
        self._doom = None

    def point(self, name: str) -> None:
        """Pass a place at which a process can be killed or frozen. Raises CancelledError if it is killed."""
        self.check()
        if self._doom is None or not name.startswith(self._doom[0]) or self.universe.timeline.frozen:
            return
        point, left, freeze_s = self._doom
        self._doom = (point, left - 1, freeze_s) if left else None
        if left:
            return
        if freeze_s:
            self.universe.trace.say(f"life {self.number} is frozen at {name} for {freeze_s} s")
            self.universe.timeline.suspend(freeze_s)
        else:
            self.kill(f"at {name}")
            raise asyncio.CancelledError

    def kill(self, how: str) -> None:
        """End the process as ``kill -9`` does."""
        if self.dead:
            return
        self.universe.trace.say(f"killed life {self.number} {how}")
        self.end()

    def end(self) -> None:
        """Let the process be gone: doors dead, connections cut, tasks cancelled."""
        self.dead = True
        for tell in self.on_death:
            tell()
        for task in tuple(self.universe.loop.tasks):
            task.cancel()
