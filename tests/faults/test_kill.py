"""``kill -9`` at random moments under load: the store holds the truth, and the next start neither loses nor doubles."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.sandbox import Fault
from tests.e2e.stage import QUICK, Script, Stage, stage
from tests.faults import report
from tests.faults.storm import LIMITS, RULES, Tally, count_traffic, is_settled, judge, open_orders

KILLS = int(os.environ.get("P2PBOT_KILLS", "8"))
QUESTIONS = 2  # of each counterparty in one life of the daemon, at most
STANDSTILL_S = 60
ORDERS = int(os.environ.get("P2PBOT_KILL_ORDERS", "20"))
# Replies stay in flight for as long as over a bad line: a death then leaves some of them half done.
FAR_AWAY = Fault("delay", account="main", delay_ms=50, max_delay_ms=600)
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


@dataclass
class Course:
    """How far the killing is."""

    lives: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)


async def _talk(scene: Stage, orders: list[str], course: Course) -> Counter[str]:
    """Have every counterparty ask on, at random moments, until the killing is over; return how often each asked.

    So many questions a life at most: on a slow machine, where a life takes long to begin, they would pile up.
    """
    rng = random.Random(2)  # noqa: S311 - a test's chance
    asked: Counter[str] = Counter()

    async def one(order_no: str) -> None:
        while not course.over.is_set():
            if asked[order_no] < QUESTIONS * (course.lives + 1):
                await scene.box.say(order_no, f"question {asked[order_no]}")
                asked[order_no] += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(course.over.wait(), rng.uniform(0.1, 2.0))

    async with asyncio.TaskGroup() as group:
        for order_no in orders:
            group.create_task(one(order_no))
    return asked


async def _killed_again_and_again(scene: Stage, course: Course) -> Counter[str]:
    """Kill one daemon after the other; return in which states their deaths left replies."""
    rng = random.Random(5)  # noqa: S311 - a test's chance
    left: Counter[str] = Counter()
    try:
        for course.lives in range(KILLS):
            async with _process(scene) as process:
                await _connected(scene, process)
                assert process.returncode is None, (scene.directory / "daemon.log").read_text()[-3000:]
                await asyncio.sleep(rng.uniform(0.0, 1.5))
                process.send_signal(signal.SIGKILL)
                assert await process.wait() == -signal.SIGKILL, "it lived until it was killed"
            left += await _left_behind(scene)
    finally:
        course.over.set()
    return left


async def _left_behind(scene: Stage) -> Counter[str]:
    store = await SqliteStore.open_readonly(scene.store)
    try:
        return Counter(row.state.value for row in await store.pending("main"))
    finally:
        await store.close()


async def _connected(scene: Stage, process: asyncio.subprocess.Process) -> None:
    before = len(scene.box.world.connects("main"))
    await scene.until(
        lambda: len(scene.box.world.connects("main")) > before or process.returncode is not None,
        "the daemon connects",
        timeout_s=60,
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


async def _settled(scene: Stage, asked: Counter[str]) -> None:
    """Wait until every question is settled, for as long as more and more of them are."""
    store = await SqliteStore.open_readonly(scene.store)
    try:
        count, done = await _progress(store, asked)
        while not done:
            before = count
            async with asyncio.timeout(STANDSTILL_S):
                while count <= before and not done:
                    await asyncio.sleep(0.1)
                    count, done = await _progress(store, asked)
    finally:
        await store.close()


async def _progress(store: SqliteStore, asked: Counter[str]) -> tuple[int, bool]:
    """Return how many decisions and ends of replies there are, and whether that is all."""
    count, done = 0, True
    for order_no, questions in asked.items():
        entries, rows = await store.inbox(order_no), await store.outbox(order_no)
        count += len(entries) + sum(row.state.is_final for row in rows)
        done = done and is_settled(entries, rows, questions)
    return count, done


async def test_a_daemon_killed_at_random_moments_answers_each_message_exactly_once(tmp_path: Path) -> None:
    """However often the process dies, each question ends answered once or with its reason."""
    course = Course()
    async with stage(tmp_path, SCRIPT) as scene:
        orders = await open_orders(scene.box, ORDERS)
        await scene.box.inject(FAR_AWAY)
        asked, left = await asyncio.gather(_talk(scene, orders, course), _killed_again_and_again(scene, course))
        await scene.box.clear_faults()
        connects = len(scene.box.world.connects("main"))
        async with _process(scene) as last:
            await scene.until(
                lambda: len(scene.box.world.connects("main")) > connects, "the last daemon connects", timeout_s=60
            )
            await _settled(scene, asked)
            last.send_signal(signal.SIGTERM)
            assert await last.wait() == 0
        tally = await _judged(scene, orders)
    note = f"killed {KILLS} times while {ORDERS} people talked; the deaths left replies {dict(sorted(left.items()))}"
    report.append(
        report.Row(
            test="test_kill.py::test_a_daemon_killed_at_random_moments_answers_each_message_exactly_once",
            connects=tally.connects,
            asked=tally.asked,
            answered_once=tally.answered_once,
            silent=dict(tally.unanswered),
            note=note,
        )
    )
    sys.stdout.write(f"\n{note}: {tally.line()}\n")
    assert tally.asked == asked.total()
    assert tally.answered_twice == []
    assert tally.without_reason == []
    assert tally.out_of_order == []
