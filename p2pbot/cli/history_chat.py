"""A talk as one JSON line that ``p2pbot rules replay`` reads: the steps of a dialogue test.

Promise: pure; what replay cannot play (automatic replies, cards without an event) is left out; names and bank data of
the order are not in it, the texts of the talk are.
Danger: our lines count as a person's (which mutes p2pbot) only where the store knows which are p2pbot's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import accumulate
from typing import TypeAlias

from p2pbot.cli.transcript import Line, Speaker, Transcript
from p2pbot.model import ChatMessage, EventKind, MessageKind, Order, SystemEventKind
from p2pbot.protocol.picture_names import picture_name
from p2pbot.rules.dialogue import MAX_STEPS, START_MS

Step: TypeAlias = dict[str, object]

_UNREADABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_TEXT = 2000  # characters of a message that rules read
_LONGEST_CHAT = 150_000  # characters of all steps; replay refuses a line of 200,000
_EVENTS = {
    SystemEventKind.ORDER_CREATED: EventKind.ORDER_CREATED,
    SystemEventKind.ORDER_PAID: EventKind.ORDER_PAID,
    SystemEventKind.ORDER_COMPLETED: EventKind.ORDER_COMPLETED,
    SystemEventKind.ORDER_CANCELLED: EventKind.ORDER_CANCELLED,
    SystemEventKind.APPEAL_OPENED: EventKind.APPEAL_OPENED,
    SystemEventKind.APPEAL_CLOSED: EventKind.APPEAL_CLOSED,
}


def as_chat(talk: Transcript) -> tuple[str, int]:
    """Return the JSON line, and how many steps did not fit. A talk in which nothing can be played is ''."""
    steps = list(_steps(talk.lines))
    if not steps:
        return "", 0
    fitting = _fitting(steps)
    chat = {
        "name": talk.order_no,
        "order": _order(talk),
        "clock": _moment(_began_ms(talk)),
        "chat": fitting,
    }
    return json.dumps(chat, ensure_ascii=False), len(steps) - len(fitting)


def _fitting(steps: list[Step]) -> list[Step]:
    """Return the first steps, as many as replay takes."""
    sizes = accumulate(len(json.dumps(step, ensure_ascii=False)) for step in steps)
    return [step for step, size in zip(steps[:MAX_STEPS], sizes, strict=False) if size <= _LONGEST_CHAT]


def _steps(lines: tuple[Line, ...]) -> Iterator[Step]:
    """Yield what was said and what happened, with the time between."""
    at_ms = 0
    for line in lines:
        step = _step(line)
        if step is None:
            continue
        gap_ms = line.message.created_at_ms - at_ms
        if at_ms and gap_ms > 0:
            yield {"wait": f"{gap_ms}ms" if gap_ms % 1000 else f"{gap_ms // 1000}s"}
        at_ms = max(at_ms, line.message.created_at_ms)
        yield step


def _step(line: Line) -> Step | None:
    message = line.message
    if message.system is not None:
        event = _EVENTS.get(message.system.kind)
        return {"event": event.value} if event else None
    if message.kind not in (MessageKind.TEXT, MessageKind.IMAGE):
        return None
    if line.speaker is Speaker.THEM:
        return {"image": picture_name(message)} if message.image else _said("counterparty", message)
    if line.speaker is Speaker.PERSON:
        return _said("operator", message)
    if line.speaker is Speaker.BOT and line.reply:
        return {"bot": {"rule": line.reply.rule_id} | ({"text": _readable(message.text)} if message.text else {})}
    return None


def _said(who: str, message: ChatMessage) -> Step:
    return {who: _readable(message.text) or "…"}


def _readable(text: str) -> str:
    """Return a text without what the reader of chats, which is that of YAML, does not take."""
    return _UNREADABLE.sub("\ufffd", text[:_LONGEST_TEXT])


def _began_ms(talk: Transcript) -> int:
    return next((line.message.created_at_ms for line in talk.lines if line.message.created_at_ms), START_MS)


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).isoformat(timespec="seconds")


def _order(talk: Transcript) -> dict[str, object]:
    """Return the order's facts as ``when:`` names them; its state is that of the talk's beginning."""
    given: dict[str, object] = {"number": talk.order_no, "account": talk.account}
    if talk.order is None:
        return given
    order = talk.order
    numbers = {"amount": order.amount, "total": order.total, "price": order.price}
    words = {"side": order.side and order.side.value, "asset": order.asset, "fiat": order.fiat, "ad": order.ad}
    given |= {name: word for name, word in words.items() if word}
    given |= {name: f"{number:f}" for name, number in numbers.items() if number is not None}
    methods = [method.identifier or method.name for method in order.payment_methods or ()]
    given |= {"payment_method": methods} if methods else {}
    given |= _counterparty(order)
    status = _status_at_first(talk, order)
    return given | ({"order_status": status} if status != "unknown" else {})


def _counterparty(order: Order) -> dict[str, object]:
    them = order.counterparty
    counts = {"orders": them.orders, "trades_with_us": them.trades_with_us}
    known: dict[str, object] = {name: count for name, count in counts.items() if count is not None}
    known |= {"completion": f"{them.completion:f}"} if them.completion is not None else {}
    known |= {"registered": f"{them.registered_days}d"} if them.registered_days is not None else {}
    return {"counterparty": known} if known else {}


def _status_at_first(talk: Transcript, order: Order) -> str:
    """Return the state before the talk's own events: an order begins unpaid; without events it is as it was."""
    told = any(line.message.system and line.message.system.kind in _EVENTS for line in talk.lines)
    return "unpaid" if told and not talk.truncated else order.status.value
