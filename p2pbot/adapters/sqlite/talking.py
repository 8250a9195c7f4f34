"""What a decision must know of an order's talk, read in one snapshot.

Promise: everything in ``Talk`` is counted from what is stored, so a restart changes nothing. Windows are half open: a
reply exactly one hour old no longer counts; one from the future (the clock was set back) does.
Danger: the entry that is being decided is not stored yet: ``streak`` and ``last_inbound`` speak of the time before it.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from p2pbot.adapters.sqlite.claiming import person
from p2pbot.adapters.sqlite.rows import firing_from, said_from
from p2pbot.conversation.records import SaidText, Talk
from p2pbot.model import FiringCount, LimitScope

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_MAX_SAID = 50

# One statement, for one snapshot is cheap and one round through the parser is cheaper still.
_COUNTS = """
    SELECT
        (SELECT count(*) FROM outbox
         WHERE order_no = :order_no AND account = :account AND state <> 'dropped'
           AND inbox_id >= coalesce((SELECT max(id) FROM inbox
                                     WHERE order_no = :order_no AND account = :account AND fresh = 1), 0)
        ) AS streak,
        (SELECT count(*) FROM outbox
         WHERE order_no = :order_no AND account = :account AND created_at_ms > :hour_ago AND state <> 'dropped'
        ) AS order_1h,
        (SELECT count(*) FROM outbox INDEXED BY outbox_order
         WHERE account = :account AND created_at_ms > :day_ago AND state <> 'dropped'
           AND order_no IN (SELECT order_no FROM orders
                            WHERE account = :account AND counterparty_key = :counterparty AND counterparty_key <> ''
                            UNION SELECT :order_no)
        ) AS counterparty_24h,
        (SELECT count(*) FROM outbox
         WHERE account = :account AND created_at_ms > :minute_ago AND state <> 'dropped'
        ) AS account_1m,
        (SELECT count(*) FROM inbox
         WHERE order_no = :order_no AND account = :account AND from_us = 0 AND kind IN ('text', 'image', 'video')
        ) AS inbound,
        (SELECT text FROM inbox
         WHERE order_no = :order_no AND account = :account AND from_us = 0 AND kind = 'text' ORDER BY id DESC LIMIT 1
        ) AS last_inbound,
        EXISTS (SELECT 1 FROM pauses WHERE account IN (:account, '*') AND order_no IN (:order_no, '*')) AS paused
"""
_SAID = """
    SELECT text, created_at_ms, sending_at_ms, uuid, message_id, state, picture, picture_name, picture_kind,
           picture_width, picture_height, image_url FROM outbox
    WHERE order_no = :order_no AND account = :account ORDER BY seq DESC LIMIT :most
"""
# The dates that it can be now, somewhere on earth, as ``rules.limits`` names a day: alone, or with the person.
_FIRINGS = """
    SELECT rule_group, scope, scope_id, count, last_ms FROM firings
    WHERE account = :account
      AND ((scope = 'order' AND scope_id = :order_no) OR (scope = 'counterparty' AND scope_id = :person)
           OR scope = 'account'
           OR (scope = 'day' AND scope_id IN (:yesterday, :today, :tomorrow, :yesterday || '/' || :same_person,
                                              :today || '/' || :same_person, :tomorrow || '/' || :same_person)))
    ORDER BY scope, scope_id, rule_group
"""


def read_talk(connection: sqlite3.Connection, account: str, order_no: str, counterparty_key: str, now_ms: int) -> Talk:
    """Return the talk of one order as a decision at ``now_ms`` sees it."""
    about = {
        "account": account,
        "order_no": order_no,
        "counterparty": counterparty_key,
        "person": person(counterparty_key, order_no),
        "minute_ago": now_ms - _MINUTE_MS,
        "hour_ago": now_ms - _HOUR_MS,
        "day_ago": now_ms - _DAY_MS,
        "same_person": counterparty_key or order_no,
        "yesterday": _date(now_ms - _DAY_MS),
        "today": _date(now_ms),
        "tomorrow": _date(now_ms + _DAY_MS),
        "most": _MAX_SAID,
    }
    counts = connection.execute(_COUNTS, about).fetchone()
    return Talk(
        firings=_firings(connection, about),
        said=_said(connection, about),
        streak=counts["streak"],
        replies_order_1h=counts["order_1h"],
        replies_counterparty_24h=counts["counterparty_24h"],
        replies_account_1m=counts["account_1m"],
        inbound=counts["inbound"],
        last_inbound=counts["last_inbound"] or "",
        paused=bool(counts["paused"]),
    )


def _date(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()


def _said(connection: sqlite3.Connection, about: dict[str, Any]) -> tuple[SaidText, ...]:
    newest_first = [said_from(row) for row in connection.execute(_SAID, about)]
    return tuple(reversed(newest_first))


def _firings(connection: sqlite3.Connection, about: dict[str, Any]) -> tuple[FiringCount, ...]:
    counts = [firing_from(row) for row in connection.execute(_FIRINGS, about)]
    return tuple(
        replace(count, scope_id=about["counterparty"]) if count.scope is LimitScope.COUNTERPARTY else count
        for count in counts
    )
