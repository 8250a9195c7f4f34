"""``kill -9`` at chosen points of a reply's life, seen in the log and at the exchange: no hooks in the product."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest

from p2pbot.sandbox import Fault
from tests.faults.trial import Trial, some

ROUNDS = int(os.environ.get("P2PBOT_KILL_ROUNDS", "1"))


def _logged(event: str, text: str) -> Callable[[Trial], Callable[[], bool]]:
    def watch(trial: Trial) -> Callable[[], bool]:
        return lambda: trial.said(event, text)

    return watch


def _frame_arrived(trial: Trial) -> Callable[[], bool]:
    before = len(trial.scene.box.world.received("main"))
    return lambda: len(trial.scene.box.world.received("main")) > before


def _history_asked(trial: Trial) -> Callable[[], bool]:
    before = len(trial.scene.box.world.rest_calls("main", "retrieveChatMessagesWithPagination"))
    return lambda: len(trial.scene.box.world.rest_calls("main", "retrieveChatMessagesWithPagination")) > before


POINTS: dict[str, Callable[[Trial], Callable[[], bool]]] = {
    "claimed": _logged("decided", '"answered"'),
    "sending": _logged("reply", '"sending"'),
    "arrived_not_echoed": _frame_arrived,
    "in_doubt": _logged("reply", '"no_echo"'),
    "sent": _logged("reply", '"echoed"'),
    "catching_up": _history_asked,
}
FAULTS = {
    "arrived_not_echoed": Fault("delay", account="main", delay_ms=1000),
    "in_doubt": Fault("echo_lost", account="main"),
}


@pytest.mark.parametrize("point", some(POINTS, "claimed", "sending", "arrived_not_echoed", "in_doubt"))
async def test_killed_when(trial: Trial, point: str) -> None:
    """Whatever the reply's state was, the next start knows what to do: each question is answered once."""
    trial.begin()
    for _ in range(ROUNDS):
        async with trial.process() as process:
            await trial.until_process_open(process)
            if point in FAULTS:
                await trial.scene.box.inject(FAULTS[point])
            trial.began_line = len(trial.log().splitlines())
            reached = POINTS[point](trial)
            await trial.ask()
            await trial.until(reached, point)
            process.kill()
            assert await process.wait() < 0
        await trial.scene.box.clear_faults()
    async with trial.process() as process:
        await trial.until_process_open(process)
        await trial.verdict(note=f"killed {ROUNDS} times")
        process.terminate()
        async with asyncio.timeout(30):
            assert await process.wait() == 0
