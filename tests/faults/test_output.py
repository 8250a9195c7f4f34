"""Nobody reads the log any more: its reader has gone, or the disk that it is written to is full."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.trial import Trial, some

FULL = Path("/dev/full")


@contextmanager
def _full() -> Iterator[int]:
    handle = os.open(FULL, os.O_WRONLY)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _reader_gone() -> Iterator[int]:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


OUTPUTS = {"full": _full, "reader_gone": _reader_gone}


@pytest.mark.skipif(not FULL.exists(), reason=f"not possible here: no {FULL}")
@pytest.mark.parametrize("kind", some(OUTPUTS, "full"))
async def test_log_cannot_be_written(trial: Trial, kind: str) -> None:
    """The daemon answers on, for its record is the store; the lines are lost, and it still stops as told."""
    trial.begin()
    command = (sys.executable, "-m", "p2pbot", "run", "--config", str(trial.scene.config))
    with OUTPUTS[kind]() as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output)
    try:
        await trial.until(lambda: trial.connects(101) > 0 or process.returncode is not None, "the chat is open")
        await trial.ask(2)
        await trial.verdict()
        process.terminate()
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
