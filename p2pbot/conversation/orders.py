"""An order's state as heard from cards, lists and details, and the events that its changes raise.

Promise: each event is raised at most once per order and transition, by whatever path and however often it is heard
(the inbox drops the rest by the event's key); BUY and SELL are never confused: when two sources disagree about our
side, the side becomes unknown.
Danger: a list has shown CANCELLED_BY_SYSTEM that flipped back minutes later, so a cancellation must persist before it
counts.
Source: C2C chat protocol notes, sections 1 and 3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from p2pbot.conversation.records import OrderMemory
from p2pbot.model import EventKind, Order, OrderStatus, Side, Stimulus, SystemEvent, SystemEventKind
from p2pbot.protocol.system_events import normalised

CANCEL_PERSISTS_MS = 60_000
_APPEAL_LAG_MS = 10_000  # a list may still show PAID this long after the card that told of the appeal
_LAG_MS = {OrderStatus.CANCELLED: CANCEL_PERSISTS_MS, OrderStatus.APPEAL: _APPEAL_LAG_MS}

_CARD_STATUS = {
    SystemEventKind.ORDER_CREATED: OrderStatus.UNPAID,
    SystemEventKind.VERIFICATION_REQUIRED: OrderStatus.UNPAID,
    SystemEventKind.ORDER_PAID: OrderStatus.PAID,
    SystemEventKind.ORDER_COMPLETED: OrderStatus.COMPLETED,
    SystemEventKind.ORDER_CANCELLED: OrderStatus.CANCELLED,
    SystemEventKind.APPEAL_OPENED: OrderStatus.APPEAL,
}
_EVENT_OF_STATUS = {
    OrderStatus.UNPAID: EventKind.ORDER_CREATED,
    OrderStatus.PAID: EventKind.ORDER_PAID,
    OrderStatus.APPEAL: EventKind.APPEAL_OPENED,
    OrderStatus.COMPLETED: EventKind.ORDER_COMPLETED,
    OrderStatus.CANCELLED: EventKind.ORDER_CANCELLED,
}
_EVENT_OF_CARD = {
    SystemEventKind.PAYMENT_EXPIRING: EventKind.PAYMENT_EXPIRING,
    SystemEventKind.APPEAL_CLOSED: EventKind.APPEAL_CLOSED,
}
_RANK = {
    OrderStatus.UNKNOWN: 0,
    OrderStatus.UNPAID: 1,
    OrderStatus.PAID: 2,
    OrderStatus.APPEAL: 3,
    OrderStatus.CANCELLED: 4,
    OrderStatus.COMPLETED: 5,
}
APPEALS = (EventKind.APPEAL_OPENED, EventKind.APPEAL_CLOSED)
MAX_APPEALS = 9  # of one order that are told apart; whoever appeals more often is known to the merchant
_FLIPPING_CARD = "cancelled_by_system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A status heard at ``at_ms`` (exchange time).

    ``firm``: may close the order at once; a list's cancellation is not.
    """

    status: OrderStatus
    at_ms: int
    side: Side | None = None
    created_at_ms: int | None = None
    counterparty_key: str = ""
    exact: bool = False
    firm: bool = True


def card_heard(event: SystemEvent, at_ms: int) -> Heard | None:
    """Return what a system card says of the order's status, or None (it says nothing, or leaves it to be asked for)."""
    status = _CARD_STATUS.get(event.kind)
    if status is None:
        return None
    firm = normalised(event.raw_type) != _FLIPPING_CARD
    return Heard(status=status, at_ms=at_ms, side=event.our_side, exact=True, firm=firm)


def order_heard(order: Order, now_ms: int, counterparty_key: str, *, cancelled_since_ms: int | None = None) -> Heard:
    """Return what a list row or a detail says of the order; a cancellation is firm once it has persisted."""
    persisted = cancelled_since_ms is not None and now_ms - cancelled_since_ms >= CANCEL_PERSISTS_MS
    return Heard(
        status=order.status,
        at_ms=now_ms,
        side=order.side,
        created_at_ms=order.created_at_ms,
        counterparty_key=counterparty_key,
        firm=order.status is not OrderStatus.CANCELLED or persisted,
    )


def agreed(order: Order, memory: OrderMemory | None) -> Order:
    """Return the facts as a decision may use them.

    The side is taken out if cards and list disagree about it, and with it the names, which were picked by it. A status
    that lags behind a card is replaced by the card's; one that we cannot read, and a cancellation that has not
    persisted yet, are unknown.
    """
    known = memory or OrderMemory(account=order.account, order_no=order.number)
    if known.side is not None and order.side is not None and order.side is not known.side:
        nobody = replace(order.counterparty, nickname="", real_name="")
        order = replace(order, side=None, counterparty=nobody)
    return replace(order, status=_agreed_status(order.status, known.status))


def _agreed_status(told: OrderStatus, known: OrderStatus) -> OrderStatus:
    if told is not OrderStatus.UNKNOWN and _RANK[told] < _RANK[known]:
        return known
    return OrderStatus.UNKNOWN if told is OrderStatus.CANCELLED and known is not told else told


