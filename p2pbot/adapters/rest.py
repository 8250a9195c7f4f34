"""The door to the exchange's REST interface (aiohttp; tenacity for short retries).

Promise: signs, keeps the exchange's clock, retries what may be repeated, and raises only ``p2pbot.errors``. No URL,
key or header is in an error. Redirects are refused, cookies dropped, answers bounded; requests leave at a bounded pace.
Danger: one session serves all accounts; the key is in the request, never in the session. After 429 or 418 nothing
leaves until the exchange's time is over. Beside our retries, aiohttp repeats a GET once by itself when a connection
kept alive turns out to be dead.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from ipaddress import ip_address
from typing import TypeVar

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt
from yarl import URL  # aiohttp's own type of address: no other can be kept from encoding again

from p2pbot.adapters.network_faults import connect_failed
from p2pbot.adapters.rate_gate import RateGate
from p2pbot.errors import (
    AnswerMalformed,
    ClockSkew,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    ExchangeUnavailable,
    NetworkError,
    OurError,
    P2pbotError,
    RateLimited,
    TimedOut,
)
from p2pbot.ports import Clock, Rng
from p2pbot.protocol import calls
from p2pbot.protocol.envelope import MAX_ANSWER_BYTES, HttpAnswer, read_envelope, weight_of
from p2pbot.protocol.rest import Answer, RestCall
from p2pbot.protocol.server_clock import ServerClock, learnt
from p2pbot.protocol.signing import Signer, encode_query, signed_query
from p2pbot.secret import Secret

T = TypeVar("T")

ATTEMPTS = 3  # a longer outage is the loops' matter, with their backoff
REFRESH_CLOCK_S = 20 * 60  # cheap clocks drift 0.1 s in that time
_RETRY_CLOCK_S = 60.0  # an old clock still serves while the new one cannot be had
_AT_ONCE = 4  # requests in flight per account: enough for a catch-up, far below any limit by address
_FIRST_PAUSE_S = 0.3
_LONGEST_PAUSE_S = 3.0
QUEUE_S = 60.0  # for the pauses between attempts, and for the calls that came first
_CHUNK_BYTES = 64 * 1024
_CONNECTIONS = 20  # of the shared session
_HEADERS = {"Content-Type": "application/json;charset=utf-8", "clientType": "web", "Accept": "application/json"}


def longest_call_s(timeout_s: float, queue_s: float = QUEUE_S) -> float:
    """Return how long a call lasts at most, when one request lasts ``timeout_s`` at most.

    It learns the clock and asks, and does both once more, each in three attempts.
    """
    return 4 * ATTEMPTS * timeout_s + queue_s


def open_session(tls: ssl.SSLContext, *, use_proxy_environment: bool = False) -> aiohttp.ClientSession:
    """Return the HTTP session that all accounts share; its owner closes it. Call it within the running loop."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls, limit=_CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=use_proxy_environment,
        headers={"User-Agent": "p2pbot"},
    )


