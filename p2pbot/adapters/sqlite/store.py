"""The daemon's memory in one SQLite file (see docs/state.md).

Promise: when a method returns, its transaction is on the disk (WAL, ``synchronous=FULL``); a crash at any moment
leaves every acknowledged transaction and no part of another. The loop never waits for the disk. Only errors of
``p2pbot.errors`` leave.
Danger: a caller that is cancelled, or that meets a StateError, does not know whether its transaction happened. For a
claim: ask again. DUPLICATE then means that it happened, and its replies are in ``pending``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from p2pbot.adapters.sqlite import deeds, forgetting, rehearsals, retention
from p2pbot.adapters.sqlite.claiming import is_decided, write_claim, write_memory
from p2pbot.adapters.sqlite.opening import open_beside, open_owned
from p2pbot.adapters.sqlite.rows import entry_from, memory_from, reply_columns, reply_from
from p2pbot.adapters.sqlite.schema import STEPS, Step
from p2pbot.adapters.sqlite.storable import storable, storable_text
from p2pbot.adapters.sqlite.talking import read_talk
from p2pbot.adapters.sqlite.worker import Worker
from p2pbot.conversation.records import (
    Action,
    Claim,
    ClaimResult,
    InboxEntry,
    Mute,
    OrderMemory,
    OutboxRow,
    OutboxState,
    Talk,
    Uploaded,
)
from p2pbot.conversation.summary import Rehearsed
from p2pbot.ports import Lease

T = TypeVar("T")

MAX_OPEN_ORDERS = 5000  # an exchange caps open orders far below; a bound for a damaged status

_OPEN_ORDERS = """
    SELECT * FROM orders WHERE account = ? AND status NOT IN ('completed', 'cancelled')
    ORDER BY coalesce(created_at_ms, seen_at_ms) DESC, order_no DESC LIMIT ?
"""
_PENDING = """
    SELECT * FROM outbox WHERE account = ? AND state IN ('claimed', 'sending', 'unknown') ORDER BY seq
"""
_ADVANCE = """
    UPDATE outbox SET state = :state, attempts = :attempts, passing_refusals = :passing_refusals,
        not_before_ms = :not_before_ms, expires_at_ms = :expires_at_ms, sending_at_ms = :sending_at_ms,
        settled_at_ms = :settled_at_ms, reason = :reason, message_id = :message_id, image_url = :image_url,
        uploaded_at_ms = :uploaded_at_ms
    WHERE uuid = :uuid AND state = :expected
"""
_UPLOADED = """
    SELECT image_url, uploaded_at_ms FROM outbox
    WHERE account = ? AND picture = ? AND image_url <> '' AND uploaded_at_ms > ? AND ? IN ('', order_no)
      AND state <> 'rejected'
    ORDER BY uploaded_at_ms DESC, seq DESC LIMIT 1
"""
_INBOX = "SELECT * FROM (SELECT * FROM inbox WHERE order_no = ? ORDER BY id DESC LIMIT ?) ORDER BY id"
_OUTBOX = "SELECT * FROM (SELECT * FROM outbox WHERE order_no = ? ORDER BY seq DESC LIMIT ?) ORDER BY seq"
_TALLY = """
    SELECT 'inbox' AS box, account, reason AS word, count(*) AS rows FROM inbox GROUP BY account, reason
    UNION ALL
    SELECT 'outbox', account, state, count(*) FROM outbox GROUP BY account, state
