"""The account context's part of the table of actions and views, with JSON in and out.

Promise: as ``actions``: an unknown argument or value is a ``ValueError`` or ``KeyError`` with a sentence.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from p2pbot.sandbox.arguments import Action, Arguments, Json
from p2pbot.sandbox.books import Book, PositionSide, plain
from p2pbot.sandbox.context import Context
from p2pbot.sandbox.links import LinkKind, Source
from p2pbot.sandbox.world import World

_ORDER = ("account", "symbol", "client_order_id", "side", "quantity", "price")
_KINDS = tuple(kind.value for kind in LinkKind)


def _deed(
    name: str, meaning: str, arguments: tuple[str, ...], deed: Callable[[Context, Arguments, int], Any]
) -> Action:
    """Return an action whose result is what ``deed`` returns, or an empty object for None."""

    def perform(world: World, given: Arguments, now_ms: int) -> Json:
        result = deed(world.context, given, now_ms)
        return {} if result is None else result

    return Action(name, meaning, arguments, perform)


def _kind(given: Arguments) -> str:
    kind = given.text("link", "")
    if kind not in ("", *_KINDS):
        raise ValueError(f"link is one of {', '.join(_KINDS)}, or empty for all")
    return kind


def _set_balance(context: Context, given: Arguments, now_ms: int) -> None:
    context.set_balance(given.text("account"), given.text("asset"), given.decimal("amount"), now_ms)


def _set_spot_balance(context: Context, given: Arguments, now_ms: int) -> None:
    locked = given.decimal("locked", Decimal(0))
    context.set_spot_balance(given.text("account"), given.text("asset"), given.decimal("free"), now_ms, locked=locked)


def _set_position(context: Context, given: Arguments, now_ms: int) -> None:
    context.set_position(
        given.text("account"),
        given.text("symbol"),
        given.decimal("amount"),
        now_ms,
        side=PositionSide(given.text("side", "BOTH")),
        entry_price=given.decimal("entry_price", Decimal(0)),
    )


def _place(context: Context, given: Arguments, now_ms: int) -> Json:
    name = context.place_futures_order(
        given.text("account"),
        given.text("symbol"),
        now_ms,
        client_order_id=given.text("client_order_id", ""),
        side=given.text("side", "BUY"),
        quantity=given.decimal("quantity", Decimal(1)),
        price=given.decimal("price", Decimal(50_000)),
    )
    return {"client_order_id": name}


def _fill(context: Context, given: Arguments, now_ms: int) -> None:
    quantity = given.decimal("quantity") if "quantity" in given.data else None
    context.fill_futures_order(given.text("account"), given.text("client_order_id"), now_ms, quantity=quantity)


def _end(context: Context, given: Arguments, now_ms: int) -> None:
    status = given.text("status", "CANCELED")
    context.end_futures_order(given.text("account"), given.text("client_order_id"), now_ms, status=status)


def _event(context: Context, given: Arguments, now_ms: int) -> None:
    event = given.data.get("event")
    if not isinstance(event, dict):
        raise ValueError("the argument 'event' is an object")  # noqa: TRY004 – a wrong value of the input
    context.user_event(given.text("account"), Source(given.text("source")), event, now_ms)


def _expire(context: Context, given: Arguments, now_ms: int) -> Json:
    source, silently = Source(given.text("source", "futures")), given.flag("silently")
    return {"ended": context.expire_listen_key(given.text("account"), source, now_ms, silently=silently)}


def _cut(context: Context, given: Arguments, now_ms: int) -> Json:
    code = given.number("code") if "code" in given.data else 0
    return {"cut": context.cut_links(now_ms, account=given.text("account", ""), kind=_kind(given), code=code)}


def _shut_down(context: Context, given: Arguments, now_ms: int) -> Json:
    grace_ms = given.number("grace_ms") if "grace_ms" in given.data else 10_000
    return {"told": context.shut_down(now_ms, kind=_kind(given), grace_ms=grace_ms)}


CONTEXT_DEEDS = (
    _deed("set_balance", "set an asset's futures balance", ("account", "asset", "amount"), _set_balance),
    _deed(
        "set_position",
        "set a futures position; amount below 0 is short, side is BOTH, LONG or SHORT",
        ("account", "symbol", "amount", "side", "entry_price"),
        _set_position,
    ),
    _deed("place_futures_order", "the merchant's own tools open a futures order", _ORDER, _place),
    _deed(
        "fill_futures_order",
        "an open futures order is filled, wholly or by quantity",
        ("account", "client_order_id", "quantity"),
        _fill,
    ),
    _deed(
        "end_futures_order",
        "an open futures order ends: CANCELED, EXPIRED, EXPIRED_IN_MATCH, REJECTED",
        ("account", "client_order_id", "status"),
        _end,
    ),
    _deed(
        "margin_call",
        "a futures position is near its end",
        ("account", "symbol"),
        lambda context, given, at: context.margin_call(given.text("account"), given.text("symbol"), at),
    ),
    _deed(
        "set_leverage",
        "a symbol's leverage changes",
        ("account", "symbol", "leverage"),
        lambda context, given, at: context.set_leverage(
            given.text("account"), given.text("symbol"), given.number("leverage"), at
        ),
    ),
    _deed("set_spot_balance", "set an asset's spot balance", ("account", "asset", "free", "locked"), _set_spot_balance),
    _deed(
        "user_event",
        "a private stream says any event; source is futures or spot",
        ("account", "source", "event"),
        _event,
    ),
    _deed(
        "expire_listen_key",
        "a listenKey ends now; silently: its sockets are not told",
        ("account", "source", "silently"),
        _expire,
    ),
    _deed(
        "revoke_key",
        "the account's API key is deleted; a session learns it by its next request",
        ("account",),
        lambda context, given, _: context.set_key_valid(given.text("account"), valid=False),
    ),
    _deed(
        "restore_key",
        "the account's API key is in force again",
        ("account",),
        lambda context, given, _: context.set_key_valid(given.text("account"), valid=True),
    ),
    _deed(
        "cut_links", "sockets of the account context end: reset, or closed with code", ("account", "link", "code"), _cut
    ),
    _deed(
        "shut_down", "serverShutdown on these sockets, and their end after grace_ms", ("link", "grace_ms"), _shut_down
    ),
)


# ---- views ----


def _link_rows(world: World, given: Arguments, _: int) -> Json:
    return [
        {"socket_id": link.socket_id, "kind": link.kind.value, "account": link.account, "opened_ms": link.opened_ms}
        | {"logged_on": link.logon is not None, "keys": len(link.keys), "subscriptions": list(link.subscriptions)}
        for link in world.context.links(given.text("account", ""))
    ]


def _book(book: Book) -> Json:
    return {
        "futures_balances": {asset: plain(wallet.balance) for asset, wallet in book.wallets.items()},
        "positions": [
            {"symbol": position.symbol, "side": position.side.value, "amount": plain(position.amount)}
            for position in book.positions.values()
        ],
        "futures_orders": {name: order.status for name, order in book.orders.items()},
        "spot_balances": {
            asset: {"free": plain(each.free), "locked": plain(each.locked)} for asset, each in book.spot.items()
        },
    }


CONTEXT_VIEWS = (
    Action(
        "holdings",
        "what an account holds, futures and spot",
        ("account",),
        lambda world, given, _: _book(world.context.book(given.text("account"))),
    ),
    Action("links", "the open sockets of the account context", ("account",), _link_rows),
    Action(
        "links_seen",
        "how the sockets of the account context began and ended",
        ("",),
        lambda world, _, __: [dataclasses.asdict(seen) for seen in world.context.links_seen()],
    ),
    Action(
        "ws_calls",
        "every request over a WebSocket API",
        ("account", "method"),
        lambda world, given, _: [
            dataclasses.asdict(call)
            for call in world.context.calls(given.text("account", ""), given.text("method", ""))
        ],
    ),
)
