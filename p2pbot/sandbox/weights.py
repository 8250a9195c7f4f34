"""The request weight that one address has used in the present minute, and what happens beyond the limit.

Promise: pure; the minute begins with the clock's, as the exchange counts. Who goes on asking while limited is banned.
Source: futures and user-data notes section 2. How many refusals make a ban is not published; the number is made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_MINUTE_MS = 60_000
_REFUSALS_TO_BAN = 20
_BAN_MS = 120_000


@dataclass(frozen=True, slots=True)
class OverWeight:
    """A refusal: HTTP 429 or 418, and the time (ours) from which on it is worth asking again."""

    status: int
    until_ms: int


class Weights:
    """One address and one product (futures, spot)."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._minute = -1
        self._used = 0
        self._refused = 0
        self._banned_until_ms = 0

    def used(self, now_ms: int) -> int:
        """Return the weight used in the present minute."""
        return self._used if self._minute == now_ms // _MINUTE_MS else 0

    def spend(self, weight: int, now_ms: int) -> OverWeight | None:
        """Count a request; return the refusal if it goes over the limit (what is refused counts too)."""
        if now_ms < self._banned_until_ms:
            return OverWeight(418, self._banned_until_ms)
        minute = now_ms // _MINUTE_MS
        if minute != self._minute:
            self._minute, self._used, self._refused = minute, 0, 0
        self._used += weight
        if self._used <= self.limit:
            return None
        self._refused += 1
        if self._refused > _REFUSALS_TO_BAN:
            self._banned_until_ms = now_ms + _BAN_MS
            return OverWeight(418, self._banned_until_ms)
        return OverWeight(429, (minute + 1) * _MINUTE_MS)

    def row(self, now_ms: int) -> dict[str, Any]:
        """Return one row of ``rateLimits``."""
        return {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": self.limit,
            "count": self.used(now_ms),
        }
