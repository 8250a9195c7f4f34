"""A whole talk, put together for showing: the exchange's history, what the store knows of it, and the pictures.

Promise: pure. Who spoke is told as far as it is known: that p2pbot wrote a line is the store's word alone.
Danger: everything in it comes from strangers; the formats escape it, each in its own way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from p2pbot.cli.exchange_line import Remembered
from p2pbot.cli.words import reason_words
from p2pbot.conversation.decision import message_key
from p2pbot.conversation.records import HAND_RULE, InboxEntry, OutboxRow
from p2pbot.model import ChatMessage, MessageKind, Order, Reason, SystemEventKind
from p2pbot.protocol.pictures import PictureFacts


class Speaker(StrEnum):
    """Who said a line.

    OURS: our account, and nobody knows whether p2pbot or a person. NOBODY: the history did not say; never taken for
    the exchange, whose word people trust.
    """

    THEM = "them"
    BOT = "bot"
    PERSON = "person"
    OURS = "ours"
    EXCHANGE = "exchange"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of the talk: its bytes, or why they are not there."""

    facts: PictureFacts | None = None
    data: bytes = field(default=b"", repr=False)
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message. ``reply`` is p2pbot's record of a line of its own, ``entry`` its decision about another's."""

    message: ChatMessage
    speaker: Speaker
    reply: OutboxRow | None = None
    entry: InboxEntry | None = None
    picture: Shown | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """An order's talk. ``order`` None: the exchange does not tell it any more. ``remembered`` False: no store."""

    order_no: str
    account: str
    lines: tuple[Line, ...]
    order: Order | None = None
    truncated: bool = False
    remembered: bool = True


_MACHINES = frozenset({MessageKind.SYSTEM, MessageKind.CARD, MessageKind.RISK_ALERT})
_EVENTS = {
    SystemEventKind.ORDER_CREATED: "the order was opened",
    SystemEventKind.VERIFICATION_REQUIRED: "an extra verification is asked for",
    SystemEventKind.VERIFICATION_DONE: "the verification is done",
    SystemEventKind.ORDER_PAID: "the order was marked as paid",
    SystemEventKind.PAYMENT_EXPIRING: "the time to pay is nearly over",
    SystemEventKind.ORDER_COMPLETED: "the order is completed",
    SystemEventKind.ORDER_CANCELLED: "the order was cancelled",
    SystemEventKind.APPEAL_OPENED: "an appeal was opened",
    SystemEventKind.APPEAL_CLOSED: "the appeal is closed",
    SystemEventKind.MONITOR_WARNING: "the exchange warned about this talk",
}
_OTHER_KINDS = {
    MessageKind.VIDEO: "[a video]",
    MessageKind.RECALL: "[a message was taken back]",
    MessageKind.CARD: "a card of the exchange",
    MessageKind.UNKNOWN: "[something that p2pbot does not know]",
}


def lines_of(
    messages: Iterable[ChatMessage], known: Remembered, pictures: Mapping[str, Shown] | None = None
) -> tuple[Line, ...]:
    """Return the messages with what is known of each. ``pictures`` are by ``message_key``."""
    by_rules = [row for row in known.replies if row.rule_id != HAND_RULE]  # the others are a person's words
    replies = {name: row for row in by_rules for name in (row.uuid, row.message_id) if name}
    entries = {name: entry for entry in known.entries for name in (entry.key, f"u:{entry.uuid}") if name != "u:"}
    return tuple(_line(message, known, replies, entries, pictures or {}) for message in messages)


def _line(
    message: ChatMessage,
    known: Remembered,
    replies: Mapping[str, OutboxRow],
    entries: Mapping[str, InboxEntry],
    pictures: Mapping[str, Shown],
) -> Line:
    reply = (replies.get(message.message_id) or replies.get(message.uuid)) if message.from_us else None
    key = message_key(message)
    return Line(
        message=message,
        speaker=_speaker(message, reply, known),
        reply=reply,
        entry=entries.get(key) or entries.get(f"u:{message.uuid}"),
        picture=pictures.get(key),
    )


def _speaker(message: ChatMessage, reply: OutboxRow | None, known: Remembered) -> Speaker:
    if message.kind in _MACHINES:
        return Speaker.EXCHANGE
    if not message.from_us:
        return Speaker.NOBODY if message.from_us is None else Speaker.THEM
    if reply is not None:
        return Speaker.BOT
    heard_of = known.known and bool(known.entries or known.replies)
    return Speaker.PERSON if heard_of else Speaker.OURS


def words_of(line: Line) -> str:
    """Return what a line says; a message without a text is named."""
    message = line.message
    if message.system is not None:
        raw = message.system.raw_type
        return _EVENTS.get(message.system.kind, f"a card of the exchange: {raw}" if raw else "a card of the exchange")
    if message.text:
        return message.text
    return "" if message.image else _OTHER_KINDS.get(message.kind, f"[{message.kind.value}]")


def silence_words(line: Line) -> str:
    """Return why the other side's line was not answered, '' if it was or nobody knows."""
    entry = line.entry
    if line.speaker is not Speaker.THEM or entry is None or entry.reason is Reason.ANSWERED:
        return ""
    return f"not answered: {reason_words(entry.reason)}"


def headline(order: Order) -> tuple[str, ...]:
    """Return an order's facts in words, those that are known: ``we sell 100 USDT``, ``for 9500 RUB``, ``completed``."""
    amount = f"{order.amount.normalize():f} " if order.amount is not None else ""
    found = [f"we {order.side.value} {amount}{order.asset or ''}".strip()] if order.side else []
    found += [f"for {order.total:f} {order.fiat or ''}".strip()] if order.total is not None else []
    found += [f"at {order.price:f}"] if order.price is not None else []
    return (*found, order.status.value)
