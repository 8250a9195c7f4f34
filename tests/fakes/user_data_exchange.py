"""The exchange's side of user data as a real server on loopback: listenKeys by REST, streams that do as real ones do.

A dead key's socket opens and stays silent; an expiry is told on the sockets that use the key, which stay open. Beside
it stand a WebSocket API at the port (``FakeApi``), which shares the account, and a sink that keeps what it hears.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from aiohttp import web

from p2pbot.errors import ConnectionLost, P2pbotError, RequestRefused
from p2pbot.protocol.user_data_events import AccountSnapshot, AccountUpdate, Source, SpotBalances, UserDataEvent
from p2pbot.protocol.ws_call import WsCall

T = TypeVar("T")

NO_KEY = {"code": -1125, "msg": "This listenKey does not exist."}
SPOT, FUTURES = "/api/v3/userDataStream", "/fapi/v1/listenKey"


@dataclass
class UserDataExchange:
    """One account. ``log`` holds what happened, in order, keys by their number: ``POST``, ``open 1``, ``close 1`` …."""

    key: int | None = None
    keys: int = 0
    wallet: str = "10"
    log: list[str] = field(default_factory=list)
    sockets: list[tuple[int, web.WebSocketResponse]] = field(default_factory=list)
    refusals: list[web.Response] = field(default_factory=list)
    url: str = ""

    @property
    def ws_url(self) -> str:
        """The root of the streams."""
        return self.url.replace("http", "ws", 1)

    def named(self, number: int) -> str:
        """Return a key as it goes over the wire: not to be found in any log."""
        return f"listenkey{number:04d}".ljust(64, "z")

    def start(self) -> str:
        """Return the active key, or make one."""
        if self.key is None:
            self.keys += 1
            self.key = self.keys
        return self.named(self.key)

    def replace_key(self) -> None:
        """Have another key in silence, as when another program closed ours and began its own."""
        self.key = None
        self.start()

    async def expire(self) -> None:
        """End the key: its sockets are told, and stay open and silent."""
        dead, self.key = self.key, None
        for number, socket in self.sockets:
            if number == dead and not socket.closed:
                await socket.send_json({"e": "listenKeyExpired", "E": "1", "listenKey": self.named(number)})

    async def push(self, event: dict[str, object]) -> None:
        """Send an event to every socket that uses the active key."""
        for number, socket in self.sockets:
            if number == self.key and not socket.closed:
                await socket.send_json(event)

    async def pay(self, wallet: str, at_ms: int) -> None:
        """Change the wallet and say so."""
        self.wallet = wallet
        balance = {"a": "USDT", "wb": wallet, "cw": wallet, "bc": "0"}
        await self.push({"e": "ACCOUNT_UPDATE", "E": at_ms, "T": at_ms, "a": {"m": "ORDER", "B": [balance], "P": []}})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if request.path in (SPOT, FUTURES):
            return self._key_call(request)
        if request.path == "/api/v3/time":
            return web.json_response({"serverTime": 1_767_600_000_000})
        if request.path == "/api/v3/account":
            return web.json_response({"balances": [{"asset": "USDT", "free": self.wallet, "locked": "0"}]})
        return await self._stream(request)

    def _key_call(self, request: web.Request) -> web.StreamResponse:
        self.log.append(request.method)
        if self.refusals:
            return self.refusals.pop(0)
        if request.method == "POST":
            return web.json_response({"listenKey": self.start()})
        if self.key is None:
            return web.json_response(NO_KEY, status=400)
        if request.path == SPOT and request.query.get("listenKey") != self.named(self.key):
            return web.json_response(NO_KEY, status=400)
        if request.method == "DELETE":
            self.key = None
        return web.json_response({"listenKey": self.named(self.key or 0)} if request.path == FUTURES else {})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        named = request.query.get("listenKey") or request.path.rpartition("/")[2]
        number = int(named.removeprefix("listenkey").rstrip("z"))
        self.log.append(f"open {number}")
        self.sockets.append((number, socket))
        async for _ in socket:
            pass
        self.log.append(f"close {number}")
        return socket


@asynccontextmanager
async def user_data_exchange() -> AsyncIterator[UserDataExchange]:
    """Serve on loopback while the block runs."""
    exchange = UserDataExchange()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", exchange.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    exchange.url = f"http://{host}:{port}"
    try:
        yield exchange
    finally:
        await runner.cleanup()


@dataclass
class FakeApi:
    """``ports.WsApi`` for the same account. ``down``: there is no session; ``held``: snapshots wait until it is set."""

    exchange: UserDataExchange
    down: bool = False
    held: asyncio.Event | None = None
    failures: list[P2pbotError] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    subscriptions: int = 0
    clock_offset_ms: int | None = 0

    async def call(self, request: WsCall[T]) -> T:
        """Answer from the account, through the call's own parser."""
        self.asked.append(request.method)
        if self.down:
            raise ConnectionLost("the session is not connected")
        result = self._result(request.method)
        if self.held is not None and "account.status" in request.method:
            await self.held.wait()
        if self.failures:
            raise self.failures.pop(0)
        return request.parse(result)

    def _result(self, method: str) -> object:
        exchange = self.exchange
        match method:
            case "userDataStream.start":
                return {"listenKey": exchange.start()}
            case "userDataStream.ping" if exchange.key is not None:
                return {"listenKey": exchange.named(exchange.key)}
            case "userDataStream.stop" | "userDataStream.unsubscribe":  # futures; spot, which has no key here
                exchange.key = None
                return {}
            case "userDataStream.subscribe" | "userDataStream.subscribe.signature":
                self.subscriptions += 1
                return {"subscriptionId": self.subscriptions - 1}
            case "v2/account.status":
                return {"assets": [{"asset": "USDT", "walletBalance": exchange.wallet}], "positions": []}
            case "account.status":
                return {"balances": [{"asset": "USDT", "free": exchange.wallet, "locked": "0"}]}
        raise RequestRefused("no such key", code="-1125", status=400)