"""
_DECIDED = "SELECT * FROM inbox WHERE decided_at_ms >= ? ORDER BY id DESC LIMIT ?"
_PRESIGNED = "SELECT at_ms FROM presigns WHERE account = ? AND at_ms >= ? ORDER BY at_ms DESC LIMIT ?"
MAX_PRESIGNS = 1000  # 36 a minute over the ten minutes that are kept are 360
PRESIGNS_KEPT_MS = 600_000  # ten times what the exchange counts over
MAX_ROWS = 100_000  # of one order, for a person to read
MAX_DECIDED = 20_000  # of all orders, with their traces in memory: about 100 MB


def _bounded(limit: int) -> int:
    return max(0, min(limit, MAX_ROWS))


def note_presign(connection: sqlite3.Connection, account: str, now_ms: int) -> None:
    """Insert one call, forget the old ones."""
    connection.execute("DELETE FROM presigns WHERE account = ? AND at_ms < ?", (account, now_ms - PRESIGNS_KEPT_MS))
    connection.execute("INSERT INTO presigns (account, at_ms) VALUES (?, ?)", (account, now_ms))


class NobodysLease:
    """The lease of a command that looks while a daemon runs: it may act for nobody."""

    def held(self, account: str) -> bool:  # noqa: ARG002 – the same for every account
        """Return False."""
        return False


class SqliteStore:
    """``p2pbot.ports.Store`` on SQLite. Open it with one of the three ``open…``; ``close`` it."""

    def __init__(self, worker: Worker, lease: Lease) -> None:
        self._worker = worker
        self._lease = lease

    @classmethod
    async def open(cls, path: Path, lease: Lease, *, steps: tuple[Step, ...] = STEPS) -> SqliteStore:
        """Open the daemon's store: created (0600) if missing, checked, migrated.

        ``lease`` is asked inside each claim's transaction, on the store's thread. The caller holds the state
        directory. Raises StateTooNew, StateDamaged, StateUnwritable, StateLocked; then the file is as it was.
        """
        return cls(await Worker.started(path, partial(open_owned, path, steps)), lease)

    @classmethod
    async def open_readonly(cls, path: Path) -> SqliteStore:
        """Open for a command that only looks, beside a running daemon or without one; writing raises StateUnwritable.

        It changes no file. Keep it open briefly: opened while no daemon runs, it never sees what one writes later.
        Raises StateError if there is no database yet or it is of an older p2pbot; else as ``open``.
        """
        return cls(await Worker.started(path, partial(open_beside, path, readonly=True)), NobodysLease())

    @classmethod
    async def open_beside(cls, path: Path) -> SqliteStore:
        """Open for ``set_paused`` beside a running daemon or without one; it claims nothing. Keep it open briefly.

        Raises as ``open_readonly``.
        """
        return cls(await Worker.started(path, partial(open_beside, path, readonly=False)), NobodysLease())

    async def claim(self, claim: Claim) -> ClaimResult:
        """Write a decision whole, or DUPLICATE / NOT_LEADER and nothing.

        (A duplicate that brings the id which the stored entry lacked leaves that id.) Cancelled: see the module.
        Raises OurError for a reply whose uuid was used before.
        """
        clean = storable(claim)
        return await self._worker.write(lambda connection: write_claim(connection, clean, self._lease))

    async def is_decided(self, entry: InboxEntry) -> bool:
        """Whether a claim of ``entry`` would be a DUPLICATE."""
        clean = storable(entry)
        return await self._worker.read(lambda connection: is_decided(connection, clean))

    async def talk(self, account: str, order_no: str, counterparty_key: str, now_ms: int) -> Talk:
        """Return what a decision must know of the order's talk.

        Replies to a counterparty: those in the orders remembered with this key, and in this order in any case.
        """
        number, key = storable_text(order_no), storable_text(counterparty_key)
        return await self._worker.read(lambda connection: read_talk(connection, account, number, key, now_ms))

    async def recall(self, account: str, order_no: str) -> OrderMemory | None:
        """Return what is remembered of an order, or None."""
        sql = "SELECT * FROM orders WHERE account = ? AND order_no = ?"
        rows = await self._rows(sql, (account, storable_text(order_no)), memory_from)
        return rows[0] if rows else None

    async def remember(self, memory: OrderMemory) -> None:
        """Insert or replace an order's memory."""
        clean = storable(memory)
        await self._worker.write(lambda connection: write_memory(connection, clean))

    async def open_orders(self, account: str) -> tuple[OrderMemory, ...]:
        """Return the remembered orders whose status is open, newest first, at most 5000.

        Newest by creation, or by when they were last heard of while their creation is not known.
        """
        return await self._rows(_OPEN_ORDERS, (account, MAX_OPEN_ORDERS), memory_from)

    async def pending(self, account: str) -> tuple[OutboxRow, ...]:
        """Return the replies in a state that is not final, by ``seq``."""
        return await self._rows(_PENDING, (account,), reply_from)

    async def advance(self, row: OutboxRow, expected: OutboxState) -> bool:
        """Write ``row`` if its stored state is still ``expected``, else return False.

        Its text, identity, order and ``created_at_ms`` stay what the claim wrote.
        """
        columns = {**reply_columns(storable(row)), "expected": expected.value}
        return await self._worker.write(lambda connection: connection.execute(_ADVANCE, columns).rowcount == 1)

    async def uploaded(self, account: str, sha256: str, *, order_no: str = "", since_ms: int = 0) -> Uploaded | None:
        """Return the newest place of a picture, unless the chat refused it."""
        values = (account, storable_text(sha256), since_ms, storable_text(order_no))
        rows = await self._rows(
            _UPLOADED, values, lambda row: Uploaded(image_url=row["image_url"], at_ms=row["uploaded_at_ms"])
        )
        return rows[0] if rows else None

    async def presigning(self, account: str, now_ms: int) -> None:
        """Note a call for a place to upload to, and forget the old ones."""
        await self._worker.write(lambda connection: note_presign(connection, account, now_ms))

    async def presigned(self, account: str, since_ms: int) -> tuple[int, ...]:
        """Return when such calls were made since ``since_ms``, the newest thousand, oldest first."""
        values = (account, since_ms, MAX_PRESIGNS)
        rows = await self._rows(_PRESIGNED, values, lambda row: int(row["at_ms"]))
        return rows[::-1]

    async def find_own(self, account: str, order_no: str, uuid: str) -> OutboxRow | None:
        """Return the reply that we ever made with this uuid in this order, in whatever state."""
        sql = "SELECT * FROM outbox WHERE uuid = ? AND account = ? AND order_no = ?"
        rows = await self._rows(sql, (storable_text(uuid), account, storable_text(order_no)), reply_from)
        return rows[0] if rows else None

    async def reply(self, seq: int) -> OutboxRow | None:
        """Return the reply with this number, of whatever account and order."""
        rows = await self._rows("SELECT * FROM outbox WHERE seq = ?", (seq,), reply_from)
        return rows[0] if rows else None

    async def set_paused(self, account: str, order_no: str, *, paused: bool) -> None:
        """Pause or resume exactly this pair; resuming ``"*"`` leaves an order paused that was paused by its number."""
        sql = "DELETE FROM pauses WHERE account = ? AND order_no = ?"
        if paused:
            sql = "INSERT OR IGNORE INTO pauses (account, order_no) VALUES (?, ?)"
        pair = (storable_text(account), storable_text(order_no))
        await self._worker.write(lambda connection: connection.execute(sql, pair).rowcount)

    async def unmute(self, account: str, order_no: str) -> tuple[str, ...]:
        """Lift an order's mute; return the accounts in which it had one."""
        sql = """
            UPDATE orders SET mute_reason = NULL, mute_since_ms = NULL, mute_until_ms = NULL
            WHERE order_no = ? AND ? IN ('*', account) AND mute_reason IS NOT NULL RETURNING account
        """
        pair = (storable_text(order_no), storable_text(account))
        return await self._worker.write(
            lambda connection: tuple(sorted(row["account"] for row in connection.execute(sql, pair).fetchall()))
        )

    async def mute(self, account: str, order_no: str, mute: Mute) -> tuple[str, ...]:
        """Silence an order that is remembered, ``"*"`` as account is any; return the accounts in which it is."""
        number, name = storable_text(order_no), storable_text(account)
        return await self._worker.write(lambda connection: deeds.mute(connection, name, number, mute))

    async def act(self, action: Action) -> None:
        """Write down what a person did."""
        clean = storable(action)
        await self._worker.write(lambda connection: deeds.note(connection, clean))

    async def actions(self, order_no: str, *, limit: int = deeds.MOST) -> tuple[Action, ...]:
        """Return what people did about an order, oldest first; pauses of everything since it is known too."""
        number = storable_text(order_no)
        return await self._worker.read(lambda connection: deeds.of_order(connection, number, limit))

    async def moved_in(self, now_ms: int) -> int:
        """Return when a daemon first ran on this state after `p2pbot restore`, 0 = it is no copy; now if not yet."""
        return await self._worker.write(lambda connection: deeds.moved_in(connection, now_ms))

    async def paused(self) -> tuple[tuple[str, str], ...]:
        """Return the (account, order_no) pairs that are paused, sorted."""
        sql = "SELECT account, order_no FROM pauses ORDER BY account, order_no"
        return await self._rows(sql, (), lambda row: (row["account"], row["order_no"]))

    async def inbox(self, order_no: str, *, limit: int = 1000) -> tuple[InboxEntry, ...]:
        """Return the newest ``limit`` decided messages and events of an order, oldest decision first."""
        return await self._rows(_INBOX, (storable_text(order_no), _bounded(limit)), entry_from)

    async def outbox(self, order_no: str, *, limit: int = 1000) -> tuple[OutboxRow, ...]:
        """Return the newest ``limit`` replies of an order, by ``seq``."""
        return await self._rows(_OUTBOX, (storable_text(order_no), _bounded(limit)), reply_from)

    async def decided(self, since_ms: int, *, limit: int = MAX_DECIDED) -> tuple[InboxEntry, ...]:
        """Return the newest decided messages and events of all orders since ``since_ms``, newest first."""
        return await self._rows(_DECIDED, (since_ms, max(0, min(limit, MAX_DECIDED))), entry_from)

    async def tally(self) -> dict[tuple[str, str, str], int]:
        """Return counts of what is stored: ("inbox", account, reason) and ("outbox", account, state)."""
        rows = await self._rows(_TALLY, (), lambda row: ((row["box"], row["account"], row["word"]), row["rows"]))
        return dict(rows)

    async def rehearsed(self, since_ms: int, until_ms: int) -> tuple[Rehearsed, ...]:
        """Return what was decided in shadow in [since_ms, until_ms), and messages that no rule took."""
        return await self._rows(rehearsals.QUERY, (since_ms, until_ms) * 2, rehearsals.row)

    async def prune(
        self,
        now_ms: int,
        *,
        messages_ms: int = retention.MESSAGES_MS,
        traces_ms: int = retention.TRACES_MS,
        firings_ms: int = retention.FIRINGS_MS,
    ) -> int:
        """Forget what is older than its retention, in short transactions; return how many rows that were.

        ``messages_ms``: entries, replies, orders, an order's firings; ``traces_ms``: traces; ``firings_ms``: firings
        per counterparty and account.
        """
        old = retention.cutoffs(now_ms, messages_ms, traces_ms, firings_ms)
        total = 0
        for step in retention.STEP_NUMBERS:
            batch = retention.BATCH
            while batch == retention.BATCH:
                batch = await self._worker.write(partial(retention.forget, step=step, old=old))
                total += batch
        return total

    async def forget(self, who: str, account: str, now_ms: int, young_ms: int) -> forgetting.Forgotten:
        """Forget an order, or a person with all orders, in one transaction; see ``forgetting`` and ``wipe``."""
        name, place = storable_text(who), storable_text(account)
        return await self._worker.write(lambda connection: forgetting.forget(connection, name, place, now_ms, young_ms))

    async def wipe(self) -> bool:
        """Overwrite what was forgotten, in file and log; False: the log is emptied later, somebody reads it still.

        It rewrites the whole file: three seconds for 100 MB on a busy machine, in which no decision is made.
        """
        return await self._worker.glance(forgetting.wipe)

    async def close(self) -> None:
        """Carry out what was asked for before and close. Idempotent; later calls raise OurError."""
        await self._worker.close()

    async def _rows(self, sql: str, values: tuple[str | int, ...], read: Callable[[sqlite3.Row], T]) -> tuple[T, ...]:
        return await self._worker.glance(lambda connection: tuple(read(row) for row in connection.execute(sql, values)))
