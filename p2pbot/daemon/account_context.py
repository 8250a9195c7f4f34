"""What an account's user-data streams are for: figures for rules, and events of the account itself.

Promise: off, nothing of it runs. On, it never harms the chat: its loops live behind a bulkhead, a question for figures
always has an answer, and every queue is bounded. While a stream is interrupted its figures are not known.
Danger: limits of the account's own rules are counted here, outside the lock under which orders are decided. A ``group``
that both kinds of rules share may count one more than it should.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import NoReturn, TypeVar

from p2pbot.conversation.account_decision import AccountSituation, decide_account
from p2pbot.conversation.account_events import ACCOUNT_TALK, LowBalances, shown_by, told_by
from p2pbot.conversation.account_facts import AccountFacts
from p2pbot.conversation.records import ClaimResult
from p2pbot.daemon.bulkhead import Bulkhead
from p2pbot.daemon.desk import Item, Rang
from p2pbot.daemon.progress import Progress
from p2pbot.daemon.supervisor import guarded
from p2pbot.daemon.surroundings import AccountPlan, Doors
from p2pbot.errors import OurError
from p2pbot.model import Stimulus
from p2pbot.ports import AccountSink
from p2pbot.protocol.user_data_events import AccountSnapshot, AccountUpdate, Source, SpotBalances, UserDataEvent
from p2pbot.rules.figures import NO_FIGURES, Figures
from p2pbot.rules.ruleset import RuleSet

T = TypeVar("T")

MOST_ORDERS = 200  # open orders that are asked about one event; an account's cap of replies is far below
_MOST_WAITING = 100  # events that wait to be decided: more than an account meets in a minute
_LOOK_S = 30.0  # limits of rules that were loaded anew are looked at this late


async def _leave() -> None:
    """Leave all as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLoops:
    """The loops that feed one source's facts, and what ``p2pbot status`` shows of them (times: Unix milliseconds).

    ``close``: what is to be done at the daemon's end, after the loops were ended; not when they are begun anew.
    """

    loops: Mapping[str, Callable[[], Coroutine[object, object, NoReturn]]]
    status: Callable[[], Mapping[str, object]] = dict
    close: Callable[[], Awaitable[None]] = _leave


Feeder = Callable[[AccountSink], SourceLoops]  # makes the loops of one source anew, at each start of theirs


