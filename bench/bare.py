"""The least that can answer the simulated exchange: one credential, one socket, the same reply to every text.

No rules, no record, no second thought: what the daemon takes longer is the price of its promise. Run as
``python -m bench.bare REST_URL`` with ``{"api_key": …, "secret": …}`` as the first line on standard input; it says
``connected``, and ends when its input closes.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
import time
import uuid
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection, connect

_CREDENTIAL = "/sapi/v1/c2c/chat/retrieveChatCredential"
_REPLY = "Thanks! Please press «Transferred, notify seller» in the order."


async def _chat_url(rest_url: str, api_key: str, secret: str) -> str:
    query = f"recvWindow=5000&timestamp={time.time_ns() // 1_000_000}"
    signature = hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    headers = {"X-MBX-APIKEY": api_key, "clientType": "web"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{rest_url}{_CREDENTIAL}?{query}&signature={signature}") as answer,
    ):
        given = (await answer.json())["data"]
    return f"{given['chatWssUrl']}/{given['listenKey']}?token={given['listenToken']}&clientType=web"


async def _answer(connection: ClientConnection) -> None:
    async for raw in connection:
        frame = json.loads(raw)
        if frame.get("type") == "text" and frame.get("self") is False:
            await connection.send(json.dumps(_reply(frame)))


def _reply(frame: dict[str, Any]) -> dict[str, object]:
    order_no = frame.get("orderNo") or frame["topicId"]
    return {
        "type": "text",
        "uuid": str(uuid.uuid4()),
        "orderNo": order_no,
        "content": _REPLY,
        "self": True,
        "clientType": "web",
        "createTime": time.time_ns() // 1_000_000,
        "sendStatus": 0,
    }


async def _run(rest_url: str) -> None:
    keys = json.loads(sys.stdin.readline())
    async with connect(await _chat_url(rest_url, keys["api_key"], keys["secret"]), compression=None) as connection:
        sys.stdout.write("connected\n")
        sys.stdout.flush()
        answering = asyncio.create_task(_answer(connection))
        await asyncio.to_thread(sys.stdin.read)
        answering.cancel()


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1]))
