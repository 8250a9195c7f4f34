"""What happens to an account, as values: the events of the user-data streams and the snapshot that fills their gaps.

Promise: every value is frozen and bounded by its reader (``protocol.user_data_frames``). A fact that an event does not
hold is None or ''; nothing is guessed. Amounts are Decimal, times Unix milliseconds of the exchange's clock.
Danger: an ``AccountUpdate`` names only what changed, a snapshot everything: what a snapshot does not name is zero.
A ``TradeLite`` is a second copy of a fill that an ``OrderUpdate`` tells too: act on one of the two kinds only.
Source: the futures and user-data notes, section 4; the letters that it does not explain: Binance's public documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from p2pbot.model import Unknown
from p2pbot.secret import Secret

FILLED = "FILLED"  # the status of an order that is done whole
TRADE = "TRADE"  # the execution that is a fill


class Source(StrEnum):
    """Whose account data it is: each source has a stream, a gap and a snapshot of its own."""

    FUTURES = "futures"
    SPOT = "spot"


def position_key(symbol: str, position_side: str) -> str:
    """Return a position's name: the symbol; with ``.LONG`` or ``.SHORT`` behind it in hedge mode."""
    return f"{symbol}.{position_side}" if position_side in ("LONG", "SHORT") else symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUpdate:
    """One execution report: futures ``ORDER_TRADE_UPDATE`` and spot ``executionReport``.

    ``side`` is BUY or SELL, ``order_type`` LIMIT, MARKET …, ``execution`` (x) NEW, TRADE, CANCELED …, ``status`` (X)
    NEW, PARTIALLY_FILLED, FILLED …, all in the exchange's words. ``last_*`` is this fill, ``filled`` the sum of all.
    On spot ``client_order_id`` is that of the order, also when a cancellation carried one of its own.
    """

    at_ms: int
    transacted_ms: int
    symbol: str
    order_id: str
    client_order_id: str = ""
    side: str = ""
    order_type: str = ""
    time_in_force: str = ""
    execution: str = ""
    status: str = ""
    quantity: Decimal | None = None
    price: Decimal | None = None
    average_price: Decimal | None = None
    stop_price: Decimal | None = None
    filled: Decimal | None = None
    last_filled: Decimal | None = None
    last_price: Decimal | None = None
    fee: Decimal | None = None
    fee_asset: str = ""
    trade_id: str = ""
    traded_ms: int | None = None
    maker: bool | None = None
    reject_reason: str = ""
    # Futures only
    reduce_only: bool | None = None
    working_type: str = ""
    original_type: str = ""
    position_side: str = ""
    close_position: bool | None = None
    activation_price: Decimal | None = None
    callback_rate: Decimal | None = None
    realised_profit: Decimal | None = None
    self_trade_prevention: str = ""
    price_match: str = ""
    good_till_ms: int | None = None

    @property
    def fill(self) -> tuple[str, str] | None:
        """Which fill this reports, as (symbol, trade id); None for every other execution."""
        return (self.symbol, self.trade_id) if self.execution == TRADE and self.trade_id else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeLite:
    """``TRADE_LITE``: a fill, told earlier and with less than its ``OrderUpdate``."""

    at_ms: int
    transacted_ms: int
    symbol: str
    order_id: str
    client_order_id: str = ""
    side: str = ""
    quantity: Decimal | None = None
    price: Decimal | None = None
    maker: bool | None = None
    last_price: Decimal | None = None
    last_filled: Decimal | None = None
    trade_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesBalance:
    """One asset: ``wallet`` (wb) what the wallet holds, ``change`` (bc) what moved apart from profit and fees."""

    asset: str
    wallet: Decimal
    cross_wallet: Decimal | None = None
    change: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesPosition:
    """One position: ``amount`` (pa) is negative when short, 0 when closed; profits are in the quote asset."""

    symbol: str
    amount: Decimal
    position_side: str = ""
    entry_price: Decimal | None = None
    break_even_price: Decimal | None = None
    realised_profit: Decimal | None = None
    unrealised_profit: Decimal | None = None
    margin_type: str = ""
    isolated_wallet: Decimal | None = None

    @property
    def key(self) -> str:
        """Its name in ``AccountSnapshot.positions``."""
        return position_key(self.symbol, self.position_side)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUpdate:
    """``ACCOUNT_UPDATE``: the balances and positions that changed, and why (``cause``: ORDER, DEPOSIT, WITHDRAW …)."""

    at_ms: int
    transacted_ms: int
    cause: str = ""
    balances: tuple[FuturesBalance, ...] = ()
    positions: tuple[FuturesPosition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginPosition:
    """A position that a margin call names; ``maintenance_margin`` is what it needs at least."""

    symbol: str
    amount: Decimal
    position_side: str = ""
    margin_type: str = ""
    isolated_wallet: Decimal | None = None
    mark_price: Decimal | None = None
    unrealised_profit: Decimal | None = None
    maintenance_margin: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginCall:
    """``MARGIN_CALL``: positions are at risk. ``cross_wallet`` is there for a crossed position only."""

    at_ms: int
    cross_wallet: Decimal | None = None
    positions: tuple[MarginPosition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfigUpdate:
    """``ACCOUNT_CONFIG_UPDATE``: a symbol's leverage (``ac``), or the multi-assets mode (``ai``)."""

    at_ms: int
    transacted_ms: int
    symbol: str = ""
    leverage: int | None = None
    multi_assets: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalOrderReject:
    """``CONDITIONAL_ORDER_TRIGGER_REJECT``: a triggered order was refused; ``why`` is the exchange's sentence."""

    at_ms: int
    transacted_ms: int
    symbol: str
    order_id: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherUpdate:
    """An event that we know by name and do not read further: its own object as it came.

    ``ALGO_UPDATE``, ``STRATEGY_UPDATE``, ``GRID_UPDATE``, spot ``listStatus``.
    """

    kind: str
    at_ms: int
    transacted_ms: int = 0
    symbol: str = ""
    details: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenKeyExpired:
    """``listenKeyExpired``: this key is dead; the socket stays open and silent. None: it does not say which."""

    at_ms: int
    listen_key: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotBalance:
    """One asset on spot: what is free, and what orders hold."""

    asset: str
    free: Decimal
    locked: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotBalances:
    """``outboundAccountPosition``: the new balances of the assets that may have changed."""

    at_ms: int
    updated_ms: int
    balances: tuple[SpotBalance, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceChange:
    """``balanceUpdate``: a deposit, a withdrawal or a transfer; ``SpotBalances`` tells the new balance."""

    at_ms: int
    cleared_ms: int
    asset: str
    change: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalLockUpdate:
    """``externalLockUpdate``: part of a balance is held (or freed) by a system outside spot."""

    at_ms: int
    transacted_ms: int
    asset: str
    change: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTerminated:
    """``eventStreamTerminated``: the subscription is over, its socket is not: subscribe again."""

    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerShutdown:
    """``serverShutdown``: the exchange will close this socket soon: take another now."""

    at_ms: int


UserDataEvent = (
    OrderUpdate
    | TradeLite
    | AccountUpdate
    | MarginCall
    | AccountConfigUpdate
    | ConditionalOrderReject
    | OtherUpdate
    | ListenKeyExpired
    | SpotBalances
    | BalanceChange
    | ExternalLockUpdate
    | StreamTerminated
    | ServerShutdown
    | Unknown
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedOrder:
    """An order whose state is asked for after each gap: by its client order id, or by the exchange's id."""

    symbol: str
    client_order_id: str = ""
    order_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """What ``order.status`` says of one order; the words are those of ``OrderUpdate``."""

    symbol: str
    order_id: str
    client_order_id: str = ""
    side: str = ""
    order_type: str = ""
    status: str = ""
    quantity: Decimal | None = None
    price: Decimal | None = None
    average_price: Decimal | None = None
    filled: Decimal | None = None
    updated_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """The whole account at one moment; what it does not name is zero, and of orders not known.

    ``whole`` False: a row of it could not be read, so that what it does not name is not known.

    ``balances``: by asset; futures: the wallet balance, spot: what is free. ``locked``: spot only. ``positions``: by
    ``position_key``, negative when short. ``updated_ms``: when the exchange last changed an item, by ``("balance",
    asset)`` or ``("position", key)``, where it says so. ``as_of_ms``: our reckoning of the exchange's time when the
    question left.
    """

    as_of_ms: int
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    locked: Mapping[str, Decimal] = field(default_factory=dict)
    positions: Mapping[str, Decimal] = field(default_factory=dict)
    orders: tuple[OrderState, ...] = ()
    updated_ms: Mapping[tuple[str, str], int] = field(default_factory=dict)
    whole: bool = True
