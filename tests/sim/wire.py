"""The chat connection through the simulated network, with the keepalive of the real door.

Promise: frames arrive in order or not at all; what a closed or half-open connection carries is lost, as it is by TCP.
A silent peer is seen by ping (15 s), deadline (10 s) and close (3 s), as ``adapters.wire`` sees it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from p2pbot.adapters.wire import _refusal
from p2pbot.errors import ConnectionLost, TimedOut
from p2pbot.sandbox.gate import Refusal, Welcome
from p2pbot.sandbox.records import Received
from p2pbot.sandbox.state import Abort, Close, Effect, Mute, Push, Socket
from p2pbot.secret import Secret
from tests.sim.life import Life

_OPEN_S = 10.0
_PING_S = 15.0
_PONG_S = 10.0
_CLOSE_S = 3.0
_PEER_GIVES_UP_S = 90.0  # the exchange forgets a connection that is gone without a word
MOST_BUFFERED = 64  # of the real door
_PLACE = "the simulated chat"


class Watcher(Protocol):
    """Who watches what passes."""

    def sending(self, account: str, connection: SimConnection, text: str) -> None:
        """Learn that the daemon writes a frame, before it leaves."""
        ...

    def received(self, received: Received, sent_s: float) -> None:
        """Learn what the exchange made of a frame that was written at ``sent_s``."""
        ...

    def connecting(self, account: str) -> None:
        """Learn that the daemon tries to open a chat."""
        ...

    def connected(self, account: str) -> None:
        """Learn that such a try has ended, well or not."""
        ...


class SimWire:
    """``ports.Wire`` for one account in one life."""

    def __init__(self, life: Life, account: str, watcher: Watcher) -> None:
        self._life = life
        self._universe = life.universe
        self._account = account
        self._watcher = watcher

    async def connect(self, url: Secret) -> SimConnection:
        """Open a connection, or raise what the real door raises."""
        self._life.point("wire.connect")
        self._watcher.connecting(self._account)
        try:
            return await self._open(url)
        finally:
            if not self._life.dead:
                self._watcher.connected(self._account)

    async def _open(self, url: Secret) -> SimConnection:
        opened: asyncio.Future[SimConnection] = self._universe.loop.create_future()
        parts = urlsplit(url.reveal())
        listen_key, query = parts.path.rpartition("/")[2], dict(parse_qsl(parts.query))
        self._universe.timeline.after(self._universe.weather.trip_s(), lambda: self._knock(listen_key, query, opened))
        try:
            async with asyncio.timeout(_OPEN_S):
                connection = await opened
        except TimeoutError:
            raise TimedOut(f"{_PLACE} did not open within {_OPEN_S:.0f} s") from None
        self._life.point("wire.connected")
        connection.opened_s = self._universe.timeline.now_s
        return connection

    def _knock(self, listen_key: str, query: dict[str, str], opened: asyncio.Future[SimConnection]) -> None:
        universe = self._universe
        if opened.done() or self._life.dead:
            return  # the client is gone before its handshake arrived
        verdict = universe.do(lambda now_ms: universe.world.knock(listen_key, query, now_ms))
        if isinstance(verdict, Refusal):
            universe.trace.say(f"handshake refused {verdict.status} {verdict.reason}")
            error = _refusal(verdict.status, float(verdict.retry_after_s) or None, _PLACE, "chat")
            universe.timeline.after(universe.weather.trip_s(), lambda: _fail(opened, error))
            return
        connection = universe.do(lambda now_ms: self._enter(verdict, now_ms))
        universe.trace.say(f"chat {connection.number} of {self._account} open at the exchange")
        arrives_s = connection.downward_s()
        universe.timeline.at(arrives_s, lambda: self._welcome(connection, opened))

    def _enter(self, welcome: Welcome, now_ms: int) -> SimConnection:
        socket = self._universe.world.enter(welcome, now_ms)
        connection = SimConnection(self._life, self._account, socket, self._watcher)
        self._universe.ends[socket.socket_id] = connection
        return connection

    def _welcome(self, connection: SimConnection, opened: asyncio.Future[SimConnection]) -> None:
        if opened.done() or self._life.dead:
            connection.cut()
        else:
            opened.set_result(connection)


def _fail(future: asyncio.Future[SimConnection], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


class SimConnection:
    """``ports.Connection``: one TCP connection between a life and the exchange."""

    def __init__(self, life: Life, account: str, socket: Socket, watcher: Watcher) -> None:
        self._life = life
        self._universe = life.universe
        self._account = account
        self._socket = socket
        self._watcher = watcher
        self._inbox: deque[str | bytes] = deque()
        self._lost: ConnectionLost | None = None
        self._changed = self._universe.loop.create_future()
        self._down_free_s = 0.0
        self._up_free_s = 0.0
        self._closing = False
        self.dead_line = False
        self.opened_s = 0.0
        self.most_buffered = 0
        life.on_death.append(self.cut)
        self._universe.timeline.after(_PING_S, self._ping)

    @property
    def number(self) -> int:
        """The exchange's number for it."""
        return self._socket.socket_id

    @property
    def is_open(self) -> bool:
        """Whether the client believes that it is open."""
        return self._lost is None

    # The daemon's side

    async def receive(self) -> str | bytes:
        """Return the next message. Raises ConnectionLost."""
        while True:
            self._life.check()
            if self._inbox:
                return self._inbox.popleft()
            if self._lost is not None:
                raise self._lost
            await asyncio.shield(self._changed)

    async def send(self, text: str) -> None:
        """Write one message. Raises ConnectionLost."""
        self._life.point("wire.send")
        if self._lost is not None:
            raise self._lost
        self._watcher.sending(self._account, self, text)
        self._launch(text)
        self._life.point("wire.sent")
        if self._universe.weather.chance(0.05):
            await asyncio.sleep(self._universe.weather.between(0.0, 1.0))  # the buffer is full: the write waits

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close within the deadline."""
        self._life.check()
        if self._lost is not None:
            return
        self._universe.trace.say(f"daemon closes {self.number} {code} {reason}")
        if not self._closing:
            self._closing = True
            trip_s = self._universe.weather.trip_s()
            self._up_free_s = max(self._up_free_s, self._universe.timeline.now_s + trip_s)
            self._universe.timeline.at(self._up_free_s, self._peer_closes)
        try:
            async with asyncio.timeout(_CLOSE_S):
                while self._lost is None:
                    await asyncio.shield(self._changed)
        except TimeoutError:
            self._end(ConnectionLost(f"the chat with {_PLACE} was closed from here"))
            self._universe.timeline.after(_PEER_GIVES_UP_S, self._leave)

    # The network

    def _launch(self, text: str) -> None:
        universe = self._universe
        flight_s = None if self.dead_line else universe.weather.flight_s()
        sent_s = universe.timeline.now_s
        if flight_s is None:
            self.dead_line = True  # TCP delivers nothing behind a hole
            universe.trace.say(f"frame lost on the way of {self.number}")
            return
        self._up_free_s = max(self._up_free_s, sent_s + flight_s)
        universe.timeline.at(self._up_free_s, lambda: self._arrive(text, sent_s))

    def _arrive(self, text: str, sent_s: float) -> None:
        if self.dead_line:
            return
        universe = self._universe
        received = universe.do(lambda now_ms: universe.world.take_frame(self._socket, text, now_ms))
        universe.trace.say(f"frame {received.outcome} {received.reason} {received.order_no} {received.text}")
        self._watcher.received(received, sent_s)

    def downward_s(self) -> float:
        """Return when what the exchange sends now arrives: never before what it sent earlier."""
        now_s = self._universe.timeline.now_s
        self._down_free_s = max(self._down_free_s, now_s + self._universe.weather.trip_s())
        return self._down_free_s

    def carry(self, effect: Effect) -> None:
        """Take what the exchange sends."""
        if self.dead_line or self._lost is not None:
            return
        at_s = self.downward_s()
        match effect:
            case Push(_, data):
                self._universe.timeline.at(at_s, lambda: self._push(data))
            case Close(_, code, reason):
                closed = ConnectionLost(f"{_PLACE} closed (code {code})", code=code, reason=reason)
                self._universe.timeline.at(at_s, lambda: self._closed(closed))
            case Abort():
                self._universe.timeline.at(at_s, self._reset)

    def _push(self, data: str | bytes) -> None:
        if self.dead_line or self._lost is not None:
            return
        self._inbox.append(data)
        self.most_buffered = max(self.most_buffered, len(self._inbox))
        self._wake()

    def _closed(self, closed: ConnectionLost) -> None:
        if not self.dead_line:
            self._end(closed)
            self._leave()

    def _reset(self) -> None:
        if self.dead_line:
            return
        if self._universe.weather.chance(0.5):
            self._inbox.clear()  # a reset may overtake what was not read
        self._end(ConnectionLost(f"the connection to {_PLACE} broke"))

    def _peer_closes(self) -> None:
        if self.dead_line or self._mute() is Mute.HALF_OPEN:
            return
        self._leave()
        closed = ConnectionLost(f"the chat with {_PLACE} was closed from here", code=1000)
        self._universe.timeline.at(self.downward_s(), lambda: self._closed(closed))

    def _ping(self) -> None:
        if self._lost is not None or self._life.dead:
            return
        weather, timeline = self._universe.weather, self._universe.timeline
        silent = self.dead_line or self._mute() is Mute.HALF_OPEN or weather.dark_until_s > timeline.now_s + _PONG_S
        if silent:
            timeline.after(_PONG_S + _CLOSE_S, lambda: timeline.awake(self._given_up))
        timeline.after(_PING_S, lambda: timeline.awake(self._ping))

    def _given_up(self) -> None:
        if self._lost is None:
            self._end(ConnectionLost(f"{_PLACE} answers no ping"))
            self._universe.timeline.after(_PEER_GIVES_UP_S, self._leave)

    def break_line(self) -> None:
        """Let both ends see a reset; what is under way is lost."""
        if self._lost is None:
            self.dead_line = True
            self._end(ConnectionLost(f"the connection to {_PLACE} broke"))
            self._universe.timeline.after(self._universe.weather.trip_s(), self._leave)

    def go_dead(self) -> None:
        """Let neither end see anything any more: a half-open connection."""
        if self._lost is None:
            self.dead_line = True
            self._universe.timeline.after(_PEER_GIVES_UP_S, self._leave)

    def cut(self) -> None:
        """End it because the process is gone: the exchange is told by the kernel."""
        self._end(ConnectionLost("the process is gone"))
        at_s = max(self._up_free_s, self._universe.timeline.now_s + self._universe.weather.trip_s())
        self._universe.timeline.at(at_s, self._leave)

    def _mute(self) -> Mute:
        return self._universe.world.mute_of(self._socket, self._universe.now_ms())

    def _leave(self) -> None:
        self._universe.ends.pop(self.number, None)
        self._universe.do(lambda _: self._universe.world.leave(self.number))

    def _end(self, lost: ConnectionLost) -> None:
        if self._lost is None:
            self._lost = lost
            self._universe.trace.say(f"connection {self.number} ended: {lost.what} {lost.reason}")
            self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, self._universe.loop.create_future()
        changed.set_result(None)
