"""The order book: what the exchange tells of an account's orders, fetched when a decision needs it.

Promise: a decision gets facts that were confirmed within ``facts_max_age_s`` or none; a refused or failing call never
harms the chat.
Danger: facts hold people's names and bank data; they live in memory only, for at most ``_ORDERS`` orders, of which at
most ``_OVER`` are over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from p2pbot.daemon.surroundings import AccountPlan, Doors
from p2pbot.errors import OurError, P2pbotError, RequestRefused
from p2pbot.model import Counterparty, Order
from p2pbot.protocol.calls import counterparty_statistics, order_detail
from p2pbot.protocol.orders import merge_order

_ORDERS = 5_000  # far above the open orders of any merchant; about 5 KB each
_OVER = (
    200  # orders that are over: of the last hours, while people still write; else memory would grow with every trade
)


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The facts cannot be had now. ``final``: asking again will not help."""

    what: str
    final: bool


class OrderBook:
    """Orders by number, oldest look first.

    ``statistics``: whether rules ask for the counterparty's; if not, an order takes one call instead of two.
    """

    def __init__(self, plan: AccountPlan, doors: Doors, statistics: Callable[[], bool] = lambda: True) -> None:
        self._plan = plan
        self._doors = doors
        self._statistics = statistics
        self._uncounted: set[str] = set()  # orders whose counterparty's were not asked for
        self._orders: dict[str, Order] = {}
        self._over: dict[str, None] = {}
        self._stale: set[str] = set()

    def __len__(self) -> int:
        return len(self._orders)

    def get(self, order_no: str) -> Order | None:
        """Return what is known, however old."""
        return self._orders.get(order_no)

    def numbers(self) -> tuple[str, ...]:
        """Return the numbers of the orders that are known and open."""
        return tuple(number for number, order in self._orders.items() if order.status.is_open)

    def update(self, order: Order) -> Order:
        """Merge a list row or a detail into what is known and return the whole."""
        known = self._orders.pop(order.number, None)
        merged = merge_order(known, order) if known else order
        self._orders[order.number] = merged
        if order.detailed:
            self._stale.discard(order.number)
        self._over.pop(order.number, None)
        if not merged.status.is_open:
            self._over[order.number] = None
        while len(self._over) > _OVER:
            self._forget(next(iter(self._over)))
        while len(self._orders) > _ORDERS:
            self._forget(next(iter(self._orders)))
        return merged

    def _forget(self, order_no: str) -> None:
        del self._orders[order_no]
        self._over.pop(order_no, None)
        self._stale.discard(order_no)
        self._uncounted.discard(order_no)

    def forget(self, order_no: str) -> None:
        """Forget what is known of an order; it is asked for again if it comes up."""
        if order_no in self._orders:
            self._forget(order_no)

    def doubt(self, order_no: str) -> None:
        """Have the next decision ask the exchange: a card told of a change."""
        if order_no in self._orders:
            self._stale.add(order_no)

    def fresh(self, order_no: str) -> Order | None:
        """Return facts that are fresh enough to decide by, if they are at hand."""
        order = self._orders.get(order_no)
        if order is None or not order.detailed or not self._is_fresh(order):
            return None
        return None if order_no in self._uncounted and self._statistics() else self._recognised(order)

    async def facts(self, order_no: str) -> Order | Unavailable:
        """Return facts that are fresh enough to decide by."""
        order = self.fresh(order_no)
        if order is not None:
            return order
        try:
            return self._recognised(await self.look(order_no))
        except OurError:
            raise
        except P2pbotError as error:
            return Unavailable(error.what, final=isinstance(error, RequestRefused))

    async def look(self, order_no: str) -> Order:
        """Ask for an order's detail, and once for its counterparty if rules do. Raises what ``Rest.call`` raises."""
        order = await self._doors.rest.call(order_detail(self._plan.name, order_no))
        order = replace(order, confirmed_at_ms=self._doors.now_ms())
        merged = self.update(order)
        if merged.counterparty.orders is not None:
            return merged
        if not self._statistics():
            self._uncounted.add(order_no)
            return merged
        self._uncounted.discard(order_no)
        return self.update(replace(merged, counterparty=await self._counterparty(merged)))

    def _recognised(self, order: Order) -> Order:
        """Return the order with its counterparty's open id, as the merchant's file says it now."""
        if self._doors.customers is None:
            return order
        open_id = self._doors.customers.open_id(order.number, order.counterparty.nickname)
        return replace(order, counterparty=replace(order.counterparty, open_id=open_id))

    async def _counterparty(self, order: Order) -> Counterparty:
        """Return the counterparty with statistics; without them its facts stay unknown, and unknown never fires."""
        try:
            heard = await self._doors.rest.call(counterparty_statistics(order.number))
        except OurError:
            raise
        except P2pbotError as error:
            self._doors.events.warning("counterparty_unknown", order=order.number, what=error.what)
            return order.counterparty
        return replace(heard, nickname=order.counterparty.nickname, real_name=order.counterparty.real_name)

    def _is_fresh(self, order: Order) -> bool:
        age_ms = self._doors.now_ms() - order.confirmed_at_ms
        return order.number not in self._stale and age_ms <= self._plan.timings.facts_max_age_s * 1000
