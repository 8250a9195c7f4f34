"""A chaos proxy: TCP between a client and a server, with toxiproxy's faults by toxiproxy's names.

Promise: bytes pass untouched (TLS stays between the two ends) but for what a toxic does to them; toxics act on
connections that are open and on later ones; each direction holds at most ``_HELD`` pieces, so a slow reader is felt by
the writer.
Source: the toxics and their attributes as toxiproxy's README describes them.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket as sockets
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

_PIECE = 16 * 1024
_HELD = 8  # pieces read and not yet written, per direction
_SLICE_S = 0.1  # bandwidth is given out in tenths of a second
_POLL_S = 0.02


class Stream(StrEnum):
    """A direction: ``upstream`` is from the client to the server."""

    UP = "upstream"
    DOWN = "downstream"


@dataclass(frozen=True, kw_only=True)
class Toxic:
    """A fault on one direction; it befalls a connection with the probability ``toxicity``."""

    stream: Stream = Stream.DOWN
    toxicity: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Latency(Toxic):
    """Each piece arrives ``latency_s`` later, give or take ``jitter_s``; their order stays."""

    latency_s: float
    jitter_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Bandwidth(Toxic):
    """At most ``rate_bytes`` pass in a second; 0 = nothing, and the writer is held back."""

    rate_bytes: int


@dataclass(frozen=True, kw_only=True)
class SlowClose(Toxic):
    """The end of the stream is passed on ``delay_s`` late."""

    delay_s: float


@dataclass(frozen=True, kw_only=True)
class Timeout(Toxic):
    """All data are lost; the connection is closed after ``timeout_s``. 0: it stays open, and nothing comes."""

    timeout_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ResetPeer(Toxic):
    """The connection is reset (RST) after ``timeout_s``."""

    timeout_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Slicer(Toxic):
    """Data arrive in pieces of ``average_bytes``, give or take ``variation_bytes``, with ``delay_s`` between them."""

    average_bytes: int
    variation_bytes: int = 0
    delay_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class LimitData(Toxic):
    """The connection is closed after ``limit_bytes`` have passed."""

    limit_bytes: int


class ChaosProxy:
    """Listens on ``127.0.0.1:port`` and carries to ``upstream`` (a port of 127.0.0.1)."""

    def __init__(self, upstream: int, *, seed: int = 1) -> None:
        self.upstream = upstream
        self.port = 0
        self.accepted = 0
        self.swallowed = 0
        self.carried = {Stream.UP: 0, Stream.DOWN: 0}
        self.toxics: list[Toxic] = []
        self.rng = random.Random(seed)  # noqa: S311 - a test's chance
        self._server: asyncio.Server | None = None
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def up(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Refuse connections and cut those that are open."""
        if self._server is not None:
            self._server.close()
        self.cut()
        if self._server is not None:
            await self._server.wait_closed()
        self._server = None

    def cut(self) -> None:
        """Reset every open connection."""
        for link in tuple(self._links):
            link.reset()

    def add(self, *toxics: Toxic) -> None:
        """Let toxics act from now on, after those that act already."""
        self.toxics.extend(toxics)
        for link in tuple(self._links):
            for toxic in toxics:
                link.befall(toxic)

    def heal(self) -> None:
        """Take every toxic away. What a toxic has swallowed stays lost."""
        self.toxics.clear()
        for link in self._links:
            link.toxics.clear()

    @property
    def open(self) -> int:
        """Connections that are open."""
        return len(self._links)

    async def close(self) -> None:
        """End everything."""
        await self.down()
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer), name="proxied connection")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            _abort(writer)
            await _gone(writer)
            return
        link = Link(self, reader, writer, far_reader, far_writer)
        self._links.add(link)
        for toxic in self.toxics:
            link.befall(toxic)
        try:
            await link.run()
        finally:
            self._links.discard(link)


