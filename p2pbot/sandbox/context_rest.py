"""The REST calls of the account context: futures listenKeys and account, spot's old listenKeys, clocks, listings.

Promise: nothing here places, changes or ends an order.
Source: futures and user-data notes sections 1 and 3; the listings hold just enough for clients that load markets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from p2pbot.sandbox import book_answers, streams
from p2pbot.sandbox.context_state import ContextState
from p2pbot.sandbox.frames import encode
from p2pbot.sandbox.gateway import Answer, Check, Handler, Parameters, Product, Public, Route, gateway_error
from p2pbot.sandbox.links import Source
from p2pbot.sandbox.state import Account
from p2pbot.sandbox.ws_api import over_weight

_GONE = "<html><head><title>410 Gone</title></head><body>SIMULATED: this interface was removed</body></html>"
_NO_KEY = gateway_error(400, -1125, "This listenKey does not exist.")
_SYMBOL = {
    "symbol": "BTCUSDT",
    "pair": "BTCUSDT",
    "contractType": "PERPETUAL",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "marginAsset": "USDT",
    "pricePrecision": 2,
    "quantityPrecision": 3,
    "baseAssetPrecision": 8,
    "quotePrecision": 8,
    "filters": [],
    "orderTypes": ["LIMIT"],
    "timeInForce": ["GTC"],
}


def context_routes(context: ContextState) -> Iterator[tuple[str, Route]]:
    """Yield path and route of each call."""
    desk = _Desk(context)
    keyed: dict[str, tuple[Handler, Handler]] = {
        "POST": (desk.start, desk.spot_start),
        "PUT": (desk.keep, desk.spot_keep),
        "DELETE": (desk.stop, desk.spot_stop),
    }
    for method, (futures, spot) in keyed.items():
        yield "/fapi/v1/listenKey", Route(method, futures, check=Check.KEY, product=Product.FUTURES, weight=1)
        yield "/api/v3/userDataStream", Route(method, spot, check=Check.KEY, product=Product.SPOT, weight=2)
    signed: dict[str, tuple[Handler, int]] = {
        "/fapi/v3/account": (desk.account, 5),
        "/fapi/v2/account": (desk.account, 5),
        "/fapi/v3/balance": (desk.balances, 5),
        "/fapi/v2/balance": (desk.balances, 5),
        "/fapi/v3/positionRisk": (desk.positions, 5),
        "/fapi/v1/order": (desk.order, 1),
        "/fapi/v1/leverageBracket": (desk.brackets, 1),
    }
    for path, (handler, weight) in signed.items():
        yield path, Route("GET", handler, web_only=False, product=Product.FUTURES, weight=weight)
    yield "/api/v3/account", Route("GET", desk.spot_account, web_only=False, product=Product.SPOT, weight=20)


def context_public(context: ContextState) -> dict[str, Public]:
    """Return the calls that need no key."""

    def clock(now_ms: int) -> Answer:
        return _bare({"serverTime": context.state.exchange_ms(now_ms)})

    def listing(now_ms: int) -> Answer:
        body = {"timezone": "UTC", "serverTime": context.state.exchange_ms(now_ms), "rateLimits": []}
        return _bare(body | {"exchangeFilters": [], "assets": [], "symbols": [_SYMBOL]})

    def nothing(_: int) -> Answer:
        return _bare({})

    return {
        "/api/v3/time": clock,
        "/fapi/v1/time": clock,
        "/api/v3/ping": nothing,
        "/fapi/v1/ping": nothing,
        "/api/v3/exchangeInfo": listing,
        "/fapi/v1/exchangeInfo": listing,
    }


def rest_scale(context: ContextState) -> Callable[[Product, int, int], Answer | int]:
    """Return the function that counts a call's weight: the minute's sum, or the refusal. One budget with WebSocket."""

    def weigh(product: Product, weight: int, now_ms: int) -> Answer | int:
        weights = context.weights[Source.SPOT if product is Product.SPOT else Source.FUTURES]
        over = weights.spend(weight, now_ms)
        if over is None:
            return weights.used(now_ms)
        refusal = over_weight(context, over, now_ms)
        wait_s = -(-(over.until_ms - now_ms) // 1000)
        return gateway_error(over.status, refusal.code, refusal.message, wait_s)

    return weigh


def _bare(data: Any) -> Answer:
    return Answer(body=encode(data))


class _Desk:
    """One method per call."""

    def __init__(self, context: ContextState) -> None:
        self._context = context

    def start(self, account: Account, _: Parameters, now_ms: int) -> Answer:
        """Start the futures listenKey, or extend it."""
        return _bare({"listenKey": streams.start_key(self._context, account.spec.name, Source.FUTURES, now_ms)})

    def keep(self, account: Account, _: Parameters, now_ms: int) -> Answer:
        """Extend the futures listenKey."""
        key = self._context.ring(account.spec.name, Source.FUTURES).keep(now_ms)
        return _bare({"listenKey": key.text}) if key else _NO_KEY

    def stop(self, account: Account, _: Parameters, now_ms: int) -> Answer:
        """End the futures listenKey, for everybody who uses it."""
        ended = streams.end_key(self._context, account.spec.name, Source.FUTURES, now_ms)
        return _bare({}) if ended else _NO_KEY

    def spot_start(self, account: Account, _: Parameters, now_ms: int) -> Answer:
        """Start spot's old listenKey, or extend it; 410 where it was removed."""
        if not self._context.state.options.spot_listen_keys:
            return Answer(410, _GONE, "text/html")
        return _bare({"listenKey": streams.start_key(self._context, account.spec.name, Source.SPOT, now_ms)})

    def spot_keep(self, account: Account, parameters: Parameters, now_ms: int) -> Answer:
        """Extend spot's old listenKey, which must be named."""
        return self._spot_named(account, parameters, now_ms, end=False)

    def spot_stop(self, account: Account, parameters: Parameters, now_ms: int) -> Answer:
        """End spot's old listenKey, which must be named."""
        return self._spot_named(account, parameters, now_ms, end=True)

    def _spot_named(self, account: Account, parameters: Parameters, now_ms: int, *, end: bool) -> Answer:
        named = str(parameters.get("listenKey", ""))
        if not self._context.state.options.spot_listen_keys:
            return Answer(410, _GONE, "text/html")
        if not named:
            return gateway_error(
                400, -1102, "Mandatory parameter 'listenKey' was not sent, was empty/null, or malformed."
            )
        if self._context.ring(account.spec.name, Source.SPOT).keep(now_ms, named) is None:
            return _NO_KEY
        if end:
            streams.end_key(self._context, account.spec.name, Source.SPOT, now_ms)
        return _bare({})

    def account(self, account: Account, _: Parameters, __: int) -> Answer:
        """Return the futures account."""
        return _bare(book_answers.futures_account(self._context.book(account.spec.name)))

    def balances(self, account: Account, _: Parameters, __: int) -> Answer:
        """Return the futures balances."""
        return _bare(book_answers.futures_balances(self._context.book(account.spec.name)))

    def positions(self, account: Account, parameters: Parameters, _: int) -> Answer:
        """Return the open futures positions."""
        book = self._context.book(account.spec.name)
        return _bare(book_answers.futures_positions(book, str(parameters.get("symbol", ""))))

    def order(self, account: Account, parameters: Parameters, _: int) -> Answer:
        """Return one futures order."""
        symbol, order_id = parameters.get("symbol"), parameters.get("orderId")
        book = self._context.book(account.spec.name)
        order = book.find_order(symbol, order_id, parameters.get("origClientOrderId"))
        if order:
            return _bare(book_answers.futures_order(order))
        return gateway_error(400, -2013, "Order does not exist.")

    @staticmethod
    def brackets(_: Account, __: Parameters, ___: int) -> Answer:
        """Return no brackets of leverage: ccxt asks for them before it looks at positions."""
        return _bare([])

    def spot_account(self, account: Account, _: Parameters, __: int) -> Answer:
        """Return the spot account."""
        return _bare(book_answers.spot_account(self._context.book(account.spec.name), account.spec.user_id))
