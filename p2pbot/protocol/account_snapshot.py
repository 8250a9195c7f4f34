"""Put a snapshot of an account together from the answers of the account calls.

Promise: pure; what an answer does not say is left out. Positions that are nothing are left out too, as everything that
a snapshot does not name is zero, unless a row could not be read: then it is not whole.
"""

from __future__ import annotations

from collections.abc import Iterable

from p2pbot.protocol.user_data_events import AccountSnapshot, OrderState, position_key
from p2pbot.protocol.ws_answers import FuturesAccount, FuturesOrder, SpotAccount


def futures_snapshot(account: FuturesAccount, orders: Iterable[FuturesOrder], as_of_ms: int) -> AccountSnapshot:
    """Return the futures account. ``as_of_ms``: the exchange's time when the question left."""
    keyed = {position_key(row.symbol, row.side): row for row in account.positions}
    updated = {("balance", row.asset): row.updated_ms or 0 for row in account.balances}
    updated |= {("position", key): row.updated_ms or 0 for key, row in keyed.items()}
    return AccountSnapshot(
        as_of_ms=as_of_ms,
        balances={row.asset: row.wallet for row in account.balances},
        positions={key: row.amount for key, row in keyed.items() if row.amount},
        orders=tuple(map(order_state, orders)),
        updated_ms={item: at_ms for item, at_ms in updated.items() if at_ms},
        whole=not account.unread,
    )


def spot_snapshot(account: SpotAccount, as_of_ms: int) -> AccountSnapshot:
    """Return the spot account: what is free and what orders hold."""
    kept = account.balances
    return AccountSnapshot(
        as_of_ms=as_of_ms,
        balances={row.asset: row.free for row in kept},
        locked={row.asset: row.locked for row in kept},
        updated_ms={("balance", row.asset): row.updated_ms for row in kept if row.updated_ms},
        whole=not account.unread,
    )


def order_state(order: FuturesOrder) -> OrderState:
    """Return one order as a snapshot holds it."""
    return OrderState(
        symbol=order.symbol,
        order_id=str(order.order_id),
        client_order_id=order.client_id,
        status=order.status,
        quantity=order.quantity,
        price=order.price,
        average_price=order.average_price,
        filled=order.filled,
        updated_ms=order.updated_ms or 0,
    )
