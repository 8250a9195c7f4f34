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
class Scene:
    """One orders loop over a listing exchange, and which histories it wants to look at: number, and whether at once."""

    world: World
    rest: ListingRest
    loop: OrdersLoop
    looks: list[tuple[str, bool]]
    told: list[Item]

    async def round(self, after_s: float = 0.0) -> list[tuple[str, bool]]:
        """Let time pass and the loop go round; return the looks that it wanted since the last round."""
        self.world.clock.at_ms += round(after_s * 1000)
        self.loop._look_again()
        await self.loop._round()
        looks = self.looks[:]
        self.looks.clear()
        return looks


def a_scene(*orders: Order, unread: dict[str, int] | None = None) -> Scene:
    """Return a loop whose exchange has these orders."""
    rest = ListingRest({order.number: order for order in orders}, unread=unread or {})
    world = World(StillClock(NOW_MS), rest=rest)
    plan, doors = AccountPlan(name="main"), world.doors()
    looks, told = list[tuple[str, bool]](), list[Item]()

    def look(order_no: str, since_ms: int, *, urgent: bool) -> None:
        looks.append((order_no, urgent))
        assert since_ms == world.clock.at_ms

    return Scene(world, rest, OrdersLoop(plan, doors, OrderBook(plan, doors), put=told.append, look=look), looks, told)


def paid(number: str) -> Order:
    """Return an open order."""
    return an_order(status=OrderStatus.PAID, created_at_ms=NOW_MS - _HOUR_MS, number=number)


NOW, LATER = True, False


async def test_after_a_gap_unread_orders_are_looked_at_now_and_all_once_more_when_the_history_has_caught_up() -> None:
    """A person waits in the unread ones; in the others one may have been heard by somebody else."""
    scene = a_scene(paid("1"), paid("2"), paid("3"), unread={"2": 1})
    assert await scene.round() == [("2", NOW)]
    assert await scene.round(9) == []
    assert await scene.round(1) == [("1", LATER), ("2", LATER), ("3", LATER)]
    assert await scene.round(60) == [], "without a gap nothing is looked at"


async def test_every_gap_is_looked_at_again() -> None:
    """Each may have swallowed something."""
    scene = a_scene(paid("1"))
    await scene.round()
    await scene.round(10)
    scene.loop.poke(gap=True)
    assert await scene.round(60) == []
    assert await scene.round(10) == [("1", LATER)]


async def test_gaps_in_a_row_cost_one_look_each_order() -> None:
    """A socket that comes and goes every few seconds is not paid for by a look at all histories each time."""
    scene = a_scene(paid("1"), paid("2"))
    for _ in range(5):
        scene.loop.poke(gap=True)
        assert await scene.round(3) == []
    assert await scene.round(10) == [("1", LATER), ("2", LATER)]


async def test_a_missed_message_is_looked_for_again_when_the_history_has_caught_up() -> None:
    """The list counts a message seconds before the history shows it."""
    scene = a_scene(paid("1"))
    await scene.round()
    await scene.round(10)
    scene.rest.unread["1"] = 1
    assert await scene.round(30) == [("1", NOW)]
    assert await scene.round(30) == [("1", LATER)]


async def test_what_the_socket_brought_is_not_missed() -> None:
    """However often it brought it."""
    scene = a_scene(paid("1"))
    await scene.round()
    await scene.round(10)
    scene.loop.brought("1", "m:1", scene.world.clock.at_ms + 1)
    scene.rest.unread["1"] = 1
    assert await scene.round(30) == []


@pytest.mark.parametrize(
    ("status", "age_ms", "unread", "looks"),
    [
        (OrderStatus.COMPLETED, _HOUR_MS, 1, [("5", NOW)]),
        (OrderStatus.CANCELLED, _HOUR_MS, 1, [("5", NOW)]),
        (OrderStatus.COMPLETED, _HOUR_MS, 0, []),
        (OrderStatus.COMPLETED, 7 * _HOUR_MS, 1, []),
    ],
)
async def test_after_a_gap_closed_orders_with_unread_messages_are_looked_at(
    status: OrderStatus, age_ms: int, unread: int, looks: list[tuple[str, bool]]
) -> None:
    """People write after a trade; what came while the chat was away is in the histories only."""
    scene = a_scene(an_order(status=status, created_at_ms=NOW_MS - age_ms, number="5"), unread={"5": unread})
    assert await scene.round() == looks
    assert await scene.round() == [], "a round without a gap does not ask for closed orders"


