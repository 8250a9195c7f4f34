"""A user-data stream that a listenKey opens: futures, and spot in the older way.

Promise: before each connect the exchange confirms the key; a socket that is replaced is read until the next one is
open, so that what can be heard is heard; the key outlives every socket, and ``close`` ends it only if asked for.
Danger: a dead key's socket opens and stays silent: only events, pongs and the key's keepalive say that it lives. The
longest deafness that nobody tells of is therefore one interval of the keepalive (25 minutes) and its retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from p2pbot.daemon.chat import ConnectBudget
from p2pbot.daemon.listen_key import KeyKeeper
from p2pbot.daemon.snapshots import Ask
from p2pbot.daemon.supervisor import guarded
from p2pbot.daemon.surroundings import Doors
from p2pbot.daemon.user_data_feed import Feed, StreamStatus
from p2pbot.errors import ConnectionLost, OurError
from p2pbot.ports import AccountSink, Connection
from p2pbot.protocol.stream import LIFE_MS, Cause
from p2pbot.protocol.user_data_events import ListenKeyExpired, ServerShutdown, Source, StreamTerminated
from p2pbot.protocol.user_data_frames import read_user_data
from p2pbot.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """One stream. ``address`` makes the address of a connect out of the key (``protocol.stream_address``).

    ``life_ms``: after how long its socket is replaced; the exchange cuts it at 24 h. ``retire_s``: how long a replaced
    socket is read on, for what is under way on it.
    """

    account: str
    source: Source
    address: Callable[[Secret], Secret]
    close_listen_key: bool = False
    life_ms: int = LIFE_MS
    retire_s: float = 2.0


@dataclass(frozen=True, slots=True)
class _Socket:
    connection: Connection
    reader: asyncio.Task[None]


class UserDataStream:
    """One source's stream by listenKey. ``run`` it once."""

    def __init__(
        self, plan: StreamPlan, keeper: KeyKeeper, doors: Doors, budget: ConnectBudget, sink: AccountSink, ask: Ask
    ) -> None:
        self._plan = plan
        self._keeper = keeper
        self._doors = doors
        self._budget = budget
        self._feed = Feed(plan.account, plan.source, doors, sink, ask, life_ms=plan.life_ms)
        self._group = asyncio.TaskGroup()
        self._socket: _Socket | None = None
        self._using: Secret | None = None
        keeper.listen(self._key_lost)

    def status(self) -> StreamStatus:
        """Return how the stream and its key stand."""
        return self._feed.status(self._keeper.age_ms())

    def on_open(self, *, renewed: bool) -> None:
        """Learn (``WsListener``) that questions can be asked again: do not wait longer to ask them."""
        if not renewed:
            self._feed.hurry()

    def on_lost(self) -> None:
        """Learn that the session is down: the stream is not, and the key has another route."""

    def on_event(self, subscription_id: int | None, event: Mapping[str, object]) -> None:
        """Take nothing: the account's events come on the stream's own socket."""

    async def run(self) -> NoReturn:
        """Hold the stream for ever."""
        self._group = asyncio.TaskGroup()
        async with self._group:
            name = f"{self._name()}: listenKey"
            self._group.create_task(guarded(self._keeper.run(), name), name=name)
            await self._feed.run(self._open, rotates=True)
        raise OurError("the stream ended")  # pragma: no cover - the loop above has no end

    async def close(self) -> None:
        """Close the key where the configuration asks for it; at the daemon's end, after ``run``. Never raises."""
        if self._plan.close_listen_key:
            await self._keeper.close()

    async def _open(self, attempt: int) -> None:
        """Open the next socket beside the old one, then let that go. Raises what keeper and wire raise."""
        self._using = None
        key = await self._keeper.ensure()
        self._using = key
        await self._turn()
        connection = await self._doors.wire.connect(self._plan.address(key))
        if not self._feed.opened(attempt):
            await connection.close()
            return
        old, self._socket = self._socket, self._adopted(connection, attempt, key)
        if old is not None:
            self._group.create_task(self._retire(old), name=f"{self._name()}: retiring reader")

    async def _turn(self) -> None:
        """Wait for a place in the address's budget of connects."""
        while (delay_s := self._budget.wait_s(self._monotonic_ms())) > 0:
            await self._doors.clock.sleep(delay_s)
        self._budget.spend(self._monotonic_ms())

    def _adopted(self, connection: Connection, attempt: int, key: Secret) -> _Socket:
        reading = self._read(connection, attempt, key)
        return _Socket(connection, self._group.create_task(reading, name=f"{self._name()}: reader"))

    async def _read(self, connection: Connection, attempt: int, key: Secret) -> None:
        try:
            while True:
                self._take(await connection.receive(), attempt, key)
        except ConnectionLost:
            self._feed.recover(Cause.CLOSED, attempt)
        finally:
            await connection.close()

    def _take(self, raw: str | bytes, attempt: int, key: Secret) -> None:
        event = read_user_data(raw)
        match event:
            case None:
                return
            case ListenKeyExpired():
                self._expired(event.listen_key or key)
            case ServerShutdown():
                self._feed.recover(Cause.SHUTDOWN, attempt)
            case StreamTerminated():
                self._feed.recover(Cause.TERMINATED, attempt)
            case _:
                self._feed.hear(event)

    def _key_lost(self, cause: Cause) -> None:
        """Learn from the keeper that the key is another, or none: old news to a try that is asking for it."""
        if self._using is not None:
            self._feed.recover(cause)

    def _expired(self, key: Secret) -> None:
        """Learn that a key is dead. Which socket said so does not matter, which key the present one uses does."""
        self._keeper.ended(key)
        if key == self._using:
            self._feed.recover(Cause.EXPIRED)

    async def _retire(self, old: _Socket) -> None:
        await asyncio.wait({old.reader}, timeout=self._plan.retire_s)
        await old.connection.close()

    def _name(self) -> str:
        return f"{self._plan.account}: {self._plan.source.value} user data"

    def _monotonic_ms(self) -> int:
        return int(self._doors.clock.monotonic_s() * 1000)
