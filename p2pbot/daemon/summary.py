"""Tells once a day what shadow mode would have sent.

Promise: at the time of day that the configuration names, for the day that ends then. A daemon that does not run at that
moment tells nothing of that day; the store and ``p2pbot rules stats`` know it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import NoReturn

from p2pbot.conversation.summary import next_summary_ms, summaries
from p2pbot.model import Mode
from p2pbot.ports import DAY_MS, Clock, Notifier, Store
from p2pbot.rules.variables import moment

LOOK_S = 30.0  # the wall clock may be set, and a machine may sleep


class SummaryLoop:
    """``minute`` of the day in ``zone``; ``modes`` by account."""

    def __init__(
        self, store: Store, clock: Clock, notifier: Notifier, modes: Mapping[str, Mode], *, minute: int, zone: tzinfo
    ) -> None:
        self._store = store
        self._clock = clock
        self._notifier = notifier
        self._modes = modes
        self._minute = minute
        self._zone = zone

    async def run(self) -> NoReturn:
        """Tell for ever."""
        while True:
            due_ms = next_summary_ms(self._clock.now_ms(), self._minute, self._zone)
            while due_ms - DAY_MS <= self._clock.now_ms() < due_ms:  # a clock that was set asks for the time anew
                await self._clock.sleep(min(LOOK_S, (due_ms - self._clock.now_ms()) / 1000 + 0.001))
            if self._clock.now_ms() >= due_ms:
                await self._tell(due_ms)

    async def _tell(self, due_ms: int) -> None:
        found = await self._store.rehearsed(due_ms - DAY_MS, due_ms)
        for notice in summaries(found, self._modes, f"{moment(due_ms, self._zone):%Y-%m-%d}"):
            await self._notifier.notify(notice)