class ExchangeRest:
    """The exchange's REST interface for one account (``ports.Rest``)."""

    def __init__(  # noqa: PLR0913 - the composition root names every part
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        api_key: Secret,
        signer: Signer,
        clock: Clock,
        rng: Rng,
        *,
        recv_window_ms: int = 5000,
        timeout_s: float = 10.0,
        gate: RateGate | None = None,
        queue_s: float = QUEUE_S,
        time_call: RestCall[int] | None = None,
    ) -> None:
        """Check the address and the key's form. Raises ConfigError; nothing is sent.

        ``time_call``: how this address is asked for its clock, if it is not the main one (``key_calls.futures_time``).
        """
        self._session = session
        self._base = _checked_base(base_url)
        self._api_key = _checked_key(api_key)
        self._signer = signer
        self._clock = clock
        self._rng = rng
        self._recv_window_ms = recv_window_ms
        self._timeout_s = timeout_s
        self._longest_s = longest_call_s(timeout_s, queue_s)
        self._gate = gate or RateGate(clock)
        self._time_call = time_call or calls.server_time()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._learning = asyncio.Lock()
        self._server_clock: ServerClock | None = None
        self._refresh_at_s = 0.0

    @property
    def clock_offset_ms(self) -> int | None:
        """How far the exchange's clock is ahead of this machine's less a bias; None before it is learnt."""
        if self._server_clock is None:
            return None
        return self._server_clock.now_ms(self._clock.boottime_s()) - self._clock.now_ms()

    async def call(self, request: RestCall[T]) -> T:
        """Return the call's parsed answer.

        It lasts ``longest_call_s`` at most. Raises what ``ports.Rest`` names, ConnectionLost, and ClockSkew when
        learning the clock did not help.
        """
        self._gate.check()
        try:
            async with asyncio.timeout(self._longest_s):
                if request.patient:
                    await self._gate.patience()
                async with self._slots:
                    answer = await self._answer(request)
        except TimeoutError:
            raise TimedOut(
                f"{self._base.host}:{self._base.port} did not answer in time, the calls before this one included"
            ) from None
        return request.parse(answer)

    async def _answer(self, request: RestCall[T]) -> Answer:
        """Return the answer; a refused time stamp is cured once by learning the exchange's clock.

        A call that its owner counts is not repeated here: it fails, and its owner tries again with the clock learnt.
        """
        if not request.signed:
            return await self._retried(request)
        used = await self._kept_clock()
        try:
            return await self._retried(request)
        except ClockSkew:
            await self._learn_clock(instead_of=used)
            if not request.idempotent:
                raise
            return await self._retried(request)

    async def _kept_clock(self) -> ServerClock:
        """Return a clock that is fresh enough; an old one serves on where a new one cannot be had now."""
        known = self._server_clock
        if known is not None and self._clock.boottime_s() < self._refresh_at_s:
            return known
        try:
            return await self._learn_clock(instead_of=known)
        except (NetworkError, ExchangeUnavailable, AnswerMalformed):
            if known is None:
                raise
            self._refresh_at_s = self._clock.boottime_s() + _RETRY_CLOCK_S
            return known

    async def _learn_clock(self, instead_of: ServerClock | None) -> ServerClock:
        """Ask for the exchange's time, unless another call did while this one waited."""
        async with self._learning:
            if self._server_clock is not None and self._server_clock is not instead_of:
                return self._server_clock
            found: ServerClock = await self._retrying(idempotent=True)(self._ask_clock)
            self._server_clock = found
            self._refresh_at_s = found.at_s + REFRESH_CLOCK_S
            return found

    async def _ask_clock(self) -> ServerClock:
        """Ask once; the round trip of a retry must not count into the answer's age."""
        asked_s = self._clock.boottime_s()
        server_ms = self._time_call.parse(await self._once(self._time_call))
        return learnt(server_ms, asked_s, self._clock.boottime_s())

    async def _retried(self, request: RestCall[T]) -> Answer:
        answer: Answer = await self._retrying(idempotent=request.idempotent)(self._once, request)
        return answer

    def _retrying(self, *, idempotent: bool) -> AsyncRetrying:
        """Return the policy of short retries: the network's and the exchange's passing faults only."""
        return AsyncRetrying(
            sleep=self._clock.sleep,
            stop=stop_after_attempt(ATTEMPTS if idempotent else 1),
            wait=self._pause_s,
            retry=retry_if_exception_type((NetworkError, ExchangeUnavailable)),
            reraise=True,
        )

    def _pause_s(self, state: RetryCallState) -> float:
        longest = min(_FIRST_PAUSE_S * 2**state.attempt_number, _LONGEST_PAUSE_S)
        return self._rng.uniform(longest / 2, longest)

    async def _once(self, request: RestCall[T]) -> Answer:
        """Send one request and take the answer out of its envelope."""
        await self._gate.turn(request.weight)
        http = await self._exchange(request)
        if (used := weight_of(http)) is not None:
            self._gate.counted(used)
        try:
            return read_envelope(http, bare=request.bare)
        except RateLimited as limited:
            self._gate.shut(limited)
            raise

    async def _exchange(self, request: RestCall[T]) -> HttpAnswer:
        """Send one request; every fault of library and network leaves as one of ours, without its cause's text."""
        if self._session.closed:
            raise OurError("the HTTP session is closed")
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._send(request)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._ours(error) from None

    async def _send(self, request: RestCall[T]) -> HttpAnswer:
        asked_at_ms = self._clock.now_ms()
        named = request.signed or request.keyed
        headers = _HEADERS | {"X-MBX-APIKEY": self._api_key.reveal()} if named else _HEADERS
        async with self._session.request(
            request.method,
            self._url(request),
            data=None if request.body is None else json.dumps(request.body).encode("utf-8"),
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None),  # one deadline for all: that of the caller
        ) as response:
            body = await _bounded_body(response)
            return HttpAnswer(
                status=response.status,
                body=body,
                retry_after=response.headers.get("Retry-After", ""),
                asked_at_ms=asked_at_ms,
                received_at_ms=self._clock.now_ms(),
                weight_used=response.headers.get("X-MBX-USED-WEIGHT-1M", ""),
            )

    def _url(self, request: RestCall[T]) -> URL:
        """Return the address, encoded once: the library must not touch what was signed."""
        query = self._signed(request) if request.signed else encode_query(request.query)
        return URL(f"{self._base}{request.path}{'?' if query else ''}{query}", encoded=True)

    def _signed(self, request: RestCall[T]) -> str:
        if self._server_clock is None:
            raise OurError("a request was to be signed before the exchange's clock was learnt")
        timestamp_ms = self._server_clock.now_ms(self._clock.boottime_s())
        return signed_query(request.query, timestamp_ms, self._recv_window_ms, self._signer)

    def _ours(self, error: Exception) -> P2pbotError:
        """Return our error for a fault of the library or the network."""
        place = f"{self._base.host}:{self._base.port}"
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return connect_failed(error.certificate_error, place)
        if isinstance(error, aiohttp.ClientConnectorError):
            return connect_failed(error.os_error, place)
        if isinstance(error, TimeoutError):
            return TimedOut(f"{place} did not answer within {self._timeout_s:.0f} s")
        if isinstance(error, aiohttp.ClientResponseError):
            return AnswerMalformed(f"{place} does not speak HTTP as it should")
        if isinstance(error, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)):
            return ConnectFailed(f"{place} is not an address that can be called")
        return ConnectionLost(f"the connection to {place} broke during a request")


async def _bounded_body(response: aiohttp.ClientResponse) -> bytes:
    """Return the body, or so much of it that the reader sees it is too long."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            response.close()  # the rest stays unread, so the connection cannot be used again
            break
    return bytes(body)


def _checked_base(base_url: str) -> URL:
    """Return the interface's address without its last slash; http passes on loopback only (the sandbox)."""
    try:
        base = URL(base_url.strip().rstrip("/"))
        safe = base.scheme == "https" or (base.scheme == "http" and _is_loopback(base.host or ""))
        plain = bool(base.host) and base.user is None and not base.query_string and not base.fragment
    except ValueError:
        safe = plain = False
    if not (safe and plain):
        raise ConfigError(
            "the exchange's REST address is not a plain https:// address",
            remedy="set exchange.rest_url, for example https://api.binance.com",
        ) from None
    return base


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_key(api_key: Secret) -> Secret:
    value = api_key.reveal()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigError(
            "the API key is empty or holds characters that no key has",
            remedy="copy it again, whole and alone on one line",
        )
    return api_key
