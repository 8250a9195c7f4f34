"""Moving to another machine: a backup under load, the daemon's death, the backup elsewhere, and nothing said twice."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.conversation.records import InboxEntry, OutboxRow
from p2pbot.model import Reason, Side
from tests.e2e.stage import QUICK, OrderSpec, Script, Stage, stage

RULES = """
version: 1
rules:
  - {id: greeting, on: order_created, when: {side: sell}, reply: "Welcome to {{ order.number }}."}
  - id: numbered
    regex: 'question (?P<n>\\d+)'
    limit: {at_most: 1000, per: order}
    reply: "Answer {{ match.n }}."
"""
LIMITS = """{order_replies_per_hour: 10000, counterparty_replies_per_day: 10000, account_replies_per_minute: 10000,
  max_age: 30m, reply_expires: 30m, breaker: 100}"""
# A history that lags behind longer than the second daemon takes to start, and a mute that ends by itself.
SCRIPT = Script(
    rules=RULES,
    limits=LIMITS,
    takeover="{mute: 1m}",
    timings=QUICK.replace("settle_after: 2s", "settle_after: 6s"),
    exchange={"history_lag_ms": 4000, "history_lag_jitter_ms": 500, "variety": True, "seed": 7},
)


@asynccontextmanager
async def _process(scene: Stage, config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the real command; kill it at the end if it is still there."""
    with (scene.directory / "daemon.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "p2pbot", "run", "--config", str(config), stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _typed(*arguments: str) -> None:
    """Run a command as another process, as a person would beside the daemon."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "p2pbot", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def _ask(scene: Stage, orders: list[str], number: int) -> None:
    for order_no in orders:
        await scene.box.say(order_no, f"question {number}")


async def _opened(scene: Stage, count: int) -> list[str]:
    return [await scene.box.open_order("main", OrderSpec(side=Side.SELL)) for _ in range(count)]


async def _until_said(scene: Stage, orders: list[str], text: str, *, timeout_s: float = 60.0) -> None:
    await scene.until(
        lambda: all(text in one for order_no in orders for one in [" ".join(scene.bot_texts(order_no))]),
        f"{text} in all of {orders}\n{(scene.directory / 'daemon.log').read_text()[-4000:]}",
        timeout_s=timeout_s,
    )


async def _decided(database: Path, order_no: str) -> tuple[tuple[InboxEntry, ...], tuple[OutboxRow, ...]]:
    store = await SqliteStore.open_readonly(database)
    try:
        return await store.inbox(order_no), await store.outbox(order_no)
    finally:
        await store.close()


async def _until_settled(database: Path, orders: list[str], text: str) -> None:
    """Wait until each order's newest question is decided and no reply waits any more."""
    async with asyncio.timeout(90):
        for order_no in orders:
            while True:
                entries, rows = await _decided(database, order_no)
                if any(entry.text == text for entry in entries) and all(row.state.is_final for row in rows):
                    break
                await asyncio.sleep(0.1)


async def test_a_state_that_moved_never_answers_twice(tmp_path: Path) -> None:
    """The second daemon knows nothing of what the first said after the backup, and says none of it again."""
    async with stage(tmp_path, SCRIPT) as scene:
        backup, moved = tmp_path / "backup.sqlite3", tmp_path / "elsewhere.yaml"
        moved.write_text(scene.config.read_text().replace("state_dir: state", "state_dir: elsewhere"))
        quiet, busy = await _opened(scene, 2), await _opened(scene, 4)
        async with _process(scene, scene.config) as first:
            await _ask(scene, quiet + busy, 0)
            await _until_said(scene, quiet + busy, "Answer 0.")
            asking = asyncio.create_task(_ask(scene, busy, 1))
            await _typed("backup", str(backup), "--config", str(scene.config))
            await asking
            late = await _opened(scene, 3)  # the backup has not even heard of them
            await _ask(scene, busy + late, 2)
            await _until_said(scene, busy + late, "Answer 2.")
            first.send_signal(signal.SIGKILL)  # its last words are not in the history yet
            await first.wait()
        await _typed("restore", str(backup), "--config", str(moved))
        await _ask(scene, quiet, 3)  # while nobody listens
        async with _process(scene, moved) as second:
            await _until_said(scene, quiet, "Answer 3.")
            new = await _opened(scene, 2)
            await _ask(scene, quiet + busy + late + new, 4)
            await _until_said(scene, quiet + new, "Answer 4.")
            await _until_settled(tmp_path / "elsewhere" / "p2pbot.sqlite3", [*quiet, *busy, *late, *new], "question 4")
            second.send_signal(signal.SIGTERM)
            assert await second.wait() == 0
        log = (tmp_path / "daemon.log").read_text()
        assert log.count('"event": "moved_in"') == 1, "the operator is told at the first start"
        for order_no in (*quiet, *busy, *late, *new):
            twice = [text for text, times in Counter(scene.bot_texts(order_no)).items() if times > 1]
            assert twice == [], f"order {order_no}"
        for order_no in (*busy, *late):
            entries, _ = await _decided(tmp_path / "elsewhere" / "p2pbot.sqlite3", order_no)
            last = next(entry for entry in entries if entry.text == "question 4")
            assert last.reason is Reason.TAKEN_OVER, "who spoke since the backup is not known: it is left to a person"
