"""The state check: a database that is spoilt under the daemon is noticed while its copy in memory still hides it.

Promise: damage ends the daemon, with the reason, at most one interval after it came: a claim that is written into a
damaged file is none, and answers would be given twice after the next start. The file stays as it is.
Danger: a look that cannot be made now (locked, no handles left) proves nothing and ends nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NoReturn

from p2pbot.errors import StateDamaged, StateError
from p2pbot.ports import Clock, Events


class StateCheck:
    """Looks the state database over for damage, again and again."""

    def __init__(self, look: Callable[[], Awaitable[None]], clock: Clock, events: Events, *, every_s: float) -> None:
        self._look = look
        self._clock = clock
        self._events = events
        self._every_s = every_s

    async def run(self) -> NoReturn:
        """Look for ever. Raises StateDamaged."""
        while True:
            await self._clock.sleep(self._every_s)
            try:
                await self._look()
            except StateDamaged:
                raise
            except StateError as error:
                self._events.warning("state_not_checked", what=error.what)
