"""Months of one account's streams in seconds: the real sessions, keys, streams and facts against the sandbox's world.

Promise: the same seed is the same run. What runs are the loops of ``daemon`` as ``app.context`` joins them, with their
real cores and the real REST door; only sockets and time are simulated. It ends at the first broken promise, or when the
days are over and everything has been put down cleanly.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from p2pbot.adapters.rate_gate import RateGate
from p2pbot.adapters.secrets_source import AccountKeys
from p2pbot.adapters.weight_gate import WeightGate
from p2pbot.adapters.wire import ChatWire
from p2pbot.app.context import Feeding, Shared
from p2pbot.config import Places, Settings, parse_settings
from p2pbot.daemon.chat import ConnectBudget
from p2pbot.daemon.supervisor import guarded
from p2pbot.protocol.backoff import AttemptBudget
from p2pbot.protocol.user_data_events import Source
from p2pbot.protocol.weights import SPOT_WEIGHTS
from p2pbot.sandbox import SandboxAccount, World, WorldOptions
from p2pbot.sandbox.links import Source as Kind
from p2pbot.secret import Secret
from tests.fakes.world import StillClock
from tests.fakes.world import World as Fakes
from tests.sim.account_deeds import Deeds
from tests.sim.account_judge import ASSET, MOST_CONNECTS, MOST_LINKS, MOST_TASKS, Listening
from tests.sim.account_net import AccountWire
from tests.sim.account_plan import DAY_S, Planned, plan_of
from tests.sim.climate import climate_of
from tests.sim.doors import Machine, SimClock, SimEvents, SimNotifier, SimRng
from tests.sim.life import Life
from tests.sim.rest import SimRest
from tests.sim.timeline import StandStill
from tests.sim.universe import Universe, Violation, key_of, secret_of

_ROOT = "wss://simulated.invalid"
_LOOK_S = 300.0
_NEVER = frozenset({"-1000", "-1003", "-1022", "-1102", "-1104"})  # unknown method, weight, signature, parameters
NAME = "main"


@dataclass(frozen=True)
class Report:
    """What a run came to. Times in seconds of the machine's own clock."""

    seed: int
    violations: tuple[Violation, ...]
    longest_deaf_s: dict[str, float]
    longest_down_s: dict[str, float]
    most_tasks: int
    most_links: int
    most_connects: int
    counts: Counter[str]
    digest: str

    def told(self) -> str:
        """Return it in a few lines."""
        found = "".join(f"\n  {one.at_s / DAY_S:7.3f} d  {one.checker}: {one.what}" for one in self.violations[:5])
        deaf = ", ".join(f"{name} {span:.0f} s" for name, span in self.longest_deaf_s.items())
        down = ", ".join(f"{name} {span:.0f} s" for name, span in self.longest_down_s.items())
        return (
            f"account world {self.seed}: deaf at most {deaf}; down at most {down}; "
            f"{self.most_tasks} tasks, {self.most_links} sockets of one kind; "
            f"{self.most_connects} connects in five minutes; {dict(self.counts)}{found}"
        )


