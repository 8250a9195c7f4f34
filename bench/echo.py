"""The floor: a bare ``websockets`` server in a process of its own that sends each frame back.

``python -m bench.echo`` serves on a free loopback port, prints ``port N`` and ends when its standard input closes.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from bench.child import Child
from bench.figures import Figure

# As long as a reply frame is on the wire.
FRAME = json.dumps({"type": "text", "uuid": "0" * 36, "orderNo": "2" * 20, "content": "x" * 160, "self": True})


async def _send_back(connection: ServerConnection) -> None:
    async for frame in connection:
        await connection.send(frame)


async def _serve() -> None:
    async with serve(_send_back, "127.0.0.1", 0, compression=None) as server:
        sys.stdout.write(f"port {server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


async def round_trips(count: int) -> Figure:
    """Measure frame out → the same frame back, one at a time, ``count`` times."""
    async with Child("-m", "bench.echo") as echo:
        port = (await echo.line("port ")).removeprefix("port ")
        async with connect(f"ws://127.0.0.1:{port}", compression=None) as connection:
            values = [await _round_trip(connection) for _ in range(count)]
    return Figure("bare echo: frame out, frame back", "ms", tuple(values))


async def _round_trip(connection: ClientConnection) -> float:
    started = time.perf_counter()
    await connection.send(FRAME)
    await connection.recv()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    asyncio.run(_serve())
