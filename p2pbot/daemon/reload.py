"""The watch over an account's rule files: when they have changed and settled, they are loaded again.

Promise: names, sizes and times are looked at every two seconds, which sees an editor's rename as well as a write and
works on every file system; a change is taken when a second has passed without another. Loading is the rulebook's: a
set with errors changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn, TypeAlias

from p2pbot.daemon.progress import Progress
from p2pbot.daemon.rulebook import Rulebook
from p2pbot.ports import Clock

Stamp: TypeAlias = tuple[tuple[str, int, int], ...]  # name, time of change in ns, size
_LOOK_S = 2.0
_SETTLE_S = 1.0
_LONGEST_LOAD_S = 600.0  # ten thousand rules and their tests on a slow machine
_SETTLING = 30  # looks: files that never rest are loaded all the same


class RulesWatch:
    """One account's watch. ``look`` runs in a thread; the first look is taken at once, before the rules are read."""

    def __init__(
        self, rulebook: Rulebook, look: Callable[[], Stamp], clock: Clock, progress: Progress | None = None
    ) -> None:
        self._rulebook = rulebook
        self._look = look
        self._clock = clock
        self._progress = progress or Progress()
        self._seen = look()

    async def run(self) -> NoReturn:
        """Watch for ever."""
        while True:
            await self._clock.sleep(_LOOK_S)
            found = await asyncio.to_thread(self._look)
            if found != self._seen:
                self._seen = await self._settled(found)
                self._progress.step(_LONGEST_LOAD_S)
                await self._rulebook.reload()

    async def _settled(self, found: Stamp) -> Stamp:
        for _ in range(_SETTLING):
            await self._clock.sleep(_SETTLE_S)
            before, found = found, await asyncio.to_thread(self._look)
            if found == before:
                break
        return found
