"""What the fake store keeps, as plain lists and dictionaries, and the questions that can be asked of them.

Promise: each rule of the store is written here in its plainest form; the suite holds the real one to the same answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from p2pbot.adapters.sqlite.storable import EMPTY_TRACE
from p2pbot.conversation.records import InboxEntry, OrderMemory, OutboxRow, OutboxState, SaidText
from p2pbot.conversation.summary import Rehearsed
from p2pbot.model import EventKind, FiringCount, LimitScope, MessageKind, Reason

K = TypeVar("K")
T = TypeVar("T")
V = TypeVar("V")
OrderKey = tuple[str, str]
FiringKey = tuple[str, LimitScope, str, str]

DAY_MS = 86_400_000
EVENT_ONLY = {kind.value for kind in EventKind} - {kind.value for kind in MessageKind}


@dataclass(frozen=True)
class Old:
    """Unix milliseconds before which each kind of row is forgotten."""

    messages: int
    traces: int
    firings: int
    days: int


@dataclass
class Decided:
    """An inbox entry, the replies claimed with it, and whether it broke the monotony of the talk.

    ``number`` counts the decisions of all orders.
    """

    number: int
    entry: InboxEntry
    fresh: bool
    uuids: tuple[str, ...]


@dataclass
class Disk:
    """What survives a crash."""

    inbox: dict[OrderKey, list[Decided]] = field(default_factory=dict)
    outbox: dict[str, OutboxRow] = field(default_factory=dict)
    orders: dict[OrderKey, OrderMemory] = field(default_factory=dict)
    firings: dict[FiringKey, FiringCount] = field(default_factory=dict)
    pauses: set[OrderKey] = field(default_factory=set)
    presigns: dict[str, list[int]] = field(default_factory=dict)
    last_number: int = 0
    last_seq: int = 0

    def rows_of(self, account: str, order_no: str) -> list[OutboxRow]:
        """Return an order's replies by ``seq``."""
        return [row for row in self.outbox.values() if (row.account, row.order_no) == (account, order_no)]

    def forget(self, old: Old) -> int:
        """Forget what is old; return how many rows that were."""
        return (
            self._prune_outbox(old)
            + self._prune_inbox(old)
            + self._prune_traces(old)
            + discard(self.firings, lambda key, count: self._is_spent(key, count, old))
            + self._prune_orders(old)
        )

    def _is_live(self, key: OrderKey, old: Old) -> bool:
        memory = self.orders.get(key)
        return memory is not None and memory.status.is_open and memory.seen_at_ms >= old.messages

    def _prune_outbox(self, old: Old) -> int:
        return discard(
            self.outbox,
            lambda _, row: row.created_at_ms < old.messages and not self._is_live((row.account, row.order_no), old),
        )

    def _prune_inbox(self, old: Old) -> int:
        gone = 0
        for key, chat in self.inbox.items():
            kept = [
                decided
                for decided in chat
                if decided.entry.decided_at_ms >= old.messages
                or self._is_live(key, old)
                or any(uuid in self.outbox for uuid in decided.uuids)
            ]
            gone += len(chat) - len(kept)
            chat[:] = kept
        return gone

    def _prune_traces(self, old: Old) -> int:
        traced = [d for chat in self.inbox.values() for d in chat if d.entry.trace != EMPTY_TRACE]
        stale = [d for d in traced if d.entry.decided_at_ms < old.traces]
        for decided in stale:
            decided.entry = replace(decided.entry, trace=EMPTY_TRACE)
        return len(stale)

    def _is_spent(self, key: FiringKey, count: FiringCount, old: Old) -> bool:
        account, scope, scope_id, _ = key
        if scope is LimitScope.ORDER:
            return count.last_ms < old.messages and not self._is_live((account, scope_id), old)
        return count.last_ms < (old.days if scope is LimitScope.DAY else old.firings)

    def _prune_orders(self, old: Old) -> int:
        stale = {
            key
            for key, memory in self.orders.items()
            if max(memory.seen_at_ms, memory.created_at_ms or 0, memory.last_operator_ms) < old.messages
        }
        anywhere = {("*", order_no) for _, order_no in stale}
        pauses = self.pauses & (stale | anywhere)
        self.pauses -= pauses
        return len(pauses) + discard(self.orders, lambda key, _: key in stale)


