"""A Python process beside the bench: started, listened to, weighed and ended within a deadline."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from types import TracebackType
from typing import Self

START_DEADLINE_S = 30
STOP_DEADLINE_S = 20


class Child:
    """``async with Child("-m", "bench.echo") as child``. Its standard input stays open until the end.

    ``greeting`` is its first line of input. Without its output it is ended by SIGTERM, else by the end of its input.
    """

    def __init__(self, *arguments: str, greeting: str = "", keep_output: bool = True) -> None:
        self._arguments = arguments
        self._greeting = greeting
        self._output = PIPE if keep_output else DEVNULL
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *self._arguments, stdin=PIPE, stdout=self._output
        )
        if self._greeting and self._process.stdin is not None:
            self._process.stdin.write(f"{self._greeting}\n".encode())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self.process
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None and self._output == DEVNULL:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_DEADLINE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    @property
    def process(self) -> Process:
        """The process. Only inside ``async with``."""
        assert self._process is not None
        return self._process

    async def line(self, start: str) -> str:
        """Return the first line of output that starts so. Raises TimeoutError, or EOFError when it ended before."""
        assert self.process.stdout is not None
        async with asyncio.timeout(START_DEADLINE_S):
            while raw := await self.process.stdout.readline():
                text = raw.decode().strip()
                if text.startswith(start):
                    return text
        raise EOFError(f"it ended without saying {start!r}")

    def resident_mib(self) -> float:
        """Return how much of its memory is in RAM now (Linux)."""
        for row in Path(f"/proc/{self.process.pid}/status").read_text("ascii").splitlines():
            if row.startswith("VmRSS:"):
                return int(row.split()[1]) / 1024
        raise EOFError("the process has ended")
