"""kill -9 of a real process in the middle of its work: what it acknowledged is there, what it had begun is not half.

(A killed process is not a lost power supply: for that stands ``synchronous=FULL``, which the opening test checks.)
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections import defaultdict
from contextlib import closing
from pathlib import Path

from p2pbot.adapters.lease import FileLease
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.conversation.records import OutboxState
from tests.fakes.records import ACCOUNT

RUNS = 20
MOST_ACKNOWLEDGED = 60  # of one run, before it is killed

VICTIM = """
import asyncio, sys
from dataclasses import replace
from itertools import count
from pathlib import Path
from p2pbot.adapters.lease import FileLease
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.conversation.records import OrderMemory, OutboxState
from p2pbot.model import LimitScope
from tests.fakes.records import ACCOUNT, claim, entry, mark, reply

async def decide(store, number):
    order_no = f"{number:06}"
    rows = [reply(f"{order_no}/{at}", order_no=order_no) for at in range(2)]
    whole = claim(entry(order_no, order_no=order_no), *rows, firings=(mark(LimitScope.ORDER, order_no),))
    memory = OrderMemory(account=ACCOUNT, order_no=order_no)
    assert await store.claim(replace(whole, memory=memory)) == "claimed"
    print("claimed", order_no, flush=True)
    await store.advance(replace(rows[0], state=OutboxState.SENDING), OutboxState.CLAIMED)
    print("sending", order_no, flush=True)

async def main(directory, first):
    with FileLease(directory) as lease:
        store = await SqliteStore.open(directory / "state.db", lease)
        for number in count(first, 4):
            await asyncio.gather(*(decide(store, number + offset) for offset in range(4)))

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


def killed_run(directory: Path, first: int, acknowledged: int) -> dict[str, set[str]]:
    """Let a process work until it has acknowledged so many transactions, kill it, return all that it acknowledged."""
    told: dict[str, set[str]] = defaultdict(set)
    command = [sys.executable, "-c", VICTIM, str(directory), str(first)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:  # noqa: S603 – our own program above
        assert process.stdout is not None
        for count, line in enumerate(process.stdout, start=1):
            if line.endswith("\n"):
                word, order_no = line.split()
                told[word].add(order_no)
            if count == acknowledged:
                process.kill()
    assert process.returncode == -9
    return told


def in_the_file(path: Path) -> dict[str, set[str]]:
    """Return the orders that each table knows; of the outbox, those with both replies, and those being sent."""
    queries = {
        "inbox": "SELECT order_no FROM inbox",
        "outbox": "SELECT order_no FROM outbox GROUP BY order_no, inbox_id HAVING count(*) = 2",
        "replied": "SELECT order_no FROM outbox",
        "firings": "SELECT scope_id FROM firings",
        "orders": "SELECT order_no FROM orders",
        "sending": "SELECT order_no FROM outbox WHERE state = 'sending'",
    }
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return {name: {row[0] for row in connection.execute(query)} for name, query in queries.items()}


async def test_kill_9(tmp_path: Path) -> None:
    """After each of twenty kills the file opens, holds every acknowledged transaction whole, and no part of another."""
    moments = random.Random(20476365073825144832)  # noqa: S311 – when to kill is no secret
    acknowledged: dict[str, set[str]] = {"claimed": set(), "sending": set()}
    for run in range(RUNS):
        told = killed_run(tmp_path, run * 1000, moments.randint(1, MOST_ACKNOWLEDGED))
        for word, order_nos in told.items():
            acknowledged[word] |= order_nos
        with FileLease(tmp_path) as lease:
            store = await SqliteStore.open(tmp_path / "state.db", lease)
            pending = await store.pending(ACCOUNT)
            await store.close()
        found = in_the_file(tmp_path / "state.db")
        assert found["inbox"] == found["outbox"] == found["replied"] == found["firings"] == found["orders"]
        assert acknowledged["claimed"] <= found["inbox"]
        assert acknowledged["sending"] <= found["sending"] <= found["inbox"]
        assert len(pending) == 2 * len(found["inbox"])
        assert {row.order_no for row in pending if row.state is OutboxState.SENDING} == found["sending"]
