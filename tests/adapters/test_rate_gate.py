"""The gate that keeps the pace, and the silence which the exchange asked for."""

from __future__ import annotations

import asyncio

import pytest

from p2pbot.adapters.rate_gate import ALL_CALLS, PATIENT_CALLS, RateGate
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


async def test_requests_beyond_the_burst_wait_their_turn() -> None:
    """The pace holds for all who share the gate."""
    clock = QuickClock()
    gate = RateGate(clock)
    for _ in range(ALL_CALLS.burst):
        await gate.turn()
    assert clock.slept == []
    await gate.turn()
    assert 0 < clock.slept[0] <= 1 / ALL_CALLS.per_s


async def test_patient_calls_wait_earlier_than_all_others() -> None:
    """So that who is waited for finds the pace unspent."""
    clock = QuickClock()
    gate = RateGate(clock)
    for _ in range(PATIENT_CALLS.burst + 1):
        await gate.patience()
    assert 0 < clock.slept[0] <= 1 / PATIENT_CALLS.per_s
    await gate.turn()
    assert len(clock.slept) == 1


async def test_who_waited_for_its_turn_learns_of_a_silence_that_began_meanwhile() -> None:
    """A request that leaves during a ban makes it longer."""
    clock = QuickClock()
    gate = RateGate(clock)
    for _ in range(ALL_CALLS.burst):
        await gate.turn()
    waiting = asyncio.create_task(gate.turn())
    gate.shut(RateLimited("", retry_after_s=100))
    with pytest.raises(RateLimited):
        await waiting
