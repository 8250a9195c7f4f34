"""Clocks that leap as a machine's do when it sleeps or when somebody sets them."""

from __future__ import annotations

from p2pbot.adapters.clock import SystemClock


class LeapingClock(SystemClock):
    """This machine's clocks, of which those that count suspend and show the time can leap."""

    def __init__(self) -> None:
        self.slept_ms = 0
        self.set_ahead_ms = 0

    def now_ms(self) -> int:
        """Return the time of day, leapt."""
        return super().now_ms() + self.slept_ms + self.set_ahead_ms

    def boottime_s(self) -> float:
        """Return the clock that counts suspend."""
        return super().boottime_s() + self.slept_ms / 1000
