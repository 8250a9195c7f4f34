"""``kill -9`` at random moments under load: the store holds the truth, and the next start neither loses nor doubles."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from p2pbot.adapters.sqlite import SqliteStore
from tests.e2e.stage import QUICK, Script, Stage, stage
from tests.faults import report
from tests.faults.storm import LIMITS, RULES, Tally, count_traffic, is_settled, judge, open_orders, talk

KILLS = int(os.environ.get("P2PBOT_KILLS", "8"))
ORDERS = int(os.environ.get("P2PBOT_KILL_ORDERS", "20"))
QUESTIONS = int(os.environ.get("P2PBOT_KILL_QUESTIONS", "6"))
SCRIPT = Script(
    rules=RULES,
    limits=LIMITS,
    timings=QUICK.replace("order_spacing: 100ms", "order_spacing: 200ms"),
    exchange={"history_lag_ms": 500, "history_lag_jitter_ms": 300, "variety": True, "seed": 3},
)


@asynccontextmanager
async def _process(scene: Stage) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the real command; kill it at the end if it is still there."""
    with (scene.directory / "daemon.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "p2pbot", "run", "--config", str(scene.config), stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _killed_again_and_again(scene: Stage, rng: random.Random) -> None:
    for _ in range(KILLS):
        async with _process(scene) as process:
            await _connected(scene, process)
            assert process.returncode is None, (scene.directory / "daemon.log").read_text()[-3000:]
            await asyncio.sleep(rng.uniform(0.0, 1.5))
            process.send_signal(signal.SIGKILL)


async def _connected(scene: Stage, process: asyncio.subprocess.Process) -> None:
    before = len(scene.box.world.connects("main"))
    await scene.until(
        lambda: len(scene.box.world.connects("main")) > before or process.returncode is not None,
        "the daemon connects",
        timeout_s=30,
    )


async def _judged(scene: Stage, orders: list[str]) -> Tally:
    tally = Tally()
    store = await SqliteStore.open_readonly(scene.store)
    try:
        for order_no in orders:
            judge(scene.box, order_no, await store.inbox(order_no), await store.outbox(order_no), tally)
    finally:
        await store.close()
    count_traffic(scene.box, tally)
    return tally


async def _settled(scene: Stage, orders: list[str]) -> None:
    store = await SqliteStore.open_readonly(scene.store)
    try:
        async with asyncio.timeout(120):
            for order_no in orders:
                while not is_settled(await store.inbox(order_no), await store.outbox(order_no), QUESTIONS):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
    finally:
        await store.close()


async def test_a_daemon_killed_at_random_moments_answers_each_message_exactly_once(tmp_path: Path) -> None:
    """However often the process dies, each question ends answered once or with its reason."""
    rng = random.Random(5)  # noqa: S311 - a test's chance
    async with stage(tmp_path, SCRIPT) as scene:
        orders = await open_orders(scene.box, ORDERS)
        async with asyncio.TaskGroup() as group:
            group.create_task(talk(scene.box, orders, QUESTIONS, seed=2))
            group.create_task(_killed_again_and_again(scene, rng))
        connects = len(scene.box.world.connects("main"))
        async with _process(scene) as last:
            await scene.until(
                lambda: len(scene.box.world.connects("main")) > connects, "the last daemon connects", timeout_s=30
            )
            await _settled(scene, orders)
            last.send_signal(signal.SIGTERM)
            assert await last.wait() == 0
        tally = await _judged(scene, orders)
    report.append(
        report.Row(
            test="test_kill.py::test_a_daemon_killed_at_random_moments_answers_each_message_exactly_once",
            connects=tally.connects,
            asked=tally.asked,
            answered_once=tally.answered_once,
            silent=dict(tally.unanswered),
            note=f"killed {KILLS} times while {ORDERS} people talked",
        )
    )
    sys.stdout.write(f"\nkills {KILLS}: {tally.line()}\n")
    assert tally.asked == ORDERS * QUESTIONS
    assert tally.answered_twice == []
    assert tally.without_reason == []
    assert tally.out_of_order == []
