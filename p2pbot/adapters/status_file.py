"""Replaces the status file whole, so that a reader never sees half of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from p2pbot.ports import Events

NAME = "status.json"


def status_writer(state_dir: Path, events: Events) -> Callable[[str], None]:
    """Return a function that replaces ``state_dir/status.json`` (mode 0600). A failure is logged once, not raised.

    The file only informs: a full disk must end replies (the store sees to that), not the daemon's last words.
    """
    target, draft = state_dir / NAME, state_dir / f".{NAME}.new"
    failing = False

    def write(text: str) -> None:
        nonlocal failing
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
            draft.replace(target)
            failing = False
        except OSError as error:
            if not failing:
                events.warning("status_not_written", what=error.strerror)
            failing = True

    return write
