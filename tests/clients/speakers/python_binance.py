"""python-binance, as its documentation uses it, its addresses led to the sandbox.

Runs in the clients' virtual environment.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp
from binance import AsyncClient, BinanceSocketManager  # type: ignore[import-not-found]
from binance.exceptions import BinanceAPIException  # type: ignore[import-not-found]

from tests.clients.line import Line, speak


async def _client(settings: Mapping[str, str]) -> Any:
    """Return a client whose every address is the sandbox's (its constructor fills the addresses of its class)."""
    rest, sockets = settings["rest_url"], settings["ws_url"]
    AsyncClient.API_URL, AsyncClient.FUTURES_URL = f"{rest}/api", f"{rest}/fapi"
    AsyncClient.WS_API_URL, AsyncClient.WS_FUTURES_URL = f"{sockets}/ws-api/v3", f"{sockets}/ws-fapi/v1"
    BinanceSocketManager.FSTREAM_URL = BinanceSocketManager.STREAM_URL = f"{sockets}/"
    trust = ssl.create_default_context(cafile=settings["ca_file"])
    return await AsyncClient.create(
        settings["api_key"], settings["api_secret"], session_params={"connector": aiohttp.TCPConnector(ssl=trust)}
    )


async def api(settings: Mapping[str, str], line: Line) -> None:
    """Ask over the futures WebSocket API, each request signed with HMAC."""
    client = await _client(settings)
    try:
        line.say(await client.ws_futures_v2_account_balance())
        line.say(await client.ws_futures_v2_account_position(symbol="BTCUSDT"))
        line.say(await client.ws_futures_v2_account_status())
        line.say(await client.ws_futures_get_order(symbol="BTCUSDT", origClientOrderId="hedge-1"))
        try:
            await client.ws_futures_get_order(symbol="BTCUSDT", origClientOrderId="never")
        except BinanceAPIException as error:
            line.say({"code": error.code})
    finally:
        await client.close_connection()


async def keys(settings: Mapping[str, str], line: Line) -> None:
    """Start, keep and close the listenKeys of futures and, where they live on, of spot."""
    client = await _client(settings)
    try:
        key = await client.futures_stream_get_listen_key()
        await client.futures_stream_keepalive(key)
        line.say({"same_key": key == await client.futures_stream_get_listen_key()})
        await client.futures_stream_close(key)
        try:
            await client.futures_stream_keepalive(key)
        except BinanceAPIException as error:
            line.say({"code": error.code, "status": error.status_code})
        spot = await client.stream_get_listen_key()
        await client.stream_keepalive(spot)
        await client.stream_close(spot)
    finally:
        await client.close_connection()


async def futures(settings: Mapping[str, str], line: Line) -> None:
    """Listen to the futures stream."""
    client = await _client(settings)
    try:
        async with BinanceSocketManager(client).futures_user_socket() as socket:
            line.say("listening")
            while (event := await socket.recv()).get("e") != "MARGIN_CALL":
                line.say(event)
    finally:
        await client.close_connection()


async def spot(settings: Mapping[str, str], line: Line) -> None:
    """Listen to spot over its WebSocket API."""
    client = await _client(settings)
    try:
        async with BinanceSocketManager(client).user_socket() as socket:
            line.say("listening")
            line.say(await socket.recv())
            line.say(await socket.recv())
    finally:
        await client.close_connection()


speak(api, keys, futures, spot)
