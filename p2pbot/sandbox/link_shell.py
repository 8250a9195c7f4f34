"""The thin shell of the account context's sockets: aiohttp in, the pure world in the middle.

Promise: a handshake succeeds unless a fault, the weights or the number of connects says no; a dead key is no reason.
Danger: as in ``shell``, frames are written straight to the transport.
"""

from __future__ import annotations

import asyncio

from aiohttp import WSMessage, WSMsgType, web

from p2pbot.sandbox import wire
from p2pbot.sandbox.gate import Refusal
from p2pbot.sandbox.links import Link
from p2pbot.sandbox.shell import MOST_FRAME_BYTES, Shell
from p2pbot.sandbox.state import Mute

_PATHS = ("/ws-fapi/{rest:.+}", "/ws-api/{rest:.+}", "/private/{rest:.+}", "/public/{rest:.+}", "/market/{rest:.+}")
_SPOT_PATHS = ("/ws", "/ws/{rest:.*}", "/stream", "/stream/{rest:.*}")


class LinkShell:
    """Serves the links of one world."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def serve(self, app: web.Application) -> None:
        """Add the routes."""
        for path in (*_PATHS, *_SPOT_PATHS):
            app.router.add_get(path, self._link)

    async def _link(self, request: web.Request) -> web.StreamResponse:
        upgrade = web.WebSocketResponse(autoping=False, autoclose=False, compress=False, max_msg_size=MOST_FRAME_BYTES)
        if not upgrade.can_prepare(request):
            raise web.HTTPBadRequest(text="SIMULATED: a WebSocket handshake is wanted here")
        context, path, query = self._shell.world.context, request.path, dict(request.query)
        verdict = self._shell.run(lambda now_ms: context.knock(path, query, now_ms))
        if isinstance(verdict, Refusal):
            headers = {"Retry-After": str(verdict.retry_after_s)} if verdict.retry_after_s else {}
            return web.Response(status=verdict.status, text="SIMULATED: handshake refused", headers=headers)
        await upgrade.prepare(request)
        transport = request.transport
        if transport is None:
            return upgrade
        try:
            self._shell.attach(verdict.socket_id, transport)
            self._shell.run(lambda now_ms: context.enter(verdict, now_ms))
            await self._read(upgrade, verdict, transport)
        finally:
            self._shell.detach(verdict.socket_id)
            self._shell.run(lambda now_ms: context.leave(verdict, now_ms))
            transport.close()
        return upgrade

    async def _read(self, upgrade: web.WebSocketResponse, link: Link, transport: asyncio.Transport) -> None:
        """Read frames until the peer is gone."""
        while True:
            message = await upgrade.receive()
            deaf = self._shell.world.context.mute_of(link, self._shell.now_ms()) is Mute.HALF_OPEN
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self._take(link, message)
            elif message.type in (WSMsgType.PING, WSMsgType.PONG):
                if message.type is WSMsgType.PING and not deaf:
                    transport.write(wire.pong(message.data))
                self._control(link, message)
            elif deaf and message.type is WSMsgType.CLOSE:
                await asyncio.Event().wait()  # cancelled by the server when the peer drops the connection
            else:
                if message.type is WSMsgType.CLOSE and not transport.is_closing():
                    transport.write(wire.close(1000))
                return

    def _take(self, link: Link, message: WSMessage) -> None:
        self._shell.run(lambda now_ms: self._shell.world.context.take_frame(link, message.data, now_ms))

    def _control(self, link: Link, message: WSMessage) -> None:
        pong = bytes(message.data) if message.type is WSMsgType.PONG else None
        self._shell.run(lambda now_ms: self._shell.world.context.take_control(link, now_ms, pong))
