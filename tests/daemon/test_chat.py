"""The chat loop: a socket that is let go must have been heard to its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from p2pbot.daemon.chat import ChatLoop, ConnectBudget
from p2pbot.daemon.surroundings import AccountPlan
from p2pbot.errors import ConnectionLost
from p2pbot.protocol.backoff import AttemptBudget
from tests.fakes.occasions import NOW_MS
from tests.fakes.world import StillClock, World


@dataclass
class Ear:
    """A listener that notes what it hears of."""

    heard: list[str] = field(default_factory=list)

    async def on_frame(self, raw: str | bytes) -> None:
        """Note it."""
        self.heard.append(f"frame of {len(raw)}")

    async def on_open(self) -> None:
        """Note it."""
        self.heard.append("open")

    async def on_renewed(self) -> None:
        """Note it."""
        self.heard.append("renewed")

    async def on_lost(self) -> None:
        """Note it."""
        self.heard.append("lost")


class Closed:
    """A connection that is over."""

    async def receive(self) -> str:
        """Refuse."""
        raise ConnectionLost("over")

    async def send(self, text: str) -> None:
        """Refuse."""
        raise ConnectionLost(f"over, before {len(text)} characters")

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Do nothing."""


@pytest.mark.parametrize(("code", "heard"), [(1000, []), (1001, []), (1006, ["open"])])
async def test_an_old_socket_that_takes_no_leave_was_perhaps_deaf(code: int, heard: list[str]) -> None:
    """A half-open socket looks healthy until its renewal; what it did not bring is in the histories only."""
    ear = Ear()
    doors = World(StillClock(NOW_MS)).doors()
    loop = ChatLoop(AccountPlan(name="main"), doors, ConnectBudget(AttemptBudget()), ear, lambda: True)

    async def over() -> ConnectionLost:
        return ConnectionLost("over", code=code)

    await loop._retire(Closed(), asyncio.create_task(over()))
    assert ear.heard == heard
