"""Which timed events an order has coming: a pure plan of moments, made anew whenever something changes.

Promise: an event is planned from what is known of the order alone, and its key names what it hangs on (the deadline's
order, the word after which it was silent), so that whoever plans it again, after a restart too, raises the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from p2pbot.model import EventKind, Order, OrderStatus, Stimulus

Timer = tuple[EventKind, int]
_SPEAKING = frozenset({OrderStatus.UNPAID, OrderStatus.PAID})


def planned(order: Order, last_word_ms: int, timers: Iterable[Timer], now_ms: int) -> tuple[Stimulus, ...]:
    """Return the timed events that are coming or due, by time; ``at_ms`` is when.

    ``last_word_ms``: when anybody last wrote in the order, 0 when nobody has. An event whose time has passed is still
    there (the inbox drops what was raised before), unless it makes no sense any more.
    """
    events = (event for kind, span_ms in timers for event in _planned(order, last_word_ms, kind, span_ms, now_ms))
    return tuple(sorted(events, key=lambda event: (event.at_ms, event.key)))


def _planned(order: Order, last_word_ms: int, kind: EventKind, span_ms: int, now_ms: int) -> Iterator[Stimulus]:
    if kind is EventKind.PAYMENT_EXPIRING:
        deadline_ms = order.pay_deadline_ms
        if order.status is OrderStatus.UNPAID and deadline_ms is not None and now_ms < deadline_ms:
            at_ms = max(deadline_ms - span_ms, order.created_at_ms or 0)
            yield _event(order, kind, span_ms, at_ms, f"e:{kind.value}:{span_ms}")
    elif kind is EventKind.SILENCE:
        since_ms = last_word_ms or order.created_at_ms
        if order.status in _SPEAKING and since_ms:
            yield _event(order, kind, span_ms, since_ms + span_ms, f"e:{kind.value}:{span_ms}:{since_ms}")


def _event(order: Order, kind: EventKind, span_ms: int, at_ms: int, key: str) -> Stimulus:
    return Stimulus(kind=kind, order_no=order.number, key=key, at_ms=at_ms, span_ms=span_ms)
