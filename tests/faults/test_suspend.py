"""The machine sleeps, or its clock is set: the process is stopped for real, the clocks leap in their door."""

from __future__ import annotations

import asyncio
import signal

import pytest

from p2pbot.sandbox import Fault
from tests.faults.clocks import LeapingClock
from tests.faults.trial import LONG, Trial

HOUR_MS = 3_600_000


async def test_suspended_for_an_hour(trial: Trial) -> None:
    """After a suspend every connection counts as dead: the chat is replaced and the gap read from the history."""
    clock = LeapingClock()
    async with trial.daemon(clock):
        await trial.scene.box.inject(Fault("silence", account="main"))
        await trial.ask()
        clock.slept_ms = HOUR_MS
        await trial.scene.box.inject(Fault("clock_skew", skew_ms=HOUR_MS))  # the exchange's clock went on too
        await trial.ask()
        await trial.until(lambda: trial.connects(101) > 0, "the chat is replaced")
        await trial.verdict(silence={"too_old"}, note="what was asked an hour ago is too old to answer, and said so")


@pytest.mark.parametrize("leap_ms", [pytest.param(HOUR_MS, id="ahead", marks=LONG), pytest.param(-HOUR_MS, id="back")])
async def test_clock_set(trial: Trial, leap_ms: int) -> None:
    """Somebody sets the machine's clock by an hour: the exchange's clock counts, nothing is lost or doubled."""
    clock = LeapingClock()
    async with trial.daemon(clock):
        await trial.scene.box.inject(Fault("swallow", account="main", count=1))
        await trial.ask()
        clock.set_ahead_ms = leap_ms
        await trial.ask(2)
        await trial.verdict()


@pytest.mark.parametrize("skew_ms", [pytest.param(-30_000, id="behind", marks=LONG), pytest.param(30_000, id="ahead")])
async def test_exchanges_clock_leaps(trial: Trial, skew_ms: int) -> None:
    """When the exchange's clock differs, requests are refused once, its clock is learnt, and all goes on."""
    async with trial.daemon():
        await trial.scene.box.inject(Fault("clock_skew", skew_ms=skew_ms))
        await trial.scene.box.inject(Fault("drop", account="main"))
        await trial.ask(2)
        await trial.until(lambda: trial.connects(101) > 0, "the chat is open again")
        await trial.verdict()


async def _stopped(trial: Trial, process: asyncio.subprocess.Process, until_s: float) -> None:
    """Stop the process, let people talk, and wake it."""
    process.send_signal(signal.SIGSTOP)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await trial.ask()
    await trial.scene.box.inject(Fault("drop", account="main"))
    await trial.ask()
    await trial.until(lambda: loop.time() - began_s >= until_s, "it is stopped long enough")
    process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("stopped_s", [5, pytest.param(40, marks=pytest.mark.long)])
async def test_process_stopped(trial: Trial, stopped_s: int) -> None:
    """A process that was stopped (SIGSTOP) finds its sockets dead when it wakes, and answers what was said."""
    async with trial.process() as process:
        await trial.until_process_open(process)
        await trial.ask()
        await trial.until_answered()
        trial.begin()
        await _stopped(trial, process, stopped_s)
        await trial.until(lambda: trial.said("chat_open"), "the chat is open again")
        await trial.verdict(note=f"stopped for {stopped_s} s, which the bot itself cannot count as deafness")
        process.terminate()
        assert await process.wait() == 0


@pytest.mark.long
async def test_exchange_stopped_answering_after_a_wake(trial: Trial) -> None:
    """Stopped longer than the ping timeouts, with the connection left half open: the pings find it after the wake."""
    async with trial.process() as process:
        await trial.until_process_open(process)
        await trial.ask()
        await trial.until_answered()
        trial.begin()
        process.send_signal(signal.SIGSTOP)
        await trial.scene.box.inject(Fault("half_open", account="main", duration_ms=35_000))
        await trial.ask(2)
        loop, began_s = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        await trial.until(lambda: loop.time() - began_s >= 32, "it is stopped long enough")
        process.send_signal(signal.SIGCONT)
        await trial.verdict()
        process.terminate()
        assert await process.wait() == 0
