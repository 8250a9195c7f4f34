"""Looking a database over for damage while it is in use.

Promise: reads what is on the disk, not what the daemon's own connection remembers, through a connection of its own on
a thread of its own; changes nothing and holds nobody up.
Danger: the file must be opened by SQLite alone: a plain file handle that this process closes takes with it the locks
of the daemon's own connection (https://sqlite.org/howtocorrupt.html, 2.2). Pages whose newest version is in the
write-ahead log are looked at there: what lies under them in the file is about to be replaced anyway.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from p2pbot.adapters.sqlite.faults import damaged, mapped
from p2pbot.adapters.sqlite.opening import connect
from p2pbot.adapters.sqlite.schema import APPLICATION_ID


async def inspect(path: Path) -> None:
    """Return when the database at ``path`` is sound. Raises StateDamaged, StateLocked, StateUnwritable."""
    await asyncio.to_thread(_inspect, path)


def _inspect(path: Path) -> None:
    with mapped(path), closing(connect(path, "ro")) as connection:
        if _first(connection, "PRAGMA application_id") != APPLICATION_ID:
            raise damaged(path, "it is empty or of another program")  # SQLite takes an empty file for an empty database
        answer = str(_first(connection, "PRAGMA quick_check(1)"))
        if answer != "ok":
            raise damaged(path, answer)


def _first(connection: sqlite3.Connection, statement: str) -> object:
    found: object = connection.execute(statement).fetchone()[0]
    return found
