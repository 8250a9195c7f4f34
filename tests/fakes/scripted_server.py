"""A small real HTTP server that answers from a script and keeps what it was asked; and a clock that does not wait."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from p2pbot.adapters.clock import SystemClock

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class QuickClock(SystemClock):
    """Real clocks, but waiting takes no time; ``shift_s`` lets hours pass."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.shift_s = 0.0

    def boottime_s(self) -> float:
        """Return the suspend-proof clock, shifted."""
        return super().boottime_s() + self.shift_s

    async def sleep(self, delay_s: float) -> None:
        """Note the wish and let others run."""
        self.slept.append(delay_s)
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


def answer(status: int = 200, body: object = b"", **headers: str) -> Handler:
    """Return a handler that gives one answer; underscores in header names are dashes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def respond(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=raw, headers={key.replace("_", "-"): v for key, v in headers.items()})

    return respond


def success(data: object = None) -> Handler:
    """Return a handler that succeeds with ``data``."""
    return answer(200, {"code": "000000", "message": "success", "data": data, "success": True})


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Drop the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@dataclass
class ScriptedServer:
    """Answers each request with the next handler of its script, the clock's path with its own clock."""

    script: deque[Handler] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)
    time_asked: int = 0
    clock_ahead_ms: int = 0
    time_answer: Handler | None = None
    url: str = ""
    port: int = 0
    raw_query: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Note and answer one request; a request beyond the script is a fault that the test sees."""
        if request.path == "/api/v3/time" and self.time_answer is None:
            self.time_asked += 1
            return web.json_response({"serverTime": SystemClock().now_ms() + self.clock_ahead_ms})
        if request.path == "/api/v3/time" and self.time_answer is not None:
            self.time_asked += 1
            return await self.time_answer(request)
        headers = {key.lower(): value for key, value in request.headers.items()}
        self.asked.append(Asked(request.method, request.path, request.query_string, headers, await request.read()))
        self.raw_query = request.rel_url.raw_query_string
        return await self.script.popleft()(request) if self.script else web.Response(status=599)


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedServer]:
    """Serve on loopback while the block runs."""
    server = ScriptedServer()
    app = web.Application(client_max_size=10**7)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    host, server.port = runner.addresses[0][:2]
    server.url = f"{'https' if tls else 'http'}://{host}:{server.port}"
    try:
        yield server
    finally:
        for _ in range(5):
            await asyncio.sleep(0)  # what was accepted just now must reach the runner: nobody else would close it
        await runner.cleanup()
