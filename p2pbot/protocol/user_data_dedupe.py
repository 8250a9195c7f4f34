"""Which user-data events are news: each is told once, and none after something newer of the same thing.

Promise: two sockets that overlap, a snapshot and the events that it holds already, in whatever order they come in,
leave the same account behind. Memory is bounded; what is forgotten first is what was heard of longest ago.
Danger: beyond the bound an old copy would pass again. 4096 identities are some minutes of the busiest account; copies
come seconds after their original.
Source: the futures and user-data notes, section 4: orders by (s,i,x,X,t,T,z), fills by (s,t), account by
(T,E,m,content).
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace
from typing import Generic, TypeVar

from p2pbot.model import Unknown
from p2pbot.protocol.user_data_events import (
    AccountSnapshot,
    AccountUpdate,
    ListenKeyExpired,
    OrderUpdate,
    OtherUpdate,
    ServerShutdown,
    SpotBalances,
    StreamTerminated,
    TradeLite,
    UserDataEvent,
)

MOST_REMEMBERED = 4096
_DIGEST_BYTES = 16

K = TypeVar("K", bound=Hashable)

Item = tuple[str, str]
"""A thing that has one newest value: ``("balance", asset)``, ``("position", key)``, ``("order", symbol/id)``."""


class Recent(Generic[K]):
    """A bounded memory of numbers by key; the key that was written longest ago goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[K, int] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> int:
        """Return what was noted for ``key``, else 0."""
        return self._kept.get(key, 0)

    def note(self, key: K, value: int = 0) -> None:
        """Remember ``key``."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


class Novelty:
    """What was told of one source's account so far."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._seen: Recent[Hashable] = Recent(most)
        self._newest: Recent[Item] = Recent(2 * most)  # a snapshot alone may name every asset and symbol

    def news(self, event: UserDataEvent) -> UserDataEvent | None:
        """Return what of ``event`` is news, None when nothing is."""
        key = _identity(event)
        if key is not None:
            if key in self._seen:
                return None
            self._seen.note(key)
        if isinstance(event, OrderUpdate) and event.fill is not None:
            self._seen.note(("fill", *event.fill))  # its second copy, TRADE_LITE, may follow
        return self._not_overtaken(event)

    def begin(self, snapshot: AccountSnapshot) -> None:
        """Take a snapshot's times: what happened before them is in it."""
        for item, at_ms in _times(snapshot).items():
            self._newest.note(item, max(at_ms, self._newest.get(item)))

    def has_outrun(self, snapshot: AccountSnapshot) -> bool:
        """Whether something newer was told already: a snapshot from a copy that lags would turn time back."""
        return any(0 < at_ms < self._newest.get(item) for item, at_ms in _times(snapshot).items())

    def _not_overtaken(self, event: UserDataEvent) -> UserDataEvent | None:
        """Return the event without what is older than what was told of the same thing; equal times pass."""
        match event:
            case OrderUpdate():
                return (
                    event if self._is_newest(_order_item(event.symbol, event.order_id), event.transacted_ms) else None
                )
            case AccountUpdate():
                at_ms = event.transacted_ms
                balances = tuple(row for row in event.balances if self._is_newest(("balance", row.asset), at_ms))
                positions = tuple(row for row in event.positions if self._is_newest(("position", row.key), at_ms))
                told = bool(balances or positions) or not (event.balances or event.positions)
                return replace(event, balances=balances, positions=positions) if told else None
            case SpotBalances():
                at_ms = event.updated_ms
                left = tuple(row for row in event.balances if self._is_newest(("balance", row.asset), at_ms))
                return replace(event, balances=left) if left or not event.balances else None
            case _:
                return event

    def _is_newest(self, item: Item, at_ms: int) -> bool:
        """Note ``at_ms`` unless something newer was told. A time that is not known (0) passes and changes nothing."""
        if at_ms == 0:
            return True
        if at_ms < self._newest.get(item):
            return False
        self._newest.note(item, at_ms)
        return True


def _times(snapshot: AccountSnapshot) -> dict[Item, int]:
    """Return when each thing was last changed, where the snapshot says so."""
    orders = {_order_item(order.symbol, order.order_id): order.updated_ms for order in snapshot.orders}
    return {**snapshot.updated_ms, **orders}


def _order_item(symbol: str, order_id: str) -> Item:
    return ("order", f"{symbol}/{order_id}")


def _identity(event: UserDataEvent) -> Hashable | None:
    """Return what makes two copies of an event the same; None for what must always be heard."""
    match event:
        case ListenKeyExpired() | StreamTerminated() | ServerShutdown() | Unknown():
            return None
        case OrderUpdate():
            at_ms = event.traded_ms or event.transacted_ms
            report = (event.symbol, event.order_id, event.execution, event.status)
            return ("order", *report, event.trade_id, at_ms, event.filled)
        case TradeLite() if event.trade_id:
            return ("fill", event.symbol, event.trade_id)
        case OtherUpdate():
            return (event.kind, event.at_ms, event.transacted_ms, _digest(_written(event)))
        case _:
            return (type(event).__name__, _digest(repr(event)))


def _written(event: OtherUpdate) -> str:
    return json.dumps(event.details, sort_keys=True, default=str)


def _digest(content: str) -> bytes:
    """Return a short stand-in for a content: an event may have thousands of rows."""
    return hashlib.blake2b(content.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).digest()
