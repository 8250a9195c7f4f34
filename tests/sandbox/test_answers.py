"""What the REST calls answer about orders and chats."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pbot.model import Side
from p2pbot.sandbox import Dialect, Fault, OrderSpec, PaymentSpec, PersonSpec, Turn
from tests.sandbox.peer import CHAT, MATCH, OTHER
from tests.sandbox.stage import START_MS, Stage, stage

HISTORY = f"{CHAT}/retrieveChatMessagesWithPagination"
PERSON = PersonSpec(nickname="kind-buyer", real_name="SIMULATED NAME", orders=7, finish_rate=Decimal("0.5"))


def listed(scene: Stage, **body: Any) -> list[dict[str, Any]]:
    """Return listOrders' rows."""
    rows: list[dict[str, Any]] = scene.call("POST", f"{MATCH}/listOrders", body={"page": 1, "rows": 20} | body)["data"]
    return rows


def detailed(scene: Stage, order_no: str) -> dict[str, Any]:
    """Return getUserOrderDetail's data."""
    data: dict[str, Any] = scene.call("POST", f"{MATCH}/getUserOrderDetail", body={"adOrderNo": order_no})["data"]
    return data


# ---- history ----


def test_history_is_newest_first_and_pages() -> None:
    """Pages of ``rows`` follow one another without gap or repeat, and ``total`` counts all."""
    scene = stage()
    order_no = scene.open_order()
    for number in range(7):
        scene.world.say(order_no, str(number), scene.now_ms)
    pages = [
        scene.call("GET", HISTORY, {"page": page, "rows": 3, "orderNo": order_no, "chatMessageType": "text"})
        for page in (1, 2, 3)
    ]
    assert [[row["content"] for row in page["data"]] for page in pages] == [
        ["6", "5", "4"],
        ["3", "2", "1"],
        ["0"],
    ]
    assert {page["total"] for page in pages} == {7}


def test_history_can_be_read_below_an_id_and_oldest_first() -> None:
    """``id`` returns ids below it; ``sort`` turns the order round."""
    scene = stage()
    order_no = scene.open_order()
    ids = [scene.world.say(order_no, str(number), scene.now_ms) for number in range(4)]
    assert [row["content"] for row in scene.history(order_no, id=ids[2], chatMessageType="text")] == ["1", "0"]
    ascending = scene.history(order_no, chatMessageType="text", sort="asc", order="createTime")
    assert [row["content"] for row in ascending] == ["0", "1", "2", "3"]


@given(st.integers(0, 5000), st.integers(0, 6000))
def test_history_lags(lag_ms: int, waited_ms: int) -> None:
    """A message is in the history from ``history_lag_ms`` after it was made, and not before."""
    scene = stage(history_lag_ms=lag_ms)
    order_no = scene.open_order()
    scene.pass_ms(waited_ms)
    assert bool(scene.history(order_no)) == (waited_ms >= lag_ms)


def test_the_lag_can_be_injected_for_one_order() -> None:
    """The fault ``history_lag`` holds for its order and for what is said while it stands."""
    scene = stage()
    slow, quick = scene.open_order(), scene.open_order()
    scene.world.inject(Fault("history_lag", order=slow, lag_ms=3000), START_MS)
    scene.world.say(slow, "slow", scene.now_ms)
    scene.world.say(quick, "quick", scene.now_ms)
    assert [row["type"] for row in scene.history(slow)] == ["system"]
    assert scene.history(quick)[0]["content"] == "quick"
    scene.pass_ms(3000)
    assert scene.history(slow)[0]["content"] == "slow"


def test_history_masks_nicknames_and_may_break_lines_as_html() -> None:
    """A nickname of the history is no identity; ``<br>`` stands for a line break where the dialect says so."""
    scene = stage()
    order_no = scene.open_order(dialect=Dialect(history_breaks=True), counterparty=PERSON)
    scene.world.say(order_no, "one\ntwo", scene.now_ms)
    row = scene.history(order_no)[0]
    assert (row["content"], row["fromNickName"]) == ("one<br>two", "kin***")


def test_history_may_slip_in_a_row_of_another_order() -> None:
    """Where the dialect has stray rows the last one is of another order of the same account."""
    scene = stage()
    scene.open_order("other")
    order_no, other = scene.open_order(dialect=Dialect(stray_rows=True)), scene.open_order()
    assert [row["orderNo"] for row in scene.history(order_no)] == [order_no, other]


def test_history_without_an_order_is_the_accounts() -> None:
    """Without ``orderNo`` all orders of the account come, and none of another."""
    scene = stage()
    mine = {scene.open_order(), scene.open_order()}
    scene.open_order("other")
    rows = scene.call("GET", HISTORY, {"page": 1, "rows": 20})["data"]
    assert {row["orderNo"] for row in rows} == mine


@pytest.mark.parametrize("query", [{"page": 0}, {"rows": 0}, {"rows": 101}, {"page": "x"}, {"id": "x"}])
def test_a_wrong_page_is_an_illegal_parameter(query: dict[str, Any]) -> None:
    """Pages start at 1 and have at most 100 rows."""
    answer = stage().ask("GET", HISTORY, {"page": 1, "rows": 20} | query)
    assert json.loads(answer.body)["code"] == -31002