class AccountRun:
    """One world. ``legacy`` spot streams use the older listenKeys; every other seed's key may log on."""

    def __init__(self, seed: int, days: float, *, keep_trace: bool = False) -> None:
        self.seed, self.days = seed, days
        self.legacy, self.logs_on = seed % 3 == 2, seed % 2 == 1
        climate = replace(climate_of(seed), accounts=1, wild=False, latency_s=0.05)
        self.universe = Universe(climate, keep_trace=keep_trace)
        self.universe.world = World(_options(self), random.Random(f"account world {seed}"))  # noqa: S311 - repeatable
        self.life = Life(self.universe, 1)
        self.machine = Machine(random.Random(f"account machine {seed}"))  # noqa: S311 - repeatable
        self.wire = AccountWire(self.universe, self._busy)
        self.listening = Listening(self.universe, (Source.FUTURES, Source.SPOT))
        self.counts: Counter[str] = Counter()
        self.most_tasks = self.most_links = 0
        self._numbers: Counter[Source] = Counter()
        self._main: asyncio.Task[None] | None = None

    def report(self) -> Report:
        """Let it happen."""
        universe = self.universe
        universe.loop.set_exception_handler(lambda _, context: universe.blame("exception", str(context)))
        deeds = Deeds(self)
        for planned in plan_of(self.seed, self.days):
            universe.timeline.at(planned.at_s, partial(self._do, deeds, planned))
        universe.timeline.at(_LOOK_S, self._look)
        universe.timeline.at(self.days * DAY_S, self._finish)
        self._main = universe.loop.create_task(self._run(), name="main")
        self._main.add_done_callback(self._ended)
        try:
            universe.loop.run_forever()
        except StandStill as stuck:
            universe.blame("tight_loop", str(stuck))
        finally:
            self._clear()
        ears = self.listening.ears
        return Report(
            seed=self.seed,
            violations=tuple(universe.violations),
            longest_deaf_s={source.value: ear.longest_deaf_s for source, ear in ears.items()},
            longest_down_s={source.value: ear.longest_down_s for source, ear in ears.items()},
            most_tasks=self.most_tasks,
            most_links=self.most_links,
            most_connects=self.wire.most_connects,
            counts=self.counts + Counter({f"gaps {source}": ear.gaps for source, ear in ears.items()}),
            digest=universe.trace.digest(),
        )

    def change(self, source: Source) -> None:
        """Let a holding change; its new amount is the number of the change."""
        self._numbers[source] += 1
        number = self._numbers[source]
        self.listening.changed(source, number)
        context = self.universe.world.context
        change = context.set_balance if source is Source.FUTURES else context.set_spot_balance
        self.universe.do(lambda now_ms: change(NAME, ASSET, Decimal(number), now_ms))

    def _busy(self) -> None:
        """Let holdings change while a connection begins: snapshot and events cross each other."""
        for source in (Source.FUTURES, Source.SPOT):
            self.universe.timeline.after(self.universe.weather.between(0.0, 0.4), partial(self.change, source))

    # The machine

    async def _run(self) -> None:
        clock, rng = SimClock(self.life, self.machine), SimRng(self.life, self.machine)
        events, notifier = SimEvents(self.life, self._line), SimNotifier(self.life, self._line)
        doors = replace(Fakes(StillClock(0)).doors(), clock=clock, rng=rng, events=events, notifier=notifier)
        settings = _settings(self)
        feeders = Feeding(settings.accounts[0], _keys(self), doors, self._shared(settings, clock)).feeders()
        async with asyncio.TaskGroup() as group:
            for source, feeder in feeders.items():
                for name, loop in feeder(self.listening).loops.items():
                    group.create_task(guarded(loop(), f"{source} {name}"), name=f"{source} {name}")

    def _shared(self, settings: Settings, clock: SimClock) -> Shared:
        """Return what the composition root would share, with the simulated network in place of the real doors."""

        def rest(*given: Any, recv_window_ms: int, gate: RateGate, time_call: object) -> SimRest:
            *_, its_clock, its_rng = given
            del recv_window_ms, time_call
            return SimRest(self.life, NAME, its_clock, its_rng, gate)

        return Shared(
            exchange=settings.exchange,
            wire=cast("ChatWire", self.wire),
            rest=rest,
            budget=ConnectBudget(AttemptBudget(limit=MOST_CONNECTS)),
            futures=WeightGate(clock),
            spot=WeightGate(clock, SPOT_WEIGHTS),
            timeout_s=10.0,
        )

    def _line(self, level: str, line: str) -> None:
        self.counts[f"{level} {line.split()[1]}"] += 1

    # The promises

    def _do(self, deeds: Deeds, planned: Planned) -> None:
        self.counts[planned.deed.value] += 1
        self.universe.trace.say(f"{planned.deed} {planned.much:.3f}")
        deeds.do(planned)

    def _look(self) -> None:
        universe = self.universe
        self.listening.look()
        tasks, links = len(universe.loop.tasks), self._links()
        self.most_tasks, self.most_links = max(self.most_tasks, tasks), max(self.most_links, links)
        if tasks > MOST_TASKS:
            universe.blame("leak", f"{tasks} tasks: {sorted(task.get_name() for task in universe.loop.tasks)}")
        if links > MOST_LINKS:
            universe.blame("leak", f"{links} sockets of one kind at the exchange")
        if len(self.wire.open) > 2 * MOST_LINKS:
            universe.blame("leak", f"{len(self.wire.open)} sockets are open here")
        universe.timeline.after(_LOOK_S, self._look)

    def _links(self) -> int:
        kinds = Counter(link.kind for link in self.universe.world.context.links())
        return max(kinds.values(), default=0)

    def _finish(self) -> None:
        """Look at the end: all is known and right, one socket of each kind; then put everything down."""
        universe, figures = self.universe, self.listening.facts
        for source, number in self._numbers.items():
            told = figures._told[source].balances.get(ASSET)
            if not figures.known(source) or told != number:
                universe.blame("end", f"{source}: {told} is told, {number} is true")
        kinds = Counter(link.kind.value for link in universe.world.context.links())
        if set(kinds.values()) - {1} or len(self.wire.open) != len(kinds):
            universe.blame("end", f"sockets at rest: {dict(kinds)} there, {len(self.wire.open)} here")
        self._judge_calls()
        key = universe.world.context.listen_key(NAME, Kind.FUTURES, universe.now_ms())
        if self._main is not None and not universe.violations:
            self._main.cancel()
            universe.timeline.after(60.0, lambda: self._close(key))

    def _judge_calls(self) -> None:
        """Look at how we behaved: no call of a wrong form or signature, no more weight or connects than allowed."""
        codes = Counter(call.code for call in self.universe.world.context.calls())
        if wrong := sorted(_NEVER & codes.keys()):
            self.universe.blame("manners", f"the exchange had to say {wrong}")
        if self.wire.most_connects > MOST_CONNECTS:
            self.universe.blame("manners", f"{self.wire.most_connects} connects within five minutes")

    def _close(self, key: str) -> None:
        universe = self.universe
        left = [task.get_name() for task in universe.loop.tasks]
        if left or self.wire.open or universe.world.context.links():
            universe.blame("end", f"left after a polite end: {left}, {len(self.wire.open)} sockets")
        if universe.world.context.listen_key(NAME, Kind.FUTURES, universe.now_ms()) != key:
            universe.blame("end", "the listenKey was closed, though nobody asked for it")
        universe.loop.stop()

    def _ended(self, main: asyncio.Task[None]) -> None:
        if not main.cancelled():
            self.universe.blame("bug", f"the loops ended: {main.exception()!r}")

    def _clear(self) -> None:
        """End what is left, so that no coroutine complains when it is forgotten."""
        loop = self.universe.loop
        loop.set_exception_handler(lambda *_: None)
        for _ in range(100):
            if not loop.tasks:
                break
            for task in tuple(loop.tasks):
                task.cancel()
            loop.call_soon(loop.stop)
            loop.run_forever()
        loop.close()


