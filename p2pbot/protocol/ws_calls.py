"""Every call of the WebSocket API that p2pbot can make, for futures and for spot: a closed list, proven by a test.

Promise: each call reads, or keeps a stream of news alive; nothing here moves money or changes an order.
Danger: futures and spot speak the same frames on different addresses with different methods; ``account.status`` is
spot's, ``v2/account.status`` that of futures. ``stop_listen_key`` silences every other program of the account.
Source: the futures and user-data notes, sections 1 and 2; weights of spot from the exchange's public documents.
"""

from __future__ import annotations

from p2pbot.errors import OurError
from p2pbot.protocol import ws_answers as answers
from p2pbot.protocol.ws_answers import (
    FuturesAccount,
    FuturesBalance,
    FuturesOrder,
    FuturesPosition,
    SessionStatus,
    SpotAccount,
)
from p2pbot.protocol.ws_call import Security, WsCall
from p2pbot.secret import Secret

HANDSHAKE_WEIGHT = 5


def session_status() -> WsCall[SessionStatus]:
    """Ask who the session is, and for the exchange's clock. Needs no key: the cheapest proof that somebody answers."""
    return WsCall(method="session.status", security=Security.NONE, weight=2, parse=answers.read_session)


def session_logon() -> WsCall[SessionStatus]:
    """Log the session on, so that its requests need no signature. Ed25519 keys only."""
    return WsCall(method="session.logon", security=Security.SIGNED_ITSELF, weight=2, parse=answers.read_session)


def session_logout() -> WsCall[SessionStatus]:
    """Log the session out; the connection stays open."""
    return WsCall(method="session.logout", security=Security.NONE, weight=2, parse=answers.read_session)


def start_listen_key() -> WsCall[Secret]:
    """Ask for the account's futures listenKey: the one that is active, extended to 60 minutes, or a new one."""
    return WsCall(method="userDataStream.start", security=Security.KEY, weight=1, parse=answers.read_listen_key)


def keep_listen_key() -> WsCall[Secret]:
    """Extend the active listenKey and learn which it is. Refused with -1125 when there is none."""
    return WsCall(method="userDataStream.ping", security=Security.KEY, weight=1, parse=answers.read_listen_key)


def stop_listen_key() -> WsCall[None]:
    """Close the account's listenKey, also for every other program that uses it."""
    return WsCall(method="userDataStream.stop", security=Security.KEY, weight=1, parse=answers.read_nothing)


def futures_account() -> WsCall[FuturesAccount]:
    """Ask for balances and positions at once."""
    return WsCall(method="v2/account.status", security=Security.SIGNED, weight=5, parse=answers.read_futures_account)


def futures_balances() -> WsCall[tuple[FuturesBalance, ...]]:
    """Ask for the balances of the futures wallet."""
    return WsCall(method="v2/account.balance", security=Security.SIGNED, weight=5, parse=answers.read_futures_balances)


def futures_positions(symbol: str = "") -> WsCall[tuple[FuturesPosition, ...]]:
    """Ask for the open positions, of one symbol or of all."""
    return WsCall(
        method="v2/account.position",
        security=Security.SIGNED,
        weight=5,
        parse=answers.read_futures_positions,
        params=(("symbol", symbol),) if symbol else (),
    )


def futures_order(symbol: str, *, order_id: int | None = None, client_id: str = "") -> WsCall[FuturesOrder]:
    """Ask for one order by the exchange's id, else by our own id of it. Raises OurError when neither is given.

    An order that does not exist is refused with -2013.
    """
    if not symbol or (order_id is None and not client_id):
        raise OurError("an order is asked for by its symbol and an id")
    by: tuple[str, str | int] = ("origClientOrderId", client_id) if order_id is None else ("orderId", order_id)
    return WsCall(
        method="order.status",
        security=Security.SIGNED,
        weight=1,
        parse=answers.read_futures_order,
        params=(("symbol", symbol), by),
    )


def spot_account() -> WsCall[SpotAccount]:
    """Ask for the balances of the spot wallet that are not nothing."""
    return WsCall(
        method="account.status",
        security=Security.SIGNED,
        weight=20,
        parse=answers.read_spot_account,
        params=(("omitZeroBalances", True),),
    )


def spot_subscribe(*, logged_on: bool) -> WsCall[int]:
    """Subscribe this connection to the spot account's events; the answer is the subscription's id.

    ``logged_on``: the session logged on; otherwise the call signs for itself, with any kind of key.
    """
    if logged_on:
        method, security = "userDataStream.subscribe", Security.NONE
    else:
        method, security = "userDataStream.subscribe.signature", Security.SIGNED_ITSELF
    return WsCall(method=method, security=security, weight=2, parse=answers.read_subscription)


def spot_unsubscribe(subscription_id: int | None = None) -> WsCall[None]:
    """End one subscription of this connection, or (None) all of them."""
    return WsCall(
        method="userDataStream.unsubscribe",
        security=Security.NONE,
        weight=2,
        parse=answers.read_nothing,
        params=() if subscription_id is None else (("subscriptionId", subscription_id),),
    )


METHODS = frozenset(
    {
        "session.logon",
        "session.status",
        "session.logout",
        "userDataStream.start",
        "userDataStream.ping",
        "userDataStream.stop",
        "userDataStream.subscribe",
        "userDataStream.subscribe.signature",
        "userDataStream.unsubscribe",
        "v2/account.status",
        "v2/account.balance",
        "v2/account.position",
        "account.status",
        "order.status",
    }
)
