"""The orders loop: looks at the list of open orders, and notices what the socket did not tell.

Promise: a new order, a changed state and a missed message are found within one interval even if the socket is silent;
an order that left the list is asked for by number until it is closed for sure; what may have been missed is looked at
once more when the history's lag is over. What counts as nothing unread (a card, a recall, a translation) and came
while the socket was deaf is found by a look at each open order every five minutes, and by a last one five minutes after
it left the list. The number of calls per round and per minute is bounded (docs/catch-up.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NoReturn, Protocol

from p2pbot.conversation.history import UnreadWatch
from p2pbot.conversation.orders import order_heard
from p2pbot.daemon.book import OrderBook
from p2pbot.daemon.clerk import counterparty_key
from p2pbot.daemon.desk import Item, Told
from p2pbot.daemon.surroundings import AccountPlan, Doors
from p2pbot.errors import KeyRefused, LocationRefused, OurError, P2pbotError, RateLimited, RequestRefused
from p2pbot.model import Notice, Order, OrderStatus, Topic
from p2pbot.protocol.backoff import Backoff
from p2pbot.protocol.calls import list_orders

_OPEN = (OrderStatus.UNPAID, OrderStatus.PAID, OrderStatus.APPEAL)
_OVER = (OrderStatus.COMPLETED, OrderStatus.CANCELLED)
_OVER_LATELY_MS = 6 * 3_600_000  # people still write after a trade; later than this after its beginning hardly any
_OVER_EVERY_S = 300.0  # a call each; what a deaf socket did not bring of a closed order waits so long at most
_ROUTINE_S = 300.0  # an open order whose history nobody asked for is looked at this often
_LAST_LOOK_S = 300.0  # after an order left the list: what is said last about a trade is said by then
_MOST_LAST_LOOKS = 1_000  # as many as can be open; beyond it the oldest go without
_ROWS = 50
_PAGES = 20  # 1,000 open orders
_FIRST_ROUND_S = 10.0
_SHORTEST_ROUND_S = 1.0  # for each page of the list, however often it is poked: 60 pages a minute at most
_LEAVERS = 20  # orders asked for by number in one round
_REFUSED_PAUSE_S = 600.0  # an order that the exchange will not show is asked for this seldom
_TELL_AGAIN_MS = 120_000  # a state that did not change is told again this often, so that its last look is known


class Look(Protocol):
    """Asks for a look at an order's history (``Scans.request``)."""

    def __call__(self, order_no: str, since_ms: int, *, urgent: bool) -> None:
        """Look at least back to ``since_ms``."""
        ...


