"""The dead man's handle, held by real processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

HANGS = """
from p2pbot.adapters.dead_man import DeadMansHandle
handle = DeadMansHandle(0.3)
handle.alive()
def stands_still():
    while True: pass
stands_still()
"""
LIVES = """
import time
from p2pbot.adapters.dead_man import DeadMansHandle
DeadMansHandle(1.0).alive()
handle = DeadMansHandle({again_s})
handle.alive()
{then}
time.sleep(2.0)
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the tests."""
    command = [sys.executable, "-c", program]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)  # noqa: S603 - ours


def test_a_process_that_stands_still_is_ended_with_its_line() -> None:
    """One line that never ends, in the only thread that Python has: the process ends with 1 and names it."""
    done = run(HANGS)
    assert done.returncode == 1
    assert "in stands_still" in done.stderr


@pytest.mark.parametrize(("again_s", "then"), [(60.0, ""), (1.0, "handle.let_go()")], ids=["fed again", "let go"])
def test_a_process_that_is_fed_again_or_let_go_lives(again_s: float, then: str) -> None:
    """Each word takes the place of the one before, and who ends by himself is not ended."""
    done = run(LIVES.format(again_s=again_s, then=then))
    assert (done.returncode, done.stderr) == (0, "")
