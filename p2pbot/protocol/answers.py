"""Read the ``data`` of each REST call.

Promise: one broken row never hides the others: it is skipped and counted; a broken whole raises AnswerMalformed.
Danger: paging must go by ``rows`` and ``lowest_id``, which count unreadable rows too, not by the messages: a cursor
that moves by readable messages sticks at a page without any.
Source: the C2C chat protocol notes, sections 1 and 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from p2pbot.errors import AnswerMalformed
from p2pbot.model import ChatCredential, ChatMessage, Counterparty, Order
from p2pbot.protocol import fields
from p2pbot.protocol.frames import parse_history_row
from p2pbot.protocol.orders import read_order, read_statistics
from p2pbot.protocol.rest import Answer
from p2pbot.secret import Secret

T = TypeVar("T")

MAX_ROWS_READ = 1000  # ten times the largest page that may be asked for
_MAX_RIGHT_CHARS = 64  # the longest known has 32
_MAX_URL_CHARS = 8192  # a presigned URL with a session token has about 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """One page of an order's chat, newest first.

    ``rows`` is how many rows came, readable or not: fewer than asked for means the last page. ``lowest_id`` is the
    ``below_id`` of the next page, '' when no row had an id.
    """

    messages: tuple[ChatMessage, ...]
    rows: int
    total: int | None = None
    lowest_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    """One page of orders. ``rows`` came; ``skipped`` of them had no order number."""

    orders: tuple[Order, ...]
    rows: int
    total: int | None = None
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedUpload:
    """Where to PUT a picture (a bearer secret for 300 s), and the address under which the chat then shows it."""

    upload_url: Secret
    image_url: str = field(repr=False)


def read_time(answer: Answer) -> int:
    """Return the exchange's clock in Unix milliseconds."""
    time_ms = fields.millis(_row(answer, "the time").get("serverTime"))
    if time_ms is None:
        raise AnswerMalformed("the exchange's answer holds no time")
    return time_ms


def read_key_rights(answer: Answer) -> frozenset[str]:
    """Return the names of the rights that a key has (``ipRestrict``, ``enableReading``, ``enableWithdrawals`` …)."""
    row = _row(answer, "the key's rights")
    return frozenset(fields.clean(name[:_MAX_RIGHT_CHARS]) for name, granted in row.items() if granted is True)


def read_credential(answer: Answer) -> ChatCredential:
    """Return what one connect needs; every part must be there."""
    row = _row(answer, "the chat credential")
    parts = [_url_text(row.get(key)) for key in ("chatWssUrl", "listenKey", "listenToken")]
    if not all(parts):
        raise AnswerMalformed("the exchange's chat credential is incomplete")
    wss_url, listen_key, listen_token = parts
    return ChatCredential(wss_url=wss_url, listen_key=Secret(listen_key), listen_token=Secret(listen_token))


def read_presigned(answer: Answer) -> PresignedUpload:
    """Return the upload's addresses; the specification and the guide name the first one differently."""
    row = _row(answer, "the upload address")
    upload_url = _url_text(row.get("uploadUrl")) or _url_text(row.get("preSignedUrl"))
    image_url = _url_text(row.get("imageUrl"))
    if not (upload_url and image_url):
        raise AnswerMalformed("the exchange's upload address is incomplete")
    return PresignedUpload(upload_url=Secret(upload_url), image_url=image_url)


def read_history(answer: Answer, *, order_no: str) -> HistoryPage:
    """Return one page of chat."""
    rows = _rows(answer, "the chat history")
    messages = [message for row in rows if (message := parse_history_row(row, order_no)) is not None]
    messages.sort(key=lambda message: -message.created_at_ms)  # stable: equal times keep the exchange's order
    return HistoryPage(
        messages=tuple(messages), rows=len(rows), total=answer.total, lowest_id=_lowest_id(rows, order_no)
    )


def read_orders(answer: Answer, *, account: str) -> OrderPage:
    """Return one page of orders."""
    rows = _rows(answer, "the orders")
    objects = (fields.mapping(row) for row in rows)
    orders = [
        order for row in objects if row is not None and (order := read_order(row, account, answer.as_of_ms)) is not None
    ]
    return OrderPage(orders=tuple(orders), rows=len(rows), total=answer.total, skipped=len(rows) - len(orders))


def read_detail(answer: Answer, *, account: str, order_no: str) -> Order:
    """Return one order with all its facts; an answer about another order is malformed."""
    order = read_order(_row(answer, "the order"), account, answer.as_of_ms, detailed=True)
    if order is None or order.number != order_no:
        raise AnswerMalformed("the exchange's answer is not about the order that was asked for")
    return order


def read_counterparty(answer: Answer) -> Counterparty:
    """Return a counterparty's statistics."""
    return read_statistics(_row(answer, "the counterparty"))


def read_nothing(_answer: Answer) -> None:
    """Read the answer of a call that has none: the envelope has said success."""


def _row(answer: Answer, name: str) -> Mapping[str, object]:
    row = fields.mapping(answer.data)
    if row is None:
        raise AnswerMalformed(f"the exchange's answer about {name} is not an object")
    return row


def _rows(answer: Answer, name: str) -> list[object]:
    """Return the list of an answer; no data at all is an empty list."""
    if answer.data is None:
        return []
    if not isinstance(answer.data, list):
        raise AnswerMalformed(f"the exchange's answer about {name} is not a list")
    return answer.data[:MAX_ROWS_READ]


def _url_text(value: object) -> str:
    return fields.clean(value).strip() if isinstance(value, str) and len(value) <= _MAX_URL_CHARS else ""


def _lowest_id(rows: list[object], order_no: str) -> str:
    """Return the lowest id by number, of this order's rows where there are any.

    Rows of other orders slip in with ids from anywhere: to go on below such a one would skip messages of this order.
    Ids that are no numbers have no order among them; then the last row's counts.
    """
    objects = [row for item in rows if (row := fields.mapping(item)) is not None]
    own = [row for row in objects if fields.first_identity(row, "orderNo", "topicId") in ("", order_no)]
    ids = [found for row in own or objects if (found := fields.row_id(row.get("id")))]
    numbers = [found for found in ids if found.isascii() and found.isdigit()]
    return min(numbers, key=int) if numbers else next(reversed(ids), "")
