"""Everything that exists in one run: time, the exchange, the network, the record, and who judges."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from p2pbot.sandbox.options import SandboxAccount, SecondSocket, WorldOptions
from p2pbot.sandbox.state import Close, Effect
from p2pbot.sandbox.world import World
from tests.sim.climate import PRESIGNS_PER_MINUTE, Climate
from tests.sim.timeline import EPOCH_MS, Timeline, VirtualLoop
from tests.sim.trace import Trace
from tests.sim.weather import Weather

T = TypeVar("T")

ACCOUNTS = ("main", "second")


@dataclass(frozen=True)
class Violation:
    """A promise that was broken. ``checker`` names the promise."""

    checker: str
    what: str
    at_s: float


class End(Protocol):
    """The client's end of a chat connection, as the network sees it."""

    def carry(self, effect: Effect) -> None:
        """Take what the exchange sends to this connection."""
        ...


def key_of(account: str) -> str:
    """Return an account's API key, made up."""
    return f"simulatedApiKey0123456789simulatedApiKey0123456789{account}"


def secret_of(account: str) -> str:
    """Return an account's API secret, made up."""
    return f"simulatedSecret0123456789simulatedSecret0123456789{account}"


class Universe:
    """One run's world. Whoever touches the exchange does it through ``do``, which settles afterwards."""

    def __init__(self, climate: Climate, *, keep_trace: bool = False) -> None:
        self.climate = climate
        self.timeline = Timeline()
        self.loop = VirtualLoop(self.timeline)
        self.trace = Trace(self.timeline, keep=keep_trace)
        self.weather = Weather(self.timeline, climate)
        self.world = World(_options(climate), random.Random(f"world {climate.seed}"))  # noqa: S311 - repeatable
        self.names = ACCOUNTS[: climate.accounts]
        self.ends: dict[int, End] = {}
        self.violations: list[Violation] = []
        self._armed_ms: int | None = None

    def now_ms(self) -> int:
        """Return the world's Unix time."""
        return self.timeline.now_ms

    def do(self, deed: Callable[[int], T]) -> T:
        """Do something to the exchange at the present time, then let its effects happen."""
        try:
            return deed(self.now_ms())
        finally:
            self.settle()

    def settle(self) -> None:
        """Carry out what the exchange wants sent, and be there when it has something to do."""
        for effect in self.world.take_effects():
            end = self.ends.get(effect.socket_id)
            if end is not None:
                if isinstance(effect, Close):
                    self.trace.say(f"exchange closes {effect.socket_id} {effect.code} {effect.reason}")
                end.carry(effect)
        due_ms = self.world.due_ms()
        if due_ms is not None and (self._armed_ms is None or due_ms < self._armed_ms):
            self._armed_ms = due_ms
            self.timeline.at((due_ms - EPOCH_MS) / 1000, self._tick)

    def _tick(self) -> None:
        self._armed_ms = None
        self.do(self.world.tick)

    def blame(self, checker: str, what: str) -> None:
        """Record a broken promise; the run ends soon after the first."""
        self.violations.append(Violation(checker, what, self.timeline.now_s))
        self.trace.say(f"VIOLATION {checker}: {what}")
        self.loop.stop()


def _options(climate: Climate) -> WorldOptions:
    accounts = tuple(
        SandboxAccount(name=name, api_key=key_of(name), hmac_secret=secret_of(name), nickname=f"shop-{name}")
        for name in ACCOUNTS[: climate.accounts]
    )
    return WorldOptions(
        accounts=accounts,
        history_lag_ms=climate.lag_ms,
        history_lag_jitter_ms=climate.lag_jitter_ms,
        echo_probability=climate.echo_probability,
        second_socket=SecondSocket.BYE if climate.bye_on_second else SecondSocket.ALLOW,
        deduplicate_uuid=climate.deduplicate,
        variety=climate.variety,
        presigns_per_minute=PRESIGNS_PER_MINUTE if climate.pictures else 36,
    )
