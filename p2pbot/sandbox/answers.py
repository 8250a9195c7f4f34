"""What each REST call answers: credential, uploads, history, read marks, orders, details, statistics, public history.

Promise: an account sees its own orders and no other's; another's order number is answered like one that never was.
Source: C2C chat notes section 1. The code of "no such order" is not published; the one here is made up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from p2pbot.sandbox import frames, gate, views
from p2pbot.sandbox.gateway import ILLEGAL, Answer, Parameters, Route, gateway_error, refused, success
from p2pbot.sandbox.life import status_number
from p2pbot.sandbox.state import Account, Line, Order, State
from p2pbot.sandbox.talk import read_by_us
from p2pbot.sandbox.uploads import Uploads

_MOST_ROWS = 100
_MOST_HISTORY_MS = 30 * 24 * 3600 * 1000
_KEY_MADE_MS = 1_700_000_000_000
_KEY_FLAGS = (
    "ipRestrict",
    "enableReading",
    "enableWithdrawals",
    "enableInternalTransfer",
    "permitsUniversalTransfer",
    "enableSpotAndMarginTrading",
    "enableMargin",
    "enableFutures",
    "enableVanillaOptions",
)
_NO_ORDER = refused("83001", "SIMULATED: the order does not exist")


def routes(state: State, uploads: Uploads) -> dict[str, Route]:
    """Return the closed list of calls."""
    desk = _Desk(state, uploads)
    chat, match = "/sapi/v1/c2c/chat", "/sapi/v1/c2c/orderMatch"
    return {
        f"{chat}/retrieveChatCredential": Route("GET", desk.credential, chat=True),
        f"{chat}/image/pre-signed-url": Route("POST", desk.presigned_url, chat=True),
        f"{chat}/retrieveChatMessagesWithPagination": Route("GET", desk.messages, chat=True),
        f"{chat}/markOrderMessagesAsRead": Route("POST", desk.mark_read, chat=True),
        f"{match}/listOrders": Route("POST", desk.orders),
        f"{match}/getUserOrderDetail": Route("POST", desk.detail),
        f"{match}/queryCounterPartyOrderStatistic": Route("POST", desk.statistic),
        # Public and documented without the header, so that clients which nobody here wrote can use it.
        f"{match}/listUserOrderHistory": Route("GET", desk.public_history, web_only=False),
        "/sapi/v1/account/apiRestrictions": Route("GET", desk.restrictions, web_only=False),
    }


def _whole(parameters: Parameters, name: str, default: int) -> int:
    """Return a whole number given as number or text. Raises ValueError."""
    value = parameters.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(name)  # noqa: TRY004 – for the caller it is a wrong value like any other
    return int(value)


def _window(parameters: Parameters) -> tuple[int, int]:
    """Return (first, last) index of the page asked for. Raises ValueError."""
    page, rows = _whole(parameters, "page", 1), _whole(parameters, "rows", 20)
    if page < 1 or not 1 <= rows <= _MOST_ROWS:
        raise ValueError("page or rows")
    return (page - 1) * rows, page * rows


class _Desk:
    """One method per call."""

    def __init__(self, state: State, uploads: Uploads) -> None:
        self._state = state
        self._uploads = uploads

    def credential(self, account: Account, _: Parameters, __: int) -> Answer:
        """Issue a chat credential."""
        return success(gate.issue(self._state, account))

    def presigned_url(self, account: Account, parameters: Parameters, now_ms: int) -> Answer:
        """Give a place for a picture, 36 times a minute."""
        wait_s = self._uploads.wait_s(account, now_ms)
        if wait_s:
            return gateway_error(429, -1003, "Too many pre-signed URLs; SIMULATED.", wait_s)
        try:
            return success(self._uploads.presign(account, str(parameters.get("imageName", "")), now_ms))
        except ValueError:
            return ILLEGAL

    def messages(self, account: Account, parameters: Parameters, now_ms: int) -> Answer:
        """Return a page of the chat history."""
        try:
            first, last = _window(parameters)
            below = _whole(parameters, "id", 0)
        except ValueError:
            return ILLEGAL
        order_no = str(parameters.get("orderNo", ""))
        asked = self._own(account, order_no)
        if order_no and asked is None:
            return _NO_ORDER
        kind = str(parameters.get("chatMessageType", ""))
        found = [
            (line, order)
            for order in ([asked] if asked else self._own_orders(account))
            for line in order.lines
            if self._is_shown(line, now_ms) and (not below or line.message_id < below) and kind in ("", line.kind)
        ]
        found.sort(key=lambda pair: pair[0].message_id, reverse=not _ascending(parameters))
        rows = [frames.history_row(line, order, account) for line, order in found[first:last]]
        return success(rows + self._stray(account, order_no, now_ms), len(found))

    @staticmethod
    def _is_shown(line: Line, now_ms: int) -> bool:
        return line.visible_ms <= now_ms and not line.recalled

    def _stray(self, account: Account, order_no: str, now_ms: int) -> list[frames.Frame]:
        """Return a row of another order, where the dialect slips one in."""
        asked = self._own(account, order_no)
        if asked is None or not asked.dialect.stray_rows:
            return []
        for other in self._own_orders(account):
            shown = [line for line in other.lines if self._is_shown(line, now_ms)]
            if other is not asked and shown:
                return [frames.history_row(shown[-1], other, account)]
        return []

    def mark_read(self, account: Account, parameters: Parameters, now_ms: int) -> Answer:
        """Mark an order's messages as read."""
        order = self._own(account, str(parameters.get("orderNo", "")))
        if not parameters.get("userId"):
            return ILLEGAL
        if order is None:
            return _NO_ORDER
        read_by_us(self._state, order, now_ms)
        return success(None)

    def orders(self, account: Account, parameters: Parameters, _: int) -> Answer:
        """List orders, newest first."""
        try:
            first, last = _window(parameters)
            wanted = _order_filter(parameters)
        except (ValueError, TypeError):
            return ILLEGAL
        found = [order for order in self._own_orders(account) if wanted(order)]
        return success([views.list_row(order, account) for order in found[first:last]], len(found))

    def detail(self, account: Account, parameters: Parameters, _: int) -> Answer:
        """Return one order in full; the number is under ``adOrderNo``."""
        number = parameters.get("adOrderNo")
        if not isinstance(number, str) or not number:
            return ILLEGAL
        order = self._own(account, number)
        return _NO_ORDER if order is None else success(views.detail(order, account))

    def statistic(self, account: Account, parameters: Parameters, _: int) -> Answer:
        """Return the counterparty's statistics."""
        number = parameters.get("orderNumber")
        if not isinstance(number, str) or not number:
            return ILLEGAL
        order = self._own(account, number)
        return _NO_ORDER if order is None else success(views.statistic(order))

    def public_history(self, account: Account, parameters: Parameters, now_ms: int) -> Answer:
        """Return the public order history: statuses are words, nicknames masked."""
        try:
            first, last = _window(parameters)
            end = _whole(parameters, "endTimestamp", self._state.exchange_ms(now_ms))
            start = _whole(parameters, "startTimestamp", end - _MOST_HISTORY_MS)
        except ValueError:
            return ILLEGAL
        if not 0 <= end - start <= _MOST_HISTORY_MS:
            return ILLEGAL
        side = str(parameters.get("tradeType", ""))
        found = [
            order
            for order in self._own_orders(account)
            if start <= order.created_ms <= end and side in ("", order.spec.side.value.upper())
        ]
        return success([views.public_row(order) for order in found[first:last]], len(found))

    @staticmethod
    def restrictions(account: Account, _: Parameters, __: int) -> Answer:
        """Return what the key may do: a bare object, without the C2C envelope (from the public wallet documents)."""
        flags = {name: name in account.spec.key_rights for name in _KEY_FLAGS}
        return Answer(body=frames.encode({"createTime": _KEY_MADE_MS} | flags))

    def _own(self, account: Account, number: str) -> Order | None:
        order = self._state.orders.get(number)
        return order if order and order.account == account.spec.name else None

    def _own_orders(self, account: Account) -> list[Order]:
        own = [order for order in self._state.orders.values() if order.account == account.spec.name]
        return sorted(own, key=lambda order: order.created_ms, reverse=True)


def _ascending(parameters: Mapping[str, Any]) -> bool:
    """Whether ``order`` or ``sort`` asks for oldest first (which of them holds the direction is not published)."""
    return "asc" in (str(parameters.get("sort", "")).lower(), str(parameters.get("order", "")).lower())


def _order_filter(parameters: Parameters) -> Callable[[Order], bool]:
    """Return listOrders' filter. Raises ValueError or TypeError for malformed parameters."""
    statuses = {int(status) for status in parameters.get("orderStatusList") or ()}
    side = str(parameters.get("tradeType") or "")
    asset = str(parameters.get("asset") or "")
    start, end = _whole(parameters, "startDate", 0), _whole(parameters, "endDate", 2**62)

    def wanted(order: Order) -> bool:
        return (
            (not statuses or status_number(order.life, order.dialect) in statuses)
            and side in ("", order.spec.side.value.upper())
            and asset in ("", order.spec.asset)
            and start <= order.created_ms <= end
        )

    return wanted
