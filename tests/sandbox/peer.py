"""A small client of the exchange, written from the protocol notes and from nothing of p2pbot's: it tests the sandbox.

It signs, fetches credentials, opens the chat with ``websockets`` and reads; nothing is retried.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from yarl import URL

from p2pbot.sandbox import Sandbox, SandboxAccount, SandboxOptions

CHAT = "/sapi/v1/c2c/chat"
MATCH = "/sapi/v1/c2c/orderMatch"
KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
MAIN = SandboxAccount(name="main", api_key=KEY, hmac_secret=SECRET)
OTHER = SandboxAccount(name="other", api_key="other-key", hmac_secret="other-secret")


def options(directory: Path, **changes: Any) -> SandboxOptions:
    """Return the options of a plain world with two accounts."""
    settings: dict[str, Any] = {"accounts": (MAIN, OTHER), "variety": False, "history_lag_ms": 0}
    return SandboxOptions(directory=directory, **(settings | changes))


def hmac_signature(secret: str, payload: str) -> str:
    """Sign a query string."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def text_frame(order_no: str, text: str, uuid: str, **changes: Any) -> str:
    """Return an outbound text frame with all documented fields."""
    frame = {
        "type": "text",
        "uuid": uuid,
        "orderNo": order_no,
        "content": text,
        "self": True,
        "clientType": "web",
        "createTime": 1_700_000_000_000,
        "sendStatus": 0,
    }
    return json.dumps(frame | changes)


class Peer:
    """One account's client."""

    def __init__(self, box: Sandbox, session: aiohttp.ClientSession, account: SandboxAccount = MAIN) -> None:
        self.box = box
        self.account = account
        self._session = session
        self.tls = ssl.create_default_context(cafile=str(box.ca_file)) if box.ca_file else None

    async def call(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> Any:
        """Make a signed call and return its JSON; AssertionError unless HTTP 200."""
        status, text = await self.ask(method, path, query, body)
        assert status == 200, (status, text)
        return json.loads(text)

    async def ask(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> tuple[int, str]:
        """Make a signed call and return (status, text)."""
        payload = urlencode({**(query or {}), "timestamp": int(time.time() * 1000)})
        url = f"{self.box.rest_url}{path}?{payload}&signature={hmac_signature(self.account.hmac_secret, payload)}"
        headers = {"X-MBX-APIKEY": self.account.api_key, "clientType": "web"}
        data = None if body is None else json.dumps(body)
        async with self._session.request(
            method, URL(url, encoded=True), headers=headers, data=data, ssl=self.tls or True
        ) as answer:
            return answer.status, await answer.text()

    async def chat_url(self) -> str:
        """Fetch a credential and return the chat's URL."""
        data = (await self.call("GET", f"{CHAT}/retrieveChatCredential"))["data"]
        return f"{data['chatWssUrl']}/{data['listenKey']}?token={data['listenToken']}&clientType=web"

    async def open_chat(self) -> ClientConnection:
        """Open the chat with a fresh credential."""
        return await connect(await self.chat_url(), ssl=self.tls, proxy=None)

    async def history(self, order_no: str, **query: Any) -> list[dict[str, Any]]:
        """Return a page of an order's history."""
        path = f"{CHAT}/retrieveChatMessagesWithPagination"
        answer = await self.call("GET", path, {"page": 1, "rows": 50, "orderNo": order_no} | query)
        rows: list[dict[str, Any]] = answer["data"]
        return rows
