"""The timers loop: raises what ``conversation.timers`` has planned, when its time comes.

Promise: one heap for all orders of an account, no task for an order; a timer that was overtaken (somebody wrote, the
order was paid) is not raised; a restart plans the same events again and the inbox drops those that were raised.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import NoReturn

from p2pbot.conversation.inbox import sender_reason
from p2pbot.conversation.records import InboxEntry
from p2pbot.conversation.timers import planned
from p2pbot.daemon.book import OrderBook
from p2pbot.daemon.desk import Inbound, Item, Rang, Told
from p2pbot.daemon.rulebook import Rulebook
from p2pbot.daemon.surroundings import AccountPlan, Doors
from p2pbot.model import ChatMessage, MessageKind, Reason, Stimulus

_ORDERS = 5_000  # as many as the order book holds
_LONGEST_NAP_S = 10.0  # a clock that is set is noticed this late
_IDLE_NAP_S = 60.0  # rules that were reloaded are noticed this late, or by the next message or look
_OVERTAKEN = 1_000  # entries of the heap below which nobody tidies up
_READ = 200  # newest messages of an order, among which its last word is looked for after a restart
_PEOPLE = frozenset({MessageKind.TEXT, MessageKind.IMAGE, MessageKind.VIDEO, MessageKind.CARD})


class Timers:
    """One account's timed events."""

    def __init__(
        self, plan: AccountPlan, doors: Doors, book: OrderBook, rules: Rulebook, put: Callable[[Item], None]
    ) -> None:
        self._plan = plan
        self._doors = doors
        self._book = book
        self._rules = rules
        self._put = put
        self._spoke_ms: dict[str, int] = {}
        self._read: set[str] = set()
        self._changed: dict[str, None] = {}
        self._heap: list[tuple[int, str, str]] = []
        self._coming: dict[str, dict[str, Stimulus]] = {}
        self._raised: dict[str, set[str]] = {}
        self._ruleset = ""
        self._wake = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Moments that are waited for, overtaken ones included."""
        return len(self._heap)

    def note(self, item: Item) -> None:
        """Take note of what somebody wrote, or of an order's state that was looked at."""
        if isinstance(item, Inbound):
            self._note_word(item.message)
        elif isinstance(item, Told):
            self._change(item.order_no)

    async def run(self) -> NoReturn:
        """Raise events for ever."""
        while True:
            self._wake.clear()
            await self._plan_changed()
            self._tidy()
            self._raise_due()
            await self._nap()

    def _note_word(self, message: ChatMessage) -> None:
        if sender_reason(message) not in (None, Reason.OPERATOR_MESSAGE):
            return
        order_no, at_ms = message.order_no, message.created_at_ms or self._doors.now_ms()
        if at_ms > self._spoke_ms.get(order_no, 0):
            self._spoke_ms[order_no] = at_ms
            self._change(order_no)

    def _change(self, order_no: str) -> None:
        self._changed[order_no] = None
        self._wake.set()

    async def _plan_changed(self) -> None:
        rules = self._rules()
        if rules.hash != self._ruleset:
            self._ruleset = rules.hash
            self._changed |= dict.fromkeys(self._book.numbers())
        while self._changed:
            order_no = next(iter(self._changed))
            del self._changed[order_no]
            self._doors.progress.step()
            await self._plan_order(order_no)

    async def _plan_order(self, order_no: str) -> None:
        order = self._book.get(order_no)
        timers = self._rules().timers
        if order is None or not order.status.is_open or not timers:
            self._forget(order_no)
            return
        if order_no not in self._read and len(self._read) < _ORDERS:
            await self._read_last_word(order_no)
        raised = self._raised.get(order_no, set())
        events = planned(order, self._spoke_ms.get(order_no, 0), timers, self._doors.now_ms())
        self._raised[order_no] = raised & {event.key for event in events}
        before, coming = self._coming.get(order_no, {}), {e.key: e for e in events if e.key not in raised}
        self._coming[order_no] = coming
        for key, event in coming.items():
            if before.get(key) != event:
                heapq.heappush(self._heap, (event.at_ms, order_no, key))

    async def _read_last_word(self, order_no: str) -> None:
        """Learn from the store when somebody last wrote: the socket tells only what is new."""
        entries = await self._doors.store.inbox(order_no, limit=_READ)
        rows = await self._doors.store.outbox(order_no, limit=_READ)
        said = [entry.created_at_ms for entry in entries if self._is_word(entry)]
        said += [row.sending_at_ms for row in rows if row.account == self._plan.name]
        self._spoke_ms[order_no] = max([self._spoke_ms.get(order_no, 0), *said])
        self._read.add(order_no)

    def _is_word(self, entry: InboxEntry) -> bool:
        return entry.account == self._plan.name and entry.kind in _PEOPLE

    def _forget(self, order_no: str) -> None:
        self._spoke_ms.pop(order_no, None)
        self._coming.pop(order_no, None)
        self._raised.pop(order_no, None)
        self._read.discard(order_no)

    def _tidy(self) -> None:
        """Drop what was overtaken once it is the larger part: each word of a long talk leaves one entry behind."""
        if len(self._heap) <= _OVERTAKEN:
            return
        live = [(e.at_ms, order_no, key) for order_no, events in self._coming.items() for key, e in events.items()]
        if len(self._heap) > 2 * len(live):
            self._heap = live
            heapq.heapify(self._heap)

    def _raise_due(self) -> None:
        now_ms = self._doors.now_ms()
        while self._heap and self._heap[0][0] <= now_ms:
            at_ms, order_no, key = heapq.heappop(self._heap)
            event = self._coming.get(order_no, {}).get(key)
            if event is None or event.at_ms != at_ms:
                continue  # overtaken: another plan stands in the heap
            del self._coming[order_no][key]
            self._raised.setdefault(order_no, set()).add(key)
            self._put(Rang(order_no, event, self._holds))

    def _holds(self, event: Stimulus) -> bool:
        """Whether the event is still what the plan says: a message may have stood before it in the queue."""
        order = self._book.get(event.order_no)
        if order is None:
            return False
        last_word_ms = self._spoke_ms.get(event.order_no, 0)
        return event in planned(order, last_word_ms, [(event.kind, event.span_ms)], self._doors.now_ms())

    async def _nap(self) -> None:
        delay_s = _IDLE_NAP_S
        if self._heap:
            delay_s = min(_LONGEST_NAP_S, max(0.001, (self._heap[0][0] - self._doors.now_ms()) / 1000))
        self._doors.progress.step(delay_s)
        try:
            async with asyncio.timeout(delay_s):
                await self._wake.wait()
        except TimeoutError:
            return
