"""The questions by which a user-data stream's gap is closed: the whole account, and the orders that are watched.

Promise: one snapshot is one value; ``as_of_ms`` is the time before the first question left. An order that the exchange
does not know (-2013), or whose symbol it does not (-1121), is left out; every other failure is the snapshot's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from p2pbot.daemon.surroundings import Doors
from p2pbot.errors import RequestRefused
from p2pbot.ports import Rest, WsApi
from p2pbot.protocol import key_calls, ws_calls
from p2pbot.protocol.account_snapshot import futures_snapshot, spot_snapshot
from p2pbot.protocol.user_data_events import AccountSnapshot, WatchedOrder
from p2pbot.protocol.ws_answers import FuturesOrder

_NOT_THERE = frozenset({"-2013", "-1121"})

Ask = Callable[[], Awaitable[AccountSnapshot]]
"""Asks for a snapshot. Raises what ``ports.WsApi.call`` and ``ports.Rest.call`` do."""


def futures_snapshots(api: WsApi, doors: Doors, watched: Sequence[WatchedOrder] = ()) -> Ask:
    """Return how to ask for the futures account."""

    async def ask() -> AccountSnapshot:
        as_of_ms = doors.clock.now_ms() + (api.clock_offset_ms or 0)
        account = await api.call(ws_calls.futures_account())
        orders = [found for order in watched if (found := await _order(api, order)) is not None]
        return futures_snapshot(account, orders, as_of_ms)

    return ask


def spot_snapshots(api: WsApi, doors: Doors) -> Ask:
    """Return how to ask for the spot account by the WebSocket API."""

    async def ask() -> AccountSnapshot:
        as_of_ms = doors.clock.now_ms() + (api.clock_offset_ms or 0)
        account = await api.call(ws_calls.spot_account())
        return spot_snapshot(account, as_of_ms)

    return ask


def spot_snapshots_by_rest(rest: Rest, doors: Doors) -> Ask:
    """Return how to ask for the spot account by REST, for a venue that speaks the older interface only."""

    async def ask() -> AccountSnapshot:
        as_of_ms = doors.clock.now_ms() + (rest.clock_offset_ms or 0)
        account = await rest.call(key_calls.spot_account())
        return spot_snapshot(account, as_of_ms)

    return ask


async def _order(api: WsApi, order: WatchedOrder) -> FuturesOrder | None:
    by_number = int(order.order_id) if order.order_id.isdecimal() else None
    try:
        return await api.call(ws_calls.futures_order(order.symbol, order_id=by_number, client_id=order.client_order_id))
    except RequestRefused as refused:
        if refused.code not in _NOT_THERE:
            raise
        return None