class AccountContext:
    """One account's figures and events (``ports.AccountSink``)."""

    def __init__(
        self,
        plan: AccountPlan,
        doors: Doors,
        rules: Callable[[], RuleSet],
        orders: Callable[[], Iterable[str]],
        put: Callable[[Item], None],
    ) -> None:
        self._plan = plan
        self._doors = doors
        self._rules = rules
        self._orders = orders
        self._put = put
        self._facts = AccountFacts(plan.sources)
        self._low = LowBalances()
        self._held: deque[Stimulus] = deque()
        self._happened: deque[Stimulus] = deque()
        self._wake = asyncio.Event()
        self._bulkhead = Bulkhead(plan.name, doors)
        self._unwatched = Progress()  # the watchdog is for loops that the daemon cannot do without
        self._feeders: Mapping[Source, Feeder] = {}
        self._feeds: dict[Source, SourceLoops] = {}
        self._failed = False
        self.events_dropped = 0

    @property
    def on(self) -> bool:
        """Whether anything of it is switched on."""
        return bool(self._plan.sources)

    def attach(self, feeders: Mapping[Source, Feeder]) -> None:
        """Say who feeds the facts of each source; before ``run``."""
        self._feeders = dict(feeders)

    def figures(self) -> Figures:
        """Return what rules may use now. A fault in here makes it not known; it never reaches who asks."""
        return self._safely(self._figures, NO_FIGURES)

    async def run(self) -> NoReturn:
        """Run the loops for ever, each behind the bulkhead."""
        self._doors.progress.rest()
        async with asyncio.TaskGroup() as group:
            for source, feeder in self._feeders.items():
                held = self._bulkhead.hold(source, partial(self._feed, source, feeder), partial(self._forget, source))
                group.create_task(held, name=f"{self._plan.name}: {source}")
            decided = self._bulkhead.hold("account events", self._decide_all, lambda: None)
            group.create_task(decided, name=f"{self._plan.name}: account events")
        raise OurError(f"the context of account {self._plan.name} returned")

    def status(self) -> dict[str, object]:
        """Return what ``p2pbot status`` shows; empty when nothing is switched on."""
        return self._safely(self._status, {"failed": True}) if self.on else {}

    def _figures(self) -> Figures:
        return self._facts.figures(self._doors.now_ms()) if self._rules().asks_of_account else NO_FIGURES

    def _status(self) -> dict[str, object]:
        return {
            "known": {source.value: self._facts.known(source) for source in sorted(self._plan.sources)},
            "notes": self._facts.notes(self._doors.now_ms()),
            "feeds": {source.value: dict(feed.status()) for source, feed in self._feeds.items()},
            "failures": self._bulkhead.failures,
            "events_dropped": self.events_dropped,
        }

    def _safely(self, ask: Callable[[], T], otherwise: T) -> T:
        """Return an answer to loops that the daemon cannot do without, whatever happens in here."""
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - the chat and the status ask, and must not pay for a bug here
            if not self._failed:
                self._failed = True
                self._doors.events.error("account_context_failed", account=self._plan.name, exc_info=error)
            return otherwise

    # AccountSink

    def gap_opened(self, source: Source, at_ms: int) -> None:
        """Know nothing of a source any more."""
        self._facts.gap_opened(source, at_ms)

    def snapshot(self, source: Source, snapshot: AccountSnapshot) -> None:
        """Take the whole account; what it shows to have happened is told once the gap is closed."""
        self._facts.snapshot(source, snapshot)
        self._hold(shown_by(snapshot) if source is Source.FUTURES else ())

    def event(self, source: Source, event: UserDataEvent) -> None:
        """Take one event."""
        self._facts.event(source, event)
        self._hold(told_by(event) if source is Source.FUTURES else ())
        if self._held or isinstance(event, AccountUpdate | SpotBalances):
            self._tell()  # a flood of other events costs nothing

    def gap_closed(self, source: Source, at_ms: int) -> None:
        """Know again, and tell what the gap hid."""
        self._facts.gap_closed(source, at_ms)
        self._tell()

    async def _feed(self, source: Source, feeder: Feeder) -> None:
        """Run the loops of one source; the first that ends takes the others along."""
        feed = self._feeds[source] = feeder(self)
        try:
            async with asyncio.TaskGroup() as group:
                for name, loop in feed.loops.items():
                    whole = f"{self._plan.name}: {source} {name}"
                    group.create_task(guarded(loop(), whole, self._unwatched), name=whole)
        except asyncio.CancelledError:  # the daemon's end; what fails by itself comes as a group of errors
            await feed.close()
            raise

    def _forget(self, source: Source) -> None:
        """Know nothing of a source whose loops have failed: they begin anew with their gap open."""
        self._facts = self._facts.without(source, self._doors.now_ms())

    # Events

    def _hold(self, happened: Iterable[Stimulus]) -> None:
        """Keep what has happened until its facts are known."""
        for stimulus in happened:
            if len(self._held) < _MOST_WAITING:
                self._held.append(stimulus)
            else:
                self._drop()

    def _tell(self) -> None:
        """Put what has happened up for decision, unless its facts are not known yet."""
        while self._held and self._facts.known(Source.FUTURES):
            self._queue(self._held.popleft())
        self._look()

    def _look(self) -> None:
        now_ms = self._doors.now_ms()
        if thresholds := self._rules().thresholds:
            for fallen in self._low.look(self._facts.figures(now_ms), thresholds, now_ms):
                self._queue(fallen)

    def _queue(self, stimulus: Stimulus) -> None:
        if not self._rules().listens_to(stimulus.kind):
            return
        if len(self._happened) >= _MOST_WAITING:
            self._drop()
            return
        self._happened.append(stimulus)
        self._wake.set()

    def _drop(self) -> None:
        self.events_dropped += 1
        if self.events_dropped in (1, 10, 100, 1_000):
            count = self.events_dropped
            self._doors.events.warning("account_events_dropped", account=self._plan.name, count=count)

    async def _decide_all(self) -> NoReturn:
        while True:
            self._wake.clear()
            self._look()
            while self._happened:
                await self._decide(self._happened.popleft())
            await self._nap()

    async def _nap(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _decide(self, stimulus: Stimulus) -> None:
        """Decide an event for the account, and put it to the open orders if rules want it there."""
        name, now_ms = self._plan.name, self._doors.now_ms()
        talk = await self._doors.store.talk(name, ACCOUNT_TALK, "", now_ms)
        if self._doors.brake.is_set(name):
            talk = replace(talk, paused=True)
        rules = self._rules()
        situation = AccountSituation(
            account=name, stimulus=stimulus, talk=talk, figures=self.figures(), rules=rules, now_ms=now_ms
        )
        decision = decide_account(situation, self._plan.policy, self._doors.rng)
        if await self._doors.store.claim(decision.claim) is not ClaimResult.CLAIMED:
            return
        key, reason = stimulus.key, decision.reason.value
        self._doors.events.info("account_event", account=name, key=key, reason=reason, ruleset=rules.hash)
        for notice in decision.notices:
            await self._doors.notifier.notify(notice)
        if stimulus.kind in rules.for_orders:
            self._put_to_orders(stimulus)

    def _put_to_orders(self, stimulus: Stimulus) -> None:
        numbers = list(self._orders())
        if len(numbers) > MOST_ORDERS:
            self._doors.events.warning("account_event_cut", account=self._plan.name, orders=len(numbers))
        for number in numbers[:MOST_ORDERS]:
            self._put(Rang(number, replace(stimulus, order_no=number), _always))


def _always(_: Stimulus) -> bool:
    """Whether the event is still what it was: it has happened."""
    return True
