"""Facts as a person gives them, for trying rules: ``side: sell``, ``order_status: unpaid``, ``counterparty.orders: 5``.

Promise: the names are those of ``when:``, with a few more for texts (``counterparty.name``, ``payment.iban``,
``pay_deadline: 15m``, counted from now); what is not given is not known, except the order's number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from p2pbot.document import Finding, load_document
from p2pbot.model import Counterparty, Order, OrderStatus, PaymentMethod, Side
from p2pbot.rules.facts import Facts
from p2pbot.rules.figures import Figures, GivenFigures
from p2pbot.rules.measures import duration_ms
from p2pbot.rules.spec import Language, Many, PictureType, Strict

_NUMBER = "20000000000000000000"
_DAY_MS = 86_400_000


def _share(value: Any) -> Any:
    """``95%`` and ``0.95`` are the same share."""
    text = str(value)
    return str(Decimal(text[:-1]) / 100) if text.endswith("%") and text[:-1].isdecimal() else value


Span = Annotated[int, BeforeValidator(lambda value: duration_ms(str(value)))]
Days = Annotated[int, BeforeValidator(lambda value: duration_ms(str(value)) // _DAY_MS)]
Count = Annotated[int, Field(ge=0)]


class GivenCounterparty(Strict):
    """The other side."""

    nickname: str = ""
    name: str = ""
    orders: Count | None = None
    completion: Annotated[Decimal, BeforeValidator(_share)] | None = None
    registered: Days | None = None
    trades_with_us: Count | None = None
    open_id: str = ""


class GivenPicture(Strict):
    """What the bytes of a picture say."""

    type: PictureType | None = None
    lied: bool | None = None
    broken: bool | None = None
    kib: Count | None = None
    width: Count | None = None
    height: Count | None = None


class GivenFacts(Strict):
    """An order and its talk."""

    number: str = _NUMBER
    account: str = ""
    side: Side | None = None
    order_status: Literal["unpaid", "paid", "appeal", "completed", "cancelled"] | None = None
    asset: str | None = None
    fiat: str | None = None
    fiat_symbol: str | None = None
    amount: Decimal | None = None
    total: Decimal | None = None
    price: Decimal | None = None
    payment_method: Many[str] | None = None
    payment: dict[str, str] | None = None
    pay_deadline: Span | None = None
    release_deadline: Span | None = None
    ad: str | None = None
    counterparty: GivenCounterparty = GivenCounterparty()
    first_message: bool | None = None
    message_no: Count | None = None
    language: Language | None = None
    operator_idle: Span | None = None
    after_rule: Many[str] | None = None
    tag: dict[str, str] | None = None
    balance: GivenFigures | None = None
    futures: GivenFigures | None = None
    spot: GivenFigures | None = None
    picture: GivenPicture | None = None

    def facts(self, now_ms: int) -> Facts:
        """Return them as rules see them. Without ``operator_idle`` no person of ours has written."""
        return Facts(
            order=self.order(now_ms),
            now_ms=now_ms,
            account=self.account,
            message_no=self.message_no,
            first_message=self.first_message,
            last_operator_ms=None if self.operator_idle is None else now_ms - self.operator_idle,
            language=self.language,
            spoken=frozenset(name for rule in self.after_rule or () for name in (rule, f"rule:{rule}")),
            tags=tuple((self.tag or {}).items()),
            figures=self.figures(),
            picture=self.pictured(),
        )

    def figures(self) -> Figures:
        """Return what is known of the merchant's own account."""
        return Figures(balance=self.balance or {}, futures=self.futures or {}, spot=self.spot or {})

    def pictured(self) -> dict[str, str | bool | int]:
        """Return what is known of a picture, by the names of ``when.picture``."""
        return self.picture.model_dump(exclude_none=True) if self.picture else {}

    def order(self, began_ms: int) -> Order:
        """Return the order; its deadlines are counted from ``began_ms``."""
        them = self.counterparty
        methods = _methods(self.payment_method, self.payment)
        return Order(
            number=self.number,
            account=self.account,
            status=OrderStatus(self.order_status or "unknown"),
            side=self.side,
            asset=self.asset,
            fiat=self.fiat,
            fiat_symbol=self.fiat_symbol,
            amount=self.amount,
            total=self.total,
            price=self.price,
            ad=self.ad,
            payment_methods=methods,
            pay_deadline_ms=None if self.pay_deadline is None else began_ms + self.pay_deadline,
            release_deadline_ms=None if self.release_deadline is None else began_ms + self.release_deadline,
            counterparty=Counterparty(
                nickname=them.nickname,
                real_name=them.name,
                orders=them.orders,
                completion=them.completion,
                trades_with_us=them.trades_with_us,
                registered_days=them.registered,
                open_id=them.open_id,
            ),
        )


def given_facts(pairs: Mapping[str, str], name: str) -> GivenFacts | tuple[Finding, ...]:
    """Read ``{"side": "sell", "counterparty.orders": "5"}``, or return what is wrong with it."""
    nested: dict[str, Any] = {}
    for path, value in pairs.items():
        above, _, last = path.partition(".")
        group = nested.setdefault(above, {}) if last else nested
        if isinstance(group, dict):
            group[last or above] = value
        else:
            nested[path] = value  # no such key, which the schema says with a hint
    loaded = load_document(json.dumps(nested, ensure_ascii=False), name, GivenFacts)
    return loaded.value or loaded.findings


def _methods(names: tuple[str, ...] | None, details: Mapping[str, str] | None) -> tuple[PaymentMethod, ...] | None:
    """Return the methods; ``details`` are what the first of them shows to the buyer."""
    if names is None and details is None:
        return None
    fields = tuple((name, name, value) for name, value in (details or {}).items())
    return tuple(
        PaymentMethod(method_id=name, identifier=name, name=name, fields=() if at else fields)
        for at, name in enumerate(names or ("sample",))
    )
