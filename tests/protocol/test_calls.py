"""The closed list of REST calls: what is asked, how it is read, and that nothing else can be asked."""

from __future__ import annotations

import inspect
import re
from pathlib import Path as FilePath
from typing import Any

import pytest

import p2pbot
from p2pbot.errors import AnswerMalformed, ConfigError
from p2pbot.model import MessageKind, OrderStatus, Side
from p2pbot.protocol import answers, calls
from p2pbot.protocol.rest import Answer, RestCall

CHAT = "/sapi/v1/c2c/chat"
ORDERS = "/sapi/v1/c2c/orderMatch"

EVERY_CALL: list[tuple[RestCall[Any], str, str, dict[str, str], dict[str, object] | None]] = [
    (calls.server_time(), "GET", "/api/v3/time", {}, None),
    (calls.key_rights(), "GET", "/sapi/v1/account/apiRestrictions", {}, None),
    (calls.chat_credential(), "GET", f"{CHAT}/retrieveChatCredential", {}, None),
    (calls.presign("a.PNG"), "POST", f"{CHAT}/image/pre-signed-url", {}, {"imageName": "a.PNG"}),
    (
        calls.history("204"),
        "GET",
        f"{CHAT}/retrieveChatMessagesWithPagination",
        {"page": "1", "rows": "50", "orderNo": "204"},
        None,
    ),
    (
        calls.history("204", page=2, rows=5000, below_id="9", kind=MessageKind.TEXT),
        "GET",
        f"{CHAT}/retrieveChatMessagesWithPagination",
        {"page": "2", "rows": "100", "orderNo": "204", "chatMessageType": "text", "id": "9"},
        None,
    ),
    (
        calls.mark_read("204", "7"),
        "POST",
        f"{CHAT}/markOrderMessagesAsRead",
        {},
        {"orderNo": "204", "userId": "7"},
    ),
    (calls.list_orders("main"), "POST", f"{ORDERS}/listOrders", {}, {"page": 1, "rows": 50}),
    (
        calls.list_orders("main", statuses=[OrderStatus.APPEAL, OrderStatus.UNPAID], side=Side.SELL, start_ms=5),
        "POST",
        f"{ORDERS}/listOrders",
        {},
        {"page": 1, "rows": 50, "orderStatusList": [1, 3, 5], "tradeType": "SELL", "startDate": 5},
    ),
    (calls.order_detail("main", "204"), "POST", f"{ORDERS}/getUserOrderDetail", {}, {"adOrderNo": "204"}),
    (
        calls.counterparty_statistics("204"),
        "POST",
        f"{ORDERS}/queryCounterPartyOrderStatistic",
        {},
        {"orderNumber": "204"},
    ),
    (
        calls.order_history("main", Side.BUY, start_ms=1, end_ms=2),
        "GET",
        f"{ORDERS}/listUserOrderHistory",
        {"tradeType": "BUY", "startTimestamp": "1", "endTimestamp": "2", "page": "1", "rows": "100"},
        None,
    ),
]


@pytest.mark.parametrize(("call", "method", "path", "query", "body"), EVERY_CALL, ids=lambda value: str(value)[:40])
def test_request(
    call: RestCall[object], method: str, path: str, query: dict[str, str], body: dict[str, object] | None
) -> None:
    """Each call asks what the interface documents, and only that."""
    assert (call.method, call.path, dict(call.query), call.body) == (method, path, query, body)


def test_only_the_clock_is_asked_unsigned() -> None:
    """Every call but the clock's is signed; only the clock and the wallet's call answer without an envelope."""
    assert {(call.name, call.signed, call.bare) for call, *_ in EVERY_CALL if not call.signed or call.bare} == {
        ("server_time", False, True),
        ("key_rights", True, True),
    }