async def test_an_order_that_closes_is_looked_at_once_more() -> None:
    """A message just before the end would be missed for ever: no later list counts it."""
    scene = a_scene(paid("5"))
    await scene.round()
    await scene.round(10)
    scene.rest.orders["5"] = an_order(status=OrderStatus.COMPLETED, created_at_ms=NOW_MS - _HOUR_MS, number="5")
    assert await scene.round(30) == []
    assert await scene.round(30) == [("5", LATER)]
    assert await scene.round(30) == []


async def test_an_open_order_is_looked_at_every_five_minutes_though_nothing_asks_for_it() -> None:
    """A recall on a deaf socket counts as nothing unread, and would be heard of when the order ends (seed 17186)."""
    scene = a_scene(paid("1"))
    assert await scene.round() == []
    assert await scene.round(10) == [("1", LATER)]
    assert await scene.round(280) == []
    assert await scene.round(10) == [("1", LATER)]
    assert await scene.round(290) == []
    assert await scene.round(10) == [("1", LATER)]


async def test_a_look_for_another_reason_serves_as_the_routine_one() -> None:
    """Five minutes are counted from it."""
    scene = a_scene(paid("1"))
    await scene.round()
    await scene.round(10)
    scene.rest.unread["1"] = 1
    assert await scene.round(200) == [("1", NOW)]
    assert await scene.round(100) == [("1", LATER)]
    assert await scene.round(190) == []
    assert await scene.round(10) == [("1", LATER)]


async def test_an_order_that_left_the_list_is_looked_at_a_last_time_some_minutes_later() -> None:
    """What counts as nothing unread and came on a deaf socket after the end would never be recorded (seed 10582)."""
    scene = a_scene(paid("5"))
    await scene.round()
    await scene.round(10)
    scene.rest.orders["5"] = an_order(status=OrderStatus.COMPLETED, created_at_ms=NOW_MS - _HOUR_MS, number="5")
    await scene.round(30)
    assert await scene.round(30) == [("5", LATER)]
    assert await scene.round(240) == []
    assert await scene.round(30) == [("5", LATER)]
    assert await scene.round(600) == []


async def test_an_order_that_comes_back_to_the_list_is_open_and_needs_no_last_look() -> None:
    """A cancellation can be shown and taken back."""
    scene = a_scene(paid("5"))
    await scene.round()
    await scene.round(10)
    gone = scene.rest.orders.pop("5")
    await scene.round(30)
    scene.rest.orders["5"] = gone
    await scene.round(30)
    await scene.round(30)
    assert scene.loop._last_s == {}


async def test_a_closed_order_is_watched_too() -> None:
    """A deaf socket keeps back what people write after a trade; nothing else would ever tell."""
    scene = a_scene(an_order(status=OrderStatus.COMPLETED, created_at_ms=NOW_MS - _HOUR_MS, number="5"))
    assert await scene.round() == []
    scene.rest.unread["5"] = 1
    assert await scene.round(290) == []
    assert await scene.round(10) == [("5", NOW)]
    assert await scene.round(300) == [("5", LATER)]


async def test_what_the_socket_brought_of_a_closed_order_is_not_missed() -> None:
    """Whether it came before or after the order closed."""
    scene = a_scene(paid("5"))
    await scene.round()
    scene.loop.brought("5", "m:1", scene.world.clock.at_ms + 1)
    scene.rest.orders["5"] = an_order(status=OrderStatus.COMPLETED, created_at_ms=NOW_MS - _HOUR_MS, number="5")
    await scene.round(30)
    await scene.round(30)
    scene.loop.brought("5", "m:2", scene.world.clock.at_ms + 1)
    scene.rest.unread["5"] = 2
    assert (await scene.round(300)).count(("5", NOW)) == 0, "only the last look, for which nobody waits, is due"


async def test_an_order_whose_new_state_the_list_tells_first_is_looked_at() -> None:
    """The socket brought no card of it, so it may have kept back more than that; cards are not counted as unread."""
    scene = a_scene(paid("5"))
    await scene.round()
    await scene.round(10)
    scene.rest.orders["5"] = an_order(status=OrderStatus.APPEAL, created_at_ms=NOW_MS - _HOUR_MS, number="5")
    assert await scene.round(30) == []
    assert await scene.round(30) == [("5", LATER)]
    assert await scene.round(30) == []
