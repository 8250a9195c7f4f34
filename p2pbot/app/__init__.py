"""The composition root: the only module that knows doors and loops both.

Promise: ``App(settings).run()`` starts, runs until it is told to stop or a bug ends it, closes what it opened in the
reverse order, and returns the exit code. It can be embedded: it reads no argv, and signals only if asked to.
Danger: what must be refused is refused before anything is written: rules, keys and certificates are read before the
state is opened.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, NoReturn

from p2pbot.adapters.clock import SystemClock
from p2pbot.adapters.ended_stamp import EndedStamp
from p2pbot.adapters.files import read_rules, read_tests
from p2pbot.adapters.last_good import LastGood
from p2pbot.adapters.logs import LogEvents, open_log
from p2pbot.adapters.notices import LogNotifier
from p2pbot.adapters.pictures import picture_policy, read_pictures
from p2pbot.adapters.randomness import SystemRng
from p2pbot.adapters.rule_stamps import RuleStamps
from p2pbot.adapters.secrets_source import resolve_all
from p2pbot.adapters.sqlite.inspection import inspect
from p2pbot.adapters.status_file import status_writer
from p2pbot.adapters.systemd import ServiceManager
from p2pbot.app import notifying
from p2pbot.app.context import open_feeders
from p2pbot.app.control import Reach, open_control
from p2pbot.app.doors import Fittings, open_doors, watched_doors
from p2pbot.app.moving import moved_in_ms
from p2pbot.app.plans import plan_of
from p2pbot.config import AccountSettings, Settings
from p2pbot.console import Console
from p2pbot.daemon.account import Account
from p2pbot.daemon.chat import ConnectBudget
from p2pbot.daemon.housekeeping import Housekeeping
from p2pbot.daemon.notices import Post
from p2pbot.daemon.progress import Progress
from p2pbot.daemon.reload import RulesWatch
from p2pbot.daemon.rulebook import Rulebook
from p2pbot.daemon.state_check import StateCheck
from p2pbot.daemon.status import StatusLoop
from p2pbot.daemon.supervisor import end, guarded
from p2pbot.daemon.watchdog import Watchdog
from p2pbot.daemon.watched import WatchedClock
from p2pbot.errors import OurError, P2pbotError
from p2pbot.model import Notice, Topic
from p2pbot.ports import Clock, Events
from p2pbot.protocol.backoff import AttemptBudget

if TYPE_CHECKING:
    from p2pbot.adapters.metrics import Metrics

__all__ = ["App", "Running", "leaves"]

EXIT_DONE, EXIT_FAILURE = 0, 1
_LAST_WORDS_S = 10.0  # for the service that is told why p2pbot has ended
_LONGEST_INSPECTION_S = 900.0  # a database of gigabytes on a slow disk


@dataclass(slots=True)
class Running:
    """What exists while the daemon runs, for whoever embeds it."""

    accounts: dict[str, Account]
    rulebooks: dict[str, Rulebook]


class App:
    """The daemon. ``environ`` is where secrets' variables and the credentials directory are looked up."""

    def __init__(
        self,
        settings: Settings,
        *,
        environ: Mapping[str, str] | None = None,
        log: LogEvents | None = None,
        clock: Clock | None = None,
        signals: bool = False,
        feed: Callable[[], None] | None = None,
    ) -> None:
        """``feed``: told each second that all is well, where no systemd waits for that."""
        self.settings = settings
        self.log = log or open_log(output=settings.log.format, level=settings.log.level)
        self.started = asyncio.Event()
        self.running: Running | None = None
        self._environ = dict(os.environ) if environ is None else dict(environ)
        given = os.environ if environ is None else self._environ
        self._signals = signals
        self._clock = clock or SystemClock()
        self._metrics, self._events = _counted(settings, self.log)
        self._service = ServiceManager(given, self._clock, self._events)
        self.progress = Progress(self._clock.monotonic_s)
        self._paced = WatchedClock(self._clock, self.progress)
        feed = self._service.alive if self._service.watchdog_s is not None else feed
        self._watchdog = Watchdog(self._clock, self.progress, feed, self._events)
        self._notifier = Post(LogNotifier(self._events, self._clock))
        self._fittings = Fittings(clock=self._clock, rng=SystemRng(), events=self._events, notifier=self._notifier)
        self._stopping = asyncio.Event()
        self._reloading: set[asyncio.Task[dict[str, tuple[str, ...]]]] = set()

    def stop(self) -> None:
        """Have the daemon settle what is in flight and end."""
        self._stopping.set()

    async def reload(self) -> dict[str, tuple[str, ...]]:
        """Load every account's rules again; return what was wrong with each: a set with errors changes nothing."""
        self._service.reloading()
        findings = {}
        for name, rulebook in self.running.rulebooks.items() if self.running else ():
            await rulebook.reload()
            findings[name] = rulebook.refusal
        self._service.ready()
        return findings

    async def run(self) -> int:
        """Run until stopped; return the exit code. Raises OperatorError when it cannot start."""
        keys = resolve_all(self.settings.accounts, self._environ)
        self._notifier.hire(
            notifying.couriers(self.settings.notifications, self._environ, self._fittings, self.progress)
        )
        async with AsyncExitStack() as stack:
            if self._signals:  # from the first moment: told to stop while it starts, it stops when it has started
                self._listen(stack)
            rulebooks = {account.name: self._rulebook(account) for account in self.settings.accounts}
            watches = {
                account.name: self._watch(account, rulebooks[account.name]) for account in self.settings.accounts
            }
            for rulebook in rulebooks.values():
                await rulebook.start()
            doors = await stack.enter_async_context(open_doors(self.settings, keys, self._fittings))
            for rulebook in rulebooks.values():
                await rulebook.keep()
            store = next(iter(doors.values())).store  # one for all accounts
            since_ms = await moved_in_ms(store, self._fittings)
            budget = ConnectBudget(AttemptBudget())  # one for all accounts: they share this machine's address
            accounts = {
                account.name: Account(
                    plan_of(account, self.settings, since_ms),
                    watched_doors(doors[account.name], self.progress, self.settings),
                    budget,
                    rulebooks[account.name],
                )
                for account in self.settings.accounts
            }
            feeders = await stack.enter_async_context(open_feeders(self.settings, keys, doors))
            for name, feeder in feeders.items():
                accounts[name].context.attach(feeder)
            self.running = Running(accounts, rulebooks)
            stack.push_async_callback(self._forget)
            status = self._status(accounts)
            await self._serve(stack, status)
            reach = Reach(clock=self._clock, reload=self.reload, status=status.now, stop=self.stop)
            await stack.enter_async_context(open_control(self.settings, accounts, store, self.log, reach))
            return await self._run(accounts, watches, status)

    async def _forget(self) -> None:
        self.running = None

    def _rulebook(self, account: AccountSettings) -> Rulebook:
        return Rulebook(
            account.name,
            partial(read_rules, account.rules),
            self._events,
            self._notifier,
            look_at=partial(read_pictures, policy=picture_policy(self.settings.pictures)),
            tests=partial(read_tests, account.rules),
            copies=LastGood(self.settings.state_dir),
            now=self._time_of_day,
        )

    def _watch(self, account: AccountSettings, rulebook: Rulebook) -> RulesWatch:
        return RulesWatch(rulebook, RuleStamps(account.rules), self._paced, self.progress)

    def _time_of_day(self) -> str:
        return f"{datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC):%H:%M} UTC"

    def _listen(self, stack: AsyncExitStack) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
            stack.callback(loop.remove_signal_handler, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon)
        stack.callback(loop.remove_signal_handler, signal.SIGHUP)

    def _reload_soon(self) -> None:
        if not self._reloading:  # a second SIGHUP during a reload would read the same files again
            task = asyncio.get_running_loop().create_task(self.reload(), name="reload")
            self._reloading.add(task)
            task.add_done_callback(self._reloaded)

    def _reloaded(self, task: asyncio.Task[dict[str, tuple[str, ...]]]) -> None:
        self._reloading.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.log.error("reload_failed", exc_info=task.exception())
            self.stop()

    def _status(self, accounts: Mapping[str, Account]) -> StatusLoop:
        extra = {"pid": os.getpid(), "started_at_ms": self._clock.now_ms(), "version": version("p2pbot")}
        write = status_writer(self.settings.state_dir, self._events)

        def tell(text: str) -> None:
            write(text)
            chats = (f"{name}: chat {account.chat.session.state.value}" for name, account in accounts.items())
            self._service.status(", ".join(chats))

        return StatusLoop(self._paced, accounts.values(), tell, extra, lambda: self._watchdog.hanging)

    async def _serve(self, stack: AsyncExitStack, status: StatusLoop) -> None:
        """Open the status endpoints, if they are wanted."""
        address = self.settings.console.address
        if address is None or self._metrics is None:
            return
        console = Console(status.now, self._metrics.render)
        port = await stack.enter_async_context(console.serve(*address))
        self.log.info("console_open", host=address[0], port=port)

    async def _run(self, accounts: Mapping[str, Account], watches: Mapping[str, RulesWatch], status: StatusLoop) -> int:
        main = asyncio.create_task(self._roots(accounts, watches, status), name="roots")
        stopping = asyncio.create_task(self._stopping.wait(), name="stop")
        self.log.info("started", accounts=sorted(accounts), mode=self.settings.mode.value, version=version("p2pbot"))
        self.started.set()
        self._service.ready()
        try:
            await asyncio.wait({main, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if main.done():
                return await self._failed(main)
            return await self._end(main, accounts)
        finally:
            stopping.cancel()
            if not main.done():
                main.cancel()
            status.write_now()
            self.log.info("stopped")

    async def _roots(
        self, accounts: Mapping[str, Account], watches: Mapping[str, RulesWatch], status: StatusLoop
    ) -> None:
        store = next(iter(accounts.values())).doors.store  # one for all accounts
        spans = {"messages_ms": self.settings.retention.messages.ms, "traces_ms": self.settings.retention.traces.ms}
        keeper = Housekeeping(store, self._paced, self.log, self.progress, **spans)
        loops: dict[str, Coroutine[object, object, NoReturn]] = {
            **{f"account {name}": account.run() for name, account in accounts.items()},
            **{f"rules of {name}": watch.run() for name, watch in watches.items()},
            "status": status.run(),
            "housekeeping": keeper.run(),
            "state check": self._state_check().run(),
            **dict(notifying.loops(self.settings, accounts, self._notifier, self._paced)),
        }
        async with asyncio.TaskGroup() as group:
            for name, loop in loops.items():
                group.create_task(guarded(loop, name, self.progress), name=name)
            group.create_task(guarded(self._watchdog.run(), "watchdog"), name="watchdog")

    def _state_check(self) -> StateCheck:
        async def look() -> None:
            self.progress.step(_LONGEST_INSPECTION_S)
            await inspect(self.settings.database)

        every_s = self.settings.timings.state_check.s
        return StateCheck(look, self._paced, self.log, every_s=every_s)

    async def _end(self, main: asyncio.Task[None], accounts: Mapping[str, Account]) -> int:
        timings = self.settings.timings
        self._service.stopping()
        self.log.info("stopping", settle_s=timings.shutdown_settle.s)
        with suppress(TimeoutError):  # what is still in flight is in doubt, and the next start looks it up
            async with asyncio.timeout(timings.shutdown_settle.s), asyncio.TaskGroup() as group:
                for account in accounts.values():
                    group.create_task(account.drain(), name=f"drain {account.plan.name}")
        await end(main, timings.shutdown_close.s, self.log)
        await self._notifier.flush(timings.shutdown_close.s)
        return EXIT_DONE

    async def _failed(self, main: asyncio.Task[None]) -> int:
        """Say why the loops ended by themselves: a bug, or a state that cannot be written any more."""
        error, repeat_ms = main.exception(), self.settings.notifications.repeat_after.ms
        if not EndedStamp(self.settings.state_dir, self._clock).first_within(repeat_ms):
            self._notifier.hire(())  # started again and again, it says so in the log alone
        for cause in leaves(error) if error else (OurError("the root tasks returned"),):
            if isinstance(cause, P2pbotError) and not isinstance(cause, OurError):
                text = f"p2pbot has ended: {cause}"
                self.log.error("ended", what=str(cause), fault=cause.fault.value)
            else:
                text = "p2pbot has ended by a fault of its own, and is started again by its supervisor: see its log"
                self.log.error("ended_by_a_bug", what=str(cause), exc_info=cause)
            await self._notifier.notify(Notice(key="ended", text=text, urgent=True, topic=Topic.ENDED))
        await self._notifier.flush(_LAST_WORDS_S)
        return EXIT_FAILURE


def _counted(settings: Settings, log: LogEvents) -> tuple[Metrics | None, Events]:
    """Return the counters, and the log that feeds them, if anybody can ask for them."""
    if settings.console.address is None:
        return None, log
    from p2pbot.adapters.metrics import CountedEvents, Metrics  # noqa: PLC0415 - the library loads a web server

    services = (service.name for service in settings.notifications.services)
    metrics = Metrics((account.name for account in settings.accounts), services)
    return metrics, CountedEvents(log, metrics)


def leaves(error: BaseException) -> tuple[BaseException, ...]:
    """Return the single errors inside an exception group, however nested."""
    if isinstance(error, BaseExceptionGroup):
        return tuple(leaf for inner in error.exceptions for leaf in leaves(inner))
    return (error,)
