"""``p2pbot backup`` and ``p2pbot restore``: the state in one file, and back, on this machine or another."""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from p2pbot.adapters.lease import FileLease
from p2pbot.adapters.sqlite.copying import back_up, move_aside, restore
from p2pbot.cli.options import settings_of
from p2pbot.config import Settings
from p2pbot.errors import StateError, StateLocked

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_BACKUP = """\
Writes the state – what was decided, said and promised – to one file, while p2pbot runs or not. The copy is of one
moment, checked to its last page, readable by you alone, and appears complete or not at all. It holds people's talk and
bank data: keep it as you keep those. Not in it: the configuration, rules and keys, and received pictures (archive/)."""
_BACKUP_MORE = """\
examples:
  p2pbot backup /mnt/backup/p2pbot-2026-11-21.sqlite3

exit codes: 0 written, 1 the disk is full, 78 configuration or state directory, or the file is there already"""
_RESTORE = """\
Puts a backup in the state's place: here, or on another machine. Stop p2pbot first, everywhere: two daemons with one key
answer twice. The next start looks into the chats before it answers; an order in which your account has spoken since the
backup is left to you (p2pbot unmute ORDER), for nobody knows whether it was you or p2pbot who spoke."""
_RESTORE_MORE = """\
examples:
  p2pbot restore p2pbot-2026-11-21.sqlite3
  p2pbot restore p2pbot-2026-11-21.sqlite3 --replace    the state that is there is moved aside

exit codes: 0 restored, 1 the disk is full, 78 it is no backup, or the state directory is in use or not empty"""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add both commands."""
    backup = commands.add_parser("backup", help="the state in one file", description=_BACKUP, epilog=_BACKUP_MORE)
    backup.add_argument("file", metavar="FILE", type=Path, help="where to; it must not be there")
    backup.set_defaults(handler=_back_up)
    back = commands.add_parser("restore", help="a backup in its place", description=_RESTORE, epilog=_RESTORE_MORE)
    back.add_argument("file", metavar="FILE", type=Path, help="what p2pbot backup wrote")
    back.add_argument("--replace", action="store_true", help="move the state that is there aside first")
    back.set_defaults(handler=_restore)


def _back_up(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    if not settings.database.exists():
        raise StateError(f"there is no state database at {settings.database}", remedy="start p2pbot run once")
    with ExitStack() as stack:
        with suppress(StateLocked):  # one runs: then its log is there, and the copy is of one moment all the same
            stack.enter_context(FileLease(settings.state_dir))  # else none begins to write meanwhile
        size = back_up(settings.database, arguments.file)
    print(f"Written: {arguments.file}, {size / 2**20:.1f} MiB, checked.")
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    now_ms = time.time_ns() // 1_000_000
    with FileLease(settings.state_dir):
        aside = _moved_aside(settings) if arguments.replace else None
        try:
            restore(arguments.file, settings.database, now_ms)
        except BaseException:
            if aside is not None:
                move_aside(aside, settings.database.name)
            raise
    if aside is not None:
        print(f"Moved aside: {aside}; it holds people's talk too, so delete it when all is well.")
    print(f"Restored: {settings.database}. Start p2pbot here, and nowhere else.")
    return 0


def _moved_aside(settings: Settings) -> Path | None:
    if not settings.database.exists():
        return None
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return move_aside(settings.database, f"{settings.database.name}.replaced-{stamp}")
