"""Opening the database file: create it whole, look before touching, check, migrate.

Promise: a new file appears complete or not at all, so an empty or foreign file is damage and never a fresh start; a
file of a newer p2pbot is refused by its header, before a byte of it can change. Files are 0600, a new directory 0700.
Danger: ``open_owned`` migrates. Only the process that holds the lease may call it; commands use the other two.
Source: header offsets from https://sqlite.org/fileformat.html (60 user version, 68 application id).
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from p2pbot.adapters.sqlite.faults import damaged, mapped, unwritable
from p2pbot.adapters.sqlite.schema import APPLICATION_ID, STEPS, Step
from p2pbot.adapters.sqlite.transaction import transaction
from p2pbot.errors import StateError, StateTooNew

BUSY_TIMEOUT_S = 5.0
WAL_KEPT_BYTES = 16 * 1024 * 1024  # the log is cut to this after a checkpoint; it holds 4 MB between two
_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100


def open_owned(path: Path, steps: tuple[Step, ...] = STEPS) -> sqlite3.Connection:
    """Open for the daemon: created if missing, checked, migrated to the newest schema.

    Raises StateTooNew, StateDamaged, StateUnwritable, StateLocked.
    """
    with mapped(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path, steps)
        schema_of(path, len(steps))
        connection = connect(path, "rw")
        try:
            _set_up(connection, path)
            _check(connection, path)
            migrate(connection, path, steps)
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return connection


def open_beside(path: Path, *, readonly: bool, steps: tuple[Step, ...] = STEPS) -> sqlite3.Connection:
    """Open for a command, whether a daemon runs or not: nothing is created, checked at length or migrated.

    Raises StateError when there is no database yet or it is of an older p2pbot; else as ``open_owned``.
    """
    with mapped(path):
        if not path.exists():
            raise StateError(f"there is no state database at {path}", remedy="start p2pbot run once, it makes one")
        if schema_of(path, len(steps)) < len(steps):
            raise StateError(
                f"the state database {path} is of an older p2pbot", remedy="start p2pbot run once, it converts it"
            )
        connection = connect(path, looking(path) if readonly else "rw")
        try:
            if not readonly:
                _set_up(connection, path)
                connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return connection


def migrate(connection: sqlite3.Connection, path: Path, steps: tuple[Step, ...]) -> None:
    """Take the missing steps, each in a transaction of its own; foreign keys are off meanwhile, then checked."""
    schema: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if schema == len(steps):
        return
    connection.execute("PRAGMA foreign_keys = OFF")
    for number, step in enumerate(steps[schema:], start=schema + 1):
        with transaction(connection):
            for statement in step:
                connection.execute(statement)
            if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
                raise damaged(path, f"on the way to schema {number}: a reply without its message")
            connection.execute(f"PRAGMA user_version = {number}")
    # An older p2pbot reads the number from the file's header: it must not hide in the write-ahead log.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _create(path: Path, steps: tuple[Step, ...]) -> None:
    if _has_log(path):
        raise damaged(path, "the file is gone but its write-ahead log is there")
    draft = path.with_name(path.name + ".new")
    for left_over in (draft, _beside(draft, "-wal"), _beside(draft, "-shm")):
        left_over.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    connection = connect(draft, "rw")
    try:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        _set_up(connection, draft)
        migrate(connection, draft, steps)
    finally:
        connection.close()  # the last one out moves the log into the file
    draft.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Have a directory's new names on the disk."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def schema_of(path: Path, newest: int) -> int:
    """Return a database's schema by its header. Raises StateDamaged, StateTooNew; nothing is changed."""
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise damaged(path, "it is empty" if not header else "it is not a SQLite database")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise damaged(path, "it is a database of another program")
    schema = int.from_bytes(header[60:64], "big")
    if _has_log(path):
        schema = max(schema, _schema_in_log(path))
    if schema > newest:
        raise StateTooNew(
            f"the state database {path} has schema {schema}, this p2pbot knows up to {newest}",
            remedy="run the newer p2pbot again, or use another state directory",
        )
    return schema


def looking(path: Path) -> str:
    """Return the mode in which a look changes nothing on disk.

    Without log and index nobody has the file open, and SQLite would make both for a mere look and leave them. A daemon
    that starts during the look writes to its log first, so that what is read here stays as it was.
    """
    is_in_use = any(_beside(path, suffix).exists() for suffix in ("-wal", "-shm"))
    return "ro" if is_in_use else "ro&immutable=1"


def _schema_in_log(path: Path) -> int:
    """Return the schema as the write-ahead log has it, through a connection that cannot write the file back."""
    connection = connect(path, "ro")
    try:
        schema: int = connection.execute("PRAGMA user_version").fetchone()[0]
    finally:
        connection.close()
    return schema


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open the file as SQLite does it, ``mode`` ``rw`` or ``ro``; nothing is created, checked or set up."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
    )
    connection.row_factory = sqlite3.Row
    return connection


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    journal = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if journal != "wal":
        raise unwritable(path, f"this file system allows no write-ahead log (journal mode {journal})")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON").fetchall()  # what is forgotten is overwritten
    connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}").fetchall()


def _check(connection: sqlite3.Connection, path: Path) -> None:
    answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    if answer != "ok":
        raise damaged(path, answer)


def _has_log(path: Path) -> bool:
    log = _beside(path, "-wal")
    return log.exists() and log.stat().st_size > 0


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
