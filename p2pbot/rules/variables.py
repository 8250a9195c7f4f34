"""The names that a reply may use, and their values for one occasion.

Promise: a name is in ``VARIABLES`` or it is a load error; a value that is not known is absent, so that a text which
needs it is not sent.
Danger: ``payment.*`` is bank data and ``counterparty.first_name`` a person's name: rendered texts only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

import regex

from p2pbot.model import Order, PaymentMethod
from p2pbot.rules.facts import Facts


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as a text may show it, in the merchant's zone."""

    at: datetime

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"


Value = str | int | Decimal | Moment
_NOT_A_NAME = regex.compile(r"[^a-z0-9]+")

# Name -> (its value, a long but plausible value for the length lint)
_ORDER: Mapping[str, tuple[Callable[[Order], object], Value]] = {
    "number": (lambda order: order.number, "20476365073825144832"),
    "side": (lambda order: order.side.value if order.side else None, "sell"),
    "status": (lambda order: order.status.value, "completed"),
    "asset": (lambda order: order.asset, "FDUSD"),
    "fiat": (lambda order: order.fiat, "USD"),
    "fiat_symbol": (lambda order: order.fiat_symbol, "руб."),
    "amount": (lambda order: order.amount, Decimal("123456.12345678")),
    "total": (lambda order: order.total, Decimal("1234567890.12")),
    "price": (lambda order: order.price, Decimal("1234567.1234")),
    "created": (lambda order: order.created_at_ms, "2026-01-05 10:00"),
    "paid": (lambda order: order.paid_at_ms, "2026-01-05 10:00"),
    "pay_deadline": (lambda order: order.pay_deadline_ms, "2026-01-05 10:00"),
    "release_deadline": (lambda order: order.release_deadline_ms, "2026-01-05 10:00"),
}
_COUNTERPARTY: Mapping[str, tuple[Callable[[Order], object], Value]] = {
    "nickname": (lambda order: order.counterparty.nickname or None, "N" * 20),
    "first_name": (lambda order: first_name(order.counterparty.real_name) or None, "N" * 20),
    "orders": (lambda order: order.counterparty.orders, 12345),
    "trades_with_us": (lambda order: order.counterparty.trades_with_us, 123),
}
_TIMES = frozenset({"created", "paid", "pay_deadline", "release_deadline"})

# Groups whose names are closed, and a plausible long value of each
VARIABLES: Mapping[str, Mapping[str, Value]] = {
    "order": {name: sample for name, (_, sample) in _ORDER.items()},
    "counterparty": {name: sample for name, (_, sample) in _COUNTERPARTY.items()},
    "message": {"text": "x" * 200},
    "bot": {"account": "N" * 20, "now": "2026-01-05 10:00"},
}
PAYMENT = "payment"  # names come from the exchange's own form: any is taken at load
MATCH = "match"  # names come from the rule's own pattern
ONLY_WITH_MESSAGE = frozenset({"message", MATCH})
PAYMENT_METHOD_NAME = "method"  # the one name of ``payment`` that is no bank data


def values(facts: Facts, text: str | None, groups: tuple[tuple[str, str], ...]) -> dict[str, dict[str, Value]]:
    """Return what is known for a template: group -> name -> value."""
    order, zone = facts.order, zone_of(facts.timezone)
    known: dict[str, dict[str, object]] = {
        "order": {name: read(order) for name, (read, _) in _ORDER.items()},
        "counterparty": {name: read(order) for name, (read, _) in _COUNTERPARTY.items()},
        "message": {"text": text},
        "bot": {"account": facts.account or order.account, "now": Moment(moment(facts.now_ms, zone))},
        PAYMENT: {**_payment(order)},
        MATCH: dict(groups),
    }
    for name in _TIMES:
        at_ms = known["order"][name]
        known["order"][name] = Moment(moment(at_ms, zone)) if isinstance(at_ms, int) else None
    return {group: {k: v for k, v in named.items() if isinstance(v, Value)} for group, named in known.items()}


def selected_payment(order: Order) -> PaymentMethod | None:
    """Return the one method by which the order is paid: the selected one, or the only one."""
    methods = order.payment_methods or ()
    chosen = [method for method in methods if method.method_id and method.method_id == order.selected_payment_id]
    return chosen[0] if chosen else methods[0] if len(methods) == 1 else None


def first_name(real_name: str) -> str:
    """Return what to call a person: the first of several names, capitalised; an undivided name whole."""
    words = real_name.split()
    if not words:
        return ""
    return words[0].capitalize() if words[0].isupper() or words[0].islower() else words[0]


def zone_of(name: str) -> tzinfo:
    """Return the IANA zone, or UTC for a name that does not exist."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def moment(at_ms: int, zone: tzinfo) -> datetime:
    """Return Unix milliseconds as a local time; a number that is no time of this century is its nearest end."""
    seconds = min(max(at_ms, 0), 4_102_444_800_000) / 1000
    return datetime.fromtimestamp(seconds, tz=zone)


def _payment(order: Order) -> dict[str, str]:
    method = selected_payment(order)
    if method is None:
        return {}
    named: dict[str, str] = {}
    for label, content_type, value in method.fields:
        for name in (_slug(content_type), _slug(label)):
            if name and value:
                named.setdefault(name, value)
    return {**named, PAYMENT_METHOD_NAME: method.name or method.identifier}


def _slug(text: str) -> str:
    return _NOT_A_NAME.sub("_", text.lower()).strip("_")
