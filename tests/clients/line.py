"""How a test and a foreign client's process talk: JSON, a value a line, marked so that a library's prints pass by.

Runs in the clients' virtual environment too, so it imports the standard library alone.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

MARK = "@@"


class Line:
    """The process's end: ``say`` writes to the test, ``hear`` reads what it wrote."""

    def __init__(self) -> None:
        self._heard: asyncio.StreamReader | None = None

    def say(self, value: object) -> None:
        """Tell the test."""
        sys.stdout.write(f"{MARK}{json.dumps(value, default=str)}\n")
        sys.stdout.flush()

    async def hear(self) -> Any:
        """Return the next value from the test."""
        if self._heard is None:
            self._heard = asyncio.StreamReader()
            protocol = asyncio.StreamReaderProtocol(self._heard)
            await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
        return json.loads(await self._heard.readline())


Scenario = Callable[[Mapping[str, str], Line], Awaitable[None]]


def speak(*scenarios: Scenario) -> None:
    """Play the scenario that the test names first, with the settings that it gives, and say ``done``."""
    known = {scenario.__name__: scenario for scenario in scenarios}

    async def play() -> None:
        line = Line()
        asked = await line.hear()
        await known[asked["scenario"]](asked["settings"], line)
        line.say("done")

    asyncio.run(play())
