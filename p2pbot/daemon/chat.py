"""The chat loop: holds one socket for one account and hands over each frame.

Promise: a fresh credential for each connect, delays and alarms by ``conversation.session``, every attempt inside the
shared budget, one log line when down and one when back. A planned renewal opens the next socket before it lets the old
one go, unless the exchange was seen not to allow two. It never returns and never gives up.
Danger: the credential's URL is a secret; it exists only between ``chat_url`` and ``Wire.connect``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn, Protocol

from p2pbot.conversation.session import Alarm, Session, SessionEvent
from p2pbot.daemon.surroundings import AccountPlan, Doors
from p2pbot.errors import ConnectionLost, OurError, P2pbotError
from p2pbot.model import Notice, Topic
from p2pbot.ports import Connection
from p2pbot.protocol.backoff import AttemptBudget
from p2pbot.protocol.calls import chat_credential
from p2pbot.protocol.outbound import chat_url

_WATCH_S = 1.0  # how often an open socket is looked at: fine enough for a suspicion, coarse enough to cost nothing
_NO_GOODBYE = 1006  # the code of a connection that ended without a close frame from the exchange
_RETIRE_S = 2.0  # how long an old socket is read on after its renewal
_RENEW_AGAIN_S = 60.0
_SUSPEND_S = 30.0  # a leap of the clock that counts suspend ahead of the one that does not
_TOLD_CAUSES = 8  # of one outage: what went wrong first is seldom what keeps it down, yet the log must stay readable
_RENEWAL_GRACE_S = 30.0  # a renewal waits this long for replies in flight

_TOPICS = {Alarm.ANOTHER_CLIENT: Topic.ANOTHER_CLIENT}  # the others are about the key
_ALARMS = {
    Alarm.KEY_REFUSED: "The exchange refuses this account's key or address; the chat is off. "
    "Run: p2pbot check --online",
    Alarm.ANOTHER_CLIENT: "Another client uses this account's chat: the exchange closed ours (Bye). "
    "Stop the other one; trying again slowly.",
    Alarm.CREDENTIAL_REFUSED: "The chat refuses even fresh credentials; trying again slowly. "
    "Run: p2pbot check --online",
}


class ConnectBudget:
    """The attempt budget that all accounts behind one address share."""

    def __init__(self, budget: AttemptBudget) -> None:
        self._budget = budget

    def wait_s(self, steady_ms: int) -> float:
        """Return how long the next attempt must wait. ``steady_ms`` is monotonic: wall time may leap over a window."""
        return self._budget.wait_ms(steady_ms) / 1000

    def spend(self, steady_ms: int) -> None:
        """Count an attempt."""
        self._budget = self._budget.spend(steady_ms)


class Listener(Protocol):
    """Who is told what happens on the chat."""

    async def on_frame(self, raw: str | bytes) -> None:
        """Take a frame; waiting here slows the socket down, which is meant."""
        ...

    async def on_open(self) -> None:
        """Learn that the chat is open: what happened before is in the history only."""
        ...

    async def on_renewed(self) -> None:
        """Learn that the socket was replaced as planned; whether the old one heard everything is not known yet."""
        ...

    async def on_lost(self) -> None:
        """Learn that the chat is gone: writes in flight are in doubt."""
        ...


class ChatLoop:
    """One account's chat socket."""

    def __init__(
        self, plan: AccountPlan, doors: Doors, budget: ConnectBudget, listener: Listener, quiet: Callable[[], bool]
    ) -> None:
        self._plan = plan
        self._doors = doors
        self._budget = budget
        self._listener = listener
        self._quiet = quiet
        self._connection: Connection | None = None
        self._suspect = asyncio.Event()
        self._last_frame_s = 0.0
        self._told: set[str] = set()
        self.session = Session()
        self.since_ms = doors.now_ms()
        self.down_since_ms: int | None = doors.now_ms()
        self._down_s = doors.clock.boottime_s()  # how long it lasts must not depend on clocks being set
        self.trouble = ""

    @property
    def online(self) -> bool:
        """Whether a frame can be written now: not on a socket that is about to be replaced."""
        return self._connection is not None and not self._suspect.is_set()

    def suspect(self) -> None:
        """Have the socket replaced: it should have told us of something and did not."""
        self._suspect.set()

    async def write(self, text: str) -> None:
        """Write one frame. Raises ConnectionLost."""
        if self._connection is None:
            raise ConnectionLost("the chat is not connected")
        await self._connection.send(text)

    async def run(self) -> NoReturn:
        """Hold the chat for ever."""
        while True:
            await self._wait()
            connection = await self._connect()
            if connection is not None:
                await self._hold(connection)

    async def _wait(self) -> None:
        delay_s = max(self.session.wait_s, self._budget.wait_s(self._steady_ms()))
        while delay_s > 0:
            await self._doors.clock.sleep(delay_s)
            delay_s = self._budget.wait_s(self._steady_ms())
        self._budget.spend(self._steady_ms())  # at once: two accounts must not both see the last attempt free
        self._move(self.session.step(SessionEvent.WAIT_OVER))

    async def _connect(self) -> Connection | None:
        try:
            credential = await self._doors.rest.call(chat_credential())
            self._move(self.session.step(SessionEvent.CREDENTIAL))
            return await self._doors.wire.connect(chat_url(credential))
        except OurError:
            raise
        except P2pbotError as error:
            self._move(self.session.failed(error, self._doors.rng))
            self.trouble = error.what
            await self._say_down(str(error))
            return None

    async def _hold(self, connection: Connection) -> None:
        """Read the socket, and its successors by planned renewal, until one is lost."""
        self._move(self.session.opened(self._doors.now_ms()))
        self._doors.events.info("chat_open", account=self._plan.name, deaf_ms=self.deaf_ms())
        self.down_since_ms = None
        self.trouble = ""
        try:
            async with asyncio.TaskGroup() as group:
                reader = self._adopt(group, connection)
                await self._listener.on_open()
                while await self._until_renewal(reader):
                    reader = await self._renewed(group, reader)
                lost = await reader
        finally:
            self._connection = None
        await self._ended(lost)

    def _adopt(self, group: asyncio.TaskGroup, connection: Connection) -> asyncio.Task[ConnectionLost]:
        """Read ``connection`` from now on, and write to it."""
        self._suspect.clear()
        self._last_frame_s = self._doors.clock.monotonic_s()
        self._connection = connection
        return group.create_task(self._reads(connection), name=f"{self._plan.name}: chat reader")

    async def _reads(self, connection: Connection) -> ConnectionLost:
        with self._doors.progress.watched(f"{self._plan.name}: chat reader"):
            return await self._read(connection)

    async def _read(self, connection: Connection) -> ConnectionLost:
        progress = self._doors.progress
        try:
            while True:
                progress.rest()  # the wire's keepalive ends this wait, and the loop that watches the socket does
                raw = await connection.receive()
                progress.step()
                self._last_frame_s = self._doors.clock.monotonic_s()
                await self._listener.on_frame(raw)
        except ConnectionLost as lost:
            return lost
        finally:
            await connection.close()

    async def _until_renewal(self, reader: asyncio.Task[ConnectionLost]) -> bool:
        """Watch the socket. Returns True when its renewal is due, False when it is lost or given up."""
        clock, opened_s = self._doors.clock, self._doors.clock.monotonic_s()
        slept_s = clock.boottime_s() - clock.monotonic_s()
        while not reader.done():
            self._doors.progress.step(_WATCH_S)
            await asyncio.wait({reader}, timeout=_WATCH_S)
            leapt = clock.boottime_s() - clock.monotonic_s() - slept_s > _SUSPEND_S
            if self._suspect.is_set() or leapt or self._idle():
                await self._give_up(SessionEvent.SUSPECT)
                return False
            over_s = clock.monotonic_s() - opened_s - self._renewal_s()
            if over_s < 0 or self._budget.wait_s(self._steady_ms()) > 0:
                continue
            if self.session.overlap:
                return not reader.done()
            if self._quiet() or over_s >= _RENEWAL_GRACE_S:
                await self._give_up(SessionEvent.BREAK)
                return False
        return False

    async def _give_up(self, event: SessionEvent) -> None:
        """Close the socket by our own will; its reader ends by that."""
        self._move(self.session.step(event))
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(1000, event.value)

    async def _renewed(
        self, group: asyncio.TaskGroup, reader: asyncio.Task[ConnectionLost]
    ) -> asyncio.Task[ConnectionLost]:
        """Open the next socket beside the old one, then let that go. Returns the reader that counts from now on."""
        old = self._connection
        self._move(self.session.step(SessionEvent.RENEW))
        self._budget.spend(self._steady_ms())
        try:
            credential = await self._doors.rest.call(chat_credential())
            following = await self._doors.wire.connect(chat_url(credential))
        except OurError:
            raise
        except P2pbotError as error:
            self._move(self.session.renewal_failed())
            self._doors.events.warning("chat_renewal_failed", account=self._plan.name, what=error.what)
            return reader
        gap = reader.done()
        self._move(self.session.renewed(self._doors.now_ms()))
        self._doors.events.info("chat_renewed", account=self._plan.name, gap=gap)
        fresh = self._adopt(group, following)
        if old is not None:
            group.create_task(self._retire(old, reader), name=f"{self._plan.name}: retiring reader")
        await (self._listener.on_open() if gap else self._listener.on_renewed())
        return fresh

    async def _retire(self, old: Connection, reader: asyncio.Task[ConnectionLost]) -> None:
        """Read the old socket a little longer for what is under way on it, then close it.

        One that takes no leave may have been half-open and deaf, nobody knows since when: that is a gap.
        """
        await asyncio.wait({reader}, timeout=_RETIRE_S)
        await old.close(1000, "renewed")
        if (await reader).code == _NO_GOODBYE:
            await self._listener.on_open()

    async def _ended(self, lost: ConnectionLost) -> None:
        self.down_since_ms = self._doors.now_ms()
        self._down_s = self._doors.clock.boottime_s()
        breaking = self.session.renewing
        self._move(self.session.lost(lost, self._doors.now_ms(), self._doors.rng))
        await self._listener.on_lost()
        if not breaking:
            self.trouble = lost.what
            await self._say_down(lost.what, code=lost.code, reason=lost.reason[:100])

    def _renewal_s(self) -> float:
        """Return after how long the socket is renewed; a renewal that failed is tried again soon."""
        return _RENEW_AGAIN_S if self.session.failed_renewals else self._plan.timings.chat_renewal_s

    def _idle(self) -> bool:
        limit_s = self._plan.timings.idle_timeout_s
        return limit_s > 0 and self._doors.clock.monotonic_s() - self._last_frame_s > limit_s

    def _move(self, session: Session) -> None:
        if session.state is not self.session.state:
            self.since_ms = self._doors.now_ms()
        self.session = session

    def _steady_ms(self) -> int:
        return int(self._doors.clock.monotonic_s() * 1000)

    def deaf_ms(self) -> int:
        """Return how long the chat has been down, whatever happens to the clocks; 0 while it is open."""
        return 0 if self.down_since_ms is None else int((self._doors.clock.boottime_s() - self._down_s) * 1000)

    async def _say_down(self, what: str, **values: object) -> None:
        """Log each cause of an outage once, and every alarm; one that lasts is ``daemon.watch``'s affair."""
        alarm = self.session.alarm
        if self.session.trouble.failures <= 1:
            self._told.clear()
        if alarm is not None or (what not in self._told and len(self._told) < _TOLD_CAUSES):
            self._told.add(what)
            self._doors.events.warning(
                "chat_down", account=self._plan.name, what=what, retry_in_s=round(self.session.wait_s, 1), **values
            )
        if alarm is not None:
            topic = _TOPICS.get(alarm, Topic.KEY_REFUSED)
            key, account = f"{alarm.value}:{self._plan.name}", self._plan.name
            notice = Notice(key=key, text=_ALARMS[alarm], account=account, urgent=True, topic=topic)
            await self._doors.notifier.notify(notice)
