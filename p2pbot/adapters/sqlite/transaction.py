"""One transaction as a ``with`` block: committed at its end, rolled back by any exception."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def transaction(connection: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Run the block between ``begin`` and COMMIT; a COMMIT that fails is rolled back too, so the next one can work."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite rolls back by itself after some errors (a full disk)
            connection.execute("ROLLBACK")
        raise
