"""The door to chat pictures against a real HTTP server: bounded, bare, and never sent elsewhere."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from p2pbot.adapters.picture_fetch import PictureFetch, place_of
from p2pbot.adapters.rest import open_session
from p2pbot.adapters.tls import client_context
from p2pbot.errors import (
    ConnectFailed,
    ConnectionLost,
    ExchangeUnavailable,
    P2pbotError,
    RateLimited,
    RequestRefused,
    TimedOut,
)
from p2pbot.protocol.picture_places import PicturePlaces
from p2pbot.protocol.pictures import FetchedPicture
from tests.fakes.pictures import JPEG
from tests.fakes.scripted_server import ScriptedServer, answer, hang_up, serving

SECRET_QUERY = "X-Amz-Signature=0123456789abcdef%2F0"


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """Serve plain HTTP on loopback."""
    async with serving() as running:
        yield running


@asynccontextmanager
async def door(own: str = "", timeout_s: float = 10.0) -> AsyncIterator[PictureFetch]:
    """Open a door that may go to ``own``."""
    async with open_session(client_context(None)) as session:
        places = PicturePlaces(own=place_of(own) if own else None)
        yield PictureFetch(session, places, timeout_s=timeout_s)


async def fetched(
    server: ScriptedServer, path: str = "/a.jpg", most_bytes: int = 100_000, timeout_s: float = 10.0
) -> FetchedPicture:
    """Fetch a picture from the server."""
    async with door(server.url, timeout_s) as pictures:
        return await pictures.fetch(f"{server.url}{path}", most_bytes)


async def test_a_picture_comes_as_it_is(server: ScriptedServer) -> None:
    """Its bytes and what the host calls them."""
    server.script += [answer(200, JPEG, Content_Type="image/jpeg")]
    assert await fetched(server) == FetchedPicture(JPEG, "image/jpeg")


async def test_nothing_of_ours_goes_along(server: ScriptedServer) -> None:
    """No key, no cookie, no referrer, and the query as it was signed."""
    server.script += [answer(200, JPEG, Set_Cookie="a=b"), answer(200, JPEG)]
    async with door(server.url) as pictures:
        for _ in range(2):
            await pictures.fetch(f"{server.url}/a.jpg?{SECRET_QUERY}", 100_000)
    names = {name.lower() for asked in server.asked for name in asked.headers}
    assert names == {"host", "accept", "accept-encoding", "user-agent"}
    assert server.raw_query == SECRET_QUERY


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(server: ScriptedServer, status: int) -> None:
    """Not even to the same host: what was allowed is the address that was judged."""
    server.script += [answer(status, b"", Location=f"{server.url}/secret")]
    with pytest.raises(RequestRefused, match="we do not go"):
        await fetched(server)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (403, RequestRefused, "is refused"),
        (404, RequestRefused, "is gone"),
        (410, RequestRefused, "is gone"),
        (204, RequestRefused, "is refused"),
        (429, RateLimited, "asks for patience"),
        (503, RateLimited, "asks for patience"),
        (500, ExchangeUnavailable, "trouble of its own"),
    ],
)
async def test_each_refusal_has_its_error(
    server: ScriptedServer, status: int, error: type[P2pbotError], words: str
) -> None:
    """By whose fault it is and whether it can help to ask again."""
    server.script += [answer(status, b"<html>")]
    with pytest.raises(error, match=words):
        await fetched(server)


async def test_patience_has_a_bound(server: ScriptedServer) -> None:
    """A host that asks for a year gets ten minutes."""
    server.script += [answer(429, b"", Retry_After="31536000")]
    with pytest.raises(RateLimited) as caught:
        await fetched(server)
    assert caught.value.retry_after_s == 600


async def test_a_declared_length_beyond_the_bound_is_not_read(server: ScriptedServer) -> None:
    """It is refused by its header."""
    server.script += [answer(200, bytes(1001))]
    with pytest.raises(RequestRefused, match="more than 1000 bytes"):
        await fetched(server, most_bytes=1000)


async def test_an_endless_body_is_cut_off(server: ScriptedServer) -> None:
    """A body without a length is read up to the bound and no further."""
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(10_000):
            await response.write(bytes(10_000))
            sent += 10_000
        return response

    server.script += [endless]
    with pytest.raises(RequestRefused, match="more than 50000 bytes"):
        await fetched(server, most_bytes=50_000)
    assert sent < 50_000_000


async def test_a_packed_body_is_refused(server: ScriptedServer) -> None:
    """A few kilobytes that unpack to gigabytes are not unpacked."""
    server.script += [answer(200, gzip.compress(bytes(10_000_000)), Content_Encoding="gzip")]
    with pytest.raises(RequestRefused, match="packed"):
        await fetched(server)


async def test_a_stalled_body_times_out(server: ScriptedServer) -> None:
    """After the door's deadline, not never."""

    async def stall(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"\xff\xd8")
        await asyncio.Event().wait()
        return response

    server.script += [stall]
    with pytest.raises(TimedOut):
        await fetched(server, timeout_s=0.3)


async def test_a_body_that_breaks_off_is_lost(server: ScriptedServer) -> None:
    """Half a picture is none."""

    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(bytes(500))
        assert request.transport is not None
        request.transport.abort()
        return response

    server.script += [half, hang_up, hang_up]
    for _ in range(2):
        with pytest.raises(ConnectionLost):
            await fetched(server)


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/a.jpg",
        "http://bin.bnbstatic.com/a.jpg",
        "https://user:pass@bin.bnbstatic.com/a.jpg",
        "https://elsewhere.example\\@bin.bnbstatic.com/a.jpg",
        "https://bin.bnbstatic.com@elsewhere.example/a.jpg",
        "https://127.0.0.1/a.jpg",
        "https://[::1]/a.jpg",
        "https://bin.bnbstatic.com:70000/a.jpg",
        "file:///etc/passwd",
        "https://",
        "//bin.bnbstatic.com/a.jpg",
        "",
        "https://elsewhere.example/ы\n.jpg",
    ],
)
async def test_no_other_place_is_gone_to(address: str) -> None:
    """Whatever a stranger writes as a picture's address; nothing is connected."""
    async with door() as pictures:
        with pytest.raises(RequestRefused, match="not fetched"):
            await pictures.fetch(address, 1000)


async def test_no_error_holds_the_address(server: ScriptedServer) -> None:
    """The query may be a bearer's secret."""
    server.script += [answer(403), answer(302, b"", Location=f"/x?{SECRET_QUERY}"), hang_up, hang_up]
    for _ in range(3):
        with pytest.raises(P2pbotError) as caught:
            await fetched(server, f"/private.jpg?{SECRET_QUERY}")
        assert "Amz" not in repr(caught.value) + str(caught.value)
        assert "private" not in str(caught.value)


async def test_a_host_that_is_away_is_told() -> None:
    """In plain words."""
    async with serving() as gone:
        url = gone.url
    async with door(url) as pictures:
        with pytest.raises(ConnectFailed, match="refuses the connection"):
            await pictures.fetch(f"{url}/a.jpg", 1000)
