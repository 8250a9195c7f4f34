"""The WebSocket door against real servers on loopback."""

from __future__ import annotations

import asyncio
import http
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from p2pbot.adapters.tls import client_context
from p2pbot.adapters.wire import ChatWire
from p2pbot.errors import (
    ConnectFailed,
    ConnectionLost,
    CredentialRefused,
    ExchangeUnavailable,
    LocationRefused,
    P2pbotError,
    RateLimited,
    TimedOut,
)
from p2pbot.secret import Secret
from tests.fakes.certificates import Authority

TOKEN = "TOKEN-canary-51c7"
Talk = Callable[[ServerConnection], Awaitable[None]]
RawTalk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
async def deadline() -> AsyncIterator[None]:
    """End a test that hangs."""
    async with asyncio.timeout(20):
        yield


def wire(**options: float) -> ChatWire:
    """Return the door with short deadlines, so that a test does not wait for the real ones."""
    return ChatWire(client_context(), **{"close_timeout_s": 0.2, **options})  # type: ignore[arg-type]


def url_of(port: int, scheme: str = "ws") -> Secret:
    """Return the address of a chat on loopback, with a token that must not show."""
    return Secret(f"{scheme}://127.0.0.1:{port}/chat/key?token={TOKEN}&clientType=web")


@asynccontextmanager
async def chat(talk: Talk) -> AsyncIterator[Secret]:
    """Serve a WebSocket that does ``talk``."""
    async with serve(talk, "127.0.0.1", 0) as server:
        yield url_of(server.sockets[0].getsockname()[1])


