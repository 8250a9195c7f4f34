"""Looking a database over while it is in use."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.adapters.sqlite.inspection import inspect
from p2pbot.errors import StateDamaged
from tests.fakes.records import claim, entry, reply
from tests.fakes.store import SwitchedLease

PAGE_BYTES = 4096


async def _in_use(path: Path) -> SqliteStore:
    """Return an open store whose file, not only its log, holds decisions."""
    store = await SqliteStore.open(path, SwitchedLease())
    for number in range(20):
        await store.claim(claim(entry(str(number)), reply(f"u{number}")))
    await store._worker.glance(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
    return store


async def test_a_sound_database_is_looked_over_while_it_is_written_to(tmp_path: Path) -> None:
    """Before, between and after two decisions."""
    path = tmp_path / "state.db"
    store = await _in_use(path)
    await inspect(path)
    await store.claim(claim(entry("more"), reply("more")))
    await inspect(path)
    await store.close()
    await inspect(path)


def _garbage(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(PAGE_BYTES)
        file.write(b"\xa5" * (size - PAGE_BYTES))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(_garbage, id="garbage"),
        pytest.param(lambda path: os.truncate(path, path.stat().st_size // 2), id="cut"),
        pytest.param(lambda path: os.truncate(path, 0), id="emptied"),
    ],
)
async def test_damage_is_seen_though_the_daemon_remembers_better(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """What counts is what the next start will read."""
    path = tmp_path / "state.db"
    store = await _in_use(path)
    damage(path)
    with pytest.raises(StateDamaged, match="is damaged"):
        await inspect(path)
    await store.close()


_CLOSES_LAST = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM inbox").fetchone()
connection.close()
"""


async def test_looking_keeps_the_locks_of_the_store(tmp_path: Path) -> None:
    """Else another program that closes the file would take itself for the last and delete the log under the daemon."""
    path = tmp_path / "state.db"
    store = await _in_use(path)
    await store.claim(claim(entry("logged"), reply("logged")))
    await inspect(path)
    subprocess.run([sys.executable, "-c", _CLOSES_LAST, str(path)], check=True)  # noqa: ASYNC221, S603 - ours
    assert path.with_name("state.db-wal").stat().st_size > 0
    await store.close()