class OrdersLoop:
    """One account's order list."""

    def __init__(
        self,
        plan: AccountPlan,
        doors: Doors,
        book: OrderBook,
        *,
        put: Callable[[Item], None],
        look: Look,
    ) -> None:
        self._plan = plan
        self._doors = doors
        self._book = book
        self._put = put
        self._look = look
        self._poke = asyncio.Event()
        self._backoff = Backoff(cap_s=60.0)
        self._watches: dict[str, UnreadWatch] = {}
        self._over_watches: dict[str, UnreadWatch] = {}
        self._over_due_s = 0.0
        self._told_ms: dict[str, int] = {}
        self._cancelled_ms: dict[str, int] = {}
        self._ask_again_s: dict[str, float] = {}
        self._gap = True
        self._again_s: dict[str, float] = {}
        self._last_s: dict[str, float] = {}
        self._routine_s: dict[str, float] = {}
        self._pages = 1
        self.trouble = ""

    def poke(self, *, gap: bool = False) -> None:
        """Look at the list now; ``gap``: messages may have been missed in any order."""
        self._gap = self._gap or gap
        self._poke.set()

    def brought(self, order_no: str, key: str, created_at_ms: int) -> None:
        """Note that the socket brought a message of an order's counterparty, known by ``key``."""
        watches = self._over_watches if order_no in self._over_watches else self._watches
        watches[order_no] = watches.get(order_no, UnreadWatch()).brought(key, created_at_ms)

    async def run(self) -> NoReturn:
        """Look for ever; first when the chat is open, so that one look at each history serves both."""
        await self._nap(_FIRST_ROUND_S)
        while True:
            self._poke.clear()
            delay_s = await self._round()
            shortest_s = _SHORTEST_ROUND_S * self._pages
            await self._doors.clock.sleep(shortest_s)
            await self._rest(max(0.0, delay_s - shortest_s))

    async def _rest(self, delay_s: float) -> None:
        """Wait for the next round; meanwhile have looked again what is due."""
        clock = self._doors.clock
        until_s = clock.monotonic_s() + delay_s
        while True:
            self._look_again()
            left_s = min([until_s, *self._again_s.values(), *self._last_s.values()]) - clock.monotonic_s()
            await self._nap(max(0.0, left_s))
            poked = self._poke.is_set() and not self.trouble
            if poked or clock.monotonic_s() >= until_s:
                return

    def _want(self, number: str, *, at_once: bool) -> None:
        """Have an order's history looked at when its lag is over, and ``at_once`` too if somebody waits for that.

        The history may not show the latest messages yet, so the first look alone would miss them for ever.
        """
        if at_once:
            self._look(number, self._doors.now_ms(), urgent=True)
        self._routine_s[number] = self._doors.clock.monotonic_s() + _ROUTINE_S
        self._again_s[number] = self._doors.clock.monotonic_s() + self._plan.timings.history_margin_s

    def _look_again(self) -> None:
        now_s = self._doors.clock.monotonic_s()
        for table in (self._again_s, self._last_s):
            for number in [number for number, due_s in table.items() if due_s <= now_s]:
                del table[number]
                self._look(number, self._doors.now_ms(), urgent=False)

    async def _round(self) -> float:
        gap, self._gap = self._gap, False
        try:
            listed = await self._listed()
            self._take(listed, gap=gap)
            await self._leavers({order.number for order in listed}, gap=gap)
            if gap or self._doors.clock.monotonic_s() >= self._over_due_s:
                await self._over_lately(gap=gap)
        except OurError:
            raise
        except P2pbotError as error:
            self._gap = self._gap or gap
            return await self._failed(error)
        if self.trouble:
            self._doors.events.info("orders_back", account=self._plan.name)
        self.trouble = ""
        self._backoff = replace(self._backoff, failures=0)
        return self._plan.timings.order_poll_s

    async def _listed(self) -> tuple[Order, ...]:
        """Return the open orders, each confirmed at the time when it was asked for."""
        found: dict[str, Order] = {}
        for page_no in range(1, _PAGES + 1):
            asked_ms, self._pages = self._doors.now_ms(), page_no
            page = await self._doors.rest.call(list_orders(self._plan.name, page=page_no, rows=_ROWS, statuses=_OPEN))
            found |= {order.number: replace(order, confirmed_at_ms=asked_ms) for order in page.orders}
            if page.rows < _ROWS:
                break
        return tuple(found.values())

    def _take(self, listed: tuple[Order, ...], *, gap: bool) -> None:
        watches: dict[str, UnreadWatch] = {}
        for order in listed:
            before = self._book.get(order.number)
            self._cancelled_ms.pop(order.number, None)
            self._told(order)
            watch, missed = self._watches.get(order.number, UnreadWatch()).looked(order.unread, order.confirmed_at_ms)
            watches[order.number] = watch
            if before is None or gap or missed:
                self._want(order.number, at_once=order.unread != 0)
            elif before.status is not order.status:  # the socket brought no card of it: perhaps it is deaf
                self._want(order.number, at_once=False)
        self._routine(watches)
        # Only listed orders are watched: that is the bound. Those that left are watched as closed ones.
        left = {number: watch for number, watch in self._watches.items() if number not in watches}
        self._over_watches |= left
        self._watches = watches
        due_s = self._doors.clock.monotonic_s() + _LAST_LOOK_S
        waiting = {number: at_s for number, at_s in self._last_s.items() if number not in watches}
        self._last_s = dict([*waiting.items(), *dict.fromkeys(left, due_s).items()][-_MOST_LAST_LOOKS:])

    def _routine(self, listed: Iterable[str]) -> None:
        """Look at the histories that nobody asked for since long, evenly: a gap made them all due at once."""
        now_s = self._doors.clock.monotonic_s()
        self._routine_s = {number: self._routine_s.get(number, now_s + _ROUTINE_S) for number in listed}
        most = 1 + int(len(self._routine_s) * self._plan.timings.order_poll_s / _ROUTINE_S)
        due = sorted((due_s, number) for number, due_s in self._routine_s.items() if due_s <= now_s)
        for _, number in due[:most]:
            self._routine_s[number] = now_s + _ROUTINE_S
            self._look(number, self._doors.now_ms(), urgent=False)

    def _told(self, order: Order) -> None:
        now_ms = self._doors.now_ms()
        before = self._book.get(order.number)
        merged = self._book.update(replace(order, confirmed_at_ms=now_ms))
        same = before is not None and before.status is merged.status
        if same and now_ms - self._told_ms.get(order.number, 0) < _TELL_AGAIN_MS and order.status.is_open:
            return
        self._told_ms[order.number] = now_ms
        since_ms = self._cancelled_ms.get(order.number)
        heard = order_heard(merged, now_ms, counterparty_key(merged), cancelled_since_ms=since_ms)
        self._put(Told(order.number, heard))

    async def _leavers(self, listed: set[str], *, gap: bool) -> None:
        """Ask for orders that we took for open and that the list does not show."""
        remembered = await self._doors.store.open_orders(self._plan.name)
        known = dict.fromkeys([*self._book.numbers(), *(memory.order_no for memory in remembered)])
        known |= dict.fromkeys(self._cancelled_ms)
        self._forget_all_but({*known, *listed})
        now_s = self._doors.clock.monotonic_s()
        gone = [number for number in known if number not in listed and self._ask_again_s.get(number, 0.0) <= now_s]
        for number in gone[:_LEAVERS]:
            await self._leaver(number, gap=gap)

    async def _leaver(self, number: str, *, gap: bool) -> None:
        first = self._book.get(number) is None
        try:
            order = await self._book.look(number)
        except RequestRefused as error:
            self._doors.events.warning("order_not_shown", account=self._plan.name, order=number, what=error.what)
            self._ask_again_s[number] = self._doors.clock.monotonic_s() + _REFUSED_PAUSE_S
            return
        closes = not order.status.is_open and number not in self._cancelled_ms
        if order.status is OrderStatus.CANCELLED:
            self._cancelled_ms.setdefault(number, self._doors.now_ms())
        self._told(order)
        if gap or first or closes:  # once more when it closes: no later list shows that a message is missing
            self._want(number, at_once=order.unread != 0)
        if not order.status.is_open:
            self._forget(order)

    async def _over_lately(self, *, gap: bool) -> None:
        """Look at closed orders with messages that nobody brought: no list of open ones shows what was written there.

        One page of them is the bound: 50 orders at most.
        """
        asked_ms = self._doors.now_ms()
        page = await self._doors.rest.call(list_orders(self._plan.name, rows=_ROWS, statuses=_OVER))
        self._over_due_s = self._doors.clock.monotonic_s() + _OVER_EVERY_S
        since_ms, watches = asked_ms - _OVER_LATELY_MS, dict[str, UnreadWatch]()
        for order in page.orders:
            if (order.created_at_ms or since_ms) < since_ms:
                continue
            watch, missed = self._over_watches.get(order.number, UnreadWatch()).looked(order.unread, asked_ms)
            watches[order.number] = watch
            if missed or (gap and order.unread != 0):
                self._want(order.number, at_once=True)
        self._over_watches = watches

    def _forget(self, order: Order) -> None:
        since_ms = self._cancelled_ms.get(order.number)
        heard = order_heard(order, self._doors.now_ms(), "", cancelled_since_ms=since_ms)
        if heard.firm:
            for table in (self._told_ms, self._cancelled_ms, self._ask_again_s):
                table.pop(order.number, None)

    def _forget_all_but(self, orders: set[str]) -> None:
        """Drop what is noted of orders that ended by a card: no look asks for them again."""
        for table in (self._told_ms, self._ask_again_s):
            for number in table.keys() - orders:
                del table[number]

    async def _failed(self, error: P2pbotError) -> float:
        delay_s, self._backoff = self._backoff.failed(self._doors.rng)
        if not self.trouble:
            self._doors.events.warning("orders_unavailable", account=self._plan.name, what=str(error))
        self.trouble = error.what
        if isinstance(error, RateLimited):
            return max(delay_s, error.retry_after_s)
        if isinstance(error, KeyRefused | LocationRefused):
            key = f"key_refused:{self._plan.name}"
            notice = Notice(key=key, text=str(error), account=self._plan.name, urgent=True, topic=Topic.KEY_REFUSED)
            await self._doors.notifier.notify(notice)
            return max(delay_s, 60.0)
        return delay_s

    async def _nap(self, delay_s: float) -> None:
        if self.trouble:  # a poke must not turn backoff into a tight loop
            await self._doors.clock.sleep(delay_s)
            return
        self._doors.progress.step(delay_s)
        try:
            async with asyncio.timeout(delay_s):
                await self._poke.wait()
        except TimeoutError:
            return