def test_the_list_of_calls_is_closed() -> None:
    """Every public constructor is in the table above, and no other path exists in the client."""
    constructors = {
        name
        for name, found in inspect.getmembers(calls, inspect.isfunction)
        if found.__module__ == calls.__name__ and not name.startswith("_")
    }
    assert constructors == {call.name for call, *_ in EVERY_CALL}


SOURCES = sorted(FilePath(p2pbot.__file__).parent.rglob("*.py"))
PATHS = re.compile(r"/(?:sapi|papi|dapi)/[\w/.-]*|/api/v\d[\w/.-]*")


def test_no_path_stands_outside_the_list() -> None:
    """No module of the daemon but the two lists of calls writes an address of the exchange's REST interface."""
    lists = ("calls.py", "key_calls.py")
    outside = [source for source in SOURCES if "sandbox" not in source.parts and source.name not in lists]
    found = {path for source in outside for path in PATHS.findall(source.read_text(encoding="utf-8"))}
    assert found <= {"/api/v3/time"}


@pytest.mark.parametrize(
    "word", ["markOrderAsPaid", "releaseCoin", "cancelOrder", "confirmOrder", "/ads/", "/withdraw"]
)
def test_no_call_moves_money_or_changes_an_order(word: str) -> None:
    """The words of calls that move money or change orders or ads appear nowhere in the client."""
    client = [source for source in SOURCES if "sandbox" not in source.parts]
    assert [source.name for source in client if word.lower() in source.read_text(encoding="utf-8").lower()] == []


def read(call: RestCall[Any], data: object, total: int | None = None) -> Any:
    """Read an answer's data as the call does."""
    return call.parse(Answer(data=data, total=total, as_of_ms=77))


def test_time() -> None:
    """The clock's answer is Unix milliseconds."""
    assert read(calls.server_time(), {"serverTime": 1767600000000}) == 1767600000000


def test_key_rights() -> None:
    """A right counts when the exchange says true, and what is no flag is left out."""
    data = {"ipRestrict": True, "createTime": 1, "enableReading": True, "enableWithdrawals": False, "odd": "true"}
    assert read(calls.key_rights(), data) == {"ipRestrict", "enableReading"}
    assert read(calls.key_rights(), {"half \ud800": True, "x" * 9_000: True}) == {"half ?", "x" * 64}


def test_credential() -> None:
    """A credential has an address, a key and a token; key and token are secrets."""
    data = {"chatWssUrl": "wss://im.test/chat", "listenKey": "c2c_1_v2", "listenToken": "TOKEN2"}
    found = read(calls.chat_credential(), data)
    assert (found.wss_url, found.listen_key.reveal(), found.listen_token.reveal()) == tuple(data.values())
    assert "TOKEN2" not in repr(found)


@pytest.mark.parametrize("key", ["uploadUrl", "preSignedUrl"])
def test_presigned(key: str) -> None:
    """The upload address is read under either name and is a secret."""
    found = read(calls.presign("a.jpg"), {key: "https://s3.test/x?X-Amz-Signature=1", "imageUrl": "https://a/x.jpg"})
    assert (found.upload_url.reveal(), found.image_url) == ("https://s3.test/x?X-Amz-Signature=1", "https://a/x.jpg")
    assert "s3.test" not in repr(found)


@pytest.mark.parametrize("name", ["a.gif", "a", "jpg", ""])
def test_other_pictures_are_not_asked_for(name: str) -> None:
    """Types that the chat does not take are refused before anything is sent."""
    with pytest.raises(ConfigError, match="jpg"):
        calls.presign(name)


def row(message_id: object, created_at_ms: int, **more: object) -> dict[str, object]:
    """Return a history row."""
    return {"id": message_id, "type": "text", "orderNo": "204", "createTime": created_at_ms, **more}


def test_history_page_is_newest_first() -> None:
    """Messages come newest first whatever order the exchange gave."""
    page = read(calls.history("204"), [row(1, 10), row(3, 30), row(2, 20)], total=3)
    assert ([message.message_id for message in page.messages], page.rows, page.total) == (["3", "2", "1"], 3, 3)


