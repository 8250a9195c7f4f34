"""When the operator's phone was last told that p2pbot had ended by itself: the time of an empty file.

Promise: a daemon that its supervisor starts again and again does not ring again and again. It works on a full disk once
the file is there; where it cannot be written at all, the word is said.
"""

from __future__ import annotations

from pathlib import Path

from p2pbot.ports import Clock

NAME = "ended.stamp"


class EndedStamp:
    """The file in the state directory."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self._path = state_dir / NAME
        self._clock = clock

    def first_within(self, span_ms: int) -> bool:
        """Whether nobody asked this in the last ``span_ms``; the question itself counts from now on."""
        now_ms = self._clock.now_ms()
        try:
            young = 0 <= now_ms - self._path.stat().st_mtime_ns // 1_000_000 < span_ms
        except OSError:
            young = False
        if not young:
            self._note()
        return not young

    def _note(self) -> None:
        try:
            self._path.touch(mode=0o600)
        except OSError:
            return
