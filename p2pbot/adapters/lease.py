"""The right to act, as a lock on the state directory.

Promise: of all p2pbots on this machine that are given one state directory, one holds the lease. The kernel lets go of
the lock when its process ends, however it ends, so no stale lock can stand in the way of a restart.
Danger: two state directories for one account are two leases, and so are two machines: then both would answer. The
``lock`` file is never removed; a process that waited on a removed one would hold a lock that nobody else sees.
Source: flock(2); a lock belongs to the open file, and Python's files are closed on exec.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from p2pbot.errors import StateError, StateLocked, StateUnwritable

_PID_BYTES = 20
_LOOKS = 5  # somebody who asks who holds the lock has a shared one for microseconds (``adapters.holder``)
_LOOK_S = 0.02
_TRIES = 5  # each one means that somebody replaced the file in the microseconds between opening and locking it


class FileLease:
    """Holds ``state_dir`` from construction until ``close``, for every account."""

    def __init__(self, state_dir: Path, *, pause: Callable[[float], None] = time.sleep) -> None:
        """Make the directory (0700) if there is none, and lock it; a lock that is let go within 0.1 s is waited for.

        Raises StateLocked, with the holder's process id, or StateUnwritable.
        """
        self._pause = pause
        self._path = state_dir / "lock"
        try:
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handle: int | None = self._locked()
        except OSError as error:
            raise self._unwritable(error) from error

    def held(self, account: str) -> bool:  # noqa: ARG002 – one directory is one process, whatever the account
        """Whether the lock is still ours: not closed, and its file neither removed nor replaced.

        Safe to ask from any thread; costs one ``stat``.
        """
        return self._handle is not None and _is_still(self._handle, self._path)

    def close(self) -> None:
        """Let go. Idempotent."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _locked(self) -> int:
        for _ in range(_TRIES):
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                give_to_owner(handle, self._path.parent)
                self._lock(handle)
                if _is_still(handle, self._path):
                    return handle
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)
        raise StateError(f"the lock {self._path} is removed again and again", remedy="find out what removes it")

    def _lock(self, handle: int) -> None:
        for left in reversed(range(_LOOKS)):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not left:
                    raise self._taken(handle) from None
            self._pause(_LOOK_S)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)

    def _taken(self, handle: int) -> StateLocked:
        pid = os.pread(handle, _PID_BYTES, 0).decode("ascii", "replace").strip()
        who = f"process {pid}" if pid.isdecimal() else "another process"
        return StateLocked(
            f"the state directory {self._path.parent} is in use by another p2pbot ({who})",
            remedy="stop that one first, or give this one a state_dir of its own",
        )

    def _unwritable(self, error: OSError) -> StateUnwritable:
        why = error.strerror or type(error).__name__
        if error.errno == errno.ENOLCK:
            why = "this file system has no locks"
        return StateUnwritable(
            f"the state directory {self._path.parent} cannot be used: {why}",
            remedy="it must be a directory on a local disk, with room, that this user may write",
        )


def give_to_owner(handle: int, directory: Path) -> None:
    """Give a file to the directory's owner: what root makes there by a command, p2pbot's user must be able to use."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)


def _is_still(handle: int, path: Path) -> bool:
    """Whether ``path`` still is the file that is open."""
    try:
        there, ours = path.stat(), os.fstat(handle)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