def test_history_pages_by_raw_rows() -> None:
    """Rows that cannot be read still move the cursor, so that nothing sticks."""
    page = read(calls.history("204"), [row(12, 3), {"id": 11}, "rubbish"])
    assert ([message.message_id for message in page.messages], page.rows, page.lowest_id) == (["12"], 3, "11")


def test_rows_of_other_orders_do_not_move_the_cursor() -> None:
    """A row of another order with a low id slips in, and no message of this order is skipped for it."""
    page = read(calls.history("204"), [row(12, 3), row(2, 1, orderNo="1"), row(11, 2)])
    assert ([message.message_id for message in page.messages], page.rows, page.lowest_id) == (["12", "11"], 3, "11")


def test_a_page_of_other_orders_is_passed_over() -> None:
    """Where no row is of this order the cursor moves by all, so that older pages can be reached."""
    page = read(calls.history("204"), [row(9, 2, orderNo="1"), row(8, 1, orderNo="1")])
    assert (page.messages, page.rows, page.lowest_id) == ((), 2, "8")


@pytest.mark.parametrize(
    ("ids", "lowest"), [([], ""), (["10", 9], "9"), (["b", "a"], "a"), (["b", "7"], "7"), ([None], ""), ([0, "5"], "5")]
)
def test_lowest_id(ids: list[object], lowest: str) -> None:
    """Ids are compared as numbers; where they are none, the last row's counts."""
    assert read(calls.history("204"), [row(found, 1) for found in ids]).lowest_id == lowest


def test_no_data_is_an_empty_page() -> None:
    """An order without messages may answer with no list at all."""
    assert read(calls.history("204"), None).messages == ()


def test_order_page() -> None:
    """Rows without an order number are skipped and counted."""
    page = read(calls.list_orders("main"), [{"orderNumber": "1", "orderStatus": 2}, {}, 3], total=9)
    assert ([order.number for order in page.orders], page.rows, page.skipped, page.total) == (["1"], 3, 2, 9)
    assert (page.orders[0].account, page.orders[0].confirmed_at_ms) == ("main", 77)


def test_detail() -> None:
    """A detail answer is marked as detailed."""
    order = read(calls.order_detail("main", "204"), {"orderNumber": 204, "orderStatus": 1})
    assert (order.number, order.detailed) == ("204", True)


def test_statistics() -> None:
    """Statistics are read into a counterparty without a name."""
    assert read(calls.counterparty_statistics("204"), {"registerDays": 4}).registered_days == 4


def test_mark_read_reads_nothing() -> None:
    """Marking as read has no answer but success."""
    assert read(calls.mark_read("204", "7"), None) is None


@pytest.mark.parametrize(
    ("call", "data"),
    [
        (calls.server_time(), {}),
        (calls.key_rights(), [1]),
        (calls.server_time(), {"serverTime": "soon"}),
        (calls.chat_credential(), None),
        (calls.chat_credential(), {"chatWssUrl": "wss://a", "listenKey": "k", "listenToken": ""}),
        (calls.presign("a.png"), {"uploadUrl": "https://a"}),
        (calls.history("204"), {"a": 1}),
        (calls.list_orders("main"), "rows"),
        (calls.order_detail("main", "204"), None),
        (calls.order_detail("main", "204"), {"orderNumber": "205"}),
        (calls.order_detail("main", "204"), {}),
        (calls.counterparty_statistics("204"), []),
    ],
)
def test_a_broken_whole_is_malformed(call: RestCall[object], data: object) -> None:
    """Data that is not of the documented shape is an error of the exchange, never a guess."""
    with pytest.raises(AnswerMalformed):
        read(call, data)


def test_rows_are_bounded() -> None:
    """However many rows come, only a bounded number is read."""
    assert read(calls.history("204"), [{}] * 5000).rows == answers.MAX_ROWS_READ
