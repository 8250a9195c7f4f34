"""Remembers that the exchange asked for silence, so that nothing is sent until then.

Promise: one answer 429 or 418 stops every call that shares the gate, at once and without a request.
Danger: the exchange counts by address, not by key. Accounts of one machine should share one gate: requests during a
ban make it longer.
"""

from __future__ import annotations

from p2pbot.errors import RateLimited
from p2pbot.ports import Clock


class RateGate:
    """Open until ``shut``; then closed for as long as the exchange asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until_s = 0.0
        self._cause: RateLimited | None = None

    def check(self) -> None:
        """Return when requests may be sent, else raise RateLimited with the seconds that are left."""
        left_s = self._until_s - self._clock.boottime_s()
        if self._cause is None or left_s <= 0:
            return
        raise RateLimited(
            f"nothing is sent for another {left_s:.0f} s: the exchange asked for it",
            retry_after_s=left_s,
            banned=self._cause.banned,
            code=self._cause.code,
            status=self._cause.status,
        )

    def shut(self, cause: RateLimited) -> None:
        """Close the gate; of several causes the one that lasts longest counts."""
        until_s = self._clock.boottime_s() + cause.retry_after_s
        if until_s > self._until_s:
            self._until_s, self._cause = until_s, cause
