"""The summary is told at its time of day, for the day that ends then."""

from __future__ import annotations

from contextlib import suppress
from zoneinfo import ZoneInfo

from p2pbot.conversation.summary import Rehearsed
from p2pbot.daemon.summary import SummaryLoop
from p2pbot.errors import StateError
from p2pbot.model import Mode
from tests.fakes.store import MemoryStore
from tests.fakes.world import Recorder, StillClock

TEN_MS = 1_767_607_200_000  # 2026-01-05 10:00 UTC
HOUR_MS = 3_600_000


class Enough(StateError):
    """The test has seen enough."""


class CountedStore(MemoryStore):
    """A store that notes what it was asked for, and ends the test after some questions."""

    def __init__(self, questions: int) -> None:
        super().__init__()
        self.spans: list[tuple[int, int]] = []
        self._questions = questions

    async def rehearsed(self, since_ms: int, until_ms: int) -> tuple[Rehearsed, ...]:
        """Note and answer."""
        if len(self.spans) == self._questions:
            raise Enough("enough")
        self.spans.append((since_ms, until_ms))
        return await super().rehearsed(since_ms, until_ms)


async def test_it_is_told_every_day_at_its_time() -> None:
    """20:00 in Istanbul is 17:00 UTC; each summary is about the day that ends then, and is a word of its own."""
    store, told, clock = CountedStore(2), Recorder(), StillClock(TEN_MS)
    zone = ZoneInfo("Europe/Istanbul")
    loop = SummaryLoop(store, clock, told, {"main": Mode.SHADOW}, minute=20 * 60, zone=zone)
    with suppress(Enough):
        await loop.run()
    first_ms = TEN_MS + 7 * HOUR_MS
    assert store.spans == [(first_ms - 24 * HOUR_MS, first_ms), (first_ms, first_ms + 24 * HOUR_MS)]
    assert [notice.key for notice in told.notices] == ["summary:main:2026-01-05", "summary:main:2026-01-06"]
    assert clock.at_ms - (first_ms + 48 * HOUR_MS) < 60_000


async def test_a_clock_that_is_set_back_by_days_asks_for_the_time_anew() -> None:
    """A machine whose clock was wrong at the start tells at the next 20:00 of the right one, not after days."""
    store, told = CountedStore(0), Recorder()

    class SetBack(StillClock):
        """Leaps four days back with its first sleep."""

        leapt = False

        async def sleep(self, delay_s: float) -> None:
            """Let the time pass."""
            await super().sleep(delay_s)
            if not self.leapt:
                self.leapt, self.at_ms = True, self.at_ms - 4 * 24 * HOUR_MS

    clock = SetBack(TEN_MS)
    loop = SummaryLoop(store, clock, told, {"main": Mode.SHADOW}, minute=20 * 60, zone=ZoneInfo("UTC"))
    with suppress(Enough):
        await loop.run()
    assert clock.at_ms - (TEN_MS + 10 * HOUR_MS - 4 * 24 * HOUR_MS) < 60_000