def _ed25519(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"account key {seed}".encode()).digest())


def _keys(run: AccountRun) -> AccountKeys:
    api_key = Secret(key_of(NAME))
    if not run.logs_on:
        return AccountKeys(api_key=api_key, hmac_secret=Secret(secret_of(NAME)))
    pem = _ed25519(run.seed).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return AccountKeys(api_key=api_key, private_key=Secret(pem))


def _settings(run: AccountRun) -> Settings:
    spot = "legacy_listen_key" if run.legacy else "subscribe"
    text = f"""
version: 1
exchange:
  ws_api_url: {_ROOT}/ws-fapi/v1
  spot_ws_api_url: {_ROOT}/ws-api/v3
  futures_stream_url: {_ROOT}
  spot_stream_url: {_ROOT}
accounts:
  - {{name: {NAME}, api_key_file: k, api_secret_file: s, futures: {{enabled: yes}}, spot: {{user_data: {spot}}}}}
"""
    return parse_settings(text, Path("sim.yaml"), Places(base=Path("/"), home=Path("/"), state_dir=Path("/")))


def _options(run: AccountRun) -> WorldOptions:
    public = _ed25519(run.seed).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    account = SandboxAccount(
        name=NAME,
        api_key=key_of(NAME),
        hmac_secret=secret_of(NAME),
        public_key_pem=public,
        futures_wallet=((ASSET, Decimal(0)),),
        spot_free=((ASSET, Decimal(0)),),
    )
    day_ms = 24 * 3_600_000
    return WorldOptions(accounts=(account,), spot_listen_keys=run.legacy, ping_every_ms=2 * day_ms)


def run_account(seed: int, days: float, *, keep_trace: bool = False) -> Report:
    """Run one world."""
    return AccountRun(seed, days, keep_trace=keep_trace).report()
