"""``kill -9`` between each two steps of a picture's way, seen in the log and at the exchange: no hooks inside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from p2pbot.sandbox import Fault
from tests.e2e.stage import QUICK, Script
from tests.fakes.pictures import png
from tests.faults.storm import LIMITS
from tests.faults.trial import Trial, opened, some

RULES = """
version: 1
rules:
  - id: shown
    regex: 'question (?P<n>\\d+)'
    when: {side: sell}
    limit: {at_most: 1000, per: order}
    reply: {image: qr.png, caption: "Answer {{ match.n }}."}
"""
SCRIPT = Script(
    rules=RULES,
    limits=LIMITS,
    timings=QUICK + "upload_timeout: 3s\n",
    exchange={"history_lag_ms": 300, "history_lag_jitter_ms": 300, "variety": True, "seed": 5},
)
Reached = Callable[[], bool]


def _logged(event: str, text: str = "") -> Callable[[Trial], Reached]:
    return lambda trial: lambda: trial.said(event, text)


def _presign_arrived(trial: Trial) -> Reached:
    before = len(trial.scene.box.world.rest_calls("main", "pre-signed-url"))
    return lambda: len(trial.scene.box.world.rest_calls("main", "pre-signed-url")) > before


def _upload_arrived(trial: Trial) -> Reached:
    before = len(trial.scene.box.world.uploads("main"))
    return lambda: len(trial.scene.box.world.uploads("main")) > before


def _frame_arrived(trial: Trial) -> Reached:
    before = len(trial.scene.box.world.received("main"))
    return lambda: len(trial.scene.box.world.received("main")) > before


POINTS: dict[str, Callable[[Trial], Reached]] = {
    "claimed": _logged("decided", '"answered"'),
    "presign_arrived": _presign_arrived,
    "presigned": _logged("picture_presigned"),
    "upload_hangs": _logged("picture_presigned"),
    "upload_arrived": _upload_arrived,
    "uploaded": _logged("picture_uploaded"),
    "sending": _logged("reply", '"sending"'),
    "arrived_not_echoed": _frame_arrived,
    "in_doubt": _logged("reply", '"no_echo"'),
    "sent": _logged("reply", '"echoed"'),
}
FAULTS = {
    "presign_arrived": Fault("rest_timeout", account="main", endpoint="pre-signed-url", hold_ms=1_000),
    "upload_hangs": Fault("upload_stall", account="main", hold_ms=2_000),
    "upload_arrived": Fault("upload_drop", account="main"),
    "arrived_not_echoed": Fault("delay", account="main", delay_ms=1000),
    "in_doubt": Fault("echo_lost", account="main"),
}


@pytest.fixture
async def trial(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Trial]:
    """Two orders whose questions are answered by a picture with its caption."""
    name = request.node.nodeid.removeprefix("tests/faults/")
    async with opened(tmp_path, name, SCRIPT, orders=2) as made:
        (tmp_path / "rules-main" / "qr.png").write_bytes(png(21, 33))
        yield made


@pytest.mark.parametrize("point", some(POINTS, "upload_arrived", "uploaded"))
async def test_killed_when_a_picture_is(trial: Trial, point: str) -> None:
    """Whatever step was the last, the next start neither loses nor doubles the picture, and its caption follows it."""
    async with trial.process() as process:
        await trial.until_process_open(process)
        if point in FAULTS:
            await trial.scene.box.inject(FAULTS[point])
        trial.begin()
        reached = POINTS[point](trial)
        await trial.ask()
        await trial.until(reached, point)
        process.kill()
        assert await process.wait() < 0
    await trial.scene.box.clear_faults()
    async with trial.process() as process:
        await trial.until_answered()
        process.terminate()
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    for order_no in trial.orders:
        lines = trial.scene.box.world.said_by_bot(order_no)
        assert [(line.kind, line.text) for line in lines] == [("image", ""), ("text", "Answer 0.")]
    trial.refuse_secrets(trial.log())
    assert "X-Amz" not in trial.log()
    trial.record(note="killed on a picture's way")
