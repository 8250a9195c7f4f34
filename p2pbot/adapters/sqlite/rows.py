"""Records to columns and back.

Promise: a record read is equal to the ``storable`` record written.
Danger: a word in a column that this p2pbot does not know means that somebody else wrote the file: StateDamaged, never
a guess.
"""

from __future__ import annotations

import json
import sqlite3
from enum import StrEnum
from typing import Any, TypeVar

from p2pbot.conversation.records import (
    Action,
    ActionWord,
    InboxEntry,
    Mute,
    OrderMemory,
    OutboxRow,
    OutboxState,
    SaidText,
)
from p2pbot.errors import StateDamaged
from p2pbot.model import (
    EventKind,
    FiringCount,
    LimitScope,
    MessageKind,
    OrderStatus,
    Path,
    Picture,
    PictureKind,
    Reason,
    Side,
)

E = TypeVar("E", bound=StrEnum)
Columns = dict[str, Any]

EVENT_WORDS = frozenset(kind.value for kind in EventKind) - {kind.value for kind in MessageKind}


def entry_columns(entry: InboxEntry, *, fresh: bool) -> Columns:
    """Return an inbox entry's columns."""
    return {
        "account": entry.account,
        "order_no": entry.order_no,
        "key": entry.key,
        "kind": entry.kind.value,
        "path": entry.path.value,
        "reason": entry.reason.value,
        "message_id": entry.message_id,
        "uuid": entry.uuid,
        "text": entry.text,
        "from_us": entry.from_us,
        "created_at_ms": entry.created_at_ms,
        "decided_at_ms": entry.decided_at_ms,
        "ruleset": entry.ruleset,
        "trace": entry.trace,
        "fresh": fresh,
    }


def entry_from(row: sqlite3.Row) -> InboxEntry:
    """Return the inbox entry of a row."""
    return InboxEntry(
        account=row["account"],
        order_no=row["order_no"],
        key=row["key"],
        kind=_kind(row["kind"]),
        path=_word(Path, row["path"]),
        reason=_word(Reason, row["reason"]),
        message_id=row["message_id"],
        uuid=row["uuid"],
        text=row["text"],
        from_us=None if row["from_us"] is None else bool(row["from_us"]),
        created_at_ms=row["created_at_ms"],
        decided_at_ms=row["decided_at_ms"],
        ruleset=row["ruleset"],
        trace=row["trace"],
    )


def reply_columns(row: OutboxRow) -> Columns:
    """Return a reply's columns, without ``seq``: the store gives it."""
    return {
        "uuid": row.uuid,
        "account": row.account,
        "order_no": row.order_no,
        "rule_id": row.rule_id,
        "stimulus_key": row.stimulus_key,
        "text": row.text,
        "state": row.state.value,
        "attempts": row.attempts,
        "passing_refusals": row.passing_refusals,
        "created_at_ms": row.created_at_ms,
        "not_before_ms": row.not_before_ms,
        "expires_at_ms": row.expires_at_ms,
        "sending_at_ms": row.sending_at_ms,
        "settled_at_ms": row.settled_at_ms,
        "order_status": row.order_status.value,
        "reason": None if row.reason is None else row.reason.value,
        "message_id": row.message_id,
        **_picture_columns(row.picture),
        "image_url": row.image_url,
        "uploaded_at_ms": row.uploaded_at_ms,
    }


def _picture_columns(picture: Picture | None) -> Columns:
    return {
        "picture": picture.sha256 if picture else "",
        "picture_name": picture.name if picture else "",
        "picture_kind": picture.kind.value if picture else "",
        "picture_width": picture.width if picture else 0,
        "picture_height": picture.height if picture else 0,
    }


def _picture_from(row: sqlite3.Row) -> Picture | None:
    if not row["picture"]:
        return None
    return Picture(
        name=row["picture_name"],
        sha256=row["picture"],
        kind=_word(PictureKind, row["picture_kind"]),
        width=row["picture_width"],
        height=row["picture_height"],
    )


