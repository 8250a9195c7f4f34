"""Read the results of the WebSocket API's calls: sessions, listenKeys, accounts, orders.

Promise: a result of the documented shape becomes a typed value, money as Decimal; anything else raises AnswerMalformed
without quoting it. A row of a list that cannot be read is left out and counted, for a new kind of row must not hide the
others. Fields that may be missing are None.
Source: the futures and user-data notes, sections 2 and 4, and the exchange's public documents of these calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from p2pbot.errors import AnswerMalformed
from p2pbot.protocol import fields
from p2pbot.secret import Secret

T = TypeVar("T")

MAX_ROWS = 2000  # of one list: the exchange has a few hundred assets and symbols
_LISTEN_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")  # those seen are 64 letters and digits
_MAX_NAME_CHARS = 64  # assets, symbols and client order ids have at most 36


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStatus:
    """What the exchange knows of the session. ``server_ms``: its clock, None where it does not say."""

    logged_on: bool
    server_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesBalance:
    """One asset of the futures wallet. ``available``: what can be withdrawn or used as margin."""

    asset: str
    wallet: Decimal
    cross_wallet: Decimal | None = None
    available: Decimal | None = None
    updated_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesPosition:
    """One position. ``side`` is BOTH, LONG or SHORT; ``amount`` is negative for a short one."""

    symbol: str
    side: str
    amount: Decimal
    entry_price: Decimal | None = None
    unrealised_profit: Decimal | None = None
    updated_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesAccount:
    """Balances and open positions. ``unread``: rows that could not be read."""

    balances: tuple[FuturesBalance, ...]
    positions: tuple[FuturesPosition, ...]
    unread: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesOrder:
    """One order. Ids are text: some have 19 digits.

    ``status`` as the exchange writes it: NEW, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED ….
    """

    symbol: str
    order_id: str
    client_id: str
    status: str
    quantity: Decimal | None = None
    filled: Decimal | None = None
    price: Decimal | None = None
    average_price: Decimal | None = None
    updated_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotBalance:
    """One asset of the spot wallet. ``updated_ms``: when the exchange last changed anything in that wallet."""

    asset: str
    free: Decimal
    locked: Decimal
    updated_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotAccount:
    """The balances of the spot wallet. ``unread``: rows that could not be read."""

    balances: tuple[SpotBalance, ...]
    unread: int = 0


def read_session(result: object) -> SessionStatus:
    """Read the answer of ``session.logon``, ``session.status`` and ``session.logout``."""
    said = _object(result)
    logged_on = isinstance(said.get("apiKey"), str) or fields.millis(said.get("authorizedSince")) is not None
    return SessionStatus(logged_on=logged_on, server_ms=fields.millis(said.get("serverTime")))


def read_listen_key(result: object) -> Secret:
    """Read the listenKey of ``userDataStream.start`` and ``.ping``."""
    key = _object(result).get("listenKey")
    if not isinstance(key, str) or not _LISTEN_KEY.fullmatch(key):  # it will stand in an address
        raise _malformed("a listenKey")
    return Secret(key)


def read_subscription(result: object) -> int:
    """Read the id of a new user-data subscription."""
    found = fields.count(_object(result).get("subscriptionId"))
    if found is None:
        raise _malformed("a subscription")
    return found


def read_nothing(_result: object) -> None:
    """Read an answer that says nothing but that it was done."""


def read_futures_account(result: object) -> FuturesAccount:
    """Read ``v2/account.status``."""
    said = _object(result)
    assets, positions = _rows(said.get("assets")), _rows(said.get("positions"))
    balances = _each(assets, _futures_asset)
    held = _each(positions, _position)
    return FuturesAccount(
        balances=balances, positions=held, unread=len(assets) + len(positions) - len(balances) - len(held)
    )


def read_futures_balances(result: object) -> tuple[FuturesBalance, ...]:
    """Read ``v2/account.balance``."""
    return _each(_rows(result), _futures_balance)


def read_futures_positions(result: object) -> tuple[FuturesPosition, ...]:
    """Read ``v2/account.position``."""
    return _each(_rows(result), _position)


def read_futures_order(result: object) -> FuturesOrder:
    """Read ``order.status``."""
    row = _object(result)
    symbol, order_id = _name(row.get("symbol")), fields.identity(row.get("orderId"))
    status = _name(row.get("status"))
    if not symbol or not order_id or not status:
        raise _malformed("an order")
    return FuturesOrder(
        symbol=symbol,
        order_id=order_id,
        client_id=_name(row.get("clientOrderId")),
        status=status,
        quantity=fields.decimal(row.get("origQty")),
        filled=fields.decimal(row.get("executedQty")),
        price=fields.decimal(row.get("price")),
        average_price=fields.decimal(row.get("avgPrice")),
        updated_ms=fields.millis(row.get("updateTime")),
    )


def read_spot_account(result: object) -> SpotAccount:
    """Read the balances of the spot interface's ``account.status``."""
    said = _object(result)
    rows, updated_ms = _rows(said.get("balances")), fields.millis(said.get("updateTime"))
    balances = tuple(replace(balance, updated_ms=updated_ms) for balance in _each(rows, _spot_balance))
    return SpotAccount(balances=balances, unread=len(rows) - len(balances))


