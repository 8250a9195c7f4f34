"""The status loop tells of the process itself: how many tasks, and how late the event loop wakes them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from p2pbot.daemon.status import StatusLoop
from tests.fakes.world import StillClock

NOW_MS = 1_767_600_000_000


class LateClock(StillClock):
    """A clock whose sleeps last 250 ms too long, and which ends the test after three."""

    sleeps = 0

    async def sleep(self, delay_s: float) -> None:
        """Oversleep."""
        self.sleeps += 1
        if self.sleeps > 3:
            raise asyncio.CancelledError
        await super().sleep(delay_s + 0.25)


async def written(clock: StillClock) -> list[dict[str, Any]]:
    """Return what a status loop without accounts writes until its clock ends it."""
    texts: list[str] = []
    with pytest.raises(asyncio.CancelledError):
        await StatusLoop(clock, (), texts.append, {"version": "0"}).run()
    return [json.loads(text) for text in texts]


async def test_a_loop_that_wakes_late_is_told() -> None:
    """The lag is what the last sleep lasted too long; before the first one it is nothing."""
    statuses = await written(LateClock(NOW_MS))
    assert [status["process"]["loop_lag_us"] for status in statuses] == [0, 250_000, 250_000, 250_000]


async def test_tasks_are_counted() -> None:
    """Each task that lives when the status is written counts."""
    waiting = [asyncio.create_task(asyncio.Event().wait()) for _ in range(5)]
    texts: list[str] = []
    StatusLoop(StillClock(NOW_MS), (), texts.append, {}).write_now()
    assert json.loads(texts[0])["process"]["tasks"] == len(waiting) + 1
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)


async def test_loops_that_hang_are_named() -> None:
    """Whoever asks for the process's health hears of them, of twenty at most."""
    texts: list[str] = []
    StatusLoop(StillClock(NOW_MS), (), texts.append, {}, lambda: [f"main: order {n}" for n in range(100)]).write_now()
    assert json.loads(texts[0])["process"]["hanging"] == [f"main: order {n}" for n in range(20)]
