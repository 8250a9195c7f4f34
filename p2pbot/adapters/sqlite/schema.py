"""The tables, as the steps that lead from each schema to the next.

Promise: a released step is never edited; a change of the tables is one more step at the end. The schema's number is
the number of steps taken, kept in ``user_version``.
Danger: every step runs on a merchant's only copy. It is one transaction, and a test takes a database of every older
schema through it.
"""

from __future__ import annotations

from typing import TypeAlias

Step: TypeAlias = tuple[str, ...]  # SQL statements that belong into one transaction

APPLICATION_ID = 0x70327062  # "p2pb": tells our file from any other SQLite database

_FIRST: Step = (
    # One row a decided message or event. ``id`` is the order of the decisions. ``fresh``: our streak of replies ends
    # here (see ``claiming``). Empty text means "has none"; ``from_us`` NULL means "the frame did not say".
    """
    CREATE TABLE inbox (
        id            INTEGER PRIMARY KEY AUTOINCREMENT,
        account       TEXT    NOT NULL,
        order_no      TEXT    NOT NULL,
        key           TEXT    NOT NULL,
        kind          TEXT    NOT NULL,
        path          TEXT    NOT NULL,
        reason        TEXT    NOT NULL,
        message_id    TEXT    NOT NULL,
        uuid          TEXT    NOT NULL,
        text          TEXT    NOT NULL,
        from_us       INTEGER CHECK (from_us IN (0, 1)),
        created_at_ms INTEGER NOT NULL,
        decided_at_ms INTEGER NOT NULL,
        ruleset       TEXT    NOT NULL,
        trace         TEXT    NOT NULL,
        fresh         INTEGER NOT NULL CHECK (fresh IN (0, 1))
    ) STRICT
    """,
    # Identity: what a new message is compared with. Without a message_id a uuid is unique; with one it need not be.
    "CREATE UNIQUE INDEX inbox_message_id ON inbox (order_no, account, message_id) WHERE message_id <> ''",
    "CREATE UNIQUE INDEX inbox_bare_uuid ON inbox (order_no, account, uuid) WHERE uuid <> '' AND message_id = ''",
    "CREATE INDEX inbox_uuid ON inbox (order_no, account, uuid) WHERE uuid <> ''",
    "CREATE INDEX inbox_key ON inbox (order_no, account, key)",
    # What ``talk`` asks at every decision, answered from the index alone.
    "CREATE INDEX inbox_talk ON inbox (order_no, account, from_us, kind, id, fresh)",
    "CREATE INDEX inbox_reason ON inbox (account, reason)",
    "CREATE INDEX inbox_decided ON inbox (decided_at_ms)",
    "CREATE INDEX inbox_traced ON inbox (decided_at_ms) WHERE trace <> '[]'",
    # One row a reply bubble; ``inbox_id`` is the decision that made it. ``seq`` is never used twice.
    """
    CREATE TABLE outbox (
        seq              INTEGER PRIMARY KEY AUTOINCREMENT,
        inbox_id         INTEGER NOT NULL REFERENCES inbox (id),
        uuid             TEXT    NOT NULL UNIQUE,
        account          TEXT    NOT NULL,
        order_no         TEXT    NOT NULL,
        rule_id          TEXT    NOT NULL,
        stimulus_key     TEXT    NOT NULL,
        text             TEXT    NOT NULL,
        state            TEXT    NOT NULL,
        attempts         INTEGER NOT NULL,
        passing_refusals INTEGER NOT NULL,
        created_at_ms    INTEGER NOT NULL,
        not_before_ms    INTEGER NOT NULL,
        expires_at_ms    INTEGER NOT NULL,
        sending_at_ms    INTEGER NOT NULL,
        settled_at_ms    INTEGER NOT NULL,
        order_status     TEXT    NOT NULL,
        reason           TEXT,
        message_id       TEXT    NOT NULL
    ) STRICT
    """,
    "CREATE INDEX outbox_order ON outbox (order_no, account, created_at_ms, state)",
    "CREATE INDEX outbox_claimed ON outbox (account, created_at_ms, state)",
    "CREATE INDEX outbox_state ON outbox (account, state)",
    "CREATE INDEX outbox_inbox ON outbox (inbox_id)",
    # What must survive a restart about an order.
    """
    CREATE TABLE orders (
        account          TEXT    NOT NULL,
        order_no         TEXT    NOT NULL,
        status           TEXT    NOT NULL,
        side             TEXT,
        created_at_ms    INTEGER,
        seen_at_ms       INTEGER NOT NULL,
        caught_up_ms     INTEGER NOT NULL,
        last_operator_ms INTEGER NOT NULL,
        counterparty_key TEXT    NOT NULL,
        mute_reason      TEXT,
        mute_since_ms    INTEGER,
        mute_until_ms    INTEGER,
        PRIMARY KEY (account, order_no),
        CHECK ((mute_reason IS NULL) = (mute_since_ms IS NULL))
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX orders_open ON orders (account) WHERE status NOT IN ('completed', 'cancelled')",
    "CREATE INDEX orders_counterparty ON orders (account, counterparty_key) WHERE counterparty_key <> ''",
    # How often a rule, or its group, spoke within a scope.
    """
    CREATE TABLE firings (
        account    TEXT    NOT NULL,
        scope      TEXT    NOT NULL,
        scope_id   TEXT    NOT NULL,
        rule_group TEXT    NOT NULL,
        count      INTEGER NOT NULL,
        last_ms    INTEGER NOT NULL,
        PRIMARY KEY (account, scope, scope_id, rule_group)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX firings_scope ON firings (scope, last_ms)",
    # What the operator silenced; '*' stands for all.
    """
    CREATE TABLE pauses (
        account  TEXT NOT NULL,
        order_no TEXT NOT NULL,
        PRIMARY KEY (account, order_no)
    ) STRICT, WITHOUT ROWID
    """,
)

# The counterparty's language, and what rules have set on the order: a JSON object of texts.
_SECOND: Step = (
    "ALTER TABLE orders ADD COLUMN language TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE orders ADD COLUMN tags TEXT NOT NULL DEFAULT '{}'",
)

# A reply that is a picture: which bytes ('' = it is a text), what its frame says, and where the exchange shows it.
_THIRD: Step = (
    "ALTER TABLE outbox ADD COLUMN picture TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE outbox ADD COLUMN picture_name TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE outbox ADD COLUMN picture_kind TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE outbox ADD COLUMN picture_width INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE outbox ADD COLUMN picture_height INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE outbox ADD COLUMN image_url TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE outbox ADD COLUMN uploaded_at_ms INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX outbox_uploaded ON outbox (account, picture, uploaded_at_ms) WHERE image_url <> ''",
    # Calls for a place to upload to: the exchange counts them by the minute, whatever process of ours made them.
    "CREATE TABLE presigns (account TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT",
    "CREATE INDEX presigns_recent ON presigns (account, at_ms)",
)

# What a person did (pause, send, forget, restore, ...) and when: ids and counts, never a text of a chat.
_FOURTH: Step = (
    """
    CREATE TABLE actions (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ms    INTEGER NOT NULL,
        word     TEXT    NOT NULL,
        account  TEXT    NOT NULL,
        order_no TEXT    NOT NULL,
        detail   TEXT    NOT NULL
    ) STRICT
    """,
    "CREATE INDEX actions_order ON actions (order_no, id)",
    "CREATE INDEX actions_word ON actions (word, id)",
    "CREATE INDEX actions_at ON actions (at_ms)",
)

STEPS: tuple[Step, ...] = (_FIRST, _SECOND, _THIRD, _FOURTH)
