"""What the store forgets, and when, so that the file is bounded by a merchant's trade and not by time.

Promise: an order that is open and was heard of within the retention loses nothing but its old traces. Everything goes
in batches, each a transaction of its own, so that a claim never waits long.
Danger: what is forgotten is decided again if it comes again; so the retention must exceed by far the age at which a
message is too old to be answered (minutes) and the life of an order (days; an appeal: weeks).
"""

from __future__ import annotations

import sqlite3

DAY_MS = 86_400_000
MESSAGES_MS = 90 * DAY_MS
TRACES_MS = 30 * DAY_MS
FIRINGS_MS = 365 * DAY_MS  # "once per counterparty" means: once until a year of silence
DAY_FIRINGS_MS = 3 * DAY_MS  # a local date is over everywhere after two
BATCH = 500  # rows a transaction: a few milliseconds

_STEPS = (
    """
    DELETE FROM outbox WHERE seq IN (
        SELECT seq FROM outbox WHERE created_at_ms < :messages AND NOT EXISTS (
            SELECT 1 FROM orders WHERE orders.account = outbox.account AND orders.order_no = outbox.order_no
              AND status NOT IN ('completed', 'cancelled') AND seen_at_ms >= :messages)
        LIMIT :batch)
    """,
    """
    DELETE FROM inbox WHERE id IN (
        SELECT id FROM inbox WHERE decided_at_ms < :messages AND NOT EXISTS (
            SELECT 1 FROM orders WHERE orders.account = inbox.account AND orders.order_no = inbox.order_no
              AND status NOT IN ('completed', 'cancelled') AND seen_at_ms >= :messages)
          AND NOT EXISTS (SELECT 1 FROM outbox WHERE inbox_id = inbox.id)
        LIMIT :batch)
    """,
    """
    UPDATE inbox SET trace = '[]' WHERE id IN (
        SELECT id FROM inbox WHERE decided_at_ms < :traces AND trace <> '[]' LIMIT :batch)
    """,
    """
    DELETE FROM firings WHERE (account, scope, scope_id, rule_group) IN (
        SELECT account, scope, scope_id, rule_group FROM firings
        WHERE scope = 'order' AND last_ms < :messages AND NOT EXISTS (
            SELECT 1 FROM orders WHERE orders.account = firings.account AND orders.order_no = firings.scope_id
              AND status NOT IN ('completed', 'cancelled') AND seen_at_ms >= :messages)
        LIMIT :batch)
    """,
    """
    DELETE FROM firings WHERE (account, scope, scope_id, rule_group) IN (
        SELECT account, scope, scope_id, rule_group FROM firings
        WHERE (scope = 'day' AND last_ms < :days) OR (scope IN ('counterparty', 'account') AND last_ms < :firings)
        LIMIT :batch)
    """,
    """
    DELETE FROM pauses WHERE (account, order_no) IN (
        SELECT pauses.account, pauses.order_no FROM pauses JOIN orders
          ON orders.order_no = pauses.order_no AND pauses.account IN (orders.account, '*')
        WHERE seen_at_ms < :messages AND coalesce(created_at_ms, 0) < :messages AND last_operator_ms < :messages
        LIMIT :batch)
    """,
    "DELETE FROM actions WHERE id IN (SELECT id FROM actions WHERE at_ms < :messages LIMIT :batch)",
    """
    DELETE FROM orders WHERE (account, order_no) IN (
        SELECT account, order_no FROM orders
        WHERE seen_at_ms < :messages AND coalesce(created_at_ms, 0) < :messages AND last_operator_ms < :messages
        LIMIT :batch)
    """,
)
STEP_NUMBERS = range(len(_STEPS))


def cutoffs(now_ms: int, messages_ms: int, traces_ms: int, firings_ms: int) -> dict[str, int]:
    """Return what is old at ``now_ms``, as the steps name it."""
    return {
        "messages": now_ms - messages_ms,
        "traces": now_ms - traces_ms,
        "firings": now_ms - firings_ms,
        "days": now_ms - DAY_FIRINGS_MS,
        "batch": BATCH,
    }


def forget(connection: sqlite3.Connection, step: int, old: dict[str, int]) -> int:
    """Forget one batch of one step; return how many rows it was (less than BATCH: nothing is left)."""
    return connection.execute(_STEPS[step], old).rowcount
