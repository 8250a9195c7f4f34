"""The door to time."""

from __future__ import annotations

import asyncio
import time

import pytest

from p2pbot.adapters.clock import SystemClock
from p2pbot.ports import Clock


def test_now_is_unix_time_in_milliseconds() -> None:
    """Wall time is what the system says, in milliseconds."""
    before = time.time() * 1000
    now_ms = SystemClock().now_ms()
    assert int(before) - 1 <= now_ms <= time.time() * 1000


def test_it_is_a_clock_of_the_ports() -> None:
    """The door is what the loops ask for; its clocks do not run backwards."""
    clock: Clock = SystemClock()
    assert clock.monotonic_s() <= clock.monotonic_s()
    assert clock.boottime_s() <= clock.boottime_s()


def test_without_a_boot_clock_the_monotonic_one_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that has no clock through suspend still has one that never leaps."""
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    before = time.monotonic()
    assert before <= SystemClock().boottime_s() <= time.monotonic()


@pytest.mark.parametrize("delay_s", [0.0, -1.0, 0.001])
async def test_waiting_lets_others_run(delay_s: float) -> None:
    """Even a wait of nothing gives way once."""
    ran: list[bool] = []
    asyncio.get_running_loop().call_soon(ran.append, True)  # noqa: FBT003 - a value, not an option
    await SystemClock().sleep(delay_s)
    assert ran == [True]


def test_only_computing_counts_as_computed() -> None:
    """Waiting does not."""
    clock = SystemClock()
    before_s, steady_s = clock.computed_s(), clock.monotonic_s()
    while clock.computed_s() - before_s < 0.01:
        sum(range(1000))
    computed_s = clock.computed_s() - before_s
    assert 0.01 <= computed_s <= clock.monotonic_s() - steady_s + 0.005
