"""What an account holds on the simulated exchange beside its P2P orders: futures and spot, plain and mutable.

Promise: money is ``Decimal``; nothing here has effects, ``context`` changes it and tells the streams.
Every collection has a bound: a control client in a loop cannot fill memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

MOST_ENTRIES = 5000  # assets, positions or orders of one account
ZERO = Decimal(0)


class PositionSide(StrEnum):
    """Of a futures position: BOTH in one-way mode."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


@dataclass(slots=True)
class Wallet:
    """One asset of the futures account."""

    balance: Decimal = ZERO
    cross: Decimal = ZERO
    updated_ms: int = 0


@dataclass(slots=True)
class Position:
    """One futures position; ``amount`` is negative when short."""

    symbol: str
    side: PositionSide
    amount: Decimal = ZERO
    entry_price: Decimal = ZERO
    profit: Decimal = ZERO
    updated_ms: int = 0


@dataclass(slots=True)
class FuturesOrder:
    """One futures order. ``status`` is the exchange's word: NEW, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED."""

    order_id: int
    client_order_id: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    position_side: PositionSide = PositionSide.BOTH
    status: str = "NEW"
    filled: Decimal = ZERO
    average_price: Decimal = ZERO
    created_ms: int = 0
    updated_ms: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it can still be filled."""
        return self.status in ("NEW", "PARTIALLY_FILLED")


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade of a futures order."""

    trade_id: int
    quantity: Decimal
    price: Decimal


@dataclass(slots=True)
class SpotBalance:
    """One asset of the spot account."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


@dataclass(slots=True)
class Book:
    """All of one account."""

    wallets: dict[str, Wallet] = field(default_factory=dict)
    positions: dict[tuple[str, PositionSide], Position] = field(default_factory=dict)
    orders: dict[str, FuturesOrder] = field(default_factory=dict)  # by clientOrderId
    spot: dict[str, SpotBalance] = field(default_factory=dict)
    leverage: dict[str, int] = field(default_factory=dict)
    spot_updated_ms: int = 0

    def find_order(self, symbol: object, order_id: object, name: object) -> FuturesOrder | None:
        """Return the order of a symbol by its id or by its client's name for it."""
        for order in self.orders.values():
            is_it = str(order.order_id) == str(order_id) or order.client_order_id == name
            if order.symbol == symbol and is_it:
                return order
        return None

    def check_room(self) -> None:
        """Raise ValueError when a collection has met its bound."""
        collections = (self.wallets, self.positions, self.orders, self.spot, self.leverage)
        if max(len(each) for each in collections) >= MOST_ENTRIES:
            raise ValueError(f"an account holds at most {MOST_ENTRIES} assets, positions or orders")


def plain(amount: Decimal) -> str:
    """Return a decimal as the exchange writes it: eight places, never an exponent."""
    return f"{amount:.8f}"
