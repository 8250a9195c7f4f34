"""The orders loop notes something of each order that it sees, and forgets it when the order is over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from p2pbot.daemon.book import OrderBook
from p2pbot.daemon.orders import OrdersLoop
from p2pbot.daemon.surroundings import AccountPlan
from p2pbot.model import OrderStatus
from p2pbot.protocol.rest import Answer, RestCall
from tests.fakes.occasions import NOW_MS, an_order
from tests.fakes.world import FactsRest, StillClock, World, as_row

T = TypeVar("T")


@dataclass
class OpenOrders(FactsRest):
    """``ports.Rest`` that lists its orders while they are open."""

    async def call(self, request: RestCall[T]) -> T:
        """Answer a list of orders by their states; anything else as the base does."""
        if request.name != "list_orders":
            return await FactsRest.call(self, request)
        wanted = (request.body or {}).get("orderStatusList")
        rows = [as_row(order) for order in self.orders.values()]
        return request.parse(Answer(data=[row for row in rows if row["orderStatus"] in wanted]))  # type: ignore[operator]


async def test_an_order_that_a_card_closed_is_forgotten() -> None:
    """The list does not show it any more and no look asks for it: only what is open takes room, for years."""
    rest = OpenOrders()
    plan, doors = AccountPlan(name="main"), World(StillClock(NOW_MS), rest=rest).doors()
    book = OrderBook(plan, doors)
    loop = OrdersLoop(plan, doors, book, put=lambda _item: None, look=lambda _order, _since_ms, *, urgent: None)  # noqa: ARG005
    for number in map(str, range(50)):
        rest.orders[number] = an_order(number=number, created_at_ms=NOW_MS)
        await loop._round()
        assert number in loop._told_ms
        over = replace(rest.orders.pop(number), status=OrderStatus.COMPLETED, confirmed_at_ms=NOW_MS + 1)
        book.update(over)  # as the clerk does when a card has told of it
    await loop._round()
    assert loop._told_ms == {}
    assert loop._ask_again_s == {}
