"""Housekeeping: once a day the store forgets what is past its retention.

Promise: bounded growth of the state directory. A store that fails here fails everywhere: the error ends the daemon
like any other.
"""

from __future__ import annotations

from typing import NoReturn

from p2pbot.daemon.progress import Progress
from p2pbot.ports import DAY_MS, Clock, Events, Store

_FIRST_S = 60.0  # after the start's own work
_LONGEST_S = 1_800.0  # many short transactions, after a retention was shortened, on a slow disk
_DAY_S = 86_400.0


class Housekeeping:
    """Prunes the store that all accounts share."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        events: Events,
        progress: Progress | None = None,
        *,
        messages_ms: int = 90 * DAY_MS,
        traces_ms: int = 30 * DAY_MS,
    ) -> None:
        """Remember messages, replies and orders for ``messages_ms``, and why rules spoke for ``traces_ms``."""
        self._store = store
        self._messages_ms = messages_ms
        self._traces_ms = traces_ms
        self._clock = clock
        self._events = events
        self._progress = progress or Progress()

    async def run(self) -> NoReturn:
        """Prune for ever."""
        await self._clock.sleep(_FIRST_S)
        while True:
            self._progress.step(_LONGEST_S)
            forgotten = await self._store.prune(
                self._clock.now_ms(), messages_ms=self._messages_ms, traces_ms=self._traces_ms
            )
            if forgotten:
                self._events.info("forgotten", rows=forgotten)
            await self._clock.sleep(_DAY_S)
