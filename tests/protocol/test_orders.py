"""Orders: tolerant reading, who the counterparty is, and merging two looks at one order."""

from __future__ import annotations

from dataclasses import fields as slots_of
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.errors import OurError
from p2pbot.model import Counterparty, Order, OrderStatus, PaymentMethod, Side
from p2pbot.protocol.orders import STATUS_NUMBERS, merge_counterparty, merge_order, read_order, read_statistics

NUMBER = "20476365073825144832"
LISTED: dict[str, object] = {
    "orderNumber": NUMBER,
    "advNo": "11500000000000000001",
    "tradeType": "SELL",
    "asset": "USDT",
    "fiat": "RUB",
    "fiatSymbol": "₽",
    "amount": "12.50000000",
    "totalPrice": "1000.25",
    "orderStatus": 1,
    "createTime": 1_767_600_000_000,
    "notifyPayEndTime": 1_767_600_900_000,
    "confirmPayEndTime": 1_767_601_800_000,
    "buyerNickname": "Buyer",
    "sellerNickname": "Us",
    "chatUnreadCount": 3,
    "additionalKycVerify": 0,
}


def read(row: dict[str, object], *, detailed: bool = False) -> Order:
    """Read a row that is an order."""
    order = read_order(row, "main", 77, detailed=detailed)
    assert order is not None
    return order


def test_list_row() -> None:
    """A row of the order list gives every fact that it has."""
    assert read(LISTED) == Order(
        number=NUMBER,
        account="main",
        status=OrderStatus.UNPAID,
        side=Side.SELL,
        asset="USDT",
        fiat="RUB",
        fiat_symbol="₽",
        amount=Decimal("12.5"),
        total=Decimal("1000.25"),
        ad="11500000000000000001",
        created_at_ms=1_767_600_000_000,
        pay_deadline_ms=1_767_600_900_000,
        release_deadline_ms=1_767_601_800_000,
        unread=3,
        needs_verification=False,
        counterparty=Counterparty(nickname="Buyer"),
        confirmed_at_ms=77,
    )


def test_detail_row() -> None:
    """A detail answer names some fields differently and has more of them."""
    detail: dict[str, object] = {
        "orderNumber": NUMBER,
        "advOrderNumber": 115,
        "orderStatus": "2",
        "tradeType": "BUY",
        "fiatUnit": "EUR",
        "price": "80.02",
        "sellerNickname": "Seller",
        "sellerName": "Seller Real",
        "buyerName": "Our Own",
        "selectedPayId": 9,
        "notifyPayTime": "1767600100000",
        "payMethods": [],
    }
    order = read(detail, detailed=True)
    assert (order.status, order.side, order.fiat, order.ad) == (OrderStatus.PAID, Side.BUY, "EUR", "115")
    assert (order.price, order.selected_payment_id, order.paid_at_ms) == (Decimal("80.02"), "9", 1_767_600_100_000)
    assert (order.payment_methods, order.detailed) == ((), True)
    assert order.counterparty == Counterparty(nickname="Seller", real_name="Seller Real")


@pytest.mark.parametrize(("side", "nickname"), [("SELL", "Buyer"), ("BUY", "Us"), ("sell", "Buyer"), ("SWAP", "")])
def test_the_counterparty_is_the_other_side(side: str, nickname: str) -> None:
    """When we sell it is the buyer, when we buy the seller, and without a side nobody."""
    assert read({**LISTED, "tradeType": side}).counterparty.nickname == nickname


@pytest.mark.parametrize(
    ("written", "status"),
    [
        (1, OrderStatus.UNPAID),
        (2, OrderStatus.PAID),
        (3, OrderStatus.APPEAL),
        (4, OrderStatus.COMPLETED),
        (5, OrderStatus.APPEAL),
        (6, OrderStatus.CANCELLED),
        (7, OrderStatus.CANCELLED),
        ("4", OrderStatus.COMPLETED),
        ("TRADING", OrderStatus.UNPAID),
        ("BUYER_PAYED", OrderStatus.PAID),
        ("IN_APPEAL", OrderStatus.APPEAL),
        ("COMPLETED", OrderStatus.COMPLETED),
        ("CANCELLED", OrderStatus.CANCELLED),
        ("CANCELLED_BY_SYSTEM", OrderStatus.CANCELLED),
        ("DISTRIBUTING", OrderStatus.UNKNOWN),
        (0, OrderStatus.UNKNOWN),
        (8, OrderStatus.UNKNOWN),
        (True, OrderStatus.UNKNOWN),
        (1.0, OrderStatus.UNKNOWN),
        (None, OrderStatus.UNKNOWN),
    ],
)
def test_status(written: object, status: OrderStatus) -> None:
    """Documented numbers and words have their state; anything else is unknown, never guessed."""
    assert read({**LISTED, "orderStatus": written}).status is status


