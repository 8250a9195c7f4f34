"""Conditions that can never hold (P041): the rule that has one is silent for ever, and looks as if it were at work.

Promise: pure; each is said at the condition that is to blame. What may hold some day is not said here.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from p2pbot.model import EventKind, OrderStatus
from p2pbot.rules.measures import Bound
from p2pbot.rules.spec import RuleSpec, WhenSpec

Path = tuple[str | int, ...]
Never = tuple[Path, str, str]
_REMOVE = "remove one of the two"
_MESSAGES = frozenset({EventKind.MESSAGE, EventKind.IMAGE})
_STATUS_OF = {
    EventKind.ORDER_CREATED: OrderStatus.UNPAID,
    EventKind.PAYMENT_EXPIRING: OrderStatus.UNPAID,
    EventKind.ORDER_PAID: OrderStatus.PAID,
    EventKind.ORDER_COMPLETED: OrderStatus.COMPLETED,
    EventKind.ORDER_CANCELLED: OrderStatus.CANCELLED,
    EventKind.APPEAL_OPENED: OrderStatus.APPEAL,
}


def never(spec: RuleSpec) -> Iterator[Never]:
    """Yield the conditions of a rule that can never hold: their path below ``when``, why, and what to do."""
    yield from _statuses(spec)
    yield from _counting(spec)
    for path, bounds in _numbers(spec.when):
        for at, bound in enumerate(bounds):
            if why := _impossible(bound, path[-1]):
                yield (*path, at), f"`{bound}` can never hold: {why}", ""


def _statuses(spec: RuleSpec) -> Iterator[Never]:
    statuses = spec.when.statuses
    known = [_STATUS_OF.get(event) for event in spec.on]
    if statuses and all(status is not None and status not in statuses for status in known):
        message = f"in `on: {spec.on[0].value}` the order is never {' or '.join(sorted(statuses))}"
        yield ("order_status",), message, _REMOVE
    if spec.reply is not None and statuses == {OrderStatus.APPEAL}:
        yield ("order_status",), "p2pbot never speaks in an appeal, so this is never said", ""


def _counting(spec: RuleSpec) -> Iterator[Never]:
    when = spec.when
    for key in ("first_message", "message_no"):
        if getattr(when, key) is not None and not _MESSAGES & set(spec.on):
            yield (key,), f"`on: {spec.on[0].value}` is no message, so `{key}` is not known there", f"remove `{key}`"
    if when.first_message is not None and when.message_no is not None:
        first = any(bound.holds(Decimal(1)) for bound in when.message_no)
        later = any(bound.sign in {">", ">=", "!="} or bound.high > 1 or bound.low > 1 for bound in when.message_no)
        if not (first if when.first_message else later):
            yield ("message_no",), "`first_message` and `message_no` can never hold together", _REMOVE


def _numbers(when: WhenSpec) -> Iterator[tuple[Path, tuple[Bound, ...]]]:
    for holder, above in ((when, ()), (when.counterparty, ("counterparty",))):
        for name in ("amount", "total", "price", "message_no", "orders", "completion", "registered", "trades_with_us"):
            bounds = getattr(holder, name, None)
            if bounds:
                yield (*above, name), bounds


def _impossible(bound: Bound, name: str | int) -> str:
    """Return why no number of this kind meets the comparison, or an empty text."""
    if bound.sign == "<" and bound.low <= 0:
        return "there is nothing below zero"
    if name == "message_no" and bound.high < 1 and bound.sign in {"=", "<=", "between"}:
        return "messages are counted from 1"
    if name == "completion" and bound.low >= 1 and not bound.holds(Decimal(1)) and bound.sign != "<":
        return "nobody completes more than 100 %"
    return ""