def reply_from(row: sqlite3.Row) -> OutboxRow:
    """Return the reply of a row."""
    return OutboxRow(
        uuid=row["uuid"],
        account=row["account"],
        order_no=row["order_no"],
        rule_id=row["rule_id"],
        stimulus_key=row["stimulus_key"],
        text=row["text"],
        state=_word(OutboxState, row["state"]),
        seq=row["seq"],
        attempts=row["attempts"],
        passing_refusals=row["passing_refusals"],
        created_at_ms=row["created_at_ms"],
        not_before_ms=row["not_before_ms"],
        expires_at_ms=row["expires_at_ms"],
        sending_at_ms=row["sending_at_ms"],
        settled_at_ms=row["settled_at_ms"],
        order_status=_word(OrderStatus, row["order_status"]),
        reason=_word_or_none(Reason, row["reason"]),
        message_id=row["message_id"],
        picture=_picture_from(row),
        image_url=row["image_url"],
        uploaded_at_ms=row["uploaded_at_ms"],
    )


def said_from(row: sqlite3.Row) -> SaidText:
    """Return a reply as a text of ours."""
    return SaidText(
        text=row["text"],
        at_ms=row["created_at_ms"],
        written_at_ms=row["sending_at_ms"],
        uuid=row["uuid"],
        message_id=row["message_id"],
        state=_word(OutboxState, row["state"]),
        picture=_picture_from(row),
        image_url=row["image_url"],
    )


def memory_columns(memory: OrderMemory) -> Columns:
    """Return the columns of what is remembered of an order."""
    mute = memory.mute
    return {
        "account": memory.account,
        "order_no": memory.order_no,
        "status": memory.status.value,
        "side": None if memory.side is None else memory.side.value,
        "created_at_ms": memory.created_at_ms,
        "seen_at_ms": memory.seen_at_ms,
        "caught_up_ms": memory.caught_up_ms,
        "last_operator_ms": memory.last_operator_ms,
        "counterparty_key": memory.counterparty_key,
        "mute_reason": None if mute is None else mute.reason.value,
        "mute_since_ms": None if mute is None else mute.since_ms,
        "mute_until_ms": None if mute is None else mute.until_ms,
        "language": memory.language,
        "tags": json.dumps(dict(memory.tags), ensure_ascii=False),
    }


def memory_from(row: sqlite3.Row) -> OrderMemory:
    """Return what is remembered of an order."""
    reason = _word_or_none(Reason, row["mute_reason"])
    mute = None if reason is None else Mute(reason=reason, since_ms=row["mute_since_ms"], until_ms=row["mute_until_ms"])
    return OrderMemory(
        account=row["account"],
        order_no=row["order_no"],
        status=_word(OrderStatus, row["status"]),
        side=_word_or_none(Side, row["side"]),
        created_at_ms=row["created_at_ms"],
        seen_at_ms=row["seen_at_ms"],
        caught_up_ms=row["caught_up_ms"],
        last_operator_ms=row["last_operator_ms"],
        counterparty_key=row["counterparty_key"],
        mute=mute,
        language=row["language"],
        tags=_tags(row["tags"]),
        mute_read=mute,
    )


def _tags(text: str) -> tuple[tuple[str, str], ...]:
    try:
        return tuple((str(name), str(value)) for name, value in json.loads(text).items())
    except (ValueError, AttributeError):
        raise StateDamaged(
            "the state database holds tags that cannot be read", remedy="restore a backup of the state directory"
        ) from None


def firing_from(row: sqlite3.Row) -> FiringCount:
    """Return how often a group spoke within a scope."""
    return FiringCount(
        group=row["rule_group"],
        scope=_word(LimitScope, row["scope"]),
        scope_id=row["scope_id"],
        count=row["count"],
        last_ms=row["last_ms"],
    )


def action_from(row: sqlite3.Row) -> Action:
    """Return the action of a row."""
    return Action(
        at_ms=row["at_ms"],
        word=_word(ActionWord, row["word"]),
        account=row["account"],
        order_no=row["order_no"],
        detail=row["detail"],
    )


def _kind(value: str) -> MessageKind | EventKind:
    return _word(EventKind, value) if value in EVENT_WORDS else _word(MessageKind, value)


def _word(words: type[E], value: str) -> E:
    try:
        return words(value)
    except ValueError:
        raise StateDamaged(
            f"the state database holds {value!r}, which is no {words.__name__}",
            remedy="another program, or another version of p2pbot, wrote it: run that version, or restore a backup",
        ) from None


def _word_or_none(words: type[E], value: str | None) -> E | None:
    return None if value is None else _word(words, value)