def test_status_numbers_read_back() -> None:
    """The numbers that a list is asked for mean the states that were wanted."""
    back = {read({**LISTED, "orderStatus": n}).status: s for s, numbers in STATUS_NUMBERS.items() for n in numbers}
    assert all(wanted is found for wanted, found in back.items())


def test_a_row_without_a_state_confirms_nothing() -> None:
    """Only a row that says a state counts as having heard it."""
    silent = {key: value for key, value in LISTED.items() if key != "orderStatus"}
    assert read(silent).confirmed_at_ms == 0
    assert read({**LISTED, "orderStatus": 99}).confirmed_at_ms == 77


@pytest.mark.parametrize("number", [None, "", "  ", True, [], {}, 1.5, "9" * 200])
def test_a_row_without_a_number_is_no_order(number: object) -> None:
    """Without a usable order number there is nothing to know facts about."""
    assert read_order({**LISTED, "orderNumber": number}, "main", 77) is None


@pytest.mark.parametrize(
    "broken", [None, "", "abc", "NaN", "Infinity", "-1", "1e400", "1_000", "１２", [], {}, True, "9" * 50]
)
def test_broken_money_is_not_known(broken: object) -> None:
    """A broken amount is None; the other facts of the row stay."""
    order = read({**LISTED, "amount": broken})
    assert (order.amount, order.total) == (None, Decimal("1000.25"))


@pytest.mark.parametrize("amount", ["12.5", 12.5, "12.50000000", " 12.5 "])
def test_money_forms(amount: object) -> None:
    """Money comes as text or number and is exact."""
    assert read({**LISTED, "amount": amount}).amount == Decimal("12.5")


BANK = {"fieldName": "Card", "fieldContentType": "pay_account", "fieldValue": "0000 1111"}


@pytest.mark.parametrize(
    "method",
    [
        {"id": 7, "identifier": "BANK", "tradeMethodName": "Bank", "fields": [BANK]},
        {"id": "7", "tradeMethodIdentifier": "BANK", "tradeMethodName": "Bank", "fieldList": [BANK]},
        {"id": "7", "identifier": "BANK", "tradeMethodName": "Bank", "fields": None, "fieldList": [BANK, 3]},
    ],
)
def test_both_shapes_of_payment_methods(method: dict[str, object]) -> None:
    """Both shapes that live answers have give the same payment method."""
    assert read({**LISTED, "payMethods": [method, "rubbish"]}).payment_methods == (
        PaymentMethod(method_id="7", identifier="BANK", name="Bank", fields=(("Card", "pay_account", "0000 1111"),)),
    )


def test_people_and_bank_data_do_not_show_in_repr() -> None:
    """A log line that prints an order shows no name and no bank data."""
    method = {"id": 7, "identifier": "BANK", "tradeMethodName": "Bank", "fields": [BANK]}
    shown = repr(read({**LISTED, "buyerName": "Real Name", "payMethods": [method]}))
    assert all(private not in shown for private in ("Real Name", "0000 1111", "Buyer"))


@pytest.mark.parametrize(
    ("rate", "share"),
    [("0.97", "0.97"), ("1", "1"), (0, "0"), ("97.5", "0.975"), (100, "1"), ("101", None), ("-1", None), ("x", None)],
)
def test_completion_is_a_share(rate: object, share: str | None) -> None:
    """A rate from 0 to 1 is a share, above that a percentage, and beyond 100 nothing."""
    assert read_statistics({"finishRate": rate}).completion == (None if share is None else Decimal(share))


