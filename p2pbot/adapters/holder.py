"""Who holds a state directory, asked without changing anything in it.

Danger: for the time of the question (microseconds) a shared lock is taken. A daemon that starts in that moment tries
again for 0.1 s (``FileLease``), so ask when a person wants to know, never in a tight loop.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

_PID_BYTES = 20


def holder(state_dir: Path) -> str:
    """Return who holds the lease of ``state_dir`` (``process 123``), or an empty text if nobody does."""
    try:
        handle = os.open(state_dir / "lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return ""  # no lock file: nobody ever held it; one that cannot be read is the state's trouble, told elsewhere
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(handle, _PID_BYTES, 0).decode("ascii", "replace").strip()
        return f"process {pid}" if pid.isdecimal() else "another process"
    except OSError:
        return ""
    finally:
        os.close(handle)
    return ""
