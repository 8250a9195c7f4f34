"""The small doors of one life: clocks, chance, log, notices, lease, brake.

Promise: a dead life's doors change nothing, record nothing and use up no dice.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from p2pbot.model import Notice
from tests.sim.life import Life


@dataclass
class Machine:
    """What outlives a process: how wrong the machine's clock is, the PAUSE file, the state of its dice."""

    rng: random.Random
    wall_error_ms: int = 0
    braked: set[str] = field(default_factory=set)


class SimClock:
    """``ports.Clock``: wall time with leaps, monotonic time that a suspend stops, boot time that it does not."""

    def __init__(self, life: Life, machine: Machine) -> None:
        self._life = life
        self._universe = life.universe
        self._machine = machine

    def now_ms(self) -> int:
        """Return this machine's idea of Unix time."""
        return self._universe.now_ms() + self._machine.wall_error_ms

    def monotonic_s(self) -> float:
        """Return the loop's time."""
        return self._universe.loop.time()

    def boottime_s(self) -> float:
        """Return the world's time."""
        return self._universe.loop.time() + self._universe.timeline.suspended_s

    def computed_s(self) -> float:
        """Return nothing: here no time is spent on computing."""
        return 0.0

    async def sleep(self, delay_s: float) -> None:
        """Wait in virtual time."""
        self._life.check()
        await asyncio.sleep(max(delay_s, 0.0))
        self._life.check()


class SimRng:
    """``ports.Rng`` from the seed."""

    def __init__(self, life: Life, machine: Machine) -> None:
        self._life = life
        self._machine = machine

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high]."""
        return low if self._life.dead else self._machine.rng.uniform(low, high)

    def uuid(self) -> str:
        """Return a new identity."""
        return "" if self._life.dead else str(uuid.UUID(int=self._machine.rng.getrandbits(128), version=4))


class SimEvents:
    """``ports.Events`` into the record; ``look`` sees every line and its level."""

    def __init__(self, life: Life, look: Callable[[str, str], None]) -> None:
        self._life = life
        self._look = look

    def info(self, event: str, **values: object) -> None:
        """Record what happened."""
        self._say("info", event, values)

    def warning(self, event: str, **values: object) -> None:
        """Record what a person should know."""
        self._say("warning", event, values)

    def error(self, event: str, **values: object) -> None:
        """Record what a person must mend."""
        self._say("error", event, values)

    def _say(self, level: str, event: str, values: dict[str, object]) -> None:
        if self._life.dead:
            return
        line = f"{level} {event} {values}"
        self._life.universe.trace.say(f"[{self._life.number}] {line}")
        self._look(level, line)


class SimNotifier:
    """``ports.Notifier`` into the record."""

    def __init__(self, life: Life, look: Callable[[str, str], None]) -> None:
        self._life = life
        self._look = look

    async def notify(self, notice: Notice) -> None:
        """Record a word to the operator."""
        if not self._life.dead:
            line = f"notice {notice.key} {notice.text}"
            self._life.universe.trace.say(f"[{self._life.number}] {line}")
            self._look("notice", line)


class SimLease:
    """``ports.Lease``: held as long as the process lives."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def held(self, account: str) -> bool:
        """Whether the process is alive."""
        return bool(account) and not self._life.dead


class SimBrake:
    """``ports.Brake``: the machine's PAUSE file."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def is_set(self, account: str) -> bool:
        """Whether the file is there."""
        return account in self._machine.braked