def _futures_asset(row: Mapping[str, object]) -> FuturesBalance | None:
    return _balance(row, "walletBalance")


def _futures_balance(row: Mapping[str, object]) -> FuturesBalance | None:
    return _balance(row, "balance")


def _balance(row: Mapping[str, object], wallet_key: str) -> FuturesBalance | None:
    asset, wallet = _name(row.get("asset")), fields.decimal(row.get(wallet_key))
    if not asset or wallet is None:
        return None
    cross = fields.decimal(row.get("crossWalletBalance"))
    return FuturesBalance(
        asset=asset,
        wallet=wallet,
        cross_wallet=cross,
        available=fields.decimal(row.get("availableBalance")),
        updated_ms=fields.millis(row.get("updateTime")),
    )


def _position(row: Mapping[str, object]) -> FuturesPosition | None:
    symbol, amount = _name(row.get("symbol")), fields.decimal(row.get("positionAmt"))
    if not symbol or amount is None:
        return None
    profit = row.get("unrealizedProfit", row.get("unRealizedProfit"))  # both spellings occur
    return FuturesPosition(
        symbol=symbol,
        side=_name(row.get("positionSide")) or "BOTH",
        amount=amount,
        entry_price=fields.decimal(row.get("entryPrice")),
        unrealised_profit=fields.decimal(profit),
        updated_ms=fields.millis(row.get("updateTime")),
    )


def _spot_balance(row: Mapping[str, object]) -> SpotBalance | None:
    asset, free, locked = _name(row.get("asset")), fields.decimal(row.get("free")), fields.decimal(row.get("locked"))
    return None if not asset or free is None or locked is None else SpotBalance(asset=asset, free=free, locked=locked)


def _each(rows: tuple[Mapping[str, object], ...], read: Callable[[Mapping[str, object]], T | None]) -> tuple[T, ...]:
    return tuple(value for row in rows if (value := read(row)) is not None)


def _rows(value: object) -> tuple[Mapping[str, object], ...]:
    """Return a list's objects. Raises AnswerMalformed when it is no list, or absurdly long."""
    if not isinstance(value, list) or len(value) > MAX_ROWS:
        raise _malformed("a list")
    return tuple(row if isinstance(row, dict) else {} for row in value)


def _object(result: object) -> Mapping[str, object]:
    said = fields.mapping(result)
    if said is None:
        raise _malformed("an object")
    return said


def _name(value: object) -> str:
    return (fields.text(value, _MAX_NAME_CHARS) or "").strip()


def _malformed(what: str) -> AnswerMalformed:
    return AnswerMalformed(f"the exchange's answer is not {what} as documented")
