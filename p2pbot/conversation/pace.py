"""How fast calls may leave: a bucket as a value, filled by calls and drained by time.

Promise: in any span of ``s`` seconds at most ``burst + per_s * s`` calls leave, whoever asks and however they crowd;
who asks first leaves first. Nobody is refused, only told how long to wait.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """``burst`` calls at once, then ``per_s`` a second. ``level``: calls in the bucket at ``at_s`` (monotonic)."""

    burst: int
    per_s: float
    level: float = 0.0
    at_s: float = 0.0

    def reserved(self, now_s: float) -> tuple[float, Pace]:
        """Return how many seconds a call that is asked for now must wait, and the pace that counts it."""
        drained = max(0.0, now_s - self.at_s) * self.per_s
        level = max(0.0, self.level - drained) + 1
        wait_s = max(0.0, (level - self.burst) / self.per_s)
        return wait_s, replace(self, level=level, at_s=max(now_s, self.at_s))

    def most_in(self, span_s: float) -> int:
        """Return how many calls can leave within ``span_s`` seconds at most."""
        return self.burst + int(self.per_s * span_s)
