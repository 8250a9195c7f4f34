"""A decision's one transaction: has it been made before? if not, write all of it.

Promise: the same message, by whatever path and however often, is claimed once; a claim is in the file whole or not at
all.
Danger: ``message_id`` tells messages apart even where their uuid is the same; a uuid counts only while one of the two
sides has no ``message_id``; ``key`` only while neither pair can be compared. Events have neither, so their key is
their identity: an event with a ``message_id`` would be raised once per card.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from p2pbot.adapters.sqlite.rows import EVENT_WORDS, entry_columns, memory_columns, reply_columns
from p2pbot.conversation.records import Claim, ClaimResult, InboxEntry, OrderMemory, OutboxRow
from p2pbot.errors import OurError
from p2pbot.model import EventKind, FiringMark, LimitScope, MessageKind
from p2pbot.ports import Lease

_SAME_ID = """
    SELECT 1 FROM inbox
    WHERE order_no = :order_no AND account = :account AND message_id = :message_id AND message_id <> ''
"""
_SAME_UUID = """
    SELECT id FROM inbox
    WHERE order_no = :order_no AND account = :account AND uuid = :uuid AND uuid <> ''
      AND (message_id = '' OR :message_id = '')
    LIMIT 1
"""
_SAME_KEY = """
    SELECT 1 FROM inbox
    WHERE order_no = :order_no AND account = :account AND key = :key
      AND (message_id = '' OR :message_id = '') AND (uuid = '' OR :uuid = '')
    LIMIT 1
"""
_INSERT_ENTRY = """
    INSERT INTO inbox (account, order_no, key, kind, path, reason, message_id, uuid, text, from_us, created_at_ms,
                       decided_at_ms, ruleset, trace, fresh)
    VALUES (:account, :order_no, :key, :kind, :path, :reason, :message_id, :uuid, :text, :from_us, :created_at_ms,
            :decided_at_ms, :ruleset, :trace, :fresh)
"""
_LAST_TEXT = """
    SELECT text FROM inbox
    WHERE order_no = ? AND account = ? AND from_us = 0 AND kind = 'text' ORDER BY id DESC LIMIT 1
"""
_INSERT_REPLY = """
    INSERT INTO outbox (inbox_id, uuid, account, order_no, rule_id, stimulus_key, text, state, attempts,
                        passing_refusals, created_at_ms, not_before_ms, expires_at_ms, sending_at_ms, settled_at_ms,
                        order_status, reason, message_id, picture, picture_name, picture_kind, picture_width,
                        picture_height, image_url, uploaded_at_ms)
    VALUES (:inbox_id, :uuid, :account, :order_no, :rule_id, :stimulus_key, :text, :state, :attempts,
            :passing_refusals, :created_at_ms, :not_before_ms, :expires_at_ms, :sending_at_ms, :settled_at_ms,
            :order_status, :reason, :message_id, :picture, :picture_name, :picture_kind, :picture_width,
            :picture_height, :image_url, :uploaded_at_ms)
"""
_COUNT_FIRING = """
    INSERT INTO firings (account, scope, scope_id, rule_group, count, last_ms) VALUES (?, ?, ?, ?, 1, ?)
    ON CONFLICT DO UPDATE SET count = count + 1, last_ms = max(last_ms, excluded.last_ms)
"""
_REMEMBER = """
    INSERT INTO orders (account, order_no, status, side, created_at_ms, seen_at_ms, caught_up_ms,
                        last_operator_ms, counterparty_key, mute_reason, mute_since_ms, mute_until_ms, language, tags)
    VALUES (:account, :order_no, :status, :side, :created_at_ms, :seen_at_ms, :caught_up_ms,
            :last_operator_ms, :counterparty_key, :mute_reason, :mute_since_ms, :mute_until_ms, :language, :tags)
    ON CONFLICT DO UPDATE SET status = excluded.status, side = excluded.side, created_at_ms = excluded.created_at_ms,
        seen_at_ms = excluded.seen_at_ms, caught_up_ms = excluded.caught_up_ms,
        last_operator_ms = excluded.last_operator_ms, counterparty_key = excluded.counterparty_key,
        language = excluded.language, tags = excluded.tags