def is_same(one: InboxEntry, other: InboxEntry) -> bool:
    """Whether two entries of one order are the same message: by id if both have one, else by uuid, else by key."""
    if one.message_id and other.message_id:
        return one.message_id == other.message_id
    if one.uuid and other.uuid:
        return one.uuid == other.uuid
    return one.key == other.key


def born(memory: OrderMemory) -> tuple[int, str]:
    """Return when an order began, as far as known; the number decides between equals."""
    return (memory.seen_at_ms if memory.created_at_ms is None else memory.created_at_ms, memory.order_no)


def is_event(entry: InboxEntry) -> bool:
    """Whether the entry is an order event and not a message."""
    return entry.kind.value in EVENT_ONLY


def person(counterparty_key: str, order_no: str) -> str:
    """Return who is counted: somebody without a key is a person of their own per order."""
    return counterparty_key or f"order:{order_no}"


def is_today(scope_id: str, who: str, now_ms: int) -> bool:
    """Whether a day's firings (``date`` or ``date/person``) are of this person, of a date that it is now somewhere."""
    date, slash, whose = scope_id.partition("/")
    return date in _around(now_ms // DAY_MS) and (not slash or whose == who)


@lru_cache(maxsize=10)  # asked for at each look at a talk, and dates are slow to write
def _around(day: int) -> tuple[str, ...]:
    days = (datetime.fromtimestamp((day + away) * DAY_MS / 1000, UTC) for away in (-1, 0, 1))
    return tuple(f"{one:%Y-%m-%d}" for one in days)


def texts(chat: Iterable[Decided]) -> list[str]:
    """Return what the counterparty wrote, in the order of the decisions."""
    return [d.entry.text for d in chat if d.entry.from_us is False and d.entry.kind == MessageKind.TEXT]


def spoken(row: OutboxRow) -> SaidText:
    """Return a reply as a text of ours."""
    return SaidText(
        text=row.text,
        at_ms=row.created_at_ms,
        written_at_ms=row.sending_at_ms,
        uuid=row.uuid,
        message_id=row.message_id,
        state=row.state,
        picture=row.picture,
        image_url=row.image_url,
    )


def claimed_since(rows: Iterable[OutboxRow], since_ms: int) -> int:
    """Count the replies claimed after ``since_ms`` that were not dropped."""
    return sum(row.created_at_ms > since_ms and row.state is not OutboxState.DROPPED for row in rows)


def discard(table: dict[K, V], is_old: Callable[[K, V], bool]) -> int:
    """Remove the entries that are old; return how many."""
    old = [key for key, value in table.items() if is_old(key, value)]
    for key in old:
        del table[key]
    return len(old)


def newest(items: list[T], limit: int) -> tuple[T, ...]:
    """Return the last ``limit`` items in their order."""
    return tuple(items[-limit:]) if limit > 0 else ()


def rehearsed(disk: Disk, since_ms: int, until_ms: int) -> tuple[Rehearsed, ...]:
    """Return what was decided in shadow in [since_ms, until_ms), and messages that no rule took."""
    rows = [row for row in disk.outbox.values() if row.state is OutboxState.SHADOW]
    keys = {
        (row.account, row.rule_id, row.order_no, row.stimulus_key)
        for row in rows
        if since_ms <= row.created_at_ms < until_ms
    }
    counts = Counter((account, rule_id, order_no) for account, rule_id, order_no, _ in keys)
    for decided in (entry.entry for chat in disk.inbox.values() for entry in chat):
        if decided.reason is Reason.NO_RULE and since_ms <= decided.decided_at_ms < until_ms:
            counts[decided.account, "", decided.order_no] += 1
    return tuple(
        Rehearsed(account=account, rule_id=rule_id, order_no=order_no, times=times)
        for (account, rule_id, order_no), times in sorted(counts.items())
    )