@dataclass
class Ledger:
    """``ports.AccountSink`` that keeps what it hears, and the USDT that it knows (None in a gap)."""

    heard: list[str] = field(default_factory=list)
    events: list[UserDataEvent] = field(default_factory=list)
    gap: bool = True
    kept: str = ""

    @property
    def usdt(self) -> str | None:
        """What may be called known."""
        return None if self.gap else self.kept

    def gap_opened(self, source: Source, at_ms: int) -> None:
        """Keep it."""
        assert at_ms > 0
        self.heard.append(f"{source} gap")
        self.gap = True

    def snapshot(self, source: Source, snapshot: AccountSnapshot) -> None:
        """Keep it."""
        self.heard.append(f"{source} snapshot")
        self.kept = plain(snapshot.balances["USDT"])

    def event(self, source: Source, event: UserDataEvent) -> None:
        """Keep it."""
        self.heard.append(f"{source} {type(event).__name__}")
        self.events.append(event)
        if isinstance(event, AccountUpdate):
            self.kept = next((plain(row.wallet) for row in event.balances if row.asset == "USDT"), self.kept)
        if isinstance(event, SpotBalances):
            self.kept = next((plain(row.free) for row in event.balances if row.asset == "USDT"), self.kept)

    def gap_closed(self, source: Source, at_ms: int) -> None:
        """Keep it."""
        assert at_ms > 0
        self.heard.append(f"{source} known")
        self.gap = False


def plain(amount: Decimal) -> str:
    """Return an amount without trailing zeros."""
    return f"{amount.normalize():f}"


async def until(condition: Callable[[], object], what: str) -> None:
    """Poll a condition. Raises AssertionError when it does not come about within 10 s."""
    try:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - what a server has seen has no event
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within 10 s: {what}") from None


def as_text(value: object) -> str:
    """Return a value as JSON, for searching in it."""
    return json.dumps(value, default=str)
