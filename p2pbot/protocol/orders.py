"""Read orders and counterparties from the exchange's rows, tolerantly, and merge what is learnt of one order.

Promise: a field that is absent or broken becomes None, never an exception and never a guess; SELL and BUY decide who
the counterparty is, and without a side there is none.
Danger: ``OrderStatus.UNKNOWN`` is an answer too: the exchange named a state that we do not know.
Source: the C2C chat protocol notes, section 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as slots_of
from dataclasses import replace
from decimal import Decimal

from p2pbot.errors import OurError
from p2pbot.model import Counterparty, Order, OrderStatus, PaymentMethod, Side
from p2pbot.protocol import fields

_MAX_WORD_CHARS = 64  # asset, fiat, symbol, identifiers
_MAX_NAME_CHARS = 200  # people and payment methods
_MAX_FIELD_CHARS = 1000  # one line of bank data
_MAX_METHODS = 20  # an ad offers at most five ways to pay
_MAX_FIELDS = 30

_STATUSES: dict[str, OrderStatus] = {
    "1": OrderStatus.UNPAID,
    "2": OrderStatus.PAID,
    "3": OrderStatus.APPEAL,  # two official tables disagree on the number of an appeal: both are one
    "5": OrderStatus.APPEAL,
    "4": OrderStatus.COMPLETED,
    "6": OrderStatus.CANCELLED,
    "7": OrderStatus.CANCELLED,
    # the public order history writes words; PENDING and DISTRIBUTING are not explained anywhere and stay unknown
    "TRADING": OrderStatus.UNPAID,
    "BUYER_PAYED": OrderStatus.PAID,
    "IN_APPEAL": OrderStatus.APPEAL,
    "COMPLETED": OrderStatus.COMPLETED,
    "CANCELLED": OrderStatus.CANCELLED,
    "CANCELLED_BY_SYSTEM": OrderStatus.CANCELLED,
}

STATUS_NUMBERS: dict[OrderStatus, tuple[int, ...]] = {
    OrderStatus.UNPAID: (1,),
    OrderStatus.PAID: (2,),
    OrderStatus.APPEAL: (3, 5),
    OrderStatus.COMPLETED: (4,),
    OrderStatus.CANCELLED: (6, 7),
}


def read_status(value: object) -> OrderStatus:
    """Return the state that a number (or the public history's word) stands for, else UNKNOWN."""
    return _STATUSES.get(fields.identity(value).upper(), OrderStatus.UNKNOWN)


def read_side(value: object) -> Side | None:
    """Return our side of ``tradeType``; the exchange writes it from our point of view."""
    return {"BUY": Side.BUY, "SELL": Side.SELL}.get(fields.identity(value).upper())


def read_order(row: Mapping[str, object], account: str, as_of_ms: int, *, detailed: bool = False) -> Order | None:
    """Return one order of a list or a detail answer, None when the row has no order number.

    ``confirmed_at_ms`` is ``as_of_ms``, or 0 when the row does not say a state.
    """
    number = fields.first_identity(row, "orderNumber", "orderNo")
    if not number:
        return None
    side = read_side(row.get("tradeType"))
    status = row.get("orderStatus")
    return Order(
        number=number,
        account=account,
        status=read_status(status),
        side=side,
        asset=_word(row, "asset"),
        fiat=_word(row, "fiat", "fiatUnit"),
        fiat_symbol=_word(row, "fiatSymbol"),
        amount=_money(row.get("amount")),
        total=_money(row.get("totalPrice")),
        price=_money(row.get("price")) or _money(row.get("unitPrice")),
        ad=fields.first_identity(row, "advNo", "advOrderNumber") or None,
        payment_methods=_methods(row.get("payMethods")),
        selected_payment_id=fields.identity(row.get("selectedPayId")) or None,
        created_at_ms=fields.millis(row.get("createTime")),
        paid_at_ms=fields.millis(row.get("notifyPayTime")),
        pay_deadline_ms=fields.millis(row.get("notifyPayEndTime")),
        release_deadline_ms=fields.millis(row.get("confirmPayEndTime")),
        unread=fields.count(row.get("chatUnreadCount")),
        needs_verification={"0": False, "1": True}.get(fields.identity(row.get("additionalKycVerify"))),
        counterparty=_other_side(row, side),
        confirmed_at_ms=as_of_ms if fields.identity(status) else 0,
        detailed=detailed,
    )


def read_statistics(row: Mapping[str, object]) -> Counterparty:
    """Return what the exchange counts of a counterparty (no names in it)."""
    return Counterparty(
        orders=fields.count(row.get("completedOrderNum")),
        orders_30d=fields.count(row.get("completedOrderNumOfLatest30day")),
        completion=_share(row.get("finishRate")),
        completion_30d=_share(row.get("finishRateLatest30Day")),
        trades_with_us=fields.count(row.get("numberOfTradesWithCounterpartyCompleted30day")),
        registered_days=fields.count(row.get("registerDays")),
    )


def _word(row: Mapping[str, object], *keys: str) -> str | None:
    found = (fields.text(row.get(key), _MAX_WORD_CHARS) for key in keys)
    return next((word for word in found if word), None)


def _money(value: object) -> Decimal | None:
    number = fields.decimal(value)
    return number if number is not None and number >= 0 else None


def _share(value: object) -> Decimal | None:
    """Return a rate as a share from 0 to 1. The unit is not documented: above 1 it can only be a percentage."""
    number = _money(value)
    if number is None or number > 100:  # noqa: PLR2004 - per cent
        return None
    return number / 100 if number > 1 else number


def _other_side(row: Mapping[str, object], side: Side | None) -> Counterparty:
    """Return the counterparty's names: the buyer when we sell, the seller when we buy."""
    if side is None:
        return Counterparty()
    role = "buyer" if side is Side.SELL else "seller"
    return Counterparty(
        nickname=fields.text(row.get(f"{role}Nickname"), _MAX_NAME_CHARS) or "",
        real_name=fields.text(row.get(f"{role}Name"), _MAX_NAME_CHARS) or "",
    )


def _methods(value: object) -> tuple[PaymentMethod, ...] | None:
    if not isinstance(value, list):
        return None
    rows = (fields.mapping(item) for item in value[:_MAX_METHODS])
    return tuple(_method(row) for row in rows if row is not None)


def _method(row: Mapping[str, object]) -> PaymentMethod:
    """Return one way to pay from either of the two shapes that live answers have."""
    listed = row.get("fields") if isinstance(row.get("fields"), list) else row.get("fieldList")
    parts = listed[:_MAX_FIELDS] if isinstance(listed, list) else []
    return PaymentMethod(
        method_id=fields.first_identity(row, "id", "payId"),
        identifier=_word(row, "identifier", "tradeMethodIdentifier") or "",
        name=fields.text(row.get("tradeMethodName"), _MAX_NAME_CHARS) or "",
        fields=tuple(_bank_line(part) for item in parts if (part := fields.mapping(item)) is not None),
    )


def _bank_line(part: Mapping[str, object]) -> tuple[str, str, str]:
    return (
        fields.text(part.get("fieldName"), _MAX_NAME_CHARS) or "",
        fields.text(part.get("fieldContentType"), _MAX_WORD_CHARS) or "",
        fields.text(part.get("fieldValue"), _MAX_FIELD_CHARS) or "",
    )


def merge_order(old: Order, new: Order) -> Order:
    """Return what is known of one order from two looks at it, whichever arrived first.

    The look with the later ``confirmed_at_ms`` wins (``new`` when equal); a fact that it lacks is kept from the other.
    A state counts as said when the look was confirmed, even UNKNOWN. Raises OurError when they are not one order.
    """
    if (old.account, old.number) != (new.account, new.number):
        raise OurError("two different orders cannot be merged")
    earlier, later = (new, old) if new.confirmed_at_ms < old.confirmed_at_ms else (old, new)
    says_state = later.confirmed_at_ms > 0 or later.status is not OrderStatus.UNKNOWN
    facts = {slot.name: getattr(later, slot.name) for slot in slots_of(later)}
    merged = replace(earlier, **{name: value for name, value in facts.items() if value is not None})
    return replace(
        merged,
        status=later.status if says_state else earlier.status,
        counterparty=merge_counterparty(earlier.counterparty, later.counterparty),
        detailed=old.detailed or new.detailed,
    )


def merge_counterparty(old: Counterparty, new: Counterparty) -> Counterparty:
    """Return what is known of a person from two looks: ``new`` wins, an absent or masked value never does."""
    facts = {slot.name: getattr(new, slot.name) for slot in slots_of(new)}
    known = {name: value for name, value in facts.items() if value is not None and value != ""}
    for name in ("nickname", "real_name"):
        if "*" in known.get(name, "") and getattr(old, name):
            del known[name]
    return replace(old, **known)
