-- A database of schema 4 as p2pbot 0.1 wrote it. Never edit: it stands for what merchants have on their disks.
BEGIN TRANSACTION;
CREATE TABLE actions (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ms    INTEGER NOT NULL,
        word     TEXT    NOT NULL,
        account  TEXT    NOT NULL,
        order_no TEXT    NOT NULL,
        detail   TEXT    NOT NULL
    ) STRICT
    ;
INSERT INTO "actions" VALUES(1,1767600000300,'pause','main','20476365073825144832','');
CREATE TABLE firings (
        account    TEXT    NOT NULL,
        scope      TEXT    NOT NULL,
        scope_id   TEXT    NOT NULL,
        rule_group TEXT    NOT NULL,
        count      INTEGER NOT NULL,
        last_ms    INTEGER NOT NULL,
        PRIMARY KEY (account, scope, scope_id, rule_group)
    ) STRICT, WITHOUT ROWID
    ;
INSERT INTO "firings" VALUES('main','counterparty','nick:anna','greeting',1,1767600000000);
INSERT INTO "firings" VALUES('main','order','20476365073825144832','greeting',1,1767600000000);
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
    ;
INSERT INTO "inbox" VALUES(1,'main','20476365073825144832','e:order_created','order_created','socket','answered','','','',NULL,1767600000000,1767600000000,'','[]',1);
INSERT INTO "inbox" VALUES(2,'main','20476365073825144832','m:901','text','socket','answered','901','a','Оплатила! 付款了',0,1767600000000,1767600000000,'','[{"rule": "greeting"}]',1);
INSERT INTO "inbox" VALUES(3,'main','20476365073825144832','u:b','text','socket','sender_unknown','','b','hi',NULL,1767600000000,1767600000000,'','[]',0);
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
        mute_until_ms    INTEGER, language TEXT NOT NULL DEFAULT '', tags TEXT NOT NULL DEFAULT '{}',
        PRIMARY KEY (account, order_no),
        CHECK ((mute_reason IS NULL) = (mute_since_ms IS NULL))
    ) STRICT, WITHOUT ROWID
    ;
INSERT INTO "orders" VALUES('main','20476365073825144832','unpaid','sell',1767599940000,1767600000000,1767600000000,0,'nick:anna','taken_over',1767600000000,1767600000001,'ru','{"asked": "yes"}');
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
    , picture TEXT NOT NULL DEFAULT '', picture_name TEXT NOT NULL DEFAULT '', picture_kind TEXT NOT NULL DEFAULT '', picture_width INTEGER NOT NULL DEFAULT 0, picture_height INTEGER NOT NULL DEFAULT 0, image_url TEXT NOT NULL DEFAULT '', uploaded_at_ms INTEGER NOT NULL DEFAULT 0) STRICT
    ;
INSERT INTO "outbox" VALUES(1,1,'11111111-1111-4111-8111-111111111111','main','20476365073825144832','greeting','m:1','hello','claimed',0,0,1767600000000,0,1767600120000,0,0,'unknown',NULL,'','','','',0,0,'',0);
INSERT INTO "outbox" VALUES(2,2,'22222222-2222-4222-8222-222222222222','main','20476365073825144832','greeting','m:1','it''s here','sent',0,0,1767600000000,0,1767600120000,0,0,'unknown',NULL,'','ab12','images/qr.png','png',200,100,'https://pictures.invalid/1.png',1767600000500);
CREATE TABLE pauses (
        account  TEXT NOT NULL,
        order_no TEXT NOT NULL,
        PRIMARY KEY (account, order_no)
    ) STRICT, WITHOUT ROWID
    ;
INSERT INTO "pauses" VALUES('*','2');
CREATE TABLE presigns (account TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT;
INSERT INTO "presigns" VALUES('main',1767600000400);
CREATE UNIQUE INDEX inbox_message_id ON inbox (order_no, account, message_id) WHERE message_id <> '';
CREATE UNIQUE INDEX inbox_bare_uuid ON inbox (order_no, account, uuid) WHERE uuid <> '' AND message_id = '';
CREATE INDEX inbox_uuid ON inbox (order_no, account, uuid) WHERE uuid <> '';
CREATE INDEX inbox_key ON inbox (order_no, account, key);
CREATE INDEX inbox_talk ON inbox (order_no, account, from_us, kind, id, fresh);
CREATE INDEX inbox_reason ON inbox (account, reason);
CREATE INDEX inbox_decided ON inbox (decided_at_ms);
CREATE INDEX inbox_traced ON inbox (decided_at_ms) WHERE trace <> '[]';
CREATE INDEX outbox_order ON outbox (order_no, account, created_at_ms, state);
CREATE INDEX outbox_claimed ON outbox (account, created_at_ms, state);
CREATE INDEX outbox_state ON outbox (account, state);
CREATE INDEX outbox_inbox ON outbox (inbox_id);
CREATE INDEX orders_open ON orders (account) WHERE status NOT IN ('completed', 'cancelled');
CREATE INDEX orders_counterparty ON orders (account, counterparty_key) WHERE counterparty_key <> '';
CREATE INDEX firings_scope ON firings (scope, last_ms);
CREATE INDEX outbox_uploaded ON outbox (account, picture, uploaded_at_ms) WHERE image_url <> '';
CREATE INDEX presigns_recent ON presigns (account, at_ms);
CREATE INDEX actions_order ON actions (order_no, id);
CREATE INDEX actions_word ON actions (word, id);
CREATE INDEX actions_at ON actions (at_ms);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('actions',1);
INSERT INTO "sqlite_sequence" VALUES('inbox',3);
INSERT INTO "sqlite_sequence" VALUES('outbox',2);
COMMIT;
