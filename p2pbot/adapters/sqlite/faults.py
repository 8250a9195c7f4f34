"""SQLite's and the file system's errors as ours: whose fault it is, in a sentence that says what to do.

Promise: no ``sqlite3`` exception and no ``OSError`` leaves the store. Texts name the file, never a value.
Source: https://sqlite.org/rescode.html; ``sqlite_errorcode`` is the extended code, its low byte the primary one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from p2pbot.errors import OurError, P2pbotError, StateDamaged, StateLocked, StateUnwritable

_RESTORE = (
    "the file is kept as it is: stop p2pbot, copy the state directory, then put a backup in its place, or move "
    "{name}, {name}-wal and {name}-shm away to start empty (messages of the last minutes may then be answered "
    "a second time)"
)
_WRITE_FAILS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_PERM: "its permissions forbid it",
    sqlite3.SQLITE_AUTH: "its permissions forbid it",
}
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_ROOM = "free some space, and look at the permissions and the mount of the directory; p2pbot goes on where it stopped"


@contextmanager
def mapped(path: Path) -> Iterator[None]:
    """Turn whatever the library or the file system raises inside into one of ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _from_sqlite(error, path) from error
    except OSError as error:
        raise unwritable(path, error.strerror or type(error).__name__) from error


def damaged(path: Path, why: str) -> StateDamaged:
    """Return the error for a file that is there and cannot be read."""
    return StateDamaged(f"the state database {path} is damaged ({why})", remedy=_RESTORE.format(name=path.name))


def unwritable(path: Path, why: str) -> StateUnwritable:
    """Return the error for a file that cannot be written."""
    return StateUnwritable(f"the state database {path} cannot be written: {why}", remedy=_ROOM)


def _from_sqlite(error: sqlite3.Error, path: Path) -> P2pbotError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    primary = code & 0xFF
    if primary in _DAMAGE or code in (sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS):
        return damaged(path, str(error))
    if primary in _WRITE_FAILS:
        return unwritable(path, f"{_WRITE_FAILS[primary]} ({error})")
    if primary in _BUSY:
        return StateLocked(
            f"another program has kept the state database {path} locked for 5 seconds",
            remedy="close it (a database browser, a backup); p2pbot goes on by itself",
        )
    return OurError(f"the state database refused a statement: {type(error).__name__}: {error}")
