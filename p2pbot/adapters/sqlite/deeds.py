"""What people did: kept with its time, and the two deeds that are one statement.

Promise: the newest thousand rows an answer; details hold ids and counts, so they may be shown.
"""

from __future__ import annotations

import sqlite3

from p2pbot.adapters.sqlite.rows import action_from
from p2pbot.conversation.records import Action, ActionWord, Mute

MOST = 1000  # of one order; a person types them
LONGEST_DETAIL = 500

_ACT = """
    INSERT INTO actions (at_ms, word, account, order_no, detail) VALUES (?, ?, ?, ?, ?)
"""
# An order's own, and what silenced orders without naming them since p2pbot first heard of this one.
_OF_ORDER = """
    SELECT * FROM (
        SELECT * FROM actions WHERE order_no = :order_no
          OR (order_no = '*' AND word IN ('pause', 'resume', 'restore', 'moved_in')
              AND at_ms >= (SELECT min(decided_at_ms) FROM inbox WHERE order_no = :order_no))
        ORDER BY id DESC LIMIT :most)
    ORDER BY id
"""
_MUTE = """
    UPDATE orders SET mute_reason = ?, mute_since_ms = ?, mute_until_ms = ?
    WHERE order_no = ? AND ? IN ('*', account) RETURNING account
"""
_MOVE = "SELECT word, at_ms FROM actions WHERE word IN ('restore', 'moved_in') ORDER BY id DESC LIMIT 1"


def note(connection: sqlite3.Connection, action: Action) -> None:
    """Insert an action."""
    values = (action.at_ms, action.word.value, action.account, action.order_no, action.detail[:LONGEST_DETAIL])
    connection.execute(_ACT, values)


def of_order(connection: sqlite3.Connection, order_no: str, limit: int) -> tuple[Action, ...]:
    """Return what was done about an order, oldest first, with the pauses of everything since it is known."""
    about = {"order_no": order_no, "most": max(0, min(limit, MOST))}
    return tuple(action_from(row) for row in connection.execute(_OF_ORDER, about))


def mute(connection: sqlite3.Connection, account: str, order_no: str, why: Mute) -> tuple[str, ...]:
    """Silence an order that is remembered; return the accounts in which it is."""
    values = (why.reason.value, why.since_ms, why.until_ms, order_no, account)
    return tuple(sorted(row["account"] for row in connection.execute(_MUTE, values).fetchall()))


def moved_in(connection: sqlite3.Connection, now_ms: int) -> int:
    """Return when a daemon first ran on a restored copy, which is now if none has yet; 0 if it is no copy."""
    row = connection.execute(_MOVE).fetchone()
    if row is None:
        return 0
    if row["word"] == ActionWord.RESTORE:
        note(connection, Action(at_ms=now_ms, word=ActionWord.MOVED_IN))
        return now_ms
    return int(row["at_ms"])