# ---- orders ----


@pytest.mark.parametrize(
    ("side", "word", "buyer", "seller"),
    [(Side.SELL, "SELL", "kind-buyer", "our-shop"), (Side.BUY, "BUY", "our-shop", "kind-buyer")],
)
def test_sides_are_never_confused(side: Side, word: str, buyer: str, seller: str) -> None:
    """``tradeType`` is from our side, and buyer and seller stand where they belong, in list and detail."""
    scene = stage()
    order_no = scene.open_order(side=side, counterparty=PERSON)
    for row in (listed(scene)[0], detailed(scene, order_no)):
        assert (row["tradeType"], row["buyerNickname"], row["sellerNickname"]) == (word, buyer, seller)
    detail = detailed(scene, order_no)
    assert detail["buyerName" if side is Side.SELL else "sellerName"] == "SIMULATED NAME"


def test_money_is_decimal_text() -> None:
    """Amount, price and total are decimal strings; the total is amount times price."""
    scene = stage()
    order_no = scene.open_order(amount=Decimal("33.30"), price=Decimal("1.015"))
    detail = detailed(scene, order_no)
    assert (detail["amount"], detail["price"], detail["totalPrice"]) == ("33.30", "1.015", "33.80")


@pytest.mark.parametrize(("fields_key", "name_key"), [("fields", "identifier"), ("fieldList", "tradeMethodIdentifier")])
def test_payment_methods_come_in_two_shapes(fields_key: str, name_key: str) -> None:
    """Both shapes of ``payMethods`` hold the same data."""
    scene = stage()
    method = PaymentSpec(method_id="5", identifier="Wise", name="Wise", fields=(("Account", "pay_account", "0"),))
    order_no = scene.open_order(dialect=Dialect(pay_fields_key=fields_key), payment_methods=(method,))
    detail = detailed(scene, order_no)
    assert detail["payMethods"] == [
        {
            "id": 5,
            name_key: "Wise",
            "tradeMethodName": "Wise",
            fields_key: [{"fieldName": "Account", "fieldContentType": "pay_account", "fieldValue": "0"}],
        }
    ]
    assert detail["selectedPayId"] == 5


def test_a_list_is_filtered_and_newest_first() -> None:
    """Status, side, asset and dates filter; ``total`` counts what the filter leaves."""
    scene = stage()
    old = scene.open_order(age_ms=3_600_000)
    paid = scene.open_order(side=Side.BUY, asset="BTC")
    scene.world.turn(paid, Turn.PAY, scene.now_ms)
    assert [row["orderNumber"] for row in listed(scene)] == [paid, old]
    for body in ({"orderStatusList": [2, 3]}, {"tradeType": "BUY"}, {"asset": "BTC"}, {"startDate": START_MS - 1000}):
        assert [row["orderNumber"] for row in listed(scene, **body)] == [paid]
    answer = scene.call("POST", f"{MATCH}/listOrders", body={"page": 2, "rows": 1})
    assert ([row["orderNumber"] for row in answer["data"]], answer["total"]) == ([old], 2)


@pytest.mark.parametrize(
    ("turns", "status"),
    [
        ([], 1),
        ([Turn.PAY], 2),
        ([Turn.PAY, Turn.APPEAL], 3),
        ([Turn.PAY, Turn.RELEASE], 4),
        ([Turn.CANCEL], 6),
        ([Turn.CANCEL_BY_SYSTEM], 7),
        ([Turn.CANCEL_BY_SYSTEM, Turn.RESTORE], 1),
    ],
)
def test_list_and_detail_follow_the_orders_life(turns: list[Turn], status: int) -> None:
    """Both show the same status, also after a cancellation that flipped back."""
    scene = stage()
    order_no = scene.open_order()
    for turn in turns:
        scene.world.turn(order_no, turn, scene.now_ms)
    assert listed(scene)[0]["orderStatus"] == detailed(scene, order_no)["orderStatus"] == status


def test_the_detail_tells_when_things_happened() -> None:
    """Paid, deadline and cancelled times are the exchange's, and a cancellation that flipped back has none."""
    scene = stage()
    order_no = scene.open_order(pay_window_ms=600_000, release_window_ms=300_000)
    scene.pass_ms(1000)
    scene.world.turn(order_no, Turn.CANCEL_BY_SYSTEM, scene.now_ms)
    assert detailed(scene, order_no)["cancelTime"] == START_MS + 1000
    scene.world.turn(order_no, Turn.RESTORE, scene.now_ms)
    assert detailed(scene, order_no)["cancelTime"] is None
    scene.pass_ms(1000)
    scene.world.turn(order_no, Turn.PAY, scene.now_ms)
    detail = detailed(scene, order_no)
    assert (detail["createTime"], detail["notifyPayTime"]) == (START_MS, START_MS + 2000)
    assert (detail["notifyPayEndTime"], detail["confirmPayEndTime"]) == (START_MS + 600_000, START_MS + 302_000)


