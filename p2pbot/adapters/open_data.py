"""The door to Mini Program open data (aiohttp): one question, asked again only while its data token lives.

Promise: raises only ``p2pbot.errors``; no error holds a key, a token or an address's query. No redirect is followed,
no cookie kept, the answer is bounded, and each attempt has a deadline and a token of authority of its own.
Danger: the data token's two minutes are counted from when it came to us, for nobody tells us when it was made.
"""

from __future__ import annotations

import asyncio

import aiohttp
from yarl import URL  # aiohttp's own type of address: no other can be kept from encoding again

from p2pbot.adapters.network_faults import connect_failed
from p2pbot.errors import AnswerMalformed, ConnectFailed, ConnectionLost, ExchangeUnavailable, NetworkError, TimedOut
from p2pbot.ports import Clock, Rng
from p2pbot.protocol.envelope import HttpAnswer
from p2pbot.protocol.open_data import (
    HEADER,
    MAX_ANSWER_BYTES,
    TOKEN_LIFE_MS,
    MiniProgram,
    Question,
    authority,
    question,
    read_sealed,
)
from p2pbot.secret import Secret

ATTEMPTS = 4  # a person waits for the answer
_FIRST_PAUSE_S = 0.5
_SHORTEST_ATTEMPT_S = 1.0  # what is left of the token's life must be worth a try


class OpenDataDoor:
    """Asks for the users of one Mini Program. The session must carry no cookies (``adapters.rest.open_session``)."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        program: MiniProgram,
        clock: Clock,
        rng: Rng,
        *,
        timeout_s: float = 10.0,
    ) -> None:
        self._session = session
        self._base = base_url.rstrip("/")
        self._place = URL(base_url).authority
        self._program = program
        self._clock = clock
        self._rng = rng
        self._timeout_s = timeout_s

    async def sealed(self, token: Secret) -> str:
        """Return the encrypted data that belongs to a data token.

        Raises UsageError, what ``protocol.open_data.read_sealed`` raises, ConnectFailed, ConnectionLost, TimedOut.
        """
        asked = question(self._program.app_id, token)
        ends_s = self._clock.boottime_s() + TOKEN_LIFE_MS / 1000
        attempt = 1
        while True:
            try:
                return await self._once(asked, ends_s - self._clock.boottime_s())
            except (NetworkError, ExchangeUnavailable):
                pause_s = self._rng.uniform(0.5, 1.0) * _FIRST_PAUSE_S * 2**attempt
                left_s = ends_s - self._clock.boottime_s() - pause_s
                if attempt == ATTEMPTS or left_s < _SHORTEST_ATTEMPT_S:
                    raise
            attempt += 1
            await self._clock.sleep(pause_s)

    async def _once(self, asked: Question, left_s: float) -> str:
        if left_s <= 0:  # a wait took longer than it should: the machine slept
            raise TimedOut("the data token's two minutes are over")
        timeout_s = min(self._timeout_s, left_s)
        try:
            async with asyncio.timeout(timeout_s):
                return read_sealed(await self._send(asked))
        except TimeoutError:
            raise TimedOut(f"{self._place} did not answer within {timeout_s:.0f} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._ours(error) from None

    async def _send(self, asked: Question) -> HttpAnswer:
        """Send one request with a fresh token of authority; what was digested is the address, letter by letter."""
        asked_at_ms = self._clock.now_ms()
        token = authority(self._program, asked, asked_at_ms)
        async with self._session.get(
            URL(f"{self._base}{asked.target}", encoded=True),
            headers={"Accept": "application/json", HEADER: token.reveal()},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None),  # one deadline for all: that of the caller
        ) as response:
            return HttpAnswer(
                status=response.status,
                body=await _bounded_body(response),
                retry_after=response.headers.get("Retry-After", ""),
                asked_at_ms=asked_at_ms,
                received_at_ms=self._clock.now_ms(),
            )

    def _ours(self, error: Exception) -> NetworkError | AnswerMalformed:
        """Return our error for a fault of the library or the network."""
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return connect_failed(error.certificate_error, self._place)
        if isinstance(error, aiohttp.ClientConnectorError):
            return connect_failed(error.os_error, self._place)
        if isinstance(error, aiohttp.ClientResponseError):
            return AnswerMalformed(f"{self._place} does not speak HTTP as it should")
        if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
            return ConnectFailed(f"{self._place} is not an address that can be called")
        return ConnectionLost(f"the connection to {self._place} broke during a request")


async def _bounded_body(response: aiohttp.ClientResponse) -> bytes:
    """Return the body, or so much of it that the reader sees it is too long."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            response.close()  # the rest stays unread, so the connection cannot be used again
            break
    return bytes(body)
