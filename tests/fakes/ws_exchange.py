"""The other side of the WebSocket API as a real server on loopback: answers by a table, keeps what it was asked."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from aiohttp import WSMsgType, web

from tests.fakes.scripted_server import QuickClock

Frame: TypeAlias = dict[str, object]
Reply: TypeAlias = Callable[[Frame], Frame | None]


def now_ms() -> int:
    """Return this machine's Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def result(value: object, *, used: int | None = None) -> Reply:
    """Return a reply that serves a request with ``value``, and says what weight is used."""
    limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400, "count": used}]
    extra: Frame = {} if used is None else {"rateLimits": limits}
    return lambda frame: {"id": frame["id"], "status": 200, "result": value} | extra


def refusal(status: int, code: int, msg: str = "", data: object = None) -> Reply:
    """Return a reply that refuses a request."""
    error: Frame = {"code": code, "msg": msg} | ({} if data is None else {"data": data})
    return lambda frame: {"id": frame["id"], "status": status, "error": error}


def silence(_frame: Frame) -> None:
    """Answer nothing."""


def session(*, logged_on: bool, ahead_ms: int = 0) -> Reply:
    """Return a reply that shows a session and the exchange's clock."""
    key = "x" * 64 if logged_on else None
    since = now_ms() if logged_on else None
    return lambda frame: {
        "id": frame["id"],
        "status": 200,
        "result": {"apiKey": key, "authorizedSince": since, "serverTime": now_ms() + ahead_ms},
    }


class PassingClock(QuickClock):
    """Real clocks on which waiting takes no time but passes: what was slept is added to the monotonic clock too."""

    def monotonic_s(self) -> float:
        """Return the monotonic clock with all that was slept."""
        return super().monotonic_s() + sum(self.slept) + self.shift_s


@dataclass
class Ear:
    """A listener of a session that keeps what it is told."""

    heard: list[str] = field(default_factory=list)

    def on_open(self, *, renewed: bool) -> None:
        """Keep it."""
        self.heard.append("renewed" if renewed else "open")

    def on_lost(self) -> None:
        """Keep it."""
        self.heard.append("lost")

    def on_event(self, subscription_id: int | None, event: Mapping[str, object]) -> None:
        """Keep it."""
        self.heard.append(f"{subscription_id}: {event['e']}")


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - conditions of both sides of a socket
            await asyncio.sleep(0.005)


@dataclass
class WsExchange:
    """Answers each request by the next reply of its method's queue, the last one again and again."""

    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[Frame] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.replies.setdefault("session.status", [session(logged_on=False)])
        self.replies.setdefault("session.logon", [session(logged_on=True)])

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """Take one connection and serve it to its end."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        self.queries.append(request.query_string)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._serve(socket, json.loads(message.data))
        return socket

    async def close_at_once(self, request: web.Request) -> web.StreamResponse:
        """Take one connection and end it."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.close(code=1001)
        return socket

    def of(self, method: str) -> list[Frame]:
        """Return the requests of one method so far."""
        return [frame for frame in self.asked if frame["method"] == method]

    async def push(self, frame: object, *, by: int = -1) -> None:
        """Send a frame that nobody asked for."""
        await self.sockets[by].send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def _serve(self, socket: web.WebSocketResponse, frame: Frame) -> None:
        self.asked.append(frame)
        queue = self.replies[str(frame["method"])]
        reply = queue.pop(0) if len(queue) > 1 else queue[0]
        if (answer := reply(frame)) is not None:
            await socket.send_str(json.dumps(answer))