def test_unread_counts_the_counterparty_alone() -> None:
    """``chatUnreadCount`` grows with their messages, not with ours or the exchange's, and a read mark empties it."""
    scene = stage()
    scene.connect()
    order_no = scene.open_order()
    scene.world.say(order_no, "one", scene.now_ms)
    scene.world.send_image(order_no, scene.now_ms)
    scene.write(order_no, "ours")
    assert listed(scene)[0]["chatUnreadCount"] == detailed(scene, order_no)["chatUnreadCount"] == 2
    scene.pushes()
    scene.call("POST", f"{CHAT}/markOrderMessagesAsRead", body={"orderNo": order_no, "userId": "1"})
    assert listed(scene)[0]["chatUnreadCount"] == 0
    assert [(push["type"], push["status"]) for push in scene.pushes()] == [("text", "read"), ("image", "read")]


def test_statistics_of_the_counterparty() -> None:
    """The six documented fields."""
    scene = stage()
    order_no = scene.open_order(counterparty=PERSON)
    data = scene.call("POST", f"{MATCH}/queryCounterPartyOrderStatistic", body={"orderNumber": order_no})["data"]
    assert (data["completedOrderNum"], data["finishRate"], len(data)) == (7, 0.5, 6)


def test_the_public_history_speaks_in_words() -> None:
    """Statuses are texts, the nickname is masked, and no clientType is needed."""
    scene = stage()
    order_no = scene.open_order(counterparty=PERSON)
    scene.world.turn(order_no, Turn.CANCEL_BY_SYSTEM, scene.now_ms)
    answer = scene.call("GET", f"{MATCH}/listUserOrderHistory", {"tradeType": "SELL"})
    (row,) = answer["data"]
    assert (row["orderStatus"], row["counterPartNickName"]) == ("CANCELLED_BY_SYSTEM", "kin***")
    too_long = {"startTimestamp": START_MS - 31 * 86_400_000, "endTimestamp": START_MS}
    refused = scene.ask("GET", f"{MATCH}/listUserOrderHistory", too_long)
    assert json.loads(refused.body)["code"] == -31002


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("POST", f"{MATCH}/getUserOrderDetail", "adOrderNo"),
        ("POST", f"{MATCH}/queryCounterPartyOrderStatistic", "orderNumber"),
        ("POST", f"{CHAT}/markOrderMessagesAsRead", "orderNo"),
        ("GET", HISTORY, "orderNo"),
    ],
)
def test_a_foreign_order_is_like_one_that_never_was(method: str, path: str, key: str) -> None:
    """Another account's order number gets the same refusal as a made-up one, in the text envelope."""
    scene = stage()
    foreign = scene.open_order("other")
    answers = []
    for number in (foreign, "1"):
        given_ = {key: number, "userId": "1"}
        query, body = (given_, None) if method == "GET" else (None, given_)
        answers.append(json.loads(scene.ask(method, path, query, body).body))
    assert answers[0] == answers[1]
    assert (answers[0]["success"], isinstance(answers[0]["code"], str)) == (False, True)


def test_the_detail_wants_its_own_key() -> None:
    """``orderNumber`` instead of ``adOrderNo`` is an illegal parameter."""
    scene = stage()
    order_no = scene.open_order()
    answer = scene.ask("POST", f"{MATCH}/getUserOrderDetail", body={"orderNumber": order_no})
    assert json.loads(answer.body)["code"] == -31002


def test_key_rights_are_told() -> None:
    """``apiRestrictions`` is a bare object of flags."""
    flags = stage().call("GET", "/sapi/v1/account/apiRestrictions", account=OTHER)
    assert (flags["enableReading"], flags["ipRestrict"], flags["enableWithdrawals"]) == (True, True, False)


# ---- every dialect ----

DIALECTS = st.builds(
    Dialect,
    socket_id_is_number=st.booleans(),
    history_id_is_number=st.booleans(),
    nickname_key=st.sampled_from(("fromNickName", "fromNickname")),
    names_order=st.booleans(),
    event_suffix=st.sampled_from(("", "_with_ref", "_fiat_trade")),
    fragments=st.integers(1, 4),
    history_breaks=st.booleans(),
    system_says_self=st.booleans(),
)


@settings(max_examples=60)
@given(DIALECTS, st.text(min_size=1, max_size=40))
def test_a_message_is_the_same_on_the_socket_and_in_the_history(dialect: Dialect, text: str) -> None:
    """In every dialect socket and history agree on id, uuid, order, speaker and time."""
    scene = stage()
    scene.connect()
    order_no = scene.world.open_order("main", OrderSpec(dialect=dialect), scene.now_ms)
    scene.pushes()
    scene.world.say(order_no, text, scene.now_ms)
    (push,) = scene.pushes()
    row = scene.history(order_no)[0]
    assert (str(push["id"]), push["uuid"], push["topicId"]) == (str(row["id"]), row["uuid"], row["orderNo"])
    assert (push["self"], row["self"], push["createTime"]) == (False, False, row["createTime"])
    assert ("orderNo" in push) == dialect.names_order
    assert isinstance(push["id"], int) == dialect.socket_id_is_number
    assert dialect.nickname_key in push