"""
# Only by whoever changed it: another process may have lifted the mute since the memory was read.
_MUTE = """
    UPDATE orders SET mute_reason = :mute_reason, mute_since_ms = :mute_since_ms, mute_until_ms = :mute_until_ms
    WHERE account = :account AND order_no = :order_no
"""


def write_claim(connection: sqlite3.Connection, claim: Claim, lease: Lease) -> ClaimResult:
    """Write a decision whole; on DUPLICATE at most the id that the stored entry lacked is filled in."""
    entry = claim.entry
    if not lease.held(entry.account):
        return ClaimResult.NOT_LEADER
    if _met_before(connection, entry, fill_in=True):
        return ClaimResult.DUPLICATE
    inserted = connection.execute(_INSERT_ENTRY, entry_columns(entry, fresh=_is_fresh(connection, entry)))
    _enqueue(connection, inserted.lastrowid, claim.replies)
    connection.executemany(_COUNT_FIRING, [_firing(entry, mark) for mark in claim.firings])
    if claim.memory is not None:
        write_memory(connection, claim.memory)
    return ClaimResult.CLAIMED


def is_decided(connection: sqlite3.Connection, entry: InboxEntry) -> bool:
    """Whether a claim of ``entry`` would be a DUPLICATE."""
    return _met_before(connection, entry, fill_in=False)


def write_memory(connection: sqlite3.Connection, memory: OrderMemory) -> None:
    """Insert or replace an order's memory; a stored mute stays as it is unless this memory brings another one."""
    columns = memory_columns(memory)
    connection.execute(_REMEMBER, columns)
    if memory.mute != memory.mute_read:
        connection.execute(_MUTE, columns)


def person(counterparty_key: str, order_no: str) -> str:
    """Return who a counterparty's firings are counted for: without a key, a person of their own per order."""
    return counterparty_key or f"order:{order_no}"


def _met_before(connection: sqlite3.Connection, entry: InboxEntry, *, fill_in: bool) -> bool:
    identity = {
        "account": entry.account,
        "order_no": entry.order_no,
        "message_id": entry.message_id,
        "uuid": entry.uuid,
        "key": entry.key,
    }
    if connection.execute(_SAME_ID, identity).fetchone() is not None:
        return True
    by_uuid = connection.execute(_SAME_UUID, identity).fetchone()
    if by_uuid is not None:
        if fill_in and entry.message_id:
            connection.execute("UPDATE inbox SET message_id = ? WHERE id = ?", (entry.message_id, by_uuid["id"]))
        return True
    return connection.execute(_SAME_KEY, identity).fetchone() is not None


def _is_fresh(connection: sqlite3.Connection, entry: InboxEntry) -> bool:
    """Whether our streak of replies ends with ``entry``: an event, a picture, or a text unlike the one before it."""
    if entry.kind.value in EVENT_WORDS:
        return entry.kind is not EventKind.SILENCE  # our own words into a silence are a streak
    if entry.from_us is not False:
        return False
    if entry.kind == MessageKind.TEXT:
        before = connection.execute(_LAST_TEXT, (entry.order_no, entry.account)).fetchone()
        return before is None or before["text"].strip() != entry.text.strip()
    return entry.kind == MessageKind.IMAGE


def _enqueue(connection: sqlite3.Connection, inbox_id: int | None, replies: Iterable[OutboxRow]) -> None:
    rows = [{**reply_columns(row), "inbox_id": inbox_id} for row in replies]
    try:
        connection.executemany(_INSERT_REPLY, rows)
    except sqlite3.IntegrityError:
        raise OurError("a reply's uuid is in the outbox already") from None


def _firing(entry: InboxEntry, mark: FiringMark) -> tuple[str, str, str, str, int]:
    scope_id = person(mark.scope_id, entry.order_no) if mark.scope is LimitScope.COUNTERPARTY else mark.scope_id
    return entry.account, mark.scope.value, scope_id, mark.group, mark.at_ms