@dataclass(eq=False)
class Link:
    """One client's connection and ours to the server."""

    proxy: ChaosProxy
    near_reader: asyncio.StreamReader
    near: asyncio.StreamWriter
    far_reader: asyncio.StreamReader
    far: asyncio.StreamWriter
    toxics: list[Toxic] = field(default_factory=list)
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _passed: dict[Toxic, int] = field(default_factory=dict)

    async def run(self) -> None:
        """Carry both directions until both ended or the link was broken."""
        pipes = [
            asyncio.create_task(self._pipe(Stream.UP, self.near_reader, self.far), name="up"),
            asyncio.create_task(self._pipe(Stream.DOWN, self.far_reader, self.near), name="down"),
        ]
        both = asyncio.create_task(asyncio.wait(pipes), name="both ends")
        both.add_done_callback(lambda _: self._over.set())
        await self._over.wait()
        for task in (*pipes, both):
            task.cancel()
        await asyncio.gather(*pipes, both, return_exceptions=True)
        for writer in (self.near, self.far):
            writer.close()
            await _gone(writer)

    def reset(self) -> None:
        """Break the connection on both sides."""
        _abort(self.near)
        _abort(self.far)
        self._over.set()

    def end(self) -> None:
        """Close the connection on both sides."""
        self._over.set()

    def befall(self, toxic: Toxic) -> None:
        """Let a toxic act on this connection, if its toxicity says so."""
        if self.proxy.rng.random() >= toxic.toxicity:
            return
        self.toxics.append(toxic)
        loop = asyncio.get_running_loop()
        if isinstance(toxic, ResetPeer):
            loop.call_later(toxic.timeout_s, self._if_still, toxic, self.reset)
        elif isinstance(toxic, Timeout) and toxic.timeout_s:
            loop.call_later(toxic.timeout_s, self._if_still, toxic, self.end)

    def _if_still(self, toxic: Toxic, deed: Callable[[], None]) -> None:
        if toxic in self.toxics:
            deed()

    def _of(self, stream: Stream) -> tuple[Toxic, ...]:
        return tuple(toxic for toxic in self.toxics if toxic.stream is stream)

    async def _pipe(self, stream: Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_HELD)
        filling = asyncio.create_task(_fill(reader, held), name="fill")
        try:
            while True:
                read_at_s, data = await held.get()
                if not data:
                    break
                await self._carry(stream, writer, data, read_at_s)
            for toxic in self._of(stream):
                if isinstance(toxic, SlowClose):
                    await asyncio.sleep(toxic.delay_s)
            writer.write_eof()
        except OSError:
            self.end()
        finally:
            filling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await filling

    async def _carry(self, stream: Stream, writer: asyncio.StreamWriter, data: bytes, read_at_s: float) -> None:
        async for piece in self._poisoned(stream, data, read_at_s):
            writer.write(piece)
            self.proxy.carried[stream] += len(piece)
            await writer.drain()

    async def _poisoned(self, stream: Stream, data: bytes, read_at_s: float) -> AsyncIterator[bytes]:
        """Yield what is left of ``data`` when the toxics are done with it, when they let it go."""
        toxics = self._of(stream)
        pauses = [toxic for toxic in toxics if isinstance(toxic, Latency)]
        for latency in pauses:
            late_s = latency.latency_s + self.proxy.rng.uniform(-latency.jitter_s, latency.jitter_s)
            await asyncio.sleep(max(0.0, read_at_s + late_s - asyncio.get_running_loop().time()))
        for piece in self._sliced(toxics, data):
            if any(isinstance(toxic, Timeout) for toxic in self._of(stream)):
                self.proxy.swallowed += len(piece)
                continue
            for toxic in toxics:
                if isinstance(toxic, Slicer):
                    await asyncio.sleep(toxic.delay_s)
                elif isinstance(toxic, Bandwidth):
                    await self._earn(toxic, len(piece))
            yield self._allowed(toxics, piece)

    def _sliced(self, toxics: tuple[Toxic, ...], data: bytes) -> Iterator[bytes]:
        while data:
            size = len(data)
            for toxic in toxics:
                if isinstance(toxic, Slicer):
                    spread = toxic.variation_bytes
                    size = min(size, max(1, toxic.average_bytes + self.proxy.rng.randint(-spread, spread)))
                elif isinstance(toxic, Bandwidth):
                    size = min(size, max(1, int(toxic.rate_bytes * _SLICE_S)))
            yield data[:size]
            data = data[size:]

    async def _earn(self, toxic: Bandwidth, size: int) -> None:
        """Wait until ``size`` bytes may pass: for ever at a rate of 0, until the toxic is taken away."""
        until_s = asyncio.get_running_loop().time() + (size / toxic.rate_bytes if toxic.rate_bytes else float("inf"))
        while toxic in self.toxics and (left_s := until_s - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left_s, _POLL_S))

    def _allowed(self, toxics: tuple[Toxic, ...], piece: bytes) -> bytes:
        for toxic in toxics:
            if isinstance(toxic, LimitData):
                left = max(0, toxic.limit_bytes - self._passed.get(toxic, 0))
                piece = piece[:left]
                self._passed[toxic] = self._passed.get(toxic, 0) + len(piece)
                if len(piece) == left:
                    asyncio.get_running_loop().call_soon(self.end)
        return piece


async def _fill(reader: asyncio.StreamReader, held: asyncio.Queue[tuple[float, bytes]]) -> None:
    """Read on; the end, however it comes, is an empty piece."""
    data = b"start"
    while data:
        try:
            data = await reader.read(_PIECE)
        except OSError:
            data = b""
        await held.put((asyncio.get_running_loop().time(), data))


def _abort(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):  # the peer was quicker
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _gone(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def proxied(upstream: int) -> AsyncIterator[ChaosProxy]:
    """Run a proxy while the block lasts."""
    proxy = ChaosProxy(upstream)
    await proxy.up()
    try:
        yield proxy
    finally:
        await proxy.close()
