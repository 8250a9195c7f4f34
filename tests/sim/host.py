"""The machine on which the daemon runs: starts it, kills it, stops it politely, starts it again.

Promise: what runs is ``daemon.Account`` with its real loops and cores, one per account, as the composition root joins
them, and watched as there: a loop that is late by its own word ends the daemon. An end that nobody ordered is a
violation, unless the disk broke.
"""

from __future__ import annotations

import asyncio
import random
from functools import lru_cache

from p2pbot.adapters.rate_gate import RateGate
from p2pbot.adapters.rest import longest_call_s
from p2pbot.app import leaves
from p2pbot.conversation.decision import Policy
from p2pbot.conversation.delivery import DeliveryPolicy
from p2pbot.conversation.inbox import InboxPolicy
from p2pbot.conversation.limits import Caps
from p2pbot.conversation.pictures import UploadPolicy
from p2pbot.daemon.account import Account
from p2pbot.daemon.chat import ConnectBudget
from p2pbot.daemon.progress import Progress
from p2pbot.daemon.rulebook import Rulebook
from p2pbot.daemon.supervisor import end, guarded
from p2pbot.daemon.surroundings import AccountPlan, Doors, Timings
from p2pbot.daemon.watchdog import Watchdog
from p2pbot.daemon.watched import watched
from p2pbot.errors import StateError
from p2pbot.model import Mode
from p2pbot.protocol.backoff import AttemptBudget
from p2pbot.rules.pictures import PictureName
from p2pbot.rules.ruleset import RuleSet, load_rules
from tests.sim.climate import PRESIGNS_PER_MINUTE, Climate
from tests.sim.doors import Machine, SimBrake, SimClock, SimEvents, SimLease, SimNotifier, SimRng
from tests.sim.judge import Judge
from tests.sim.life import Life
from tests.sim.pictures import QR, SimShelf, SimUploader
from tests.sim.rest import SimRest
from tests.sim.store import Plate, SimStore
from tests.sim.talk import rules_text
from tests.sim.universe import Universe
from tests.sim.wire import SimWire

_RESTART_S = 2.0  # as the service manager waits
_REQUEST_S, _UPLOAD_S, _FETCH_S = 10.0, 30.0, 60.0  # the doors' deadlines
_SETTLE_S, _CLOSE_S = 10.0, 4.0  # of an end: the wire alone may take 3 s to close a half-open socket
_MOST_GHOST_ROUNDS = 1_000


@lru_cache(maxsize=64)
def compiled(text: str) -> RuleSet:
    """Return the rules of a text; the same set serves many runs, for it does not change."""
    loaded = load_rules({"sim.yaml": text}, {PictureName("sim.yaml", QR.name): QR})
    ruleset = loaded.ruleset
    if ruleset is None:
        raise AssertionError(loaded.findings)
    return ruleset


def plan_of(name: str, climate: Climate) -> AccountPlan:
    """Return the numbers by which an account runs."""
    wide = Caps(
        order_replies_per_hour=10_000,
        counterparty_replies_per_day=10_000,
        account_replies_per_minute=10_000,
        breaker=100,
    )
    return AccountPlan(
        name=name,
        policy=Policy(
            inbox=InboxPolicy(max_age_ms=climate.max_age_ms, takeover_mute_ms=climate.takeover_ms),
            caps=Caps() if climate.default_caps else wide,
            mode=Mode.LIVE,
        ),
        delivery=DeliveryPolicy(settle_ms=climate.settle_ms),
        uploads=UploadPolicy(presigns_per_minute=PRESIGNS_PER_MINUTE),
        timings=Timings(
            order_poll_s=climate.poll_s,
            chat_renewal_s=climate.renewal_s,
            idle_timeout_s=climate.idle_s,
            history_margin_s=climate.settle_ms / 1000,
        ),
    )


class Shared:
    """What all accounts of one process share."""

    def __init__(self, life: Life, clock: SimClock, rng: SimRng, store: SimStore) -> None:
        self.life = life
        self.clock = clock
        self.rng = rng
        self.store = store
        self.gate = RateGate(clock)
        self.budget = ConnectBudget(AttemptBudget())
        self.progress = Progress(clock.monotonic_s)


