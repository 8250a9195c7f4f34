"""How long to wait before the next try: backoff as a value, and the budget of attempts per address.

Promise: a delay is never below ``base_s / 2`` (no tight loop) nor above ``cap_s``; trouble is forgotten only after
*useful* time, so that a server which accepts and closes at once is met with growing delays. Source: architecture
notes, "Connections".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol


class Uniform(Protocol):
    """The randomness that jitter needs."""

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high]."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Exponential backoff with equal jitter, or full. ``failures`` counts tries since the last useful time.

    ``full_jitter``: a delay is drawn from all of the range, for what many clients try again at the same moment.
    """

    base_s: float = 1.0
    cap_s: float = 60.0
    useful_s: float = 60.0
    failures: int = 0
    full_jitter: bool = False

    def failed(self, rng: Uniform) -> tuple[float, Backoff]:
        """Return the delay in seconds before the next try, and the value that remembers this failure."""
        full = min(self.cap_s, self.base_s * 2 ** min(self.failures, 30))
        least = self.base_s if self.full_jitter else full
        return rng.uniform(least / 2, full), replace(self, failures=self.failures + 1)

    def lasted(self, open_s: float) -> Backoff:
        """Return the value after a connection that was open for ``open_s`` seconds: reset only if that was useful."""
        return replace(self, failures=0) if open_s >= self.useful_s else self


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptBudget:
    """At most ``limit`` attempts in any ``window_ms``. The exchange allows 300 connects in 5 minutes per address.

    The default keeps half of that free for the merchant's other clients behind the same address. Times are those of
    a clock that does not leap ahead (monotonic): a leap would forget attempts. If it is set back, attempts count as
    made now: the wait may grow, the budget is never exceeded.
    """

    limit: int = 150
    window_ms: int = 300_000
    spent_at_ms: tuple[int, ...] = ()

    def wait_ms(self, now_ms: int) -> int:
        """Return how many milliseconds must pass before an attempt is allowed; 0 = now."""
        recent = self._recent(now_ms)
        if len(recent) < self.limit:
            return 0
        return max(1, recent[-self.limit] + self.window_ms - now_ms)

    def spend(self, now_ms: int) -> AttemptBudget:
        """Return the budget after an attempt at ``now_ms``."""
        return replace(self, spent_at_ms=(*self._recent(now_ms), now_ms)[-self.limit :])

    def _recent(self, now_ms: int) -> tuple[int, ...]:
        return tuple(min(at, now_ms) for at in self.spent_at_ms if at > now_ms - self.window_ms)
