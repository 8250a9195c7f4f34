"""The watchdog's food: given while the event loop is on time and every root loop keeps its word, and never otherwise.

Promise: whether the exchange answers is no part of it. A loop that hangs is logged once, with the line at which it
waits; then nothing more is fed, and systemd ends the process by SIGABRT (the journal shows the threads' lines too), or
the dead man's handle does (``adapters.dead_man``). Where nobody waits for food, a loop that hangs is a bug like any
other and ends the daemon here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from p2pbot.conversation.progress import MAX_LATE_S
from p2pbot.daemon.progress import Progress
from p2pbot.errors import OurError
from p2pbot.ports import Clock, Events

_BEAT_S = 1.0  # a third of the shortest period that anybody would set


class Watchdog:
    """Looks at the loops each second. ``feed`` None: nobody outside ends us when we hang."""

    def __init__(self, clock: Clock, progress: Progress, feed: Callable[[], None] | None, events: Events) -> None:
        self._clock = clock
        self._progress = progress
        self._feed = feed
        self._events = events
        self._told: set[str] = set()
        self.hanging: tuple[str, ...] = ()

    async def run(self) -> NoReturn:
        """Look for ever. Raises OurError when a loop hangs and nobody outside would end us."""
        while True:
            began_s = self._clock.monotonic_s()
            await self._clock.sleep(_BEAT_S)
            self.look(max(0.0, self._clock.monotonic_s() - began_s - _BEAT_S))

    def look(self, late_s: float) -> None:
        """Look once, ``late_s`` seconds later than meant: so late is every other loop. Raises OurError as ``run``."""
        hung = self._progress.hung(late_s)
        self.hanging = tuple(one.loop for one in hung)
        for one in hung:
            if one.loop not in self._told:
                self._told.add(one.loop)
                self._events.error("loop_hangs", loop=one.loop, silent_s=round(one.silent_s), where=one.where[-8:])
        self._told &= set(self.hanging)
        if hung and self._feed is None:
            raise OurError(f"the loop {hung[0].loop!r} hangs")
        if self._feed is not None and not hung and late_s <= MAX_LATE_S:
            self._feed()
