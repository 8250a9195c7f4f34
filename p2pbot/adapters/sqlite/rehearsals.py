"""What was decided in shadow, counted by account, rule and order. Read once a day, so it has no index of its own."""

from __future__ import annotations

import sqlite3

from p2pbot.conversation.summary import Rehearsed

QUERY = """
    SELECT account, rule_id, order_no, count(DISTINCT inbox_id) AS times FROM outbox
    WHERE state = 'shadow' AND created_at_ms >= ? AND created_at_ms < ?
    GROUP BY account, rule_id, order_no
    UNION ALL
    SELECT account, '', order_no, count(*) FROM inbox
    WHERE reason = 'no_rule' AND decided_at_ms >= ? AND decided_at_ms < ?
    GROUP BY account, order_no
    ORDER BY 1, 2, 3 LIMIT 10000
"""


def row(found: sqlite3.Row) -> Rehearsed:
    """Return one row of the answer."""
    return Rehearsed(
        account=found["account"], rule_id=found["rule_id"], order_no=found["order_no"], times=found["times"]
    )
