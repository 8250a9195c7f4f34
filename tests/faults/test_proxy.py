"""The chaos proxy does what its toxics are named for, and nothing to a connection without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.faults.proxy import (
    Bandwidth,
    ChaosProxy,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Stream,
    Timeout,
    proxied,
)

WORDS = b"0123456789" * 20_000


@pytest.fixture(autouse=True)
async def deadline() -> AsyncIterator[None]:
    """End a test that hangs."""
    async with asyncio.timeout(30):
        yield


@asynccontextmanager
async def _echo() -> AsyncIterator[int]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def proxy() -> AsyncIterator[ChaosProxy]:
    """A proxy before an echo server."""
    async with _echo() as port, proxied(port) as made:
        yield made


@asynccontextmanager
async def _client(proxy: ChaosProxy) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def test_bytes_pass_untouched_without_a_toxic(proxy: ChaosProxy) -> None:
    """What goes in comes back, whole."""
    async with _client(proxy) as (reader, writer):
        writer.write(WORDS)
        assert await reader.readexactly(len(WORDS)) == WORDS


@pytest.mark.parametrize(
    "toxic",
    [
        Latency(latency_s=0.05, jitter_s=0.05),
        Slicer(average_bytes=5000, variation_bytes=4999),
        Bandwidth(rate_bytes=400_000),
        Latency(latency_s=0.05, stream=Stream.UP),
    ],
    ids=lambda toxic: type(toxic).__name__,
)
async def test_toxics_that_only_slow_down_change_no_byte(
    proxy: ChaosProxy, toxic: Latency | Slicer | Bandwidth
) -> None:
    """Slow, thin or sliced: the bytes and their order stay."""
    proxy.add(toxic)
    async with _client(proxy) as (reader, writer):
        writer.write(WORDS)
        assert await reader.readexactly(len(WORDS)) == WORDS


async def test_latency_lets_a_later_connection_overtake(proxy: ChaosProxy) -> None:
    """A toxic that misses a connection by its toxicity does nothing to it."""
    async with _client(proxy) as (slow, slow_writer):
        slow_writer.write(b"x")
        await slow.readexactly(1)
        proxy.add(Latency(latency_s=5.0))
        proxy.toxics.clear()
        async with _client(proxy) as (quick, quick_writer):
            slow_writer.write(b"x")
            quick_writer.write(b"x")
            waiting = asyncio.create_task(slow.readexactly(1))
            await quick.readexactly(1)
            assert not waiting.done()
            waiting.cancel()


async def test_slicer_delivers_small_pieces(proxy: ChaosProxy) -> None:
    """What was written at once comes in pieces."""
    proxy.add(Slicer(average_bytes=2, delay_s=0.01))
    async with _client(proxy) as (reader, writer):
        writer.write(b"abcdef")
        assert len(await reader.read(100)) < 6


async def test_bandwidth_of_nothing_holds_the_writer_back(proxy: ChaosProxy) -> None:
    """With no byte passing, little is taken from the writer; taken away, all of it comes."""
    proxy.add(Bandwidth(rate_bytes=0, stream=Stream.UP))
    async with _client(proxy) as (reader, writer):
        writer.write(b"x" * 100)
        waiting = asyncio.create_task(reader.readexactly(100))
        async with _client(proxy) as (_, other):
            other.write(b"y")
        assert proxy.carried[Stream.UP] == 0
        proxy.heal()
        assert await waiting == b"x" * 100


async def test_timeout_of_nought_swallows_and_keeps_the_connection(proxy: ChaosProxy) -> None:
    """Data are lost, the connection lives, and later data pass again."""
    proxy.add(Timeout(stream=Stream.UP))
    async with _client(proxy) as (reader, writer):
        writer.write(b"lost")
        async with asyncio.timeout(10):
            while proxy.swallowed < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        proxy.heal()
        writer.write(b"kept")
        assert await reader.readexactly(4) == b"kept"


async def test_timeout_closes_after_its_time(proxy: ChaosProxy) -> None:
    """The connection ends without a byte."""
    proxy.add(Timeout(timeout_s=0.1))
    async with _client(proxy) as (reader, writer):
        writer.write(b"x")
        assert await reader.read() == b""


async def test_reset_peer_resets(proxy: ChaosProxy) -> None:
    """The client gets a reset, no polite end."""
    proxy.add(ResetPeer(timeout_s=0.05))
    async with _client(proxy) as (reader, _):
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_limit_data_ends_the_connection_at_the_limit(proxy: ChaosProxy) -> None:
    """Exactly as many bytes pass as the limit says."""
    proxy.add(LimitData(limit_bytes=1000))
    async with _client(proxy) as (reader, writer):
        writer.write(WORDS)
        assert await reader.read(-1) == WORDS[:1000]


async def test_slow_close_passes_the_end_on_late(proxy: ChaosProxy) -> None:
    """A connection whose peer has closed stays open for a while."""
    async with _client(proxy) as (slow, slow_writer):
        slow_writer.write(b"x")
        await slow.readexactly(1)
        proxy.add(SlowClose(delay_s=5.0))
        proxy.toxics.clear()
        await _closed_both(proxy, slow, slow_writer)


async def _closed_both(proxy: ChaosProxy, slow: asyncio.StreamReader, slow_writer: asyncio.StreamWriter) -> None:
    async with _client(proxy) as (quick, quick_writer):
        for writer in (slow_writer, quick_writer):
            writer.write_eof()
        done, waiting = await asyncio.wait(
            {asyncio.create_task(slow.read(), name="slow"), asyncio.create_task(quick.read(), name="quick")},
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert [task.get_name() for task in done] == ["quick"]
        for task in waiting:
            task.cancel()


async def test_down_refuses_and_up_serves_on_the_same_port(proxy: ChaosProxy) -> None:
    """A proxy that is down refuses connections; up again, its address is the old one."""
    port = proxy.port
    await proxy.down()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await proxy.up()
    async with _client(proxy) as (reader, writer):
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
    assert proxy.port == port
