"""One source's user data, whichever way it comes: the loop of tries, snapshots and recoveries, and what the sink hears.

Promise: the sink hears of a gap before anything is missed in silence, of its end only when all is told; one log line
when the stream is down and one when it is back. It never returns and never gives up.
Danger: ``hear`` and ``recover`` are called by readers and must not wait; a sink that raises ends the loop, as a bug.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from p2pbot.daemon.snapshots import Ask
from p2pbot.daemon.surroundings import Doors
from p2pbot.errors import KeyRefused, LocationRefused, OurError, P2pbotError
from p2pbot.model import Notice, Topic, Unknown
from p2pbot.ports import AccountSink
from p2pbot.protocol.stream import LIFE_MS, Cause, Command, GapClosed, GapOpened, News, Snapshot, Stream, StreamState
from p2pbot.protocol.user_data_events import Source, UserDataEvent

_LOOK_S = 15.0  # how often a live stream is looked at: for suspends, which no timer of this process counts
_SUSPEND_S = 30.0  # a leap of the clock that counts suspend ahead of the one that does not
_TOLD_CAUSES = 8  # of one gap: the log must stay readable


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """What ``p2pbot status`` shows of a stream. Moments are Unix milliseconds of the exchange, ages milliseconds."""

    source: Source
    state: StreamState
    since_ms: int
    gap: bool
    cause: Cause
    recoveries: int
    key_age_ms: int | None = None
    last_event_ms: int | None = None
    not_understood: int = 0
    trouble: str = ""


class Feed:
    """What the key-borne stream and the subscription share. ``account`` and ``source`` name it in the log."""

    def __init__(
        self, account: str, source: Source, doors: Doors, sink: AccountSink, ask: Ask, *, life_ms: int = LIFE_MS
    ) -> None:
        self._account = account
        self._source = source
        self._doors = doors
        self._sink = sink
        self._ask = ask
        self._changed = asyncio.Event()
        self._hurried = asyncio.Event()
        self._state = StreamState.WAITING
        self._since_ms = doors.now_ms()
        self._last_event_ms: int | None = None
        self._not_understood = 0
        self._gap_s = doors.clock.boottime_s()
        self._told: set[str] = set()
        self.stream = Stream(life_ms)
        self.trouble = ""

    def status(self, key_age_ms: int | None = None) -> StreamStatus:
        """Return how it stands."""
        return StreamStatus(
            source=self._source,
            state=self.stream.state,
            since_ms=self._since_ms,
            gap=self.stream.gap,
            cause=self.stream.cause,
            recoveries=self.stream.recoveries,
            key_age_ms=key_age_ms,
            last_event_ms=self._last_event_ms,
            not_understood=self._not_understood,
            trouble=self.trouble,
        )

    async def run(self, opening: Callable[[int], Awaitable[None]], *, rotates: bool) -> NoReturn:
        """Hold the stream for ever. ``opening`` opens it for a try's number, and raises what its doors raise."""
        self._sink.gap_opened(self._source, self._doors.now_ms())
        while True:
            await self._wait()
            attempt = self.stream.begin()
            self._noted()
            try:
                await opening(attempt)
            except OurError:
                raise
            except P2pbotError as error:
                await self._failed(error)
                continue
            await self._catch_up(attempt)
            await self._until_recovery(rotates=rotates)

    def opened(self, attempt: int) -> bool:
        """Learn that the try's socket is open. False: it was overtaken; let it go."""
        taken = self.stream.opened(attempt, self.steady_ms(), self._doors.rng)
        self._noted()
        return taken

    def hear(self, event: UserDataEvent) -> None:
        """Take an event."""
        self._last_event_ms = self._doors.now_ms()
        self._not_understood += isinstance(event, Unknown)
        self._tell(self.stream.heard(event))

    def recover(self, cause: Cause, attempt: int | None = None) -> None:
        """Take the stream anew because of ``cause``, which ``attempt`` (None: the present one) met."""
        before = self.stream.recoveries
        met = self.stream.attempt if attempt is None else attempt
        self._tell(self.stream.recover(cause, met, self.steady_ms(), self._doors.rng))
        if self.stream.recoveries > before:
            self._noted()
            self._changed.set()
            wait_s = round(self.stream.wait_s, 1)
            self._doors.events.info("user_data_recovers", **self._names(), cause=cause.value, retry_in_s=wait_s)

    def hurry(self) -> None:
        """Try now what waits to be tried again: what it waited for has come."""
        (self._hurried if self.stream.state is StreamState.WAITING else self._changed).set()

    def steady_ms(self) -> int:
        """Return milliseconds of the clock that counts suspend."""
        return int(self._doors.clock.boottime_s() * 1000)

    async def _wait(self) -> None:
        await _pause(self.stream.wait_s, self._hurried)
        self._hurried.clear()

    async def _catch_up(self, attempt: int) -> None:
        """Ask for the snapshot until it is there, or the try is overtaken."""
        while self.stream.state is StreamState.CATCHING_UP:
            self._changed.clear()
            self.stream.asking()
            try:
                snapshot = await self._ask()
            except OurError:
                raise
            except P2pbotError as error:
                await self._failed(error)
            else:
                self._tell(self.stream.caught_up(attempt, snapshot, self.steady_ms()))
            if self.stream.state is StreamState.CATCHING_UP:
                await _pause(self.stream.wait_s, self._changed)
        self._noted()

    async def _until_recovery(self, *, rotates: bool) -> None:
        """Watch a live stream until something takes it down."""
        clock = self._doors.clock
        slept_s = clock.boottime_s() - clock.monotonic_s()
        while self.stream.state is StreamState.LIVE:
            self._changed.clear()
            if clock.boottime_s() - clock.monotonic_s() - slept_s > _SUSPEND_S:
                self.recover(Cause.SUSPENDED)
            elif rotates and self.stream.rotation_is_due(self.steady_ms()):
                self.recover(Cause.ROTATION)
            else:
                await _pause(min(_LOOK_S, self._rotation_in_s(rotates=rotates)), self._changed)

    def _tell(self, commands: tuple[Command, ...]) -> None:
        """Carry out what the core says."""
        for command in commands:
            match command:
                case GapOpened():
                    self._gap_s = self._doors.clock.boottime_s()
                    self._sink.gap_opened(self._source, self._doors.now_ms())
                case Snapshot(snapshot):
                    self._sink.snapshot(self._source, snapshot)
                case News(event):
                    self._sink.event(self._source, event)
                case GapClosed():
                    self._sink.gap_closed(self._source, self._doors.now_ms())
                    self._say_up()

    def _rotation_in_s(self, *, rotates: bool) -> float:
        return self.stream.rotation_in_ms(self.steady_ms()) / 1000 if rotates else _LOOK_S

    def _noted(self) -> None:
        if self.stream.state is not self._state:
            self._state, self._since_ms = self.stream.state, self._doors.now_ms()

    def _say_up(self) -> None:
        self._noted()
        self._told.clear()
        self.trouble = ""
        gap_ms = int((self._doors.clock.boottime_s() - self._gap_s) * 1000)
        self._doors.events.info("user_data_live", **self._names(), cause=self.stream.cause.value, gap_ms=gap_ms)

    async def _failed(self, error: P2pbotError) -> None:
        """Take a failed try or snapshot; log each trouble of a gap once, and call for a person where one is needed."""
        self.stream.failed(error, self._doors.rng)
        self._noted()
        self.trouble = error.what
        if error.what in self._told or len(self._told) >= _TOLD_CAUSES:
            return
        self._told.add(error.what)
        wait_s = round(self.stream.wait_s, 1)
        self._doors.events.warning("user_data_down", **self._names(), what=error.what, retry_in_s=wait_s)
        if isinstance(error, KeyRefused | LocationRefused):
            await self._call_for_a_person()

    async def _call_for_a_person(self) -> None:
        source = self._source.value
        text = (
            f"The exchange refuses this account's key for {source} data; the chat goes on. Run: p2pbot check --online"
        )
        key = f"user_data_refused:{self._account}:{source}"
        notice = Notice(key=key, text=text, account=self._account, urgent=True, topic=Topic.KEY_REFUSED)
        await self._doors.notifier.notify(notice)

    def _names(self) -> dict[str, object]:
        return {"account": self._account, "source": self._source.value}


async def _pause(wait_s: float, until: asyncio.Event) -> None:
    """Wait, or until something happens."""
    if wait_s > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await until.wait()