@asynccontextmanager
async def raw(talk: RawTalk) -> AsyncIterator[Secret]:
    """Serve plain TCP that does ``talk`` and then closes."""
    running: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except ConnectionError:
            pass  # the client left
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(asyncio.create_task(run(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield url_of(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()


def shown(error: BaseException) -> str:
    """Return everything that a log could print of an error."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


async def echo(socket: ServerConnection) -> None:
    """Send back what comes."""
    async for message in socket:
        await socket.send(message)


async def test_text_goes_both_ways() -> None:
    """A text message arrives as text, in both directions."""
    async with chat(echo) as url:
        connection = await wire().connect(url)
        await connection.send("Привет 👋")
        assert await connection.receive() == "Привет 👋"
        await connection.close()


async def test_fragments_are_one_message() -> None:
    """A message in fragments arrives whole, however long."""

    async def talk(socket: ServerConnection) -> None:
        await socket.send(["x" * 9000, "y" * 9000, "z"])
        await socket.wait_closed()

    async with chat(talk) as url:
        connection = await wire().connect(url)
        assert await connection.receive() == "x" * 9000 + "y" * 9000 + "z"
        await connection.close()


async def test_binary_arrives_as_bytes() -> None:
    """A binary message is told from text."""

    async def talk(socket: ServerConnection) -> None:
        await socket.send(b"\x00\x01")
        await socket.wait_closed()

    async with chat(talk) as url:
        connection = await wire().connect(url)
        assert await connection.receive() == b"\x00\x01"
        await connection.close()


async def test_an_oversized_message_ends_the_connection() -> None:
    """A message beyond the bound is not taken into memory: the connection ends."""

    async def talk(socket: ServerConnection) -> None:
        await socket.send("x" * 5000)
        await socket.wait_closed()

    async with chat(talk) as url:
        connection = await wire(max_message=1000).connect(url)
        with pytest.raises(ConnectionLost, match="code 1009"):
            await connection.receive()


async def test_text_that_is_no_text_ends_the_connection() -> None:
    """A text message that is not UTF-8 ends the connection, as the standard wants."""

    async def talk(socket: ServerConnection) -> None:
        await socket.send(b"\xff\xff", text=True)
        await socket.wait_closed()

    async with chat(talk) as url:
        connection = await wire().connect(url)
        with pytest.raises(ConnectionLost, match="code 1007"):
            await connection.receive()


async def test_the_peers_close_is_told() -> None:
    """Code and reason of the exchange's close reach the caller: ``Bye`` means something."""

    async def talk(socket: ServerConnection) -> None:
        await socket.close(4001, "Bye")

    async with chat(talk) as url:
        connection = await wire().connect(url)
        with pytest.raises(ConnectionLost) as lost:
            await connection.receive()
        assert (lost.value.code, lost.value.reason) == (4001, "Bye")
        with pytest.raises(ConnectionLost) as again:
            await connection.send("late")
        assert (again.value.code, again.value.reason) == (4001, "Bye")


async def test_a_broken_connection_has_no_code() -> None:
    """A connection that breaks without a close is 1006 with no reason."""

    async def talk(socket: ServerConnection) -> None:
        socket.transport.abort()

    async with chat(talk) as url:
        connection = await wire().connect(url)
        with pytest.raises(ConnectionLost) as lost:
            await connection.receive()
        assert (lost.value.code, lost.value.reason) == (1006, "")


async def upgrade_and_be_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Shake hands as a WebSocket server does, then never say or read anything."""
    from websockets.utils import accept_key  # noqa: PLC0415 - one fact of the standard, for one server

    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    key = next(line.partition(": ")[2] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    writer.write("\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept_key(key)}", "", ""]).encode())
    await asyncio.Event().wait()


async def test_a_silent_peer_is_noticed() -> None:
    """A peer that answers no ping is gone, though its socket stays open."""
    async with raw(upgrade_and_be_silent) as url:
        connection = await wire(ping_interval_s=0.05, ping_timeout_s=0.05).connect(url)
        with pytest.raises(ConnectionLost, match="keepalive ping timeout") as lost:
            await connection.receive()
        assert lost.value.code == 1006


async def test_a_peer_that_reads_nothing_is_noticed() -> None:
    """A write that nobody takes ends the connection instead of waiting for ever."""
    async with raw(upgrade_and_be_silent) as url:
        connection = await wire(send_timeout_s=0.1).connect(url)

        async def flood() -> None:
            for _ in range(200):  # more than any socket buffer holds
                await connection.send("x" * 1_000_000)

        with pytest.raises(ConnectionLost, match="reads nothing"):
            await flood()
        with pytest.raises(ConnectionLost):
            await connection.receive()


async def test_closing_does_not_wait_for_a_silent_peer() -> None:
    """Closing returns although the peer does not answer, and again when asked again."""
    async with raw(upgrade_and_be_silent) as url:
        connection = await wire().connect(url)
        await connection.close()
        await connection.close()
        with pytest.raises(ConnectionLost):
            await connection.receive()


@pytest.mark.parametrize(
    ("code", "reason"), [(1000, ""), (1001, "renewal"), (1006, "not a code to send"), (1000, "ж" * 200), (7, "\ud800")]
)
async def test_closing_never_raises(code: int, reason: str) -> None:
    """Whatever code and reason are given, the connection is closed afterwards."""
    async with chat(echo) as url:
        connection = await wire().connect(url)
        await connection.close(code, reason)
        with pytest.raises(ConnectionLost):
            await connection.send("late")


async def test_a_cancelled_receive_loses_nothing() -> None:
    """A receive that was cancelled leaves the next message for the next receive."""
    async with chat(echo) as url:
        connection = await wire().connect(url)
        waiting = asyncio.create_task(connection.receive())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await connection.send("still here")
        assert await connection.receive() == "still here"
        await connection.close()


@asynccontextmanager
async def refusing(status: int, **headers: str) -> AsyncIterator[tuple[Secret, list[str]]]:
    """Serve an HTTP answer instead of the upgrade; tell the paths that were asked."""
    asked: list[str] = []

    def refuse(_socket: ServerConnection, request: Request) -> Response:
        asked.append(request.path)
        named = Headers({key.replace("_", "-"): value for key, value in headers.items()})
        return Response(status, http.HTTPStatus(status).phrase, named, b"")

    async with serve(echo, "127.0.0.1", 0, process_request=refuse) as server:
        yield url_of(server.sockets[0].getsockname()[1]), asked


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, CredentialRefused),
        (403, CredentialRefused),
        (404, CredentialRefused),
        (418, RateLimited),
        (429, RateLimited),
        (451, LocationRefused),
        (500, ExchangeUnavailable),
        (503, ExchangeUnavailable),
        (400, ConnectFailed),
        (200, ConnectFailed),
    ],
)
async def test_refused_upgrades(status: int, error: type[P2pbotError]) -> None:
    """Each HTTP answer instead of the upgrade is its own error, without the address."""
    async with refusing(status) as (url, _asked):
        with pytest.raises(error) as refused:
            await wire().connect(url)
    assert type(refused.value) is error
    assert TOKEN not in shown(refused.value)


async def test_the_wait_of_a_brake_is_told() -> None:
    """The exchange's Retry-After reaches the caller."""
    async with refusing(429, Retry_After="17") as (url, _asked):
        with pytest.raises(RateLimited) as limited:
            await wire().connect(url)
    assert limited.value.retry_after_s == 17.0


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    """A redirect is an error; the token does not travel to where it points."""
    async with refusing(status, Location="/elsewhere") as (url, asked):
        with pytest.raises(ConnectFailed, match="redirects") as refused:
            await wire().connect(url)
    assert len(asked) == 1
    assert TOKEN not in shown(refused.value)


async def test_a_silent_handshake_is_a_time_out() -> None:
    """A server that takes the connection and says nothing is given up."""

    async def wait(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with raw(wait) as url:
        with pytest.raises(TimedOut) as late:
            await wire(open_timeout_s=0.1).connect(url)
    assert TOKEN not in shown(late.value)


@pytest.mark.parametrize(
    "said", [b"", b"220 mail.test ESMTP\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"\x00" * 99]
)
async def test_what_is_no_websocket(said: bytes) -> None:
    """A server that answers with something else, or hangs up, is explained."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with raw(talk) as url:
        with pytest.raises(ConnectFailed) as failed:
            await wire().connect(url)
    assert TOKEN not in shown(failed.value)


async def test_nobody_listens() -> None:
    """A refused connection is explained."""
    async with raw(upgrade_and_be_silent) as url:
        pass
    with pytest.raises(ConnectFailed, match="refuses the connection") as failed:
        await wire().connect(url)
    assert TOKEN not in shown(failed.value)


@pytest.mark.parametrize("address", ["", "http://a.test/", "ws://", "wss://[", "nonsense", "ws://a.test:99999/"])
async def test_what_is_no_address(address: str) -> None:
    """An address that cannot be called is an error of ours, not a library's."""
    with pytest.raises(ConnectFailed) as failed:
        await wire().connect(Secret(f"{address}{TOKEN}" if address.endswith("/") else address))
    assert TOKEN not in shown(failed.value)


async def test_tls(tmp_path: Path) -> None:
    """A chat whose authority is trusted is talked to over TLS."""
    authority = Authority.create(tmp_path)
    async with serve(echo, "127.0.0.1", 0, ssl=authority.server()) as server:
        url = url_of(server.sockets[0].getsockname()[1], "wss")
        connection = await ChatWire(client_context(authority.ca_file)).connect(url)
        await connection.send("over TLS")
        assert await connection.receive() == "over TLS"
        await connection.close()


@pytest.mark.parametrize(
    ("host", "days", "trusted", "words"),
    [
        ("127.0.0.1", 30, False, "authority that this machine does not know"),
        ("127.0.0.1", -1, True, "has expired"),
        ("127.0.0.9", 30, True, "is for another"),
    ],
)
async def test_bad_certificates(tmp_path: Path, host: str, days: int, words: str, *, trusted: bool) -> None:
    """A certificate that does not hold ends the connect before the token is sent, in words for a merchant."""
    authority = Authority.create(tmp_path)
    tls = client_context(authority.ca_file if trusted else None)
    async with serve(echo, "127.0.0.1", 0, ssl=authority.server(host=host, days=days)) as server:
        with pytest.raises(ConnectFailed, match=words) as failed:
            await ChatWire(tls).connect(url_of(server.sockets[0].getsockname()[1], "wss"))
    assert TOKEN not in shown(failed.value)


async def test_no_tls_where_tls_was_meant() -> None:
    """A wss address that speaks plain WebSocket is explained."""
    async with chat(echo) as url:
        with pytest.raises(ConnectFailed, match="speaks TLS"):
            await wire().connect(Secret(url.reveal().replace("ws:", "wss:")))


async def test_the_library_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Even with every logger at DEBUG, neither address nor talk is logged by the client."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets.client").setLevel(logging.DEBUG)
    server_log = logging.getLogger("websockets.server")
    server_log.setLevel(logging.CRITICAL)
    async with chat(echo) as url:
        connection = await wire().connect(url)
        await connection.send("words of a person")
        await connection.receive()
        await connection.close()
    assert TOKEN not in caplog.text
    assert "words of a person" not in caplog.text
