"""The door to time.

Promise: the only place of the daemon that reads a clock or waits.
Danger: ``now_ms`` may leap when the machine's clock is set; waiting and ages use the other two.
"""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """This machine's clocks (``ports.Clock``)."""

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards and stand still during suspend."""
        return time.monotonic()

    def boottime_s(self) -> float:
        """Return seconds that never run backwards and count suspend (where the system has no such clock: monotonic)."""
        boottime = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic() if boottime is None else time.clock_gettime(boottime)

    def computed_s(self) -> float:
        """Return seconds of the processor that this thread has had."""
        return time.thread_time()

    async def sleep(self, delay_s: float) -> None:
        """Wait; a delay of nothing or less still lets others run once."""
        await asyncio.sleep(max(delay_s, 0.0))
