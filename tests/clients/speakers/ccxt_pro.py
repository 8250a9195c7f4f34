"""ccxt pro, as its manual uses it: a futures exchange and a spot exchange whose addresses lead to the sandbox.

Runs in the clients' virtual environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ccxt.pro  # type: ignore[import-not-found]

from tests.clients.line import Line, speak


def _client(kind: Any, settings: Mapping[str, str]) -> Any:
    """Return an exchange of ccxt's whose every address is the sandbox's."""
    who = {"apiKey": settings["api_key"], "secret": settings.get("private_key") or settings["api_secret"]}
    exchange = kind({**who, "cafile": settings["ca_file"], "enableRateLimit": False})
    exchange.options["fetchCurrencies"] = exchange.options["fetchMargins"] = False
    rest, sockets = settings["rest_url"], settings["ws_url"]
    addresses = exchange.urls["api"]
    for name, url in addresses.items():
        if isinstance(url, str):
            addresses[name] = f"{rest}/{url.split('/', 3)[3]}"
    addresses["ws"]["linear"] = addresses["ws"]["spot"] = f"{sockets}/ws"
    addresses["ws"]["ws-api"] = {"spot": f"{sockets}/ws-api/v3", "linear": f"{sockets}/ws-fapi/v1"}
    return exchange


async def futures(settings: Mapping[str, str], line: Line) -> None:
    """Ask for the balance over REST and over WebSocket, and wait for the first balance of the stream."""
    exchange = _client(ccxt.pro.binanceusdm, settings)
    try:
        line.say((await exchange.fetch_balance())["USDT"])
        line.say((await exchange.fetch_balance_ws())["USDT"])
        await exchange.authenticate({"type": "future", "subType": "linear"})
        line.say("listening")
        line.say((await exchange.watch_balance())["USDT"])
    finally:
        await exchange.close()


async def orders(settings: Mapping[str, str], line: Line) -> None:
    """Wait for the stream's orders, until one is closed."""
    exchange = _client(ccxt.pro.binanceusdm, settings)
    try:
        await exchange.load_markets()
        await exchange.authenticate({"type": "future", "subType": "linear"})
        line.say("listening")
        while True:
            for order in await exchange.watch_orders():
                line.say({name: order[name] for name in ("clientOrderId", "status", "filled", "symbol")})
                if order["status"] == "closed":
                    return
    finally:
        await exchange.close()


async def spot(settings: Mapping[str, str], line: Line) -> None:
    """Ask for spot's balance over REST, subscribe by signature, and wait for the first balance."""
    exchange = _client(ccxt.pro.binance, settings)
    exchange.options["fetchMarkets"] = {"types": ["spot"]}
    try:
        line.say((await exchange.fetch_balance())["USDT"])
        await exchange.authenticate({"type": "spot"})
        line.say("listening")
        line.say((await exchange.watch_balance())["USDT"])
    finally:
        await exchange.close()


speak(futures, orders, spot)
