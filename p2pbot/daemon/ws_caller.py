"""Asks by whichever connection of a WebSocket-API session serves: in turn, signed at the moment of sending.

Promise: a call is over within ``longest_call_s``, whatever happens. A refused time stamp is cured once by learning the
exchange's clock; an overloaded exchange is asked again after the pauses that it recommends; nothing else is repeated,
and nothing is kept for a connection to come.
Danger: a request is signed after it has waited for its turn, or its time stamp would be as old as its waiting.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from p2pbot.daemon.ws_link import WeightGate, WsLink
from p2pbot.errors import ClockSkew, ConnectionLost, ExchangeUnavailable, TimedOut
from p2pbot.ports import Clock, Rng
from p2pbot.protocol.server_clock import ServerClock, learnt
from p2pbot.protocol.ws_answers import SessionStatus
from p2pbot.protocol.ws_call import T, WsCall
from p2pbot.protocol.ws_calls import session_logon, session_status
from p2pbot.protocol.ws_requests import Identity, request_text

_AT_ONCE = 8  # calls at a time: the loops of one account ask one after the other
_OVERLOADED = "-1008"
_OVERLOAD_PAUSES_S = (0.2, 0.4, 0.8)  # as the exchange recommends; what lasts longer is the caller's matter
_QUEUE_S = 90.0  # for the calls that came first: a spent minute of weight, and room for the pauses


def longest_call_s(timeout_s: float) -> float:
    """Return how long a call lasts at most, when one answer is waited for ``timeout_s``.

    It waits for its turn, asks, learns the clock and asks once more; an overloaded exchange answers at once.
    """
    return _QUEUE_S + 3 * timeout_s


@dataclass(frozen=True, slots=True, kw_only=True)
class WsPlan:
    """One session: whose, of which interface (``api``: futures or spot), where, and its numbers.

    ``overlap_s``: so long an old connection is read on after its renewal, for answers and events under way.
    """

    account: str
    api: str
    url: str
    identity: Identity
    timeout_s: float = 10.0
    overlap_s: float = 10.0


class WsCaller:
    """Makes calls for one session. ``link``: the connection that serves, None while there is none."""

    def __init__(self, plan: WsPlan, gate: WeightGate, clock: Clock, rng: Rng) -> None:
        self._plan = plan
        self._gate = gate
        self._clock = clock
        self._rng = rng
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._learning = asyncio.Lock()
        self._server_clock: ServerClock | None = None
        self.link: WsLink | None = None

    @property
    def clock_offset_ms(self) -> int | None:
        """How far the exchange's clock is ahead of this machine's less a bias; None before it is learnt."""
        if self._server_clock is None:
            return None
        return self._server_clock.now_ms(self._clock.boottime_s()) - self._clock.now_ms()

    async def call(self, request: WsCall[T]) -> T:
        """Return the call's parsed result, within ``longest_call_s``. Raises what ``ports.WsApi`` names."""
        try:
            async with asyncio.timeout(longest_call_s(self._plan.timeout_s)), self._slots:
                return await self._cured(request)
        except TimeoutError:
            raise TimedOut(f"{request.method} was not answered in time, the calls before it included") from None

    async def _cured(self, request: WsCall[T]) -> T:
        """Ask; a refused time stamp is cured once, by learning the exchange's clock."""
        used = self._server_clock
        try:
            return await self._patiently(request)
        except ClockSkew:
            await self._learn_again(instead_of=used)
            return await self._patiently(request)

    async def learn(self, link: WsLink) -> SessionStatus:
        """Ask who we are on ``link``, and for the exchange's clock."""
        asking = session_status()
        await self._gate.turn(asking.weight)
        asked_s = self._clock.boottime_s()
        status = await self._send(asking, link)
        server_ms = self._clock.now_ms() if status.server_ms is None else status.server_ms
        self._server_clock = learnt(server_ms, asked_s, self._clock.boottime_s())
        return status

    async def log_on(self, link: WsLink) -> None:
        """Log ``link`` on, where the kind of key allows it: other keys sign each call."""
        if not self._plan.identity.logs_on:
            return
        try:
            status = await self._in_turn(session_logon(), link)
        except ClockSkew:
            await self.learn(link)
            status = await self._in_turn(session_logon(), link)
        link.logged_on = status.logged_on

    async def _patiently(self, request: WsCall[T]) -> T:
        """Ask, and again after short pauses where the exchange says that it is overloaded: it did nothing then."""
        for pause_s in _OVERLOAD_PAUSES_S:
            try:
                return await self._in_turn(request)
            except ExchangeUnavailable as busy:
                if busy.code != _OVERLOADED:
                    raise
            await self._clock.sleep(self._rng.uniform(pause_s / 2, pause_s))
        return await self._in_turn(request)

    async def _in_turn(self, request: WsCall[T], by: WsLink | None = None) -> T:
        """Ask when it is this call's turn, by the connection that serves then."""
        if by is None:
            self._serving()  # at once: nobody's turn is spent on a session that is not there
        await self._gate.turn(request.weight)
        return await self._send(request, by or self._serving())

    async def _send(self, request: WsCall[T], link: WsLink) -> T:
        def write(request_id: int) -> str:
            return request_text(
                request_id, request, self._plan.identity, timestamp_ms=self._now_ms(), logged_on=link.logged_on
            )

        return await link.ask(request, write, self._plan.timeout_s)

    async def _learn_again(self, instead_of: ServerClock | None) -> None:
        """Learn the exchange's clock, unless another call did while this one waited."""
        async with self._learning:
            if self._server_clock is instead_of:
                await self.learn(self._serving())

    def _serving(self) -> WsLink:
        if self.link is None or self.link.end is not None:
            raise ConnectionLost(f"the {self._plan.api} session is not open")
        return self.link

    def _now_ms(self) -> int:
        """Return the exchange's time as far as it is known."""
        if self._server_clock is None:
            return self._clock.now_ms()
        return self._server_clock.now_ms(self._clock.boottime_s())
