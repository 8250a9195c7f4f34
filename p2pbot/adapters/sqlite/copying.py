"""Copies of the database: one of a file in use, and one put in a file's place.

Promise: a copy is one moment's state, whole (SQLite's online backup), checked to its last page, 0600, and appears
under its name complete or not at all. Nothing is put over a state: what was there is moved aside first.
Danger: a copy holds people's talk and bank data, and it does not know what was decided after it. The restored one says
so in its ``actions``, which makes the next daemon careful (``Store.moved_in``).
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from p2pbot.adapters.lease import give_to_owner
from p2pbot.adapters.sqlite.deeds import note
from p2pbot.adapters.sqlite.faults import damaged, mapped
from p2pbot.adapters.sqlite.opening import connect, looking, migrate, open_beside, schema_of, sync_directory
from p2pbot.adapters.sqlite.schema import STEPS
from p2pbot.adapters.sqlite.transaction import transaction
from p2pbot.conversation.records import Action, ActionWord
from p2pbot.errors import StateError

LOGS = ("-wal", "-shm")


def back_up(database: Path, target: Path) -> int:
    """Copy the database, in use or not, to ``target``; return its bytes.

    Raises StateError when ``target`` is there already, and as ``open_beside`` and the disk do.
    """
    if os.path.lexists(target):
        raise StateError(f"{target} is there already", remedy="name another file, or remove it")
    with closing(open_beside(database, readonly=True)) as source, mapped(target):
        draft = _drafted(source, target)
        _publish(draft, target, owned=False)
    return target.stat().st_size


def restore(backup: Path, database: Path, now_ms: int) -> None:
    """Put a copy of ``backup`` in the database's place, of the newest schema, marked as restored at ``now_ms``.

    The caller holds the state directory, and nothing is in the place. Raises StateDamaged, StateTooNew,
    StateUnwritable.
    """
    if any(os.path.lexists(_beside(database, suffix)) for suffix in ("", *LOGS)):
        raise StateError(f"{database} is there already", remedy="p2pbot restore --replace moves it aside")
    with mapped(backup):
        if not backup.exists():
            raise StateError(f"there is no file {backup}", remedy="name a file that p2pbot backup wrote")
        schema_of(backup, len(STEPS))
        with closing(connect(backup, looking(backup))) as source, mapped(database):
            draft = _drafted(source, database)
    with mapped(database):
        with closing(connect(draft, "rw")) as connection:
            migrate(connection, draft, STEPS)
            with transaction(connection):
                note(connection, Action(at_ms=now_ms, word=ActionWord.RESTORE, detail=backup.name))
        _publish(draft, database, owned=True)


def move_aside(database: Path, name: str) -> Path:
    """Rename the database, its log with it, to ``name`` in the same directory; return where it is now."""
    aside = database.with_name(name)
    with mapped(database):
        if os.path.lexists(aside):
            raise StateError(f"{aside} is there already", remedy="remove it, or move it elsewhere")
        for suffix in (*LOGS, ""):  # the log first: without it the file alone would be older than it says
            if _beside(database, suffix).exists():
                _beside(database, suffix).replace(_beside(aside, suffix))
        sync_directory(database.parent)
    return aside


def _drafted(source: sqlite3.Connection, target: Path) -> Path:
    """Copy ``source`` beside ``target`` and check the copy to its last page; return where it is."""
    draft = target.with_name(f".{target.name}.part")
    for left_over in ("", *LOGS, "-journal"):
        _beside(draft, left_over).unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    try:
        with closing(connect(draft, "rw")) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE").fetchone()  # one file, without a log beside it
            _check(copy, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _check(copy: sqlite3.Connection, target: Path) -> None:
    """Look at every page and index. Raises StateDamaged."""
    answer = str(copy.execute("PRAGMA integrity_check(1)").fetchone()[0])
    if answer != "ok":
        raise damaged(target, answer)


def _publish(draft: Path, target: Path, *, owned: bool) -> None:
    handle = os.open(draft, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if owned:
            give_to_owner(handle, target.parent)
        os.fsync(handle)
    finally:
        os.close(handle)
    draft.replace(target)
    sync_directory(target.parent)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
