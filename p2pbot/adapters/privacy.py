"""Keeps the memory of the process to itself: no core file, and no look by other processes of the same user.

Promise: afterwards a crash leaves no core file with keys and talks in it, and neither a debugger nor /proc/PID/environ
of another process that runs as the same user shows anything; root still sees everything. Where the system has no such
switch nothing happens, and the caller is told.
Source: prctl(2), PR_SET_DUMPABLE; proc(5) for what it does to /proc/PID.
"""

from __future__ import annotations

import sys

_PR_SET_DUMPABLE = 4
_NOBODY = 0


def keep_memory_private() -> bool:
    """Return whether the process is closed to others of its user now."""
    if sys.platform != "linux":
        return False
    try:
        import ctypes  # noqa: PLC0415 - a strict system may refuse what loading it takes

        return bool(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, _NOBODY, 0, 0, 0) == 0)
    except (ImportError, OSError, MemoryError, AttributeError):
        return False
