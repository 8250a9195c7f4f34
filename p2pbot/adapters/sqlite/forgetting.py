"""Forgetting an order or a person for good: rows, and what is left of them in the file.

Promise: what is forgotten is overwritten, not only unlinked (``secure_delete``, then VACUUM and an emptied write-ahead
log). An order that is open, or so young that its messages could still be answered, keeps its identities (the
exchange's numbers, times, states) and loses every text, name and trace: it must not be answered a second time.
Danger: replies that are on their way are refused, for their text is needed. Copies (backups, a file system's own
snapshots) are out of reach.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from p2pbot.adapters.sqlite.deeds import note
from p2pbot.conversation.records import Action, ActionWord

Pair = tuple[str, str]  # account, order number

_ORDERS = """
    SELECT DISTINCT account, order_no FROM (
        SELECT account, order_no FROM inbox WHERE order_no = :who
        UNION SELECT account, order_no FROM outbox WHERE order_no = :who
        UNION SELECT account, order_no FROM orders WHERE order_no = :who)
    WHERE :account IN ('*', account) ORDER BY account, order_no
"""
_ORDERS_OF = """
    SELECT account, order_no FROM orders WHERE counterparty_key = :who AND :account IN ('*', account)
    ORDER BY account, order_no
"""
_IS_YOUNG = """
    SELECT coalesce((SELECT status NOT IN ('completed', 'cancelled') OR seen_at_ms >= :young FROM orders
                     WHERE account = :account AND order_no = :order_no), 0)
        OR EXISTS (SELECT 1 FROM inbox
                   WHERE order_no = :order_no AND account = :account AND decided_at_ms >= :young) AS young
"""
_WAITING = """
    SELECT count(*) AS rows FROM outbox
    WHERE account = :account AND order_no = :order_no AND state IN ('claimed', 'sending', 'unknown')
"""
_EMPTY = (
    "UPDATE inbox SET text = '', trace = '[]' WHERE order_no = :order_no AND account = :account",
    "UPDATE outbox SET text = '', image_url = '' WHERE order_no = :order_no AND account = :account",
    """
    UPDATE orders SET counterparty_key = '', language = '', tags = '{}'
    WHERE order_no = :order_no AND account = :account
    """,
    "UPDATE actions SET detail = '' WHERE order_no = :order_no AND account IN (:account, '*')",
)
_DELETE = (
    "DELETE FROM outbox WHERE order_no = :order_no AND account = :account",
    "DELETE FROM inbox WHERE order_no = :order_no AND account = :account",
    """
    DELETE FROM firings WHERE account = :account AND
      ((scope = 'order' AND scope_id = :order_no) OR (scope = 'counterparty' AND scope_id = 'order:' || :order_no)
       OR (scope = 'day' AND substr(scope_id, 11) = '/' || :order_no))
    """,
    "DELETE FROM pauses WHERE order_no = :order_no AND account = :account",
    "DELETE FROM actions WHERE order_no = :order_no AND account IN (:account, '*')",
    "DELETE FROM orders WHERE order_no = :order_no AND account = :account",
)
_PERSON = """
    DELETE FROM firings WHERE :account IN ('*', account) AND
      ((scope = 'counterparty' AND scope_id = :who) OR (scope = 'day' AND substr(scope_id, 11) = '/' || :who))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was forgotten: ``orders`` whole, ``emptied`` but for their identities, ``rows`` changed or deleted.

    ``waiting``: replies on their way, for which nothing was done.
    """

    orders: tuple[Pair, ...] = ()
    emptied: tuple[Pair, ...] = ()
    rows: int = 0
    waiting: int = 0

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is known of whom was asked for."""
        return not (self.orders or self.emptied or self.rows or self.waiting)


def forget(connection: sqlite3.Connection, who: str, account: str, now_ms: int, young_ms: int) -> Forgotten:
    """Forget the order of this number, else the person of this name; ``"*"`` as account is any.

    ``young_ms``: an order that was heard of since then is emptied only.
    """
    about = {"who": who, "account": account}
    by_number = _pairs(connection, _ORDERS, about)
    pairs = by_number or _pairs(connection, _ORDERS_OF, about)
    waiting = sum(_counted(connection, _WAITING, pair, "rows") for pair in pairs)
    if waiting:
        return Forgotten(waiting=waiting)
    young = [pair for pair in pairs if _counted(connection, _IS_YOUNG, pair, "young", young_ms)]
    old = [pair for pair in pairs if pair not in young]
    rows = sum(_changed(connection, _EMPTY, pair) for pair in young)
    rows += sum(_changed(connection, _DELETE, pair) for pair in old)
    if not by_number:
        rows += connection.execute(_PERSON, about).rowcount
    if rows:
        detail = f"{len(old)} orders whole, {len(young)} but for their identities"
        note(connection, Action(at_ms=now_ms, word=ActionWord.FORGET, account=account, detail=detail))
    return Forgotten(orders=tuple(old), emptied=tuple(young), rows=rows)


def wipe(connection: sqlite3.Connection) -> bool:
    """Rewrite the file without what was forgotten, and empty its log; False: a reader still holds the log."""
    connection.execute("VACUUM")
    busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not busy


def _pairs(connection: sqlite3.Connection, sql: str, about: dict[str, str]) -> list[Pair]:
    return [(row["account"], row["order_no"]) for row in connection.execute(sql, about)]


def _counted(connection: sqlite3.Connection, sql: str, pair: Pair, column: str, young_ms: int = 0) -> int:
    values = {"account": pair[0], "order_no": pair[1], "young": young_ms}
    return int(connection.execute(sql, values).fetchone()[column])


def _changed(connection: sqlite3.Connection, statements: tuple[str, ...], pair: Pair) -> int:
    values = {"account": pair[0], "order_no": pair[1]}
    return sum(connection.execute(sql, values).rowcount for sql in statements)
