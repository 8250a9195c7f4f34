"""The real REST door over the simulated network: only the sending of one HTTP request is replaced.

Promise: signing, clock learning, short retries, rate gate and the reading of answers are those of ``adapters.rest``.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, TypeVar, cast

from p2pbot.adapters.rate_gate import RateGate
from p2pbot.adapters.rest import _HEADERS, ExchangeRest
from p2pbot.ports import Clock, Rng
from p2pbot.protocol.envelope import HttpAnswer
from p2pbot.protocol.rest import RestCall
from p2pbot.protocol.signing import hmac_signer
from p2pbot.sandbox.gateway import Answer, Delivery, Request
from p2pbot.secret import Secret
from tests.sim.life import Life
from tests.sim.universe import key_of, secret_of
from tests.sim.weather import Fate

if TYPE_CHECKING:
    import aiohttp

T = TypeVar("T")


class _NoSession:
    """Stands where the HTTP session would; nothing is sent through it."""

    closed = False


class SimRest(ExchangeRest):
    """``ports.Rest`` for one account in one life."""

    def __init__(self, life: Life, account: str, clock: Clock, rng: Rng, gate: RateGate) -> None:
        super().__init__(
            cast("aiohttp.ClientSession", _NoSession()),
            "https://simulated.invalid",
            Secret(key_of(account)),
            hmac_signer(Secret(secret_of(account))),
            clock,
            rng,
            gate=gate,
        )
        self._life = life
        self._universe = life.universe

    async def _send(self, request: RestCall[T]) -> HttpAnswer:
        """Carry one request to the exchange and its answer back. Raises OSError as a socket would."""
        self._life.point("rest.call")
        asked_at_ms = self._clock.now_ms()
        answered: asyncio.Future[Answer] = self._universe.loop.create_future()
        weather, timeline = self._universe.weather, self._universe.timeline
        fate, sent = weather.fate(), self._request(request)
        if fate is Fate.LOST_BEFORE:
            timeline.after(weather.trip_s(), lambda: _break(answered))
        elif fate is not Fate.SILENT_BEFORE:
            timeline.after(weather.trip_s(), lambda: self._arrive(sent, fate, answered))
        answer = await answered
        self._life.point("rest.answered")
        return HttpAnswer(
            status=answer.status,
            body=answer.body.encode("utf-8"),
            retry_after=answer.headers.get("Retry-After", ""),
            asked_at_ms=asked_at_ms,
            received_at_ms=self._clock.now_ms(),
        )

    def _request(self, request: RestCall[T]) -> Request:
        path, _, query = str(self._url(request)).removeprefix("https://simulated.invalid").partition("?")
        named = request.signed or request.keyed
        headers = _HEADERS | {"X-MBX-APIKEY": self._api_key.reveal()} if named else _HEADERS
        return Request(
            method=request.method,
            path=path,
            raw_query=query,
            headers={name.lower(): value for name, value in headers.items()},
            body=b"" if request.body is None else json.dumps(request.body).encode("utf-8"),
        )

    def _arrive(self, sent: Request, fate: Fate, answered: asyncio.Future[Answer]) -> None:
        universe = self._universe
        if answered.done() or self._life.dead:
            return  # the client hung up
        answer = universe.do(lambda now_ms: universe.world.answer(sent, now_ms))
        if not self._life.dead:
            universe.trace.say(f"rest {sent.path.rpartition('/')[2]} {answer.status} {answer.code} {fate}")
        back_s = universe.weather.trip_s()
        if fate is Fate.SILENT_AFTER:
            return
        if fate is Fate.LOST_AFTER or answer.delivery is Delivery.RESET:
            universe.timeline.after(back_s, lambda: _break(answered))
        elif answer.delivery is Delivery.HANG:
            universe.timeline.after(answer.hold_ms / 1000, lambda: _break(answered))
        else:
            universe.timeline.after(back_s, lambda: _give(answered, answer))


def _break(answered: asyncio.Future[Answer]) -> None:
    if not answered.done():
        answered.set_exception(ConnectionResetError("simulated"))


def _give(answered: asyncio.Future[Answer], answer: Answer) -> None:
    if not answered.done():
        answered.set_result(answer)
