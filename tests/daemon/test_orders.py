"""The orders loop: what no list of open orders shows is found all the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from p2pbot.daemon.book import OrderBook
from p2pbot.daemon.desk import Item
from p2pbot.daemon.orders import OrdersLoop
from p2pbot.daemon.surroundings import AccountPlan
from p2pbot.model import Order, OrderStatus
from p2pbot.protocol.rest import Answer, RestCall
from tests.fakes.occasions import NOW_MS, an_order
from tests.fakes.world import FactsRest, StillClock, World, as_row

T = TypeVar("T")
_HOUR_MS = 3_600_000


@dataclass
class ListingRest(FactsRest):
    """``ports.Rest`` that lists its orders too. ``unread`` by order number."""

    unread: dict[str, int] = field(default_factory=dict)

    async def call(self, request: RestCall[T]) -> T:
        """Answer a list of orders by its states; anything else as the base does."""
        if request.name != "list_orders":
            return await FactsRest.call(self, request)
        wanted = (request.body or {}).get("orderStatusList")
        rows = [as_row(order) | {"chatUnreadCount": self.unread.get(order.number, 0)} for order in self.orders.values()]
        return request.parse(Answer(data=[row for row in rows if row["orderStatus"] in wanted]))  # type: ignore[operator]


@dataclass
class Round:
    """One orders loop over a listing exchange, and which histories it wants to look at."""

    world: World
    loop: OrdersLoop
    looks: list[str]
    told: list[Item]


def a_round(*orders: Order, unread: dict[str, int] | None = None) -> Round:
    """Return a loop whose exchange has these orders."""
    rest = ListingRest({order.number: order for order in orders}, unread=unread or {})
    world = World(StillClock(NOW_MS), rest=rest)
    plan, doors = AccountPlan(name="main"), world.doors()
    looks, told = list[str](), list[Item]()

    def look(order_no: str, since_ms: int, *, urgent: bool) -> None:
        looks.append(order_no)
        assert since_ms <= NOW_MS
        assert not urgent

    return Round(world, OrdersLoop(plan, doors, OrderBook(plan, doors), put=told.append, look=look), looks, told)


@pytest.mark.parametrize(
    ("status", "age_ms", "unread", "looks"),
    [
        (OrderStatus.COMPLETED, _HOUR_MS, 1, ["5"]),
        (OrderStatus.CANCELLED, _HOUR_MS, 1, ["5"]),
        (OrderStatus.COMPLETED, _HOUR_MS, 0, []),
        (OrderStatus.COMPLETED, 7 * _HOUR_MS, 1, []),
    ],
)
async def test_after_a_gap_closed_orders_with_unread_messages_are_looked_at(
    status: OrderStatus, age_ms: int, unread: int, looks: list[str]
) -> None:
    """People write after a trade; what came while the chat was away is in the histories only."""
    scene = a_round(an_order(status=status, created_at_ms=NOW_MS - age_ms, number="5"), unread={"5": unread})
    await scene.loop._round()
    assert scene.looks == looks
    scene.looks.clear()
    await scene.loop._round()
    assert scene.looks == [], "a round without a gap does not ask for closed orders"


async def test_an_order_that_closes_is_looked_at_once_more() -> None:
    """A message just before the end would be missed for ever: no later list counts it."""
    scene = a_round(an_order(status=OrderStatus.PAID, created_at_ms=NOW_MS - _HOUR_MS, number="5"))
    await scene.loop._round()
    scene.looks.clear()
    scene.world.rest.orders["5"] = an_order(status=OrderStatus.COMPLETED, created_at_ms=NOW_MS - _HOUR_MS, number="5")
    await scene.loop._round()
    await scene.loop._round()
    assert scene.looks == ["5"]
