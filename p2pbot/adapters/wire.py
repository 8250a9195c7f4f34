"""The door to WebSockets (websockets): for the chat, for sessions of the WebSocket API and for user-data streams.

Promise: one connect, one connection; raises only ``p2pbot.errors``. A silent peer is seen after the ping's interval and
deadline (25 s) plus the close deadline (3 s).
What was written and did not get through within ``flight_s`` is thrown away by the kernel with its connection, and so is
what waits in a connection that is let go: it cannot arrive after it was looked for and written again elsewhere.
Danger: the library's own reconnecting iterator resets its backoff at every handshake, follows redirects (with our
token in the address) and logs addresses; none of the three is used. Its exceptions quote the address: their texts and
causes stay here.
"""

from __future__ import annotations

import asyncio
import logging
import socket as sockets
import ssl
import struct
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException

from p2pbot.adapters.clock import SystemClock
from p2pbot.adapters.network_faults import connect_failed
from p2pbot.errors import ConnectFailed, ConnectionLost, CredentialRefused, P2pbotError, TimedOut
from p2pbot.ports import Clock
from p2pbot.protocol.envelope import retry_after_s
from p2pbot.protocol.refusals import Refusal, error_of
from p2pbot.secret import Secret

_LONGEST_REASON_BYTES = 123  # what a close frame can hold
_MAX_QUEUED_FRAMES = 64  # a catch-up burst; beyond it the peer waits, by TCP

_SILENT = logging.Logger("p2pbot.wire")  # noqa: LOG001 - belongs to no tree: its debug lines would show tokens and people's talk
_SILENT.disabled = True


class ChatWire:
    """Opens WebSockets (``ports.Wire``)."""

    def __init__(  # noqa: PLR0913 - each is one number of the keepalive
        self,
        tls: ssl.SSLContext,
        *,
        ping_interval_s: float = 15.0,
        ping_timeout_s: float = 10.0,
        close_timeout_s: float = 3.0,
        open_timeout_s: float = 10.0,
        send_timeout_s: float = 10.0,
        flight_s: float = 7.5,
        max_message: int = 1024 * 1024,
        thing: str = "chat",
        clock: Clock | None = None,
    ) -> None:
        """``thing`` is what errors call it: people read them."""
        self._tls = tls
        self._thing = thing
        self._clock = clock or SystemClock()
        self._open_timeout_s = open_timeout_s
        self._close_timeout_s = close_timeout_s
        self._send_timeout_s = send_timeout_s  # only a peer that reads nothing makes a write wait
        self._flight_s = flight_s
        self._options: dict[str, Any] = {
            "ping_interval": ping_interval_s,
            "ping_timeout": ping_timeout_s,
            "close_timeout": close_timeout_s,
            "open_timeout": open_timeout_s,
            "max_size": max_message,
            "max_queue": _MAX_QUEUED_FRAMES,
            "compression": None,  # short texts gain nothing, and a compressed bomb needs no defence
            "proxy": None,
            "logger": _SILENT,
            "user_agent_header": "p2pbot",
        }

    async def connect(self, url: Secret) -> ChatConnection:
        """Open ``url`` (wss, or ws where the caller allows it). Raises what ``ports.Wire`` names."""
        address = url.reveal()
        place = _place(address)
        tls = self._tls if address.startswith("wss:") else None
        try:
            socket = await _ConnectOnce(address, ssl=tls, **self._options)
        except InvalidStatus as refused:
            wait_s = retry_after_s(refused.response.headers.get("Retry-After", ""), self._clock.now_ms())
            raise _refusal(refused.response.status_code, wait_s, place, self._thing) from None
        except TimeoutError:
            raise TimedOut(f"{place} did not open the {self._thing} within {self._open_timeout_s:.0f} s") from None
        except OSError as error:
            raise connect_failed(error, place) from None
        except InvalidHandshake:
            raise ConnectFailed(f"{place} does not answer as a WebSocket should") from None
        except (WebSocketException, ValueError):
            raise ConnectFailed(f"{place} is not a WebSocket address that can be called") from None
        _bound_flight(socket, self._flight_s)
        return ChatConnection(socket, place, self._thing, self._close_timeout_s, self._send_timeout_s)


