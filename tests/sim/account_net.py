"""The sockets of the account context through the simulated network: WebSocket APIs and private streams.

Promise: frames arrive in order or not at all; a silent peer is seen after ping, deadline and close (28 s), as
``adapters.wire`` sees it. Pings that are answered are not played: in ninety days they would be most of what happens.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from p2pbot.adapters.wire import _refusal
from p2pbot.errors import ConnectionLost, TimedOut
from p2pbot.sandbox.gate import Refusal
from p2pbot.sandbox.links import Link
from p2pbot.sandbox.state import Close, Effect, Ping, Push
from p2pbot.secret import Secret
from tests.sim.universe import Universe

_OPEN_S = 10.0
SILENT_S = 15.0 + 10.0 + 3.0  # ping, deadline, close
_CLOSE_S = 3.0
_BUDGET_S = 300.0
_MOST_CONNECTS = 400  # that are counted; the exchange allows 300
_FORGET_S = 90.0  # the exchange forgets a connection that is gone without a word
_PLACE = "the simulated exchange"


class AccountWire:
    """``ports.Wire`` to both WebSocket APIs and the private streams. ``open``: what the client believes is open.

    ``on_open`` is told of each handshake: what happens just then meets a snapshot that is under way.
    """

    def __init__(self, universe: Universe, on_open: Callable[[], None]) -> None:
        self._universe = universe
        self._on_open = on_open
        self.open: dict[int, AccountLine] = {}
        self.connects: deque[float] = deque(maxlen=_MOST_CONNECTS)
        self.most_connects = 0
        self.dead_until_s = 0.0
        self.hostile_until_s = 0.0

    async def connect(self, url: Secret) -> AccountLine:
        """Open a connection, or raise what the real door raises."""
        self._count()
        loop, timeline = self._universe.loop, self._universe.timeline
        opened: asyncio.Future[AccountLine] = loop.create_future()
        timeline.after(self._universe.weather.trip_s(), lambda: self._knock(url, opened))
        try:
            async with asyncio.timeout(_OPEN_S):
                return await opened
        except TimeoutError:
            raise TimedOut(f"{_PLACE} did not open within {_OPEN_S:.0f} s") from None

    def _count(self) -> None:
        """Count the connects of the last five minutes of the machine's own time."""
        now_s = self._universe.loop.time()
        self.connects.append(now_s)
        recent = sum(at_s > now_s - _BUDGET_S for at_s in self.connects)
        self.most_connects = max(self.most_connects, recent)

    def _knock(self, url: Secret, opened: asyncio.Future[AccountLine]) -> None:
        universe, parts = self._universe, urlsplit(url.reveal())
        if opened.done() or universe.timeline.now_s < self.dead_until_s:
            return
        context, query = universe.world.context, dict(parse_qsl(parts.query))
        verdict = universe.do(lambda now_ms: context.knock(parts.path, query, now_ms))
        if isinstance(verdict, Refusal):
            error = _refusal(verdict.status, float(verdict.retry_after_s) or None, _PLACE, "the stream")
            universe.timeline.after(universe.weather.trip_s(), lambda: _fail(opened, error))
            return
        line = AccountLine(universe, self, verdict)
        universe.ends[verdict.socket_id] = line
        universe.do(lambda now_ms: context.enter(verdict, now_ms))
        universe.timeline.after(universe.weather.trip_s(), lambda: self._welcome(line, opened))

    def _welcome(self, line: AccountLine, opened: asyncio.Future[AccountLine]) -> None:
        if opened.done():
            line.leave()
        else:
            self.open[line.link.socket_id] = line
            self._on_open()
            if self._universe.timeline.now_s < self.hostile_until_s:
                self._universe.timeline.after(0.1, line.reset)
            opened.set_result(line)

    def go_silent(self, for_s: float) -> None:
        """Let nothing get through on any line, old or new, for a while: the old ones are dead from now on."""
        self.dead_until_s = max(self.dead_until_s, self._universe.timeline.now_s + for_s)
        for line in tuple(self.open.values()):
            line.go_dead()


class AccountLine:
    """``ports.Connection``: one connection."""

    def __init__(self, universe: Universe, wire: AccountWire, link: Link) -> None:
        self._universe = universe
        self._wire = wire
        self.link = link
        self._inbox: deque[str | bytes] = deque()
        self._lost: ConnectionLost | None = None
        self._changed = universe.loop.create_future()
        self._dead = False
        self._down_free_s = 0.0

    async def receive(self) -> str | bytes:
        """Return the next message. Raises ConnectionLost."""
        while True:
            if self._inbox:
                return self._inbox.popleft()
            if self._lost is not None:
                raise self._lost
            await asyncio.shield(self._changed)

    async def send(self, text: str) -> None:
        """Write one message. Raises ConnectionLost."""
        if self._lost is not None:
            raise self._lost
        if not self._dead:
            self._universe.timeline.after(self._universe.weather.trip_s(), lambda: self._arrive(text))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close; a peer that does not answer costs the deadline."""
        if self._lost is not None:
            return
        if self._dead:
            await asyncio.sleep(_CLOSE_S)
        self._end(ConnectionLost(f"{_PLACE} was left", code=code, reason=reason))
        if not self._dead:
            self._universe.timeline.after(self._universe.weather.trip_s(), self.leave)

    # The network

    def go_dead(self) -> None:
        """Let neither end see anything any more: the client's ping finds out, the exchange forgets it later."""
        if not self._dead and self._lost is None:
            self._dead = True
            timeline = self._universe.timeline
            gone = ConnectionLost(f"{_PLACE} answers no ping")
            timeline.after(SILENT_S, lambda: timeline.awake(lambda: self._end(gone)))
            timeline.after(_FORGET_S, self.leave)

    def reset(self) -> None:
        """Let the exchange end it at once, for no reason that it gives."""
        links = self._universe.world.context.inside.links
        self._universe.do(lambda now_ms: links.end(self.link, now_ms, 0))

    def leave(self) -> None:
        """Have the exchange know that it is over."""
        self._universe.ends.pop(self.link.socket_id, None)
        self._universe.do(lambda now_ms: self._universe.world.context.leave(self.link, now_ms))

    def carry(self, effect: Effect) -> None:
        """Take what the exchange sends."""
        if self._dead or self._lost is not None or isinstance(effect, Ping):
            return
        timeline = self._universe.timeline
        self._down_free_s = max(self._down_free_s, timeline.now_s + self._universe.weather.trip_s())
        match effect:
            case Push(_, data):
                timeline.at(self._down_free_s, lambda: self._push(data))
            case Close(_, code, reason):
                closed = ConnectionLost(f"{_PLACE} closed (code {code})", code=code, reason=reason)
                timeline.at(self._down_free_s, lambda: self._closed(closed))
            case _:
                timeline.at(self._down_free_s, lambda: self._closed(ConnectionLost("the connection broke")))

    def _arrive(self, text: str) -> None:
        if not self._dead:
            context = self._universe.world.context
            self._universe.do(lambda now_ms: context.take_frame(self.link, text, now_ms))

    def _push(self, data: str | bytes) -> None:
        if not self._dead and self._lost is None:
            self._inbox.append(data)
            self._wake()

    def _closed(self, closed: ConnectionLost) -> None:
        if not self._dead:
            self._end(closed)
            self.leave()

    def _end(self, lost: ConnectionLost) -> None:
        self._wire.open.pop(self.link.socket_id, None)
        if self._lost is None:
            self._lost = lost
            self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, self._universe.loop.create_future()
        changed.set_result(None)


def _fail(future: asyncio.Future[AccountLine], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
