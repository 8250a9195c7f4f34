"""The door through which pictures are uploaded (aiohttp): one PUT to an address that the exchange has signed.

Promise: the PUT carries the picture's bytes, their length and their true type, and nothing else of ours: no key, no
cookie, no word about the client. No redirect is followed, no proxy asked, no host met that the configuration does not
name. The answer is bounded, and no part of an address is in an error.
Danger: the address is a bearer secret for five minutes; it is revealed here and nowhere else.
"""

from __future__ import annotations

import asyncio
import io
import ssl

import aiohttp
from yarl import URL  # aiohttp's own type of address: no other can be kept from encoding again

from p2pbot.adapters.network_faults import connect_failed
from p2pbot.adapters.picture_fetch import place_of
from p2pbot.errors import (
    ConnectFailed,
    ConnectionLost,
    ExchangeUnavailable,
    NetworkError,
    OurError,
    TimedOut,
    UploadForbidden,
)
from p2pbot.model import Picture
from p2pbot.protocol.picture_places import PicturePlaces
from p2pbot.protocol.uploads import MAX_ANSWER_BYTES, checked_place, judge_answer
from p2pbot.secret import Secret

_CONNECTIONS = 8  # of all accounts together: a burst is held back by the exchange's own limit, not by these
_OURS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


def open_upload_session(tls: ssl.SSLContext) -> aiohttp.ClientSession:
    """Return a session for uploads alone, which knows no key; its owner closes it. Call it within the running loop."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls, limit=_CONNECTIONS, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        skip_auto_headers=_OURS,
    )


class PictureUploader:
    """``ports.Uploader`` for all accounts. ``places``: where uploads may go."""

    def __init__(self, session: aiohttp.ClientSession, places: PicturePlaces, *, timeout_s: float = 30.0) -> None:
        self._session = session
        self._places = places
        self._timeout_s = timeout_s

    async def put(self, url: Secret, picture: Picture, data: bytes) -> None:
        """Upload ``data``. Raises what ``ports.Uploader`` names."""
        address = _parsed(url)
        place = checked_place(place_of(address), self._places)
        if self._session.closed:
            raise OurError("the session for uploads is closed")
        try:
            async with asyncio.timeout(self._timeout_s):
                status, body = await self._send(address, picture, data)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise self._ours(error, place) from None
        judge_answer(status, body, place)

    async def _send(self, address: URL, picture: Picture, data: bytes) -> tuple[int, bytes]:
        async with self._session.put(
            address,
            data=io.BytesIO(data),
            headers={"Content-Type": picture.kind.mime},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None),  # one deadline for all: that of the caller
        ) as response:
            return response.status, await response.content.read(MAX_ANSWER_BYTES)

    def _ours(self, error: Exception, place: str) -> NetworkError | ExchangeUnavailable:
        """Return our error for a fault of the library or the network, without its text."""
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return connect_failed(error.certificate_error, place)
        if isinstance(error, aiohttp.ClientConnectorError):
            return connect_failed(error.os_error, place)
        if isinstance(error, TimeoutError):
            return TimedOut(f"an upload to {place} took longer than {self._timeout_s:.0f} s")
        if isinstance(error, aiohttp.ClientResponseError):
            return ExchangeUnavailable(f"{place} does not speak HTTP as it should")
        if isinstance(error, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError)):
            return ConnectFailed(f"{place} is not an address that can be uploaded to")
        return ConnectionLost(f"the connection to {place} broke during an upload")


def _parsed(url: Secret) -> URL:
    """Return the address as it is: the library must not touch what was signed. Raises UploadForbidden."""
    try:
        address = URL(url.reveal(), encoded=True)
        _ = address.host, address.port
    except (ValueError, TypeError):
        raise UploadForbidden("the exchange named a place for an upload that is no address") from None
    return address
