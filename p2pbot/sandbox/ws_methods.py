"""The methods of the two WebSocket APIs: a closed list, its weights, its parameters, and what each answers.

Promise: nothing here places, changes or ends an order; a method that is not listed is refused.
Source: futures and user-data notes sections 1 and 2. Made up: the code of a subscription without a logon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from p2pbot.sandbox import book_answers, streams
from p2pbot.sandbox.context_state import ContextState
from p2pbot.sandbox.links import Link, LinkKind, Logon, Source
from p2pbot.sandbox.state import Account
from p2pbot.sandbox.ws_requests import Json, WsRefusal

MOST_SUBSCRIPTIONS = 1000


class Security(StrEnum):
    """What a method asks for."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"
    LOGON = "logon"


@dataclass(frozen=True, slots=True)
class WsCall:
    """One request that has passed its checks. ``account`` is None where none is asked for."""

    context: ContextState
    link: Link
    account: Account | None
    params: Mapping[str, Any] = field(repr=False)
    now_ms: int

    @property
    def name(self) -> str:
        """The account's name."""
        return self.account.spec.name if self.account else ""

    @property
    def exchange_ms(self) -> int:
        """The exchange's time."""
        return self.context.state.exchange_ms(self.now_ms)


Handler: TypeAlias = Callable[[WsCall], Json]


@dataclass(frozen=True, slots=True)
class WsMethod:
    """One method. ``parameters`` are those beside key, time and signature."""

    weight: int
    security: Security
    handler: Handler
    parameters: tuple[str, ...] = ()


# ---- session ----


def session(call: WsCall) -> Json:
    """Return who is logged on, and the clock."""
    logon, offset_ms = call.link.logon, call.exchange_ms - call.now_ms
    answer = {
        "apiKey": logon.api_key if logon else None,
        "authorizedSince": logon.since_ms if logon else None,
        "connectedSince": call.link.opened_ms + offset_ms,
        "returnRateLimits": call.link.returns_limits,
        "serverTime": call.exchange_ms,
    }
    if call.link.kind is LinkKind.SPOT_API:
        answer["userDataStream"] = bool(call.link.subscriptions)
    return answer


def _logon(call: WsCall) -> Json:
    call.link.logon = Logon(call.name, str(call.params["apiKey"]), call.exchange_ms)
    return session(call)


def _logout(call: WsCall) -> Json:
    log_out(call.context, call.link, call.now_ms)
    return session(call)


def log_out(context: ContextState, link: Link, now_ms: int) -> None:
    """End a logon, and with it the subscriptions that it made; those that were signed go on."""
    link.logon = None
    for number in sorted(link.of_session & set(link.subscriptions)):
        streams.end_subscription(context, link, number, now_ms)
    link.of_session.clear()


# ---- futures ----


def _no_key() -> WsRefusal:
    return WsRefusal(400, -1125, "This listenKey does not exist.")


def _start(call: WsCall) -> Json:
    return {"listenKey": streams.start_key(call.context, call.name, Source.FUTURES, call.now_ms)}


def _ping(call: WsCall) -> Json:
    key = call.context.ring(call.name, Source.FUTURES).keep(call.now_ms)
    if key is None:
        raise _no_key()
    return {"listenKey": key.text}


def _stop(call: WsCall) -> Json:
    if not streams.end_key(call.context, call.name, Source.FUTURES, call.now_ms):
        raise _no_key()
    return {}


