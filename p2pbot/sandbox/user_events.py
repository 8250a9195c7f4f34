"""The events of the private streams, futures and spot, with the letters that the exchange uses.

Promise: pure; every documented field is there, decimals are texts.
Source: futures and user-data notes section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from p2pbot.sandbox.books import ZERO, Fill, FuturesOrder, Position, SpotBalance, Wallet, plain

Event: TypeAlias = Mapping[str, Any]
_TRADE = "TRADE"


def account_update(
    reason: str, wallets: Mapping[str, tuple[Wallet, Decimal]], positions: tuple[Position, ...], at_ms: int
) -> Event:
    """Return ACCOUNT_UPDATE with what changed; ``wallets`` maps an asset to itself and the change of its balance."""
    rows = [
        {"a": asset, "wb": plain(wallet.balance), "cw": plain(wallet.cross), "bc": plain(change)}
        for asset, (wallet, change) in wallets.items()
    ]
    body = {"m": reason, "B": rows, "P": [_position_row(position) for position in positions]}
    return {"e": "ACCOUNT_UPDATE", "E": at_ms, "T": at_ms, "a": body}


def _position_row(position: Position) -> Event:
    return {
        "s": position.symbol,
        "pa": plain(position.amount),
        "ep": plain(position.entry_price),
        "bep": plain(position.entry_price),
        "cr": plain(ZERO),
        "up": plain(position.profit),
        "mt": "cross",
        "iw": plain(ZERO),
        "ps": position.side.value,
    }


def order_update(order: FuturesOrder, fill: Fill | None, at_ms: int) -> Event:
    """Return ORDER_TRADE_UPDATE: of a fill, or of the order's status alone."""
    body: dict[str, Any] = {
        "s": order.symbol,
        "c": order.client_order_id,
        "S": order.side,
        "o": "LIMIT",
        "f": "GTC",
        "q": plain(order.quantity),
        "p": plain(order.price),
        "ap": plain(order.average_price),
        "sp": plain(ZERO),
        "x": _TRADE if fill else order.status,
        "X": order.status,
        "i": order.order_id,
        "l": plain(fill.quantity if fill else ZERO),
        "z": plain(order.filled),
        "L": plain(fill.price if fill else ZERO),
        "T": at_ms,
        "t": fill.trade_id if fill else 0,
        "m": False,
    }
    if fill:
        body |= {"N": "USDT", "n": plain(ZERO)}
    return {"e": "ORDER_TRADE_UPDATE", "E": at_ms, "T": at_ms, "o": body | _order_flags(order)}


def _order_flags(order: FuturesOrder) -> dict[str, Any]:
    return {
        "R": False,
        "wt": "CONTRACT_PRICE",
        "ot": "LIMIT",
        "ps": order.position_side.value,
        "cp": False,
        "AP": plain(ZERO),
        "cr": plain(ZERO),
        "pP": False,
        "si": 0,
        "ss": 0,
        "rp": plain(ZERO),
        "V": "NONE",
        "pm": "NONE",
        "gtd": 0,
        "er": "0",
    }


def trade_lite(order: FuturesOrder, fill: Fill, at_ms: int) -> Event:
    """Return TRADE_LITE: a second, shorter copy of a fill."""
    return {
        "e": "TRADE_LITE",
        "E": at_ms,
        "T": at_ms,
        "s": order.symbol,
        "q": plain(order.quantity),
        "p": plain(order.price),
        "m": False,
        "c": order.client_order_id,
        "S": order.side,
        "L": plain(fill.price),
        "l": plain(fill.quantity),
        "t": fill.trade_id,
        "i": order.order_id,
    }


def margin_call(position: Position, cross: Decimal, at_ms: int) -> Event:
    """Return MARGIN_CALL for one position."""
    row = {
        "s": position.symbol,
        "ps": position.side.value,
        "pa": plain(position.amount),
        "mt": "CROSSED",
        "iw": plain(ZERO),
        "mp": plain(position.entry_price),
        "up": plain(position.profit),
        "mm": plain(Decimal(1)),
    }
    return {"e": "MARGIN_CALL", "E": at_ms, "cw": plain(cross), "p": [row]}


def leverage_update(symbol: str, leverage: int, at_ms: int) -> Event:
    """Return ACCOUNT_CONFIG_UPDATE for a changed leverage."""
    return {"e": "ACCOUNT_CONFIG_UPDATE", "E": at_ms, "T": at_ms, "ac": {"s": symbol, "l": leverage}}


def listen_key_expired(key: str, at_ms: int, *, as_text: bool) -> Event:
    """Return listenKeyExpired; its time was seen as a number and as a text."""
    return {"e": "listenKeyExpired", "E": str(at_ms) if as_text else at_ms, "listenKey": key}


def spot_position(balances: Mapping[str, SpotBalance], at_ms: int) -> Event:
    """Return outboundAccountPosition with the balances that may have changed."""
    rows = [{"a": asset, "f": plain(each.free), "l": plain(each.locked)} for asset, each in balances.items()]
    return {"e": "outboundAccountPosition", "E": at_ms, "u": at_ms, "B": rows}


def spot_balance(asset: str, change: Decimal, at_ms: int) -> Event:
    """Return balanceUpdate: a deposit, a withdrawal or a transfer."""
    return {"e": "balanceUpdate", "E": at_ms, "a": asset, "d": plain(change), "T": at_ms}


def stream_terminated(at_ms: int) -> Event:
    """Return eventStreamTerminated: a spot subscription is over."""
    return {"e": "eventStreamTerminated", "E": at_ms}


def server_shutdown(at_ms: int) -> Event:
    """Return serverShutdown: the connection will be closed soon."""
    return {"e": "serverShutdown", "E": at_ms}
