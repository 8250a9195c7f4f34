"""The order book's memory: bounded by what is open, not by what was ever traded."""

from __future__ import annotations

from dataclasses import dataclass, replace

from p2pbot.daemon.book import OrderBook
from p2pbot.daemon.surroundings import AccountPlan
from p2pbot.model import Order, OrderStatus
from tests.fakes.occasions import NOW_MS, NUMBER, an_order
from tests.fakes.world import StillClock, World


def a_book() -> OrderBook:
    """Return an empty book."""
    return OrderBook(AccountPlan(name="main"), World(StillClock(NOW_MS)).doors())


@dataclass
class Ears:
    """Rules that may begin to ask for the counterparty's statistics."""

    ask: bool = False

    def __call__(self) -> bool:
        """Whether they do."""
        return self.ask


async def test_statistics_are_asked_for_when_a_rule_needs_them() -> None:
    """Not before; facts that lack them are looked up again when a reload brings such a rule."""
    world, ears = World(StillClock(NOW_MS)), Ears()
    world.rest.orders[NUMBER] = an_order()
    book = OrderBook(AccountPlan(name="main"), world.doors(), ears)
    known = await book.facts(NUMBER)
    assert isinstance(known, Order)
    assert known.counterparty.orders is None
    assert book.fresh(NUMBER) is not None
    ears.ask = True
    assert book.fresh(NUMBER) is None
    counted = await book.facts(NUMBER)
    assert isinstance(counted, Order)
    assert counted.counterparty.orders == 7
    assert book.fresh(NUMBER) is not None


@dataclass
class Known:
    """``ports.Customers`` that knows one order and one nickname, until it forgets them."""

    ids: dict[str, str]

    def open_id(self, order_no: str, nickname: str) -> str:
        """Return whose the order is."""
        return self.ids.get(order_no) or self.ids.get(nickname, "")


async def test_a_counterparty_is_who_the_merchants_file_says_now() -> None:
    """Each decision asks anew: what the file says later holds at once, also of an order that is known already."""
    world, customers = World(StillClock(NOW_MS)), Known({NUMBER: "oA"})
    world.rest.orders[NUMBER] = an_order()
    book = OrderBook(AccountPlan(name="main"), replace(world.doors(), customers=customers), lambda: False)
    looked_up = await book.facts(NUMBER)
    assert isinstance(looked_up, Order)
    assert looked_up.counterparty.open_id == "oA"
    customers.ids = {looked_up.counterparty.nickname: "oB"}
    at_hand = book.fresh(NUMBER)
    assert at_hand is not None
    assert at_hand.counterparty.open_id == "oB"
    customers.ids = {}
    forgotten = book.fresh(NUMBER)
    assert forgotten is not None
    assert forgotten.counterparty.open_id == ""


def test_orders_that_are_over_are_forgotten_but_the_last() -> None:
    """A year of trade leaves the facts of two hundred finished orders in memory, and all that are open."""
    book = a_book()
    for number in range(1_000):
        order = an_order(number=f"open {number}")
        book.update(order)
        book.update(replace(order, number=f"over {number}"))
        book.update(replace(order, number=f"over {number}", status=OrderStatus.COMPLETED))
    assert len(book) == 1_200
    assert len(book.numbers()) == 1_000
    assert (book.get("over 799"), book.get("over 800") is None) == (None, False)


def test_an_order_that_comes_back_is_open_again() -> None:
    """A cancellation by the system that is taken back is not forgotten with those that are over."""
    book = a_book()
    back = an_order(number="back", status=OrderStatus.CANCELLED)
    book.update(back)
    book.update(replace(back, status=OrderStatus.UNPAID))
    for number in range(300):
        book.update(an_order(number=f"over {number}", status=OrderStatus.COMPLETED))
    assert book.numbers() == ("back",)
    assert len(book) == 201


def test_no_more_orders_are_kept_than_the_bound() -> None:
    """Whatever the exchange lists, the oldest look goes first, and its mark with it."""
    book = a_book()
    for number in range(5_003):
        book.update(an_order(number=str(number)))
        book.doubt(str(number))
    assert len(book) == 5_000
    assert book.get("2") is None
    assert len(book._stale) == 5_000
