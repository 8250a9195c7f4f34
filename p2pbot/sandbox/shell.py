"""The thin shell: HTTP and sockets in, the pure world in the middle, effects out.

Promise: everything that touches the world goes through ``run``, which settles afterwards: effects are written in order,
the timer is set for what is due, waiters wake.
Danger: frames are written straight to the transport, because a library would not write them broken. A client that does
not read is cut off at a bound.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket as sockets
import struct
import time
from collections.abc import Callable
from typing import Final, TypeVar

from aiohttp import WSMsgType, web

from p2pbot.sandbox import wire
from p2pbot.sandbox.gate import Refusal, Welcome
from p2pbot.sandbox.gateway import Delivery, Request
from p2pbot.sandbox.page import start_page
from p2pbot.sandbox.state import Close, Effect, Mute, Ping, Push, Socket
from p2pbot.sandbox.uploads import MOST_BYTES
from p2pbot.sandbox.world import World

T = TypeVar("T")

SERVER_NAME: Final = "p2pbot-sandbox (SIMULATED)"
_LOG = logging.getLogger("p2pbot.sandbox")
_MOST_UNREAD_BYTES = 16 * 1024 * 1024  # a client that leaves this much unread has stopped
MOST_FRAME_BYTES = 1024 * 1024  # chat texts end at 1000 characters
_CLOSE_DEADLINE_S = 3.0


class Shell:
    """Serves one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._transports: dict[int, asyncio.Transport] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._stopped = False

    def application(self) -> web.Application:
        """Return the aiohttp application: chat sockets, uploads, pictures, and REST for everything else."""
        app = web.Application(client_max_size=MOST_BYTES + 1)
        app.on_response_prepare.append(_say_simulated)
        app.router.add_get("/", self._page)
        app.router.add_get("/chat/{listen_key}", self._chat)
        app.router.add_put("/upload/{place:.+}", self._upload)
        app.router.add_get("/image/{place:.+}", self._image)
        return app

    def serve_rest(self, app: web.Application) -> None:
        """Add the catch-all route; the last one, or it hides the others."""
        app.router.add_route("*", "/{path:.*}", self._rest)

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""
        return time.time_ns() // 1_000_000

    def run(self, deed: Callable[[int], T]) -> T:
        """Do something to the world at the present time, then settle."""
        try:
            return deed(self.now_ms())
        finally:
            self._settle()

    def attach(self, socket_id: int, transport: asyncio.Transport) -> None:
        """Write a socket's effects to this transport from now on."""
        self._transports[socket_id] = transport

    def detach(self, socket_id: int) -> None:
        """Forget a socket's transport. Idempotent."""
        self._transports.pop(socket_id, None)

    async def wait_changed(self) -> None:
        """Wait until something has touched the world."""
        await self._changed.wait()

    def stop(self) -> None:
        """Cut every socket and forget the timer."""
        self._stopped = True
        if self._timer:
            self._timer.cancel()
        for transport in self._transports.values():
            transport.abort()

    # ---- effects ----

    def _settle(self) -> None:
        for effect in self.world.take_effects():
            self._carry_out(effect)
        self._arm()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _arm(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        due_ms = self.world.due_ms()
        if due_ms is not None and not self._stopped:
            delay_s = max(0.0, (due_ms - self.now_ms()) / 1000)
            self._timer = asyncio.get_running_loop().call_later(delay_s, self.run, self.world.tick)

    def _carry_out(self, effect: Effect) -> None:
        transport = self._transports.get(effect.socket_id)
        if transport is None or transport.is_closing():
            return
        if isinstance(effect, Push):
            transport.write(wire.message(effect.data, effect.fragments))
            if transport.get_write_buffer_size() > _MOST_UNREAD_BYTES:
                reset(transport)
        elif isinstance(effect, Ping):
            transport.write(wire.ping(effect.payload))
        elif isinstance(effect, Close):
            _LOG.info("SIMULATED exchange closes socket %d with %d", effect.socket_id, effect.code)
            transport.write(wire.close(effect.code, effect.reason))
            asyncio.get_running_loop().call_later(_CLOSE_DEADLINE_S, transport.abort)
        else:
            _LOG.info("SIMULATED exchange resets socket %d", effect.socket_id)
            reset(transport)

    # ---- HTTP ----

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text=start_page(self.world.accounts()), content_type="text/html")

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        path, _, raw_query = request.raw_path.partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Request(request.method, path, raw_query, headers, await request.read())
        answer = self.run(lambda now_ms: self.world.answer(asked, now_ms))
        if answer.delivery is Delivery.HANG:
            await asyncio.sleep(answer.hold_ms / 1000)
        if answer.delivery is not Delivery.SEND and request.transport:
            reset(request.transport)
        return web.Response(
            status=answer.status, text=answer.body, content_type=answer.content_type, headers=dict(answer.headers)
        )

    async def _upload(self, request: web.Request) -> web.Response:
        path, _, raw_query = request.raw_path.partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        data = await request.read()
        place = path.removeprefix("/upload/")
        stall_ms = self.run(lambda now_ms: self.world.upload_stall_ms(place, now_ms))
        if stall_ms:
            await asyncio.sleep(stall_ms / 1000)
        status = 0 if stall_ms else self.run(lambda at: self.world.put_picture(place, raw_query, headers, data, at))
        if request.transport and (stall_ms or self.run(lambda now_ms: self.world.upload_dropped(place, now_ms))):
            reset(request.transport)
        words = self.world.upload_words(place)
        body = "" if status < 400 else f"<Error><Code>AccessDenied</Code><Message>{words}</Message></Error>"  # noqa: PLR2004
        elsewhere = {"Location": f"{path}-elsewhere?{raw_query}"} if 300 <= status < 400 else {}  # noqa: PLR2004
        return web.Response(status=status or 500, text=body, content_type="application/xml", headers=elsewhere)

    async def _image(self, request: web.Request) -> web.Response:
        picture = self.world.picture(request.match_info["place"])
        if picture is None:
            raise web.HTTPNotFound(text="SIMULATED: no such picture")
        return web.Response(body=picture.data, content_type=picture.content_type)

    # ---- the chat socket ----

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        upgrade = web.WebSocketResponse(autoping=False, autoclose=False, compress=False, max_msg_size=MOST_FRAME_BYTES)
        if not upgrade.can_prepare(request):
            raise web.HTTPBadRequest(text="SIMULATED: a WebSocket handshake is wanted here")
        listen_key, query = request.match_info["listen_key"], dict(request.query)
        verdict = self.run(lambda now_ms: self.world.knock(listen_key, query, now_ms))
        if isinstance(verdict, Refusal):
            _LOG.info("SIMULATED exchange refuses a handshake with %d: %s", verdict.status, verdict.reason)
            headers = {"Retry-After": str(verdict.retry_after_s)} if verdict.retry_after_s else {}
            return web.Response(status=verdict.status, text="SIMULATED: handshake refused", headers=headers)
        await upgrade.prepare(request)
        transport = request.transport
        if transport is None:
            return upgrade
        socket = self.run(lambda now_ms: self._enter(now_ms, verdict, transport))
        try:
            await self._read(upgrade, socket, transport)
        finally:
            self.detach(socket.socket_id)
            self.run(lambda _: self.world.leave(socket.socket_id))
            transport.close()
        return upgrade

    def _enter(self, now_ms: int, verdict: Welcome, transport: asyncio.Transport) -> Socket:
        socket = self.world.enter(verdict, now_ms)
        self.attach(socket.socket_id, transport)
        return socket

    async def _read(self, upgrade: web.WebSocketResponse, socket: Socket, transport: asyncio.Transport) -> None:
        """Read frames until the peer is gone."""
        while True:
            message = await upgrade.receive()
            deaf = self.world.mute_of(socket, self.now_ms()) is Mute.HALF_OPEN
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self._take(socket, message.data)
            elif message.type is WSMsgType.PING:
                if not deaf:
                    transport.write(wire.pong(message.data))
            elif message.type is WSMsgType.PONG:
                continue
            elif deaf and message.type is WSMsgType.CLOSE:
                await asyncio.Event().wait()  # cancelled by the server when the peer drops the connection
            else:
                if message.type is WSMsgType.CLOSE and not transport.is_closing():
                    transport.write(wire.close(1000))
                return

    def _take(self, socket: Socket, data: str | bytes) -> None:
        self.run(lambda now_ms: self.world.take_frame(socket, data, now_ms))


async def _say_simulated(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = SERVER_NAME


def reset(transport: asyncio.Transport) -> None:
    """End a connection as a crash would: RST instead of a polite end."""
    raw = transport.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):  # the peer was quicker
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
