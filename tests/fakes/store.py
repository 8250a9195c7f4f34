"""An honest store without a disk, for simulation: the same answers as ``SqliteStore``, held to them by one suite.

Promise: like the real one, every method lets the other tasks run before and after its transaction, so that a caller
can be cancelled with its work done or not done, and a simulation meets the same interleavings. What is written
survives ``reopened()``, as a file survives a crash.
Danger: it keeps everything in lists and scans them; it is for thousands of messages, not for millions.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from p2pbot.adapters.sqlite.storable import storable, storable_text
from p2pbot.conversation.records import (
    Claim,
    ClaimResult,
    InboxEntry,
    OrderMemory,
    OutboxRow,
    OutboxState,
    Talk,
    Uploaded,
)
from p2pbot.conversation.summary import Rehearsed
from p2pbot.errors import OurError, StateError
from p2pbot.model import EventKind, FiringCount, FiringMark, LimitScope, MessageKind
from p2pbot.ports import Lease
from tests.fakes.disk import (
    Decided,
    Disk,
    Old,
    born,
    claimed_since,
    is_event,
    is_same,
    is_today,
    newest,
    person,
    rehearsed,
    spoken,
    texts,
)

__all__ = ["Disk", "MemoryStore", "SwitchedLease"]

T = TypeVar("T")

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
MAX_SAID = 50
MAX_OPEN_ORDERS = 5000
WRITTEN_BY_PEOPLE = (MessageKind.TEXT, MessageKind.IMAGE, MessageKind.VIDEO)


@dataclass
class SwitchedLease:
    """A lease for tests: held for every account but those in ``lost``."""

    lost: set[str] = field(default_factory=set)

    def held(self, account: str) -> bool:
        """Whether the account was not switched off."""
        return account not in self.lost


class MemoryStore:
    """``p2pbot.ports.Store`` in memory. ``failure``, when set, is what every call raises instead of doing its work."""

    def __init__(self, lease: Lease | None = None, *, disk: Disk | None = None) -> None:
        self.lease: Lease = lease or SwitchedLease()
        self.disk = disk or Disk()
        self.failure: StateError | None = None
        self._closed = False

    def reopened(self, lease: Lease | None = None) -> MemoryStore:
        """Return a new store on the same disk, as after a crash; this one is closed."""
        self._closed = True
        return MemoryStore(lease or self.lease, disk=self.disk)

    async def _transaction(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise OurError("the store is closed")
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        result = work()
        await asyncio.sleep(0)
        return result

    # Deciding

    async def claim(self, claim: Claim) -> ClaimResult:
        """Write a decision whole, or nothing."""
        return await self._transaction(lambda: self._claim(storable(claim)))

    def _claim(self, claim: Claim) -> ClaimResult:
        entry = claim.entry
        if not self.lease.held(entry.account):
            return ClaimResult.NOT_LEADER
        if self._duplicate(entry):
            self._fill_in(entry)
            return ClaimResult.DUPLICATE
        uuids = tuple(row.uuid for row in claim.replies)
        if len(set(uuids)) < len(uuids) or any(uuid in self.disk.outbox for uuid in uuids):
            raise OurError("a reply's uuid is in the outbox already")
        self.disk.last_number += 1
        decided = Decided(self.disk.last_number, entry, self._is_fresh(entry), uuids)
        self._chat(entry.account, entry.order_no).append(decided)
        self._enqueue(claim.replies)
        for mark in claim.firings:
            self._count(entry, mark)
        if claim.memory is not None:
            self._keep(claim.memory)
        return ClaimResult.CLAIMED

    def _chat(self, account: str, order_no: str) -> list[Decided]:
        return self.disk.inbox.setdefault((account, order_no), [])

    def _duplicate(self, entry: InboxEntry) -> bool:
        return any(is_same(entry, decided.entry) for decided in self._chat(entry.account, entry.order_no))

    def _fill_in(self, entry: InboxEntry) -> None:
        chat = self._chat(entry.account, entry.order_no)
        if not (entry.message_id and entry.uuid) or any(d.entry.message_id == entry.message_id for d in chat):
            return
        for decided in chat:
            if decided.entry.uuid == entry.uuid and not decided.entry.message_id:
                decided.entry = replace(decided.entry, message_id=entry.message_id)

    def _is_fresh(self, entry: InboxEntry) -> bool:
        if is_event(entry):
            return entry.kind is not EventKind.SILENCE
        if entry.from_us is not False:
            return False
        if entry.kind == MessageKind.TEXT:
            previous = texts(self._chat(entry.account, entry.order_no))
            return not previous or previous[-1].strip() != entry.text.strip()
        return entry.kind == MessageKind.IMAGE

    def _enqueue(self, replies: Iterable[OutboxRow]) -> None:
        for row in replies:
            self.disk.last_seq += 1
            self.disk.outbox[row.uuid] = replace(row, seq=self.disk.last_seq)

    def _count(self, entry: InboxEntry, mark: FiringMark) -> None:
        scope_id = person(mark.scope_id, entry.order_no) if mark.scope is LimitScope.COUNTERPARTY else mark.scope_id
        key = (entry.account, mark.scope, scope_id, mark.group)
        old = self.disk.firings.get(key)
        self.disk.firings[key] = FiringCount(
            group=mark.group,
            scope=mark.scope,
            scope_id=scope_id,
            count=old.count + 1 if old else 1,
            last_ms=max(old.last_ms, mark.at_ms) if old else mark.at_ms,
        )

    async def is_decided(self, entry: InboxEntry) -> bool:
        """Whether a claim of ``entry`` would be a DUPLICATE."""
        return await self._transaction(lambda: self._duplicate(storable(entry)))

    # What a decision must know

    async def talk(self, account: str, order_no: str, counterparty_key: str, now_ms: int) -> Talk:
        """Return what a decision must know of the order's talk."""
        key = storable_text(counterparty_key)
        return await self._transaction(lambda: self._talk(account, storable_text(order_no), key, now_ms))

    def _talk(self, account: str, order_no: str, counterparty_key: str, now_ms: int) -> Talk:
        chat = self._chat(account, order_no)
        said = texts(chat)
        own = self.disk.rows_of(account, order_no)
        theirs = self._rows_to(account, order_no, counterparty_key)
        everyone = [row for row in self.disk.outbox.values() if row.account == account]
        return Talk(
            firings=self._firings(account, order_no, counterparty_key, now_ms),
            said=tuple(spoken(row) for row in own[-MAX_SAID:]),
            streak=self._streak(chat),
            replies_order_1h=claimed_since(own, now_ms - HOUR_MS),
            replies_counterparty_24h=claimed_since(theirs, now_ms - DAY_MS),
            replies_account_1m=claimed_since(everyone, now_ms - MINUTE_MS),
            inbound=sum(d.entry.from_us is False and d.entry.kind in WRITTEN_BY_PEOPLE for d in chat),
            last_inbound=said[-1] if said else "",
            paused=self._is_paused(account, order_no),
        )

    def _rows_to(self, account: str, order_no: str, counterparty_key: str) -> list[OutboxRow]:
        orders = {(account, order_no)}
        if counterparty_key:
            orders |= {
                key
                for key, memory in self.disk.orders.items()
                if (memory.account, memory.counterparty_key) == (account, counterparty_key)
            }
        return [row for row in self.disk.outbox.values() if (row.account, row.order_no) in orders]

    def _firings(self, account: str, order_no: str, counterparty_key: str, now_ms: int) -> tuple[FiringCount, ...]:
        them = person(counterparty_key, order_no)
        found = []
        for (owner, scope, scope_id, _), count in sorted(self.disk.firings.items()):
            wanted = {
                LimitScope.ORDER: scope_id == order_no,
                LimitScope.COUNTERPARTY: scope_id == them,
                LimitScope.ACCOUNT: True,
                LimitScope.DAY: is_today(scope_id, counterparty_key or order_no, now_ms),
            }
            if owner == account and wanted[scope]:
                found.append(replace(count, scope_id=counterparty_key) if scope is LimitScope.COUNTERPARTY else count)
        return tuple(found)

    def _streak(self, chat: list[Decided]) -> int:
        newest_fresh = max((at for at, decided in enumerate(chat) if decided.fresh), default=0)
        since = [uuid for decided in chat[newest_fresh:] for uuid in decided.uuids]
        return sum(
            uuid in self.disk.outbox and self.disk.outbox[uuid].state is not OutboxState.DROPPED for uuid in since
        )

    def _is_paused(self, account: str, order_no: str) -> bool:
        return any((who, what) in self.disk.pauses for who in (account, "*") for what in (order_no, "*"))

    # Orders

    async def recall(self, account: str, order_no: str) -> OrderMemory | None:
        """Return what is remembered of an order, or None."""
        return await self._transaction(lambda: self._recalled((account, storable_text(order_no))))

    async def remember(self, memory: OrderMemory) -> None:
        """Insert or replace an order's memory."""
        await self._transaction(lambda: self._keep(storable(memory)))

    def _recalled(self, place: tuple[str, str]) -> OrderMemory | None:
        memory = self.disk.orders.get(place)
        return memory and replace(memory, mute_read=memory.mute)

    def _keep(self, memory: OrderMemory) -> None:
        place = memory.account, memory.order_no
        stored = self.disk.orders.get(place)
        if stored is not None and memory.mute == memory.mute_read:
            memory = replace(memory, mute=stored.mute)  # somebody may have lifted it since it was read
        self.disk.orders[place] = memory

    async def open_orders(self, account: str) -> tuple[OrderMemory, ...]:
        """Return the remembered orders whose status is open, newest first, at most 5000."""
        return await self._transaction(lambda: self._open_orders(account))

    def _open_orders(self, account: str) -> tuple[OrderMemory, ...]:
        found = [m for m in self.disk.orders.values() if m.account == account and m.status.is_open]
        found.sort(key=born, reverse=True)
        return tuple(found[:MAX_OPEN_ORDERS])

    # Replies

    async def pending(self, account: str) -> tuple[OutboxRow, ...]:
        """Return the replies in a state that is not final, by ``seq``."""
        return await self._transaction(
            lambda: tuple(r for r in self.disk.outbox.values() if r.account == account and not r.state.is_final)
        )

    async def advance(self, row: OutboxRow, expected: OutboxState) -> bool:
        """Write ``row`` if its stored state is still ``expected``."""
        return await self._transaction(lambda: self._advance(storable(row), expected))

    def _advance(self, row: OutboxRow, expected: OutboxState) -> bool:
        stored = self.disk.outbox.get(row.uuid)
        if stored is None or stored.state is not expected:
            return False
        self.disk.outbox[row.uuid] = replace(
            stored,
            state=row.state,
            attempts=row.attempts,
            passing_refusals=row.passing_refusals,
            not_before_ms=row.not_before_ms,
            expires_at_ms=row.expires_at_ms,
            sending_at_ms=row.sending_at_ms,
            settled_at_ms=row.settled_at_ms,
            reason=row.reason,
            message_id=row.message_id,
            image_url=row.image_url,
            uploaded_at_ms=row.uploaded_at_ms,
        )
        return True

    async def uploaded(self, account: str, sha256: str, *, order_no: str = "", since_ms: int = 0) -> Uploaded | None:
        """Return the newest place of a picture."""

        def fits(row: OutboxRow) -> bool:
            same = row.picture is not None and (row.account, row.picture.sha256) == (account, sha256)
            good = row.image_url and row.uploaded_at_ms > since_ms and row.state is not OutboxState.REJECTED
            return bool(same and good and order_no in ("", row.order_no))

        def newest_place() -> Uploaded | None:
            rows = sorted(filter(fits, self.disk.outbox.values()), key=lambda row: (row.uploaded_at_ms, row.seq))
            return Uploaded(image_url=rows[-1].image_url, at_ms=rows[-1].uploaded_at_ms) if rows else None

        return await self._transaction(newest_place)

    async def presigning(self, account: str, now_ms: int) -> None:
        """Note a call for a place to upload to."""

        def note() -> None:
            recent = [at_ms for at_ms in self.disk.presigns.get(account, ()) if at_ms >= now_ms - 10 * MINUTE_MS]
            self.disk.presigns[account] = [*recent, now_ms]

        await self._transaction(note)

    async def presigned(self, account: str, since_ms: int) -> tuple[int, ...]:
        """Return when such calls were made."""
        return await self._transaction(
            lambda: tuple(sorted(at for at in self.disk.presigns.get(account, ()) if at >= since_ms)[-1000:])
        )

    async def find_own(self, account: str, order_no: str, uuid: str) -> OutboxRow | None:
        """Return the reply that we ever made with this uuid in this order."""
        return await self._transaction(lambda: self._find_own(account, storable_text(order_no), storable_text(uuid)))

    def _find_own(self, account: str, order_no: str, uuid: str) -> OutboxRow | None:
        row = self.disk.outbox.get(uuid)
        return row if row is not None and (row.account, row.order_no) == (account, order_no) else None

    async def prune(
        self,
        now_ms: int,
        *,
        messages_ms: int = 90 * DAY_MS,
        traces_ms: int = 30 * DAY_MS,
        firings_ms: int = 365 * DAY_MS,
    ) -> int:
        """Forget what is older than its retention; return how many rows that were."""
        old = Old(now_ms - messages_ms, now_ms - traces_ms, now_ms - firings_ms, now_ms - 3 * DAY_MS)
        return await self._transaction(lambda: self.disk.forget(old))

    # The operator's side

    async def set_paused(self, account: str, order_no: str, *, paused: bool) -> None:
        """Pause or resume exactly this pair."""
        change = self.disk.pauses.add if paused else self.disk.pauses.discard
        await self._transaction(lambda: change((account, storable_text(order_no))))

    async def unmute(self, account: str, order_no: str) -> tuple[str, ...]:
        """Lift an order's mute; return the accounts in which it had one."""
        return await self._transaction(lambda: self._unmute(account, storable_text(order_no)))

    def _unmute(self, account: str, order_no: str) -> tuple[str, ...]:
        muted = [
            place
            for place, memory in self.disk.orders.items()
            if place[1] == order_no and account in ("*", place[0]) and memory.mute is not None
        ]
        for place in muted:
            self.disk.orders[place] = replace(self.disk.orders[place], mute=None)
        return tuple(sorted(place[0] for place in muted))

    async def paused(self) -> tuple[tuple[str, str], ...]:
        """Return the pairs that are paused."""
        return await self._transaction(lambda: tuple(sorted(self.disk.pauses)))

    async def inbox(self, order_no: str, *, limit: int = 1000) -> tuple[InboxEntry, ...]:
        """Return the newest ``limit`` decided messages and events of an order, oldest first."""
        return await self._transaction(lambda: newest(self._entries(order_no), limit))

    def _entries(self, order_no: str) -> list[InboxEntry]:
        chats = [chat for (_, of_order), chat in self.disk.inbox.items() if of_order == order_no]
        return [d.entry for d in sorted((d for chat in chats for d in chat), key=lambda d: d.number)]

    async def outbox(self, order_no: str, *, limit: int = 1000) -> tuple[OutboxRow, ...]:
        """Return the newest ``limit`` replies of an order, by ``seq``."""
        return await self._transaction(
            lambda: newest([row for row in self.disk.outbox.values() if row.order_no == order_no], limit)
        )

    async def tally(self) -> dict[tuple[str, str, str], int]:
        """Return counts: ("inbox", account, reason) and ("outbox", account, state)."""
        return await self._transaction(self._tally)

    def _tally(self) -> dict[tuple[str, str, str], int]:
        counts: Counter[tuple[str, str, str]] = Counter()
        for chat in self.disk.inbox.values():
            counts.update(("inbox", d.entry.account, d.entry.reason.value) for d in chat)
        counts.update(("outbox", row.account, row.state.value) for row in self.disk.outbox.values())
        return dict(counts)

    async def rehearsed(self, since_ms: int, until_ms: int) -> tuple[Rehearsed, ...]:
        """Return what was decided in shadow in [since_ms, until_ms), and messages that no rule took."""
        return await self._transaction(lambda: rehearsed(self.disk, since_ms, until_ms))

    async def close(self) -> None:
        """Refuse every further call. Idempotent."""
        self._closed = True