class _ConnectOnce(connect):
    """The library's connect without redirects: a token must not travel to where an answer points."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class ChatConnection:
    """One open WebSocket (``ports.Connection``)."""

    def __init__(
        self, socket: ClientConnection, place: str, thing: str, close_timeout_s: float, send_timeout_s: float
    ) -> None:
        self._socket = socket
        self._place = place
        self._thing = thing
        self._close_timeout_s = close_timeout_s
        self._send_timeout_s = send_timeout_s

    async def receive(self) -> str | bytes:
        """Return the next message, whole whatever its fragments. Raises ConnectionLost. Cancelling it loses nothing."""
        try:
            message = await self._socket.recv()
        except ConnectionClosed as closed:
            raise _lost(closed, self._place, self._thing) from None
        return message

    async def send(self, text: str) -> None:
        """Write one text message. Raises ConnectionLost; then nobody knows whether it left."""
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await self._socket.send(text)
        except ConnectionClosed as closed:
            raise _lost(closed, self._place, self._thing) from None
        except TimeoutError:
            self._socket.transport.abort()
            raise ConnectionLost(f"{self._place} reads nothing any more") from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close; returns within the close deadline and never raises. Idempotent."""
        short = reason.encode("utf-8", "replace")[:_LONGEST_REASON_BYTES].decode("utf-8", "ignore")
        try:
            async with asyncio.timeout(self._close_timeout_s * 2):  # the library's deadline starts after its write
                await self._socket.close(code, short)
        except (WebSocketException, OSError):  # TimeoutError is an OSError
            self._socket.transport.abort()
            await self._socket.wait_closed()  # at once, after an abort


def _bound_flight(socket: ClientConnection, flight_s: float) -> None:
    """Have the kernel give up what is not acknowledged in time, and drop what is left when the socket is closed.

    By default it tries on for a quarter of an hour, even after the process has ended (tcp(7): TCP_USER_TIMEOUT).
    """
    raw = socket.transport.get_extra_info("socket")
    with suppress(OSError):  # the peer was quicker
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        if hasattr(sockets, "TCP_USER_TIMEOUT"):  # Linux
            raw.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_USER_TIMEOUT, int(flight_s * 1000))


def _place(address: str) -> str:
    """Return host and port of an address for error texts: nothing else of it may be seen."""
    try:
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "wss" else 80)
    except ValueError:
        return "the exchange's address"
    return f"{parts.hostname}:{port}"


def _refusal(status: int, wait_s: float | None, place: str, thing: str) -> P2pbotError:
    """Return the error for an HTTP answer instead of the upgrade: here 401, 403 and 404 speak of the token."""
    if status in (401, 403, 404):
        return CredentialRefused(f"{place} refused the {thing}'s token (HTTP {status})", status=status)
    if status in (418, 429, 451) or status >= 500:  # noqa: PLR2004 - HTTP statuses read best as numbers
        return error_of(Refusal(status=status, wait_s=wait_s))
    if 300 <= status < 400:  # noqa: PLR2004
        return ConnectFailed(f"{place} redirects the {thing} elsewhere (HTTP {status}), which is not followed")
    return ConnectFailed(f"{place} did not open the {thing} (HTTP {status})")


def _lost(closed: ConnectionClosed, place: str, thing: str) -> ConnectionLost:
    """Return our error for a closed connection; code and reason are the peer's, 1006 and '' when it gave none."""
    code, reason = (int(closed.rcvd.code), closed.rcvd.reason) if closed.rcvd else (1006, "")
    if closed.sent and not closed.rcvd_then_sent:
        cause = f"code {int(closed.sent.code)} {closed.sent.reason}".strip()
        return ConnectionLost(f"the {thing} with {place} was closed from here ({cause})", code=code, reason=reason)
    if closed.rcvd:
        return ConnectionLost(f"{place} closed the {thing} (code {code})", code=code, reason=reason)
    return ConnectionLost(f"the connection to {place} broke")
