"""The pure world on a stage: time stands still until it is moved, and what would go to a socket is kept.

Written from the protocol notes; it owns no socket and no clock.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from p2pbot.sandbox import OrderSpec, Received, SandboxAccount, World, WorldOptions
from p2pbot.sandbox.gate import Refusal
from p2pbot.sandbox.gateway import Answer, Request
from p2pbot.sandbox.state import Abort, Close, Effect, Push, Socket
from tests.sandbox.peer import CHAT, MAIN, OTHER, hmac_signature, text_frame

START_MS = 1_700_000_000_000


@dataclass
class Stage:
    """A world with two accounts. ``effects`` holds everything that was taken from the world, in order."""

    world: World
    now_ms: int = START_MS
    effects: list[Effect] = field(default_factory=list)
    sockets: dict[str, Socket] = field(default_factory=dict)
    uuids: int = 0

    def pass_ms(self, delay_ms: int) -> None:
        """Let time pass, stopping wherever the world has something to do."""
        end = self.now_ms + delay_ms
        while (due := self.world.due_ms()) is not None and due <= end:
            self.now_ms = max(self.now_ms, due)
            self.world.tick(self.now_ms)
        self.now_ms = end

    def open_order(self, account: str = "main", **spec: Any) -> str:
        """Open an order."""
        return self.world.open_order(account, OrderSpec(**spec), self.now_ms)

    def connect(self, account: SandboxAccount = MAIN) -> Socket:
        """Open a chat socket with a fresh credential; AssertionError if it is refused."""
        verdict = self.knock(account)
        assert not isinstance(verdict, Refusal), verdict
        socket = self.world.enter(verdict, self.now_ms)
        self.sockets[account.name] = socket
        return socket

    def knock(self, account: SandboxAccount = MAIN, **query: Any) -> Any:
        """Fetch a credential and judge a handshake with it; ``query`` replaces parts of the URL's query."""
        data = self.call("GET", f"{CHAT}/retrieveChatCredential", account=account)["data"]
        asked = {"token": data["listenToken"], "clientType": "web"} | query
        return self.world.knock(data["listenKey"], asked, self.now_ms)

    def write(self, order_no: str, text: str, uuid: str = "", account: str = "main", **changes: Any) -> Received:
        """Write a text frame of ours."""
        self.uuids += 1
        frame = text_frame(order_no, text, uuid or f"uuid-{self.uuids}", **changes)
        return self.world.take_frame(self.sockets[account], frame, self.now_ms)

    def pushes(self, socket: Socket | None = None) -> list[Any]:
        """Return the new messages to a socket (all sockets), decoded where they are JSON."""
        new = self.world.take_effects()
        self.effects += new
        return [
            _decoded(effect.data)
            for effect in new
            if isinstance(effect, Push) and (socket is None or effect.socket_id == socket.socket_id)
        ]

    def ends(self) -> list[Close | Abort]:
        """Return the new closes and aborts."""
        new = self.world.take_effects()
        self.effects += new
        return [effect for effect in new if isinstance(effect, (Close, Abort))]

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        account: SandboxAccount = MAIN,
        timestamp: int | None = None,
    ) -> Answer:
        """Make a signed REST call."""
        at_ms = self.now_ms if timestamp is None else timestamp
        payload = urlencode({**(query or {}), "timestamp": at_ms})
        signed = f"{payload}&signature={hmac_signature(account.hmac_secret, payload)}"
        headers = {"x-mbx-apikey": account.api_key, "clienttype": "web"}
        data = json.dumps(body).encode() if body is not None else b""
        return self.world.answer(Request(method, path, signed, headers, data), self.now_ms)

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        account: SandboxAccount = MAIN,
    ) -> Any:
        """Make a signed REST call that succeeds, and return its JSON."""
        answer = self.ask(method, path, query, body, account=account)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def history(self, order_no: str, **query: Any) -> list[dict[str, Any]]:
        """Return a page of an order's history."""
        asked = {"page": 1, "rows": 100, "orderNo": order_no} | query
        rows: list[dict[str, Any]] = self.call("GET", f"{CHAT}/retrieveChatMessagesWithPagination", asked)["data"]
        return rows

    def presign(self) -> tuple[str, str]:
        """Return the path and raw query of an upload URL."""
        data = self.call("POST", f"{CHAT}/image/pre-signed-url", body={"imageName": "x.jpg"})["data"]
        parts = urlsplit(data.get("uploadUrl") or data["preSignedUrl"])
        assert dict(parse_qsl(parts.query))["X-Amz-Expires"] == "300"
        return parts.path.removeprefix("/upload/"), parts.query


def _decoded(data: str | bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data


def stage(seed: int = 1, **changes: Any) -> Stage:
    """Return a plain world, without variety and without history lag unless told otherwise."""
    settings: dict[str, Any] = {"accounts": (MAIN, OTHER), "variety": False, "history_lag_ms": 0}
    return Stage(World(WorldOptions(**(settings | changes)), random.Random(seed)))  # noqa: S311 – a repeatable world
