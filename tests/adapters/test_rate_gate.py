"""The gate that keeps the silence which the exchange asked for."""

from __future__ import annotations

import pytest

from p2pbot.adapters.rate_gate import RateGate
from p2pbot.errors import RateLimited
from tests.fakes.scripted_server import QuickClock


def test_a_new_gate_is_open() -> None:
    """Nothing is held back before the exchange asked for silence."""
    RateGate(QuickClock()).check()


def test_it_tells_what_is_left() -> None:
    """While it is closed each call learns the seconds that are left, and why."""
    clock = QuickClock()
    gate = RateGate(clock)
    gate.shut(RateLimited("", retry_after_s=100, banned=True, code="-1003", status=418))
    clock.shift_s = 40
    with pytest.raises(RateLimited) as limited:
        gate.check()
    assert 59 <= limited.value.retry_after_s <= 60
    assert (limited.value.banned, limited.value.code, limited.value.status) == (True, "-1003", 418)


def test_it_opens_by_itself() -> None:
    """After the time that was asked for the gate is open again."""
    clock = QuickClock()
    gate = RateGate(clock)
    gate.shut(RateLimited("", retry_after_s=100))
    clock.shift_s = 100
    gate.check()


def test_the_longest_silence_counts() -> None:
    """A shorter wish does not shorten a longer one."""
    gate = RateGate(QuickClock())
    gate.shut(RateLimited("", retry_after_s=100, banned=True))
    gate.shut(RateLimited("", retry_after_s=1))
    with pytest.raises(RateLimited) as limited:
        gate.check()
    assert limited.value.banned
    assert limited.value.retry_after_s > 50
