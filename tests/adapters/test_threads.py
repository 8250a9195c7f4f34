"""Threads for what may hang: results come back, and nothing that still runs holds up the process's end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from p2pbot.adapters.threads import AbandonableThreads

HANGS = """
import asyncio, threading
from p2pbot.adapters.threads import AbandonableThreads

async def main():
    loop = asyncio.get_running_loop()
    loop.set_default_executor(AbandonableThreads())
    began = threading.Event()
    loop.run_in_executor(None, lambda: (began.set(), threading.Event().wait()))
    began.wait()

asyncio.run(main())
print("ended")
"""


async def test_results_and_errors_come_back() -> None:
    """A job's answer reaches whoever waits, and so does what it raises."""
    asyncio.get_running_loop().set_default_executor(AbandonableThreads())
    assert await asyncio.to_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(divmod, 7, 0)


async def test_more_jobs_than_threads_wait_for_each_other() -> None:
    """No more threads than the bound are started, and no job is left out."""
    threads, gate = AbandonableThreads(most=3), threading.Event()

    def job(number: int) -> int:
        gate.wait(30)
        return number

    futures = [asyncio.wrap_future(threads.submit(job, number)) for number in range(200)]
    assert threads._busy == 3
    gate.set()
    assert await asyncio.gather(*futures) == list(range(200))


def test_a_job_that_was_cancelled_before_its_turn_is_not_run() -> None:
    """Nobody waits for it, so it does not happen."""
    ran: list[int] = []
    threads, gate = AbandonableThreads(most=1), threading.Event()
    first = threads.submit(gate.wait, 30)
    second = threads.submit(ran.append, 1)
    assert second.cancel()
    gate.set()
    assert first.result(30)
    assert threads.submit(len, ran).result(30) == 0


def test_a_job_that_never_ends_holds_up_no_exit() -> None:
    """A process whose lookup hangs for ever ends when its loop does."""
    done = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - our own words
    assert done.stdout == "ended\n"
    assert done.stderr == ""