def test_statistics() -> None:
    """Statistics give counts and no names."""
    row = {"completedOrderNum": 120, "completedOrderNumOfLatest30day": "12", "registerDays": 400}
    row |= {"finishRateLatest30Day": "1", "numberOfTradesWithCounterpartyCompleted30day": 2}
    assert read_statistics(row) == Counterparty(
        orders=120, orders_30d=12, completion_30d=Decimal(1), trades_with_us=2, registered_days=400
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
method_rows = st.dictionaries(
    st.sampled_from(["id", "identifier", "tradeMethodName", "fields", "fieldList"]), json_values
)
rows = st.fixed_dictionaries(
    {"orderNumber": st.just(NUMBER)},
    optional={key: json_values for key in (*LISTED, "payMethods", "buyerName", "price") if key != "orderNumber"},
)


@given(rows, st.lists(method_rows, max_size=3) | json_values)
def test_any_row_is_read(row: dict[str, object], methods: object) -> None:
    """Whatever JSON stands in a row's fields, the order comes out and can be encoded."""
    order = read({**row, "payMethods": methods})
    assert order.number == NUMBER
    repr(order).encode("utf-8")


amounts = st.none() | st.decimals(min_value=0, max_value=10**6, places=2)
orders = st.builds(
    Order,
    number=st.just(NUMBER),
    account=st.just("main"),
    status=st.sampled_from(OrderStatus),
    side=st.none() | st.sampled_from(Side),
    amount=amounts,
    price=amounts,
    unread=st.none() | st.integers(0, 9),
    counterparty=st.builds(
        Counterparty, nickname=st.sampled_from(["", "Ann", "A**"]), orders=st.none() | st.integers(0, 9)
    ),
    confirmed_at_ms=st.integers(0, 3),
    detailed=st.booleans(),
)


def known(value: Any) -> dict[str, object]:
    """Return the facts of a frozen value that are known."""
    facts = {slot.name: getattr(value, slot.name) for slot in slots_of(value)}
    return {name: fact for name, fact in facts.items() if fact is not None and fact != ""}


@given(orders, orders)
def test_merging_never_forgets_a_fact(old: Order, new: Order) -> None:
    """A fact that either look knows is known afterwards."""
    merged = merge_order(old, new)
    assert known(merged).keys() == known(old).keys() | known(new).keys()
    assert known(merged.counterparty).keys() == known(old.counterparty).keys() | known(new.counterparty).keys()


@given(orders, orders)
def test_newer_facts_win(old: Order, new: Order) -> None:
    """Where both looks know a fact, the one confirmed later is believed, whichever arrived first."""
    later = old if old.confirmed_at_ms > new.confirmed_at_ms else new
    merged = merge_order(old, new)
    names = known(later).keys() - {"counterparty", "status", "detailed"}
    assert {name: getattr(merged, name) for name in names} == {name: getattr(later, name) for name in names}
    assert merged.confirmed_at_ms == max(old.confirmed_at_ms, new.confirmed_at_ms)
    assert merged.detailed == (old.detailed or new.detailed)


@given(orders)
def test_merging_an_order_with_itself_changes_nothing(order: Order) -> None:
    """The same look twice is one look."""
    assert merge_order(order, order) == order


@given(orders, orders)
def test_order_of_arrival_does_not_matter(left: Order, right: Order) -> None:
    """Two looks of different times merge to the same, whichever arrives first."""
    right = replace(right, confirmed_at_ms=left.confirmed_at_ms + 1)
    assert merge_order(left, right) == merge_order(right, left)


def test_a_state_we_do_not_know_replaces_a_known_one() -> None:
    """When the exchange names a new state that we do not know, the old one is not true any more."""
    paid = Order(number=NUMBER, account="main", status=OrderStatus.PAID, confirmed_at_ms=5)
    strange = replace(paid, status=OrderStatus.UNKNOWN, confirmed_at_ms=6)
    assert merge_order(paid, strange).status is OrderStatus.UNKNOWN


def test_a_look_without_a_state_keeps_the_known_one() -> None:
    """Facts without a state (statistics) leave the state alone."""
    paid = Order(number=NUMBER, account="main", status=OrderStatus.PAID, confirmed_at_ms=5)
    facts = Order(number=NUMBER, account="main", counterparty=Counterparty(orders=3))
    merged = merge_order(paid, facts)
    assert (merged.status, merged.confirmed_at_ms, merged.counterparty.orders) == (OrderStatus.PAID, 5, 3)


def test_two_orders_are_not_merged() -> None:
    """Merging different orders is a bug of ours, not something to paper over."""
    order = read(LISTED)
    with pytest.raises(OurError):
        merge_order(order, replace(order, number="1"))
    with pytest.raises(OurError):
        merge_order(order, replace(order, account="other"))


def test_a_masked_name_does_not_hide_a_known_one() -> None:
    """A masked nickname never replaces the full one; without any it is better than nothing."""
    full, masked = Counterparty(nickname="Annabel"), Counterparty(nickname="Ann***")
    assert merge_counterparty(full, masked).nickname == "Annabel"
    assert merge_counterparty(masked, full).nickname == "Annabel"
    assert merge_counterparty(Counterparty(), masked).nickname == "Ann***"
