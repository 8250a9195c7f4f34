"""A bulkhead: loops that the chat can do without, kept apart so that their faults stay theirs.

Promise: whatever such a loop raises, and a return as well, is logged and counted; the loop is begun anew after a pause
that grows to five minutes. Only being cancelled ends it.
Danger: this is the one exception to "a bug ends the process" (ADR 0018): a loop in here may hold nothing that delivery
needs, and what it knows must be thrown away with it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import NoReturn

from p2pbot.daemon.surroundings import Doors
from p2pbot.protocol.backoff import Backoff


class Bulkhead:
    """Runs one account's dispensable loops. ``failures``: how often one of them ended since the start."""

    def __init__(self, account: str, doors: Doors) -> None:
        self._account = account
        self._doors = doors
        self.failures = 0

    async def hold(
        self, name: str, loop: Callable[[], Coroutine[object, object, object]], ended: Callable[[], None]
    ) -> NoReturn:
        """Run ``loop`` for ever, begun anew whenever it ends; ``ended`` is told at once."""
        backoff = Backoff(cap_s=300.0)
        while True:
            began_s = self._doors.clock.monotonic_s()
            error: Exception | None = None
            try:
                await loop()
            except Exception as caught:  # noqa: BLE001 - the purpose of a bulkhead
                error = caught
            self.failures += 1
            error = _failure_of(ended) or error
            wait_s, backoff = backoff.lasted(self._doors.clock.monotonic_s() - began_s).failed(self._doors.rng)
            self._say(name, error, wait_s)
            await self._doors.clock.sleep(wait_s)

    def _say(self, name: str, error: Exception | None, wait_s: float) -> None:
        what = "it returned" if error is None else type(error).__name__
        self._doors.events.error(
            "bulkhead_failed",
            account=self._account,
            loop=name,
            what=what,
            retry_in_s=round(wait_s, 1),
            exc_info=error,
        )


def _failure_of(ended: Callable[[], None]) -> Exception | None:
    """Tell the owner; return what that raised, for it must not get out either."""
    try:
        ended()
    except Exception as caught:  # noqa: BLE001 - it stands behind the bulkhead too
        return caught
    return None
