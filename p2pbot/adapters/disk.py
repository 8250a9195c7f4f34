"""How much room a disk has left."""

from __future__ import annotations

import shutil
from pathlib import Path


def free_bytes(directory: Path) -> int | None:
    """Return the room that this process may still use on the disk of ``directory``; None when it cannot be asked."""
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None
