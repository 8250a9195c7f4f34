"""Where received pictures come from and where they are kept, in memory: hosts that fail, disks that are full."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from p2pbot.errors import P2pbotError, RequestRefused, StateUnwritable
from p2pbot.protocol.pictures import FetchedPicture


@dataclass
class PictureHost:
    """``ports.PictureSource``: pictures by address; ``failures`` come first; ``stuck`` never answers."""

    pictures: dict[str, bytes] = field(default_factory=dict)
    failures: list[P2pbotError] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    stuck: bool = False
    at_once: int = 0
    most_at_once: int = 0

    async def fetch(self, address: str, most_bytes: int) -> FetchedPicture:
        """Return the picture."""
        self.asked.append(address)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            if self.stuck:
                await asyncio.Event().wait()
            if self.failures:
                raise self.failures.pop(0)
            if len(data := self.pictures.get(address, b"")) > most_bytes or not data:
                raise RequestRefused("the picture is gone")
            return FetchedPicture(data, "image/jpeg")
        finally:
            self.at_once -= 1


@dataclass
class PictureAttic:
    """``ports.PictureArchive``: pictures by order and name; ``full`` takes nothing."""

    kept: dict[tuple[str, str], bytes] = field(default_factory=dict)
    pruned_ms: list[int] = field(default_factory=list)
    full: bool = False

    async def has(self, order_no: str, name: str) -> bool:
        """Whether it is there."""
        return (order_no, name) in self.kept

    async def keep(self, order_no: str, name: str, data: bytes) -> None:
        """Keep it."""
        if self.full:
            raise StateUnwritable("archive: No space left on device")
        self.kept[(order_no, name)] = data

    async def prune(self, now_ms: int) -> int:
        """Note when it was asked to forget."""
        await asyncio.sleep(0)  # with a clock that never waits, somebody must let others run
        self.pruned_ms.append(now_ms)
        if self.full:
            raise StateUnwritable("archive: No space left on device")
        return 0
