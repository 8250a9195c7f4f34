"""A progress bar on a terminal's error stream: one line that is drawn over, and nothing at all anywhere else.

Promise: what goes to standard output is not touched; the line is gone when the work is done, however it ends.
"""

from __future__ import annotations

import os
import shutil
import sys
from types import TracebackType
from typing import Self, TextIO

_BAR = 24  # cells
_WIPE = "\r\x1b[K"


class Progress:
    """Shows ``title [████····] 3/12 detail``. ``total`` None: nobody knows how much there is."""

    def __init__(self, title: str, total: int | None = None, stream: TextIO | None = None) -> None:
        self._title = title
        self._total = total
        self._stream = stream or sys.stderr
        self._on = bool(self._stream and self._stream.isatty() and os.environ.get("TERM") != "dumb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Wipe the line, also when the work was interrupted."""
        self.wipe()

    def show(self, done: int, detail: str = "", total: int | None = None) -> None:
        """Draw ``done`` of the total. ``detail`` must be harmless already."""
        self._total = self._total if total is None else total
        if self._on:
            width = shutil.get_terminal_size().columns - 1
            self._write(f"{_WIPE}{self._line(done, detail)[:width]}")

    def wipe(self) -> None:
        """Take the line away, so that something else can be said."""
        if self._on:
            self._write(_WIPE)

    def _line(self, done: int, detail: str) -> str:
        if not self._total:
            return f"{self._title} {done} {detail}"
        return f"{self._title} {bar(done, self._total)} {detail}"

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def bar(done: int, total: int) -> str:
    """Return ``[######............] 3/12``; ``total`` is at least 1."""
    filled = max(0, min(_BAR, _BAR * done // total))
    return f"[{'#' * filled}{'.' * (_BAR - filled)}] {done}/{total}"
