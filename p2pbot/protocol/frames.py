"""Read chat frames and history rows: whatever comes in becomes a value.

Promise: ``parse_frame`` and ``parse_history_row`` never raise; ids are text, times milliseconds, every text bounded.
Danger: ``from_us`` None means that the frame did not say whose it is: never reply to it. The same message comes more
than once (a read mark, a repeated push, the history): its identity is ``message_id``, else ``uuid``, never its status.
Source: the C2C chat protocol notes, section 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from p2pbot.model import ChatMessage, ImageRef, MessageKind, Path, SendRefusal, SystemEvent, SystemEventKind, Unknown
from p2pbot.protocol import fields
from p2pbot.protocol.system_events import read_system_event

MAX_FRAME_CHARS = 256 * 1024  # a talk's frame has under 10 KB; what is larger is not a talk
MAX_TEXT_CHARS = 16_384  # people type up to 1000; replayed cards of 8 KB and more were seen
KEPT_CHARS = 4096  # of a frame that is not understood
_MAX_WORD_CHARS = 64
_MAX_NICKNAME_CHARS = 200
_MAX_URL_CHARS = 4096
_LARGEST_SIDE = 100_000  # pixels
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)

_KINDS = {kind.value: kind for kind in MessageKind}
_HEARTBEATS = frozenset({"ping", "pong", "heartbeat"})
_WITHOUT_TALK = frozenset({MessageKind.STATISTICS, MessageKind.MARK})
"""Kinds that carry nothing for an order, whatever fields they have."""
_MAY_LACK_ORDER = frozenset({MessageKind.RISK_ALERT, MessageKind.RECALL, MessageKind.TRANSLATE})
_CARDS = frozenset({MessageKind.SYSTEM, MessageKind.CARD, MessageKind.RISK_ALERT})
"""Kinds whose content is written by machines and may hold real names: the event is kept, the text is not."""


@dataclass(frozen=True, slots=True)
class Noise:
    """A frame that is understood and says nothing: count it by ``kind``."""

    kind: str


Frame = ChatMessage | SendRefusal | Noise | Unknown


def parse_frame(raw: str | bytes) -> Frame:
    """Return what one socket message says. Never raises."""
    if isinstance(raw, bytes):
        return Noise("binary")
    if len(raw) > MAX_FRAME_CHARS:
        return Unknown(raw[:KEPT_CHARS])
    word = raw.strip().lower()
    if word in ("", "{}"):
        return Noise("empty")
    if word.strip('"') in ("ping", "pong"):
        return Noise(word.strip('"'))
    frame = fields.json_object(raw)
    return Unknown(raw[:KEPT_CHARS]) if frame is None else _frame(frame, raw)


def _frame(frame: Mapping[str, object], raw: str) -> Frame:
    kind = _kind(frame)
    if kind is None:
        word = _word(frame, "type").lower()
        return Noise(word) if word in _HEARTBEATS else Unknown(raw[:KEPT_CHARS])
    if kind in _WITHOUT_TALK:
        return Noise(kind.value)
    if kind is MessageKind.ERROR:
        return _refusal(frame) or Unknown(raw[:KEPT_CHARS])
    message = _message(frame, kind, Path.SOCKET, "")
    if message.order_no:
        return message
    return Noise(kind.value) if kind in _MAY_LACK_ORDER else Unknown(raw[:KEPT_CHARS])


def parse_history_row(row: object, order_no: str) -> ChatMessage | None:
    """Return one message of an order's history; None for what is no object, has no type or is of another order.

    A row that names no order at all is taken for the one that was asked for.
    """
    frame = fields.mapping(row)
    if frame is None:
        return None
    named = fields.first_identity(frame, "orderNo", "topicId")
    kind = _kind(frame)
    if kind is None or (named and named != order_no):
        return None
    return _message(frame, kind, Path.HISTORY, order_no)


def _kind(frame: Mapping[str, object]) -> MessageKind | None:
    """Return the frame's kind, UNKNOWN for a word that the list does not have, None for heartbeats and no word."""
    word = _word(frame, "type").lower()
    if not word or word in _HEARTBEATS:
        return None
    return _KINDS.get(word, MessageKind.UNKNOWN)


def _word(frame: Mapping[str, object], key: str) -> str:
    value = frame.get(key)
    return fields.clean(value[:_MAX_WORD_CHARS]).strip() if isinstance(value, str) else ""


def _refusal(frame: Mapping[str, object]) -> SendRefusal | None:
    """Return the refusal of a frame of ours; without its uuid it refuses nothing that we could name."""
    uuid = fields.identity(frame.get("uuid"))
    if not uuid:
        return None
    return SendRefusal(
        uuid=uuid,
        code=_word(frame, "content"),
        sub_type=_word(frame, "subType"),
        order_no=fields.first_identity(frame, "orderNo", "topicId"),
    )


def _message(frame: Mapping[str, object], kind: MessageKind, path: Path, asked_order_no: str) -> ChatMessage:
    event = _event(frame, kind)
    named = fields.first_identity(frame, "orderNo", "topicId")
    return ChatMessage(
        order_no=named or asked_order_no or (event.order_no if event else ""),
        kind=kind,
        path=path,
        message_id=fields.row_id(frame.get("id")),
        uuid=fields.identity(frame.get("uuid")),
        text="" if kind in _CARDS else _text(frame.get("content")),
        from_us=fields.flag(frame.get("self")),
        nickname=_nickname(frame),
        created_at_ms=fields.millis(frame.get("createTime")) or 0,
        status=_word(frame, "status"),
        image=_image(frame),
        system=event,
    )


def _event(frame: Mapping[str, object], kind: MessageKind) -> SystemEvent | None:
    if kind is MessageKind.RISK_ALERT:
        return SystemEvent(kind=SystemEventKind.MONITOR_WARNING, raw_type=kind.value)
    return read_system_event(frame.get("content")) if kind is MessageKind.SYSTEM else None


def _text(value: object) -> str:
    """Return the typed text with real line breaks; what is beyond the bound is cut, and the cut is said in the text."""
    written = value if isinstance(value, str) else fields.text(value, _MAX_WORD_CHARS) or ""
    whole = _LINE_BREAK.sub("\n", fields.clean(written))
    if len(whole) <= MAX_TEXT_CHARS:
        return whole
    return f"{whole[:MAX_TEXT_CHARS]}… [cut: {len(whole) - MAX_TEXT_CHARS} more characters]"


def _nickname(frame: Mapping[str, object]) -> str:
    found = (fields.text(frame.get(key), _MAX_NICKNAME_CHARS) for key in ("fromNickName", "fromNickname"))
    return next((name for name in found if name), "")


def _image(frame: Mapping[str, object]) -> ImageRef | None:
    image_url = _url(frame.get("imageUrl"))
    if not image_url:
        return None
    return ImageRef(
        image_url=image_url,
        thumbnail_url=_url(frame.get("thumbnailUrl")),
        declared_type=_word(frame, "imageType"),
        width=_pixels(frame.get("width")),
        height=_pixels(frame.get("height")),
    )


def _url(value: object) -> str:
    """Return a web address of sane length, else ''. A cut address would be another one."""
    if not isinstance(value, str) or len(value) > _MAX_URL_CHARS:
        return ""
    address = fields.clean(value).strip()
    return address if address.lower().startswith(("https://", "http://")) else ""


def _pixels(value: object) -> int:
    return min(fields.count(value) or 0, _LARGEST_SIDE)
