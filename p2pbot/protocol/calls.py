"""Every REST call that p2pbot can make: a closed list, proven complete by a test.

Promise: each call only reads, except ``mark_read`` (which hides messages from a person and is off by default) and
``presign`` (which reserves the place of a picture). Nothing here moves money or changes an order or an ad.
Danger: listing and detail name the order number by different keys; ``order_detail`` asks by ``adOrderNo``.
Source: the C2C chat protocol notes, section 1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial

from p2pbot.errors import ConfigError
from p2pbot.model import ChatCredential, Counterparty, MessageKind, Order, OrderStatus, Side
from p2pbot.protocol import answers
from p2pbot.protocol.answers import HistoryPage, OrderPage, PresignedUpload, T
from p2pbot.protocol.orders import STATUS_NUMBERS
from p2pbot.protocol.rest import Answer, RestCall

MAX_ROWS = 100  # of one page, for history and orders
_CHAT = "/sapi/v1/c2c/chat"
_ORDERS = "/sapi/v1/c2c/orderMatch"
_PICTURES = (".jpg", ".jpeg", ".png")


def server_time() -> RestCall[int]:
    """Ask the exchange's clock: Unix milliseconds. Needs no key."""
    return RestCall(
        name="server_time", method="GET", path="/api/v3/time", parse=answers.read_time, signed=False, bare=True
    )


def key_rights() -> RestCall[frozenset[str]]:
    """Ask what our API key may do. Source: the exchange's public wallet documents (a bare answer)."""
    return RestCall(
        name="key_rights",
        method="GET",
        path="/sapi/v1/account/apiRestrictions",
        parse=answers.read_key_rights,
        bare=True,
    )


def chat_credential() -> RestCall[ChatCredential]:
    """Ask for what one connect to the chat needs; the token is new at each call."""
    return _get("chat_credential", f"{_CHAT}/retrieveChatCredential", answers.read_credential)


def presign(image_name: str) -> RestCall[PresignedUpload]:
    """Ask for a place to upload a picture to; it lives 300 s. At most 36 calls a minute per user.

    Not idempotent: a retry behind the caller's back would be one of the 36 that nobody counted.
    Raises ConfigError when the name is not that of a jpg, jpeg or png.
    """
    if not image_name.lower().endswith(_PICTURES):
        raise ConfigError("the chat takes pictures as jpg, jpeg or png only", remedy="convert the picture")
    asked = _post("presign", f"{_CHAT}/image/pre-signed-url", answers.read_presigned, {"imageName": image_name})
    return replace(asked, idempotent=False)


def history(
    order_no: str,
    *,
    page: int = 1,
    rows: int = 50,
    below_id: str = "",
    kind: MessageKind | None = None,
    patient: bool = False,
) -> RestCall[HistoryPage]:
    """Ask for one page of an order's chat, newest first. ``below_id`` gives only messages with lower ids."""
    query = [("page", str(page)), ("rows", str(_rows(rows))), ("orderNo", order_no)]
    query += [("chatMessageType", kind.value)] if kind else []
    query += [("id", below_id)] if below_id else []
    path = f"{_CHAT}/retrieveChatMessagesWithPagination"
    asked = _get("history", path, partial(answers.read_history, order_no=order_no), *query)
    return replace(asked, patient=patient)


def mark_read(order_no: str, user_id: str) -> RestCall[None]:
    """Mark an order's messages as read. It hides them from a person who looks for unread ones."""
    body = {"orderNo": order_no, "userId": user_id}
    return _post("mark_read", f"{_CHAT}/markOrderMessagesAsRead", answers.read_nothing, body)


def list_orders(  # noqa: PLR0913 - each is one field of the request
    account: str,
    *,
    page: int = 1,
    rows: int = 50,
    statuses: Collection[OrderStatus] | None = None,
    side: Side | None = None,
    asset: str = "",
    start_ms: int | None = None,
    end_ms: int | None = None,
) -> RestCall[OrderPage]:
    """Ask for one page of our orders, with their unread counts. ``statuses`` None asks for every state."""
    body: dict[str, object] = {"page": page, "rows": _rows(rows)}
    if statuses is not None:
        body["orderStatusList"] = sorted(number for status in statuses for number in STATUS_NUMBERS.get(status, ()))
    wanted = {"tradeType": side and side.value.upper(), "asset": asset, "startDate": start_ms, "endDate": end_ms}
    body |= {key: value for key, value in wanted.items() if value}
    return _post("list_orders", f"{_ORDERS}/listOrders", partial(answers.read_orders, account=account), body)


def order_detail(account: str, order_no: str) -> RestCall[Order]:
    """Ask for all facts of one order."""
    parse = partial(answers.read_detail, account=account, order_no=order_no)
    return _post("order_detail", f"{_ORDERS}/getUserOrderDetail", parse, {"adOrderNo": order_no})


def counterparty_statistics(order_no: str) -> RestCall[Counterparty]:
    """Ask what the exchange counts of an order's counterparty."""
    path = f"{_ORDERS}/queryCounterPartyOrderStatistic"
    return _post("counterparty_statistics", path, answers.read_counterparty, {"orderNumber": order_no})


def order_history(
    account: str, side: Side, *, start_ms: int, end_ms: int, page: int = 1, rows: int = 100
) -> RestCall[OrderPage]:
    """Ask for one page of past orders of one side, over at most 30 days. Nicknames are masked here and left out."""
    query = (
        ("tradeType", side.value.upper()),
        ("startTimestamp", str(start_ms)),
        ("endTimestamp", str(end_ms)),
        ("page", str(page)),
        ("rows", str(_rows(rows))),
    )
    return _get(
        "order_history", f"{_ORDERS}/listUserOrderHistory", partial(answers.read_orders, account=account), *query
    )


def _rows(rows: int) -> int:
    return min(max(rows, 1), MAX_ROWS)


def _get(name: str, path: str, parse: Callable[[Answer], T], *query: tuple[str, str]) -> RestCall[T]:
    return RestCall(name=name, method="GET", path=path, parse=parse, query=query)


def _post(name: str, path: str, parse: Callable[[Answer], T], body: Mapping[str, object]) -> RestCall[T]:
    return RestCall(name=name, method="POST", path=path, parse=parse, body=body)
