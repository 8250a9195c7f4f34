"""The weight that one address may spend at the exchange in a minute: a budget as a value, shared by all that call.

Promise: in any 60 seconds – so in any minute that the exchange counts – our own calls weigh at most ``share``; and what
the exchange counted of the whole address, with ours since, stays below ``limit`` less a reserve. Nobody is refused,
only told how long to wait.
Danger: the exchange counts by address: the merchant's other programs behind it spend of the same ``limit``.
Source: the futures and user-data notes, section 2 (2400 a minute, WebSocket and REST together); 6000 for spot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

MINUTE_MS = 60_000
_GRAIN_MS = 1000  # what is spent in one second is kept as one number: at most 62 of them
_RESERVE = 10  # one tenth of the limit is never asked for by us: the count may be older than others' calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The budget. Times are monotonic milliseconds. ``spent``: (second, weight), oldest first.

    ``told``: what the exchange counted at ``told_at_ms``, plus what we have spent since.
    """

    limit: int = 2400
    share: int = 1200
    spent: tuple[tuple[int, int], ...] = ()
    told: int = 0
    told_at_ms: int | None = None

    def wait_ms(self, weight: int, now_ms: int) -> int:
        """Return in how many milliseconds a call of ``weight`` may leave; 0: now.

        A call that weighs more than the whole share waits for an unspent minute and then leaves.
        """
        waits = [self._own_wait_ms(weight, now_ms)]
        if self._told(now_ms) + weight > self.limit - self.limit // _RESERVE and self.told_at_ms is not None:
            waits.append(self.told_at_ms + MINUTE_MS - now_ms)
        return max(0, *waits)

    def spend(self, weight: int, now_ms: int) -> Weights:
        """Return the budget after a call of ``weight`` left at ``now_ms``."""
        recent = self._recent(now_ms)
        second = max(now_ms // _GRAIN_MS, recent[-1][0] if recent else 0)
        if recent and recent[-1][0] == second:
            recent = (*recent[:-1], (second, recent[-1][1] + weight))
        else:
            recent = (*recent, (second, weight))
        return replace(self, spent=recent, told=self.told + weight)

    def counted(self, used: int, limit: int, now_ms: int) -> Weights:
        """Return the budget after the exchange said that ``used`` of ``limit`` are spent in its running minute."""
        return replace(self, told=max(0, used), told_at_ms=now_ms, limit=limit if limit > 0 else self.limit)

    def used(self, now_ms: int) -> int:
        """Return what is spent of the minute, by us or by the exchange's count, whichever is more."""
        return max(self._told(now_ms), self._own(now_ms))

    def _own_wait_ms(self, weight: int, now_ms: int) -> int:
        recent, left = self._recent(now_ms), self._own(now_ms) + weight - self.share
        for second, spent in recent:
            if left <= 0:
                break
            left -= spent
            if left <= 0 or second == recent[-1][0]:
                return _end_ms(second) - now_ms
        return 0

    def _told(self, now_ms: int) -> int:
        fresh = self.told_at_ms is not None and now_ms - self.told_at_ms < MINUTE_MS
        return self.told if fresh else 0

    def _own(self, now_ms: int) -> int:
        return sum(weight for _, weight in self._recent(now_ms))

    def _recent(self, now_ms: int) -> tuple[tuple[int, int], ...]:
        return tuple((second, weight) for second, weight in self.spent if _end_ms(second) > now_ms)


def _end_ms(second: int) -> int:
    """Return when what was spent in this second no longer counts, reckoned from the second's end."""
    return (second + 1) * _GRAIN_MS + MINUTE_MS


SPOT_WEIGHTS = Weights(limit=6000, share=3000)
FUTURES_WEIGHTS = Weights()
