"""An order as the REST calls show it.

Promise: money is decimal text, times are milliseconds, nicknames stand on the side where they belong.
Source: C2C chat notes section 1; ``payMethods`` in both shapes that were seen.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from p2pbot.model import Side
from p2pbot.sandbox.frames import mask
from p2pbot.sandbox.life import Life, status_number, status_word
from p2pbot.sandbox.options import PaymentSpec
from p2pbot.sandbox.state import Account, Order


def total_of(order: Order) -> Decimal:
    """Return the fiat total."""
    spec = order.spec
    return spec.total if spec.total is not None else (spec.amount * spec.price).quantize(Decimal("0.01"))


def _names(order: Order, account: Account) -> dict[str, str]:
    ours, theirs = account.spec.nickname, order.nickname
    sells = order.spec.side is Side.SELL
    return {"buyerNickname": theirs if sells else ours, "sellerNickname": ours if sells else theirs}


def _shared(order: Order, account: Account) -> dict[str, Any]:
    return _names(order, account) | {
        "orderNumber": order.number,
        "tradeType": order.spec.side.value.upper(),
        "asset": order.spec.asset,
        "fiatSymbol": order.spec.fiat_symbol,
        "amount": str(order.spec.amount),
        "totalPrice": str(total_of(order)),
        "orderStatus": status_number(order.life, order.dialect),
        "createTime": order.created_ms,
        "notifyPayEndTime": order.pay_end_ms,
        "confirmPayEndTime": order.release_end_ms,
        "chatUnreadCount": order.unread,
        "additionalKycVerify": 1 if order.spec.kyc else 0,
    }


def list_row(order: Order, account: Account) -> dict[str, Any]:
    """Return a row of listOrders."""
    return _shared(order, account) | {"advNo": order.spec.advertisement, "fiat": order.spec.fiat}


def detail(order: Order, account: Account) -> dict[str, Any]:
    """Return getUserOrderDetail's data."""
    sells = order.spec.side is Side.SELL
    theirs, ours = order.spec.counterparty.real_name, "SIMULATED MERCHANT"
    methods = order.spec.payment_methods
    return _shared(order, account) | {
        "advOrderNumber": order.spec.advertisement,
        "price": str(order.spec.price),
        "fiatUnit": order.spec.fiat,
        "buyerName": theirs if sells else ours,
        "sellerName": ours if sells else theirs,
        "payMethods": [_method(method, order.dialect.pay_fields_key) for method in methods],
        "selectedPayId": int(methods[0].method_id) if methods and methods[0].method_id.isdigit() else None,
        "payType": methods[0].identifier if methods else None,
        "notifyPayTime": order.paid_ms,
        "confirmPayTime": None,
        "cancelTime": order.cancelled_ms,
        "complaintStatus": 1 if order.life is Life.APPEAL else 0,
        "remark": order.spec.remark,
        "isChatEnabled": order.spec.chat_enabled,
    }


def _method(method: PaymentSpec, fields_key: str) -> dict[str, Any]:
    name_key = "identifier" if fields_key == "fields" else "tradeMethodIdentifier"
    return {
        "id": int(method.method_id) if method.method_id.isdigit() else method.method_id,
        name_key: method.identifier,
        "tradeMethodName": method.name,
        fields_key: [
            {"fieldName": name, "fieldContentType": kind, "fieldValue": value} for name, kind, value in method.fields
        ],
    }


def statistic(order: Order) -> dict[str, Any]:
    """Return queryCounterPartyOrderStatistic's data."""
    person = order.spec.counterparty
    return {
        "completedOrderNum": person.orders,
        "completedOrderNumOfLatest30day": person.orders_30d,
        "finishRate": float(person.finish_rate),
        "finishRateLatest30Day": float(person.finish_rate_30d),
        "numberOfTradesWithCounterpartyCompleted30day": person.trades_with_us,
        "registerDays": person.registered_days,
    }


def public_row(order: Order) -> dict[str, Any]:
    """Return a row of listUserOrderHistory."""
    return {
        "orderNumber": order.number,
        "advNo": order.spec.advertisement,
        "tradeType": order.spec.side.value.upper(),
        "asset": order.spec.asset,
        "fiat": order.spec.fiat,
        "fiatSymbol": order.spec.fiat_symbol,
        "amount": str(order.spec.amount),
        "totalPrice": str(total_of(order)),
        "unitPrice": str(order.spec.price),
        "orderStatus": status_word(order.life),
        "createTime": order.created_ms,
        "commission": "0",
        "counterPartNickName": mask(order.nickname),
        "advertisementRole": "MAKER",
    }
