"""Lines enter an order's chat here, whoever speaks, and leave for the sockets and the history.

Promise: a line is in the true chat at once, on the sockets as the faults allow, in the history after the lag.
"""

from __future__ import annotations

from p2pbot.sandbox import frames
from p2pbot.sandbox.chance import happens
from p2pbot.sandbox.delivery import push_line, push_statistics
from p2pbot.sandbox.records import Speaker
from p2pbot.sandbox.state import MOST_LINES, Line, Order, Picture, State

_STATISTICS = 0.3  # under variety: how often the unread counter follows a message
_READ_REPEAT = 20  # a client that was away marks many lines as read; the newest are pushed again, not thousands


def add_line(  # noqa: PLR0913 – a line's parts, by keyword
    state: State,
    order: Order,
    now_ms: int,
    *,
    kind: str,
    by: Speaker,
    text: str = "",
    uuid: str = "",
    picture: Picture | None = None,
) -> Line:
    """Append a line to the chat. Raises ValueError when the chat is full."""
    if len(order.lines) >= MOST_LINES:
        raise ValueError(f"the chat of order {order.number} is full ({MOST_LINES} lines)")
    created = state.exchange_ms(now_ms)
    line = Line(
        message_id=state.next_message_id(),
        uuid=uuid or state.new_uuid(),
        kind=kind,
        by=by,
        text=text,
        created_ms=created,
        visible_ms=now_ms + _lag_ms(state, order, now_ms),
        picture=picture,
    )
    order.add(line)
    return line


def _lag_ms(state: State, order: Order, now_ms: int) -> int:
    fault = state.faults.strike("history_lag", now_ms, state.rng, account=order.account, order=order.number)
    if fault:
        shortest = fault.number("lag_ms")
        return round(state.rng.uniform(shortest, max(shortest, fault.number("max_lag_ms"))))
    jitter = state.options.history_lag_jitter_ms
    return state.options.history_lag_ms + (round(state.rng.uniform(0, jitter)) if jitter else 0)


def counterparty_line(
    state: State, order: Order, now_ms: int, kind: str, text: str = "", uuid: str = "", picture: Picture | None = None
) -> Line:
    """Let the counterparty (or their machine) say something. They have read what we said before."""
    read_by_counterparty(state, order, now_ms)
    line = add_line(state, order, now_ms, kind=kind, by=Speaker.COUNTERPARTY, text=text, uuid=uuid, picture=picture)
    push_line(state, order, line, now_ms)
    if state.options.variety and happens(state.rng, _STATISTICS):
        push_statistics(state, state.account(order.account), now_ms)
    return line


def operator_line(state: State, order: Order, now_ms: int, text: str) -> Line:
    """Let a person of ours type in the app: the chat is read, and the uuid is not the bot's."""
    read_by_us(state, order, now_ms)
    line = add_line(state, order, now_ms, kind="text", by=Speaker.OPERATOR, text=text)
    push_line(state, order, line, now_ms)
    return line


def system_line(state: State, order: Order, now_ms: int, event: str) -> Line:
    """Let the exchange post a system event."""
    text = frames.system_content(event, order)
    line = add_line(state, order, now_ms, kind="system", by=Speaker.SYSTEM, text=text)
    push_line(state, order, line, now_ms)
    return line


def recall(state: State, order: Order, now_ms: int, message_id: int) -> Line:
    """Let the counterparty take a message back: it leaves the history, and a ``recall`` line tells of it.

    Raises KeyError for a message that is not theirs.
    """
    for line in order.lines:
        if line.message_id == message_id and line.by is Speaker.COUNTERPARTY:
            line.recalled = True
            order.unread_by_us = [one for one in order.unread_by_us if one is not line]
            return counterparty_line(state, order, now_ms, "recall", frames.encode({"recalledId": str(message_id)}))
    raise KeyError(f"the counterparty said no message {message_id} in order {order.number}")


def read_by_us(state: State, order: Order, now_ms: int) -> int:
    """Mark the counterparty's lines as read, push them again with that status, and return how many there were."""
    fresh, order.unread_by_us = order.unread_by_us, []
    return _mark(state, order, now_ms, fresh)


def read_by_counterparty(state: State, order: Order, now_ms: int) -> int:
    """Mark our lines as read, push them again with that status, and return how many there were."""
    fresh, order.unread_by_them = order.unread_by_them, []
    return _mark(state, order, now_ms, fresh)


def _mark(state: State, order: Order, now_ms: int, fresh: list[Line]) -> int:
    for line in fresh:
        line.read = True
    for line in fresh[-_READ_REPEAT:]:
        push_line(state, order, line, now_ms)
    return len(fresh)