def remembered(memory: OrderMemory | None, heard: Heard, account: str, order_no: str) -> OrderMemory:
    """Return the order's memory after ``heard``: an old card never undoes a newer state."""
    old = memory or OrderMemory(account=account, order_no=order_no)
    news = accepts(old, heard)
    return replace(
        old,
        status=heard.status if news else old.status,
        # A card says more than a list: the list's side comes with every order again and is compared with the card's.
        side=(heard.side or old.side) if heard.exact else (old.side or heard.side),
        created_at_ms=old.created_at_ms if old.created_at_ms is not None else heard.created_at_ms,
        seen_at_ms=max(old.seen_at_ms, heard.at_ms) if news else old.seen_at_ms,
        counterparty_key=heard.counterparty_key or old.counterparty_key,
    )


def accepts(memory: OrderMemory, heard: Heard) -> bool:
    """Whether ``heard`` is news that may replace the remembered status."""
    if heard.status is OrderStatus.UNKNOWN or not heard.firm:
        return False
    if _RANK[heard.status] > _RANK[memory.status]:
        return not _is_over(memory, heard)
    if heard.at_ms < memory.seen_at_ms:
        return False  # an old card from the history
    if _RANK[heard.status] == _RANK[memory.status]:
        return heard.status is memory.status
    return _leads_back(memory.status, heard.status) and heard.at_ms - memory.seen_at_ms >= _LAG_MS[memory.status]


def _is_over(memory: OrderMemory, heard: Heard) -> bool:
    """Whether ``heard`` is the card of an appeal that has ended since: PAID was heard later, and not by lag."""
    reopened = memory.status is OrderStatus.PAID and heard.status is OrderStatus.APPEAL
    return reopened and memory.seen_at_ms - heard.at_ms >= _APPEAL_LAG_MS


def _leads_back(known: OrderStatus, heard: OrderStatus) -> bool:
    """Whether an order can go back from ``known`` to ``heard`` at all; anything else is an answer that lags behind."""
    if known is OrderStatus.CANCELLED:
        return heard.is_open
    return known is OrderStatus.APPEAL and heard is OrderStatus.PAID


def event_of(memory: OrderMemory | None, heard: Heard, order_no: str) -> Stimulus | None:
    """Return the event that this change of status raises, or None.

    Only a step forward is an event: an appeal that ends is no payment, a cancellation that flips back no new order. Its
    time is the earliest at which it may have happened: the change lies between the last look and this one, and an
    answer that may be late is worse than none. An order that is first seen beyond UNPAID raises no ``order_created``.
    """
    old = memory.status if memory else OrderStatus.UNKNOWN
    kind = _EVENT_OF_STATUS.get(heard.status)
    if kind is None or not heard.firm or _RANK[heard.status] <= _RANK[old]:
        return None
    if memory is not None and _is_over(memory, heard):
        return None
    return Stimulus(kind=kind, order_no=order_no, key=f"e:{kind.value}", at_ms=_happened_at_ms(memory, heard, kind))


def appeal_end(memory: OrderMemory | None, heard: Heard, order_no: str) -> Stimulus | None:
    """Return the event of an appeal that has ended by this, or None. The order's own new state may raise another."""
    if memory is None or memory.status is not OrderStatus.APPEAL or heard.status is OrderStatus.APPEAL:
        return None
    return card_event(EventKind.APPEAL_CLOSED, order_no, heard.at_ms) if accepts(memory, heard) else None


def raised_by(memory: OrderMemory | None, heard: Heard, order_no: str) -> tuple[Stimulus, ...]:
    """Return the events that this change of status raises, in order."""
    return tuple(filter(None, (appeal_end(memory, heard, order_no), event_of(memory, heard, order_no))))


def card_event(kind: EventKind, order_no: str, at_ms: int) -> Stimulus:
    """Return an event of which each order has one, whoever tells of it."""
    return Stimulus(kind=kind, order_no=order_no, key=f"e:{kind.value}", at_ms=at_ms)


def nth_appeal(stimulus: Stimulus, opened: int, closed: int) -> Stimulus:
    """Return an appeal's event with its number in its key, from the second appeal of an order on.

    ``opened``, ``closed``: how many of each are decided. An opening follows the last closing, and a closing belongs to
    the last opening, by whatever path and however often either is heard.
    """
    number = closed + 1 if stimulus.kind is EventKind.APPEAL_OPENED else max(opened, 1)
    return replace(stimulus, key=appeal_key(stimulus.kind, number))


def appeal_key(kind: EventKind, number: int) -> str:
    """Return the key of an order's first, second … event of this kind."""
    return f"e:{kind.value}" if number == 1 else f"e:{kind.value}:{number}"


def told_by(event: SystemEvent, order_no: str, at_ms: int) -> Stimulus | None:
    """Return the event that a system card raises by itself, whatever the order's state."""
    kind = _EVENT_OF_CARD.get(event.kind)
    return card_event(kind, order_no, at_ms) if kind else None


def _happened_at_ms(memory: OrderMemory | None, heard: Heard, kind: EventKind) -> int:
    if heard.exact:
        return heard.at_ms
    if kind is EventKind.ORDER_CREATED:
        return heard.created_at_ms or (memory.created_at_ms if memory else None) or heard.at_ms
    if memory is None or not memory.seen_at_ms:
        return heard.created_at_ms or 0
    return min(memory.seen_at_ms, heard.at_ms)
