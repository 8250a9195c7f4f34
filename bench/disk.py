"""The other floor: one durable commit of a small row, as the store makes several of for each reply."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from bench.figures import Figure


def commits(directory: Path, count: int) -> Figure:
    """Measure ``count`` one-row transactions in WAL mode with ``synchronous=FULL``."""
    connection = sqlite3.connect(directory / "floor.db", isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT")
        values = [_commit(connection, number) for number in range(count)]
    finally:
        connection.close()
    return Figure("SQLite: one durable commit", "ms", tuple(values))


def _commit(connection: sqlite3.Connection, number: int) -> float:
    started = time.perf_counter()
    connection.execute("INSERT INTO row VALUES (?, ?)", (number, "x" * 300))
    return (time.perf_counter() - started) * 1000