class Host:
    """One machine with its disk and clock, and at most one daemon."""

    def __init__(self, universe: Universe, judge: Judge) -> None:
        self._universe = universe
        self._judge = judge
        self.plate: Plate = judge.plate
        self.machine = Machine(random.Random(f"machine {universe.climate.seed}"))  # noqa: S311 - repeatable
        self.life: Life | None = None
        self.accounts: dict[str, Account] = {}
        self.lives = 0
        self.stopped = False
        self._ghosts = 0
        universe.loop.on_round = self._watch_ghosts

    def start(self) -> None:
        """Start a daemon, unless one runs."""
        if self.life is not None or self.stopped:
            return
        self.lives += 1
        life = self.life = Life(self._universe, self.lives)
        life.on_death.append(self._gone)
        self._universe.trace.say(f"life {self.lives} begins")
        self._judge.born(life)
        shared = Shared(
            life,
            SimClock(life, self.machine),
            SimRng(life, self.machine),
            SimStore(life, self.plate, self._judge.committed),
        )
        self.accounts = {name: self._account(name, shared) for name in self._universe.names}
        events = SimEvents(life, self._judge.said)
        watchdog = Watchdog(shared.clock, shared.progress, None, events)
        self._universe.loop.create_task(self._run(life, shared.progress, watchdog), name="root")

    def _account(self, name: str, shared: Shared) -> Account:
        life = shared.life
        events, notifier = SimEvents(life, self._judge.said), SimNotifier(life, self._judge.said)
        doors = Doors(
            rest=SimRest(life, name, shared.clock, shared.rng, shared.gate),
            wire=SimWire(life, name, self._judge),
            store=shared.store,
            lease=SimLease(life),
            clock=shared.clock,
            rng=shared.rng,
            events=events,
            notifier=notifier,
            brake=SimBrake(self.machine),
            uploader=SimUploader(life),
            shelf=SimShelf(),
        )
        doors = watched(
            doors,
            shared.progress,
            call_s=longest_call_s(_REQUEST_S),
            connect_s=_REQUEST_S,
            upload_s=_UPLOAD_S,
            fetch_s=_FETCH_S,
        )
        rules = Rulebook(name, dict, events, notifier)
        rules.adopt(compiled(rules_text(self._universe.climate)))
        return Account(plan_of(name, self._universe.climate), doors, shared.budget, rules)

    async def _run(self, life: Life, progress: Progress, watchdog: Watchdog) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for account in self.accounts.values():
                    name = f"account {account.plan.name}"
                    group.create_task(guarded(account.run(), name, progress), name=name)
                group.create_task(guarded(watchdog.run(), "watchdog"), name="watchdog")
        except BaseExceptionGroup as errors:
            if not life.dead:
                self._failed(life, errors)

    def _failed(self, life: Life, errors: BaseExceptionGroup[BaseException]) -> None:
        found = leaves(errors)
        self._universe.trace.say(f"life {life.number} ended: {[type(error).__name__ for error in found]}")
        expected = self.plate.broke and all(isinstance(error, StateError) for error in found)
        if not expected:
            self._universe.blame("exception", "; ".join(f"{type(error).__name__}: {error}" for error in found))
        self.plate.broke = False
        life.end()

    def kill(self) -> None:
        """Kill the daemon now."""
        if self.life is not None:
            self.life.kill("at once")

    def _gone(self) -> None:
        self.life = None
        self.accounts = {}
        self._ghosts = 0
        self._universe.timeline.after(_RESTART_S, lambda: self._universe.timeline.awake(self.start))

    def _watch_ghosts(self) -> None:
        """See that a dead process ends all its tasks."""
        if self.life is None and self._universe.loop.tasks:
            self._ghosts += 1
            if self._ghosts == _MOST_GHOST_ROUNDS:
                names = [task.get_name() for task in self._universe.loop.tasks]
                self._universe.blame("tasks", f"left after the end: {names[:10]}")

    def stop(self) -> None:
        """Have the daemon end politely, as the composition root does it."""
        life = self.life
        if life is not None:
            main = next(task for task in self._universe.loop.tasks if task.get_name() == "root")
            self._universe.loop.create_task(self._end(life, main), name="stopper")

    async def _end(self, life: Life, main: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(_SETTLE_S), asyncio.TaskGroup() as group:
                for account in self.accounts.values():
                    group.create_task(account.drain(), name=f"drain {account.plan.name}")
        except TimeoutError:
            self._universe.trace.say("not everything settled in time")
        if life.dead:
            return
        await end(main, _CLOSE_S, next(iter(self.accounts.values())).doors.events)
        if not life.dead:
            self._universe.trace.say(f"life {life.number} stopped")
            life.end()
