"""The door to pictures in a chat: fetches one by its address, bounded (aiohttp).

Promise: goes only to the hosts of the configuration, without key, cookie or referrer, follows no redirect, unpacks
nothing, keeps at most ``most_bytes``; raises only ``p2pbot.errors``, and no error holds the address.
Danger: the bytes are a stranger's. They are read by ``protocol.pictures`` alone, which decodes nothing.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import aiohttp
from yarl import URL  # aiohttp's own type of address: what was judged is what is called

from p2pbot.adapters.network_faults import connect_failed
from p2pbot.errors import (
    ConnectFailed,
    ConnectionLost,
    ExchangeUnavailable,
    P2pbotError,
    RateLimited,
    RequestRefused,
    TimedOut,
)
from p2pbot.protocol.picture_places import PicturePlaces, Place
from p2pbot.protocol.pictures import FetchedPicture

TIMEOUT_S = 60.0  # for a whole picture on a slow line
_CHUNK_BYTES = 64 * 1024
_RETRY_AFTER_S = 30.0  # where the host asks for patience without a number
_LONGEST_RETRY_S = 600.0
_HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity"}
_PACKED = "the picture comes packed, which was not asked for"


class PictureFetch:
    """Fetches pictures. The session must carry no key and no cookies (``adapters.rest.open_session``)."""

    def __init__(self, session: aiohttp.ClientSession, places: PicturePlaces, *, timeout_s: float = TIMEOUT_S) -> None:
        self._session = session
        self._places = places
        self._timeout_s = timeout_s

    async def fetch(self, address: str, most_bytes: int) -> FetchedPicture:
        """Return the picture at ``address``.

        Raises RequestRefused (a place that we do not go to, a redirect, 4xx, more than ``most_bytes``), RateLimited,
        ExchangeUnavailable, ConnectFailed, ConnectionLost, TimedOut.
        """
        url = _parsed(address)
        if refusal := self._places.refusal(place_of(url)):
            raise RequestRefused(f"a picture was not fetched: {refusal}")
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._get(url, most_bytes)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._ours(error, f"{url.host}:{url.port}") from None

    async def _get(self, url: URL, most_bytes: int) -> FetchedPicture:
        async with self._session.get(
            url,
            headers=_HEADERS,
            allow_redirects=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),  # one deadline for all: that of the caller
        ) as response:
            if response.status != HTTPStatus.OK:
                raise _refused(response)
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise RequestRefused(_PACKED)
            return FetchedPicture(await _body(response, most_bytes), response.headers.get("Content-Type", "")[:200])

    def _ours(self, error: Exception, place: str) -> P2pbotError:
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return connect_failed(error.certificate_error, place)
        if isinstance(error, aiohttp.ClientConnectorError):
            return connect_failed(error.os_error, place)
        if isinstance(error, TimeoutError):
            return TimedOut(f"{place} did not deliver a picture within {self._timeout_s:.0f} s")
        if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
            return ConnectFailed(f"{place} is not an address that can be called")
        return ConnectionLost(f"the connection to {place} broke while a picture was fetched")


def place_of(url: URL | str) -> Place:
    """Return the parts of an address that ``PicturePlaces`` judges."""
    parsed = _parsed(url) if isinstance(url, str) else url
    has_user = parsed.user is not None or parsed.password is not None
    return Place(parsed.scheme.lower(), (parsed.host or "").lower(), parsed.port, has_user)


def _parsed(address: str) -> URL:
    """Return the address as it is, for a signed query must not be encoded again; raises RequestRefused."""
    try:
        plain = address.isascii() and address.isprintable() and " " not in address
        url = URL(address, encoded=plain)
        has_host, _ = bool(url.host), url.port
    except (ValueError, TypeError):
        has_host = False
    if not has_host:
        raise RequestRefused("a picture was not fetched: its address cannot be read")
    return url


def _refused(response: aiohttp.ClientResponse) -> P2pbotError:
    status, place = response.status, f"{response.url.host}:{response.url.port}"
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        asked = response.headers.get("Retry-After", "")
        after_s = float(asked) if asked.isdecimal() and len(asked) < 10 else _RETRY_AFTER_S  # noqa: PLR2004 - what a float holds
        return RateLimited(
            f"{place} asks for patience ({status})", retry_after_s=min(after_s, _LONGEST_RETRY_S), status=status
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ExchangeUnavailable(f"{place} has trouble of its own ({status})", status=status)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return RequestRefused(f"{place} sends us elsewhere for a picture, and we do not go", status=status)
    what = "is gone" if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE) else "is refused"
    return RequestRefused(f"the picture {what} ({place} answers {status})", status=status)


async def _body(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """Return the body. Raises RequestRefused as soon as it is too long, ConnectionLost when it is cut off."""
    too_large = RequestRefused(f"the picture has more than {most_bytes} bytes")
    if (response.content_length or 0) > most_bytes:
        raise too_large
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > most_bytes:
            response.close()  # the rest stays unread, so the connection cannot be used again
            raise too_large
    return bytes(body)
