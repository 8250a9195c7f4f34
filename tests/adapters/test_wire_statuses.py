"""Whatever number an HTTP server answers instead of the upgrade, the door has an error for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from p2pbot.adapters.tls import client_context
from p2pbot.adapters.wire import ChatWire
from p2pbot.errors import (
    ConnectFailed,
    CredentialRefused,
    ExchangeUnavailable,
    LocationRefused,
    P2pbotError,
    RateLimited,
    Retry,
)
from p2pbot.secret import Secret

TOKEN = "TOKEN-canary-90d2"
SPECIAL: dict[int, type[P2pbotError]] = {
    **dict.fromkeys((401, 403, 404), CredentialRefused),
    **dict.fromkeys((418, 429), RateLimited),
    451: LocationRefused,
}


@asynccontextmanager
async def answering(status: list[int]) -> AsyncIterator[Secret]:
    """Serve every request with the status that the list holds when it comes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status[0]} Something\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield Secret(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/chat/key?token={TOKEN}")


def expected(status: int) -> type[P2pbotError]:
    """Return what a status means at the handshake."""
    return SPECIAL.get(status, ExchangeUnavailable if status >= 500 else ConnectFailed)


async def test_every_status_is_an_error_that_is_tried_again() -> None:
    """From 100 to 599: the right class, never one that ends the daemon, and never a word of the token."""
    wire, status = ChatWire(client_context(), close_timeout_s=0.2), [0]
    async with answering(status) as url:
        for status[0] in sorted({*range(100, 600)} - {101}):
            with pytest.raises(P2pbotError) as refused:
                await wire.connect(url)
            assert type(refused.value) is expected(status[0]), status
            assert refused.value.retry is not Retry.NEVER, status
            assert TOKEN not in f"{refused.value}{refused.value!r}{refused.value.__cause__!r}", status
