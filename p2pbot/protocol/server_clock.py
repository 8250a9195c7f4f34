"""The exchange's clock as we learnt it: what its time is now, counted on from one answer.

Promise: counts on by a clock that never leaps (suspend included), so that a step of this machine's wall clock changes
nothing.
Danger: a time stamp that is 1 s ahead of the exchange is refused at any recvWindow, one that is behind is not. So every
doubt is resolved into the past.
Source: Binance: accepted if ``timestamp < serverTime + 1000 and serverTime - timestamp <= recvWindow``.
"""

from __future__ import annotations

from dataclasses import dataclass

BIAS_MS = 100  # into the past: covers rounding and the drift of cheap clocks between two refreshes
LARGEST_HALF_TRIP_MS = 500  # a longer way back is not believed to be symmetric: half the allowance of 1 s


@dataclass(frozen=True, slots=True)
class ServerClock:
    """The exchange's time was ``server_ms`` when our suspend-proof clock stood at ``at_s``."""

    server_ms: int
    at_s: float

    def now_ms(self, boottime_s: float) -> int:
        """Return the exchange's time in milliseconds."""
        return self.server_ms + int((boottime_s - self.at_s) * 1000)

    def age_s(self, boottime_s: float) -> float:
        """Return how long ago it was learnt."""
        return boottime_s - self.at_s


def learnt(server_ms: int, asked_s: float, received_s: float) -> ServerClock:
    """Return the exchange's clock from one answer: half the round trip is its way back, less a bias into the past."""
    half_trip_ms = int(max(received_s - asked_s, 0.0) * 500)
    return ServerClock(server_ms + min(half_trip_ms, LARGEST_HALF_TRIP_MS) - BIAS_MS, received_s)