def _order(call: WsCall) -> Json:
    symbol = call.params.get("symbol")
    if not isinstance(symbol, str) or not symbol:
        raise WsRefusal(400, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
    wanted_id, wanted_name = call.params.get("orderId"), call.params.get("origClientOrderId")
    if wanted_id is None and wanted_name is None:
        raise WsRefusal(400, -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    order = call.context.book(call.name).find_order(symbol, wanted_id, wanted_name)
    if order:
        return book_answers.futures_order(order)
    raise WsRefusal(400, -2013, "Order does not exist.")


# ---- spot ----


def _subscribe(call: WsCall) -> Json:
    if call.link.logon is None:
        raise WsRefusal(401, -1002, "You are not authorized to execute this request.")
    answer = _subscribed(call, call.link.logon.account)
    call.link.of_session.add(answer["subscriptionId"])
    return answer


def _subscribe_signed(call: WsCall) -> Json:
    return _subscribed(call, call.name)


def _subscribed(call: WsCall, account: str) -> Json:
    link = call.link
    if account in link.subscriptions.values():
        raise WsRefusal(400, -2035, "Subscription already active for this account.")
    if link.subscribed >= MOST_SUBSCRIPTIONS:
        raise WsRefusal(400, -2036, "Too many subscriptions on this connection.")
    number, link.subscribed = link.subscribed, link.subscribed + 1
    link.subscriptions[number] = account
    link.account = account
    return {"subscriptionId": number}


def _subscriptions(call: WsCall) -> Json:
    return [{"subscriptionId": number} for number in call.link.subscriptions]


def _unsubscribe(call: WsCall) -> Json:
    link, wanted = call.link, call.params.get("subscriptionId")
    # The exchange's own SDK sends the number as a text.
    found = [number for number in link.subscriptions if wanted is None or str(number) == str(wanted)]
    if wanted is not None and not found:
        raise WsRefusal(400, -2034, "No such subscription.")
    for number in found:
        streams.end_subscription(call.context, link, number, call.now_ms)
    return {}


_SESSION = {
    "session.logon": WsMethod(2, Security.LOGON, _logon),
    "session.status": WsMethod(2, Security.NONE, session),
    "session.logout": WsMethod(2, Security.NONE, _logout),
}


def _account(call: WsCall) -> Json:
    return book_answers.futures_account(call.context.book(call.name))


def _balance(call: WsCall) -> Json:
    return book_answers.futures_balances(call.context.book(call.name))


def _position(call: WsCall) -> Json:
    return book_answers.futures_positions(call.context.book(call.name), str(call.params.get("symbol", "")))


_FUTURES = {
    "userDataStream.start": WsMethod(1, Security.KEY, _start),
    "userDataStream.ping": WsMethod(1, Security.KEY, _ping, ("listenKey",)),
    "userDataStream.stop": WsMethod(1, Security.KEY, _stop, ("listenKey",)),
    # The older three answer as their second versions do: ccxt still asks for them.
    **{f"{old}account.status": WsMethod(5, Security.SIGNED, _account) for old in ("", "v2/")},
    **{f"{old}account.balance": WsMethod(5, Security.SIGNED, _balance) for old in ("", "v2/")},
    **{f"{old}account.position": WsMethod(5, Security.SIGNED, _position, ("symbol",)) for old in ("", "v2/")},
    "order.status": WsMethod(1, Security.SIGNED, _order, ("symbol", "orderId", "origClientOrderId")),
}
_SPOT = {
    "session.subscriptions": WsMethod(2, Security.NONE, _subscriptions),
    "userDataStream.subscribe": WsMethod(2, Security.NONE, _subscribe),
    "userDataStream.subscribe.signature": WsMethod(2, Security.SIGNED, _subscribe_signed),
    "userDataStream.unsubscribe": WsMethod(2, Security.NONE, _unsubscribe, ("subscriptionId",)),
    "account.status": WsMethod(
        20,
        Security.SIGNED,
        lambda call: book_answers.spot_account(
            call.context.book(call.name), call.account.spec.user_id if call.account else ""
        ),
        ("omitZeroBalances",),
    ),
}
METHODS: Mapping[LinkKind, Mapping[str, WsMethod]] = {
    LinkKind.FUTURES_API: _SESSION | _FUTURES,
    LinkKind.SPOT_API: _SESSION | _SPOT,
}
