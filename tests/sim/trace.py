"""The record of a run: every line is hashed, and kept only when somebody wants to read it."""

from __future__ import annotations

import hashlib

from tests.sim.timeline import Timeline


class Trace:
    """Lines with the world's time. Two runs are the same if their digests are."""

    def __init__(self, timeline: Timeline, *, keep: bool = False) -> None:
        self._timeline = timeline
        self._hash = hashlib.blake2b(digest_size=16)
        self._keep = keep
        self.lines: list[str] = []
        self.count = 0

    def say(self, line: str) -> None:
        """Add a line."""
        text = f"{self._timeline.now_s:11.4f}  {line}"
        self._hash.update(text.encode("utf-8", "replace"))
        self.count += 1
        if self._keep:
            self.lines.append(text)

    def digest(self) -> str:
        """Return what all lines so far amount to."""
        return self._hash.hexdigest()
