"""The endpoints on aiohttp. An address that cannot be had ends the start: a probe that asks nobody is worse."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from p2pbot.conversation.health import Status, health_of
from p2pbot.errors import ConfigError

_PLAIN_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_READ_TIMEOUT_S = 10.0  # a client that opens a connection and says nothing is let go


@dataclass(frozen=True, slots=True)
class Console:
    """``status`` returns the daemon's state now; ``metrics`` renders a state for Prometheus."""

    status: Callable[[], Status]
    metrics: Callable[[Status], bytes]

    @asynccontextmanager
    async def serve(self, host: str, port: int) -> AsyncIterator[int]:
        """Listen until the block ends; yields the port. Raises ConfigError when the address cannot be had."""
        runner = web.AppRunner(self._app(), access_log=None, keepalive_timeout=_READ_TIMEOUT_S, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            try:
                await site.start()
            except OSError as error:
                raise ConfigError(
                    f"console.listen: {host}:{port} cannot be listened on: {error.strerror or error}",
                    remedy="another program uses it; choose another port, or remove `console:`",
                ) from None
            yield int(runner.addresses[0][1])
        finally:
            await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=1024)
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        return app

    async def _livez(self, _request: web.Request) -> web.Response:
        return _verdict(good=health_of(self.status()).live, reasons=())

    async def _readyz(self, _request: web.Request) -> web.Response:
        health = health_of(self.status())
        return _verdict(good=health.ready, reasons=health.reasons)

    async def _metrics(self, _request: web.Request) -> web.Response:
        headers = {**_PLAIN_HEADERS, "Content-Type": _PROMETHEUS}
        return web.Response(body=self.metrics(self.status()), headers=headers)


def _verdict(*, good: bool, reasons: tuple[str, ...]) -> web.Response:
    body = json.dumps({"ok": good, "reasons": reasons}, ensure_ascii=False) + "\n"
    return web.Response(text=body, status=200 if good else 503, content_type="application/json", headers=_PLAIN_HEADERS)
