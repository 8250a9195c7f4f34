"""One account: its loops joined together, isolated from every other account.

Promise: nothing here is shared between accounts but the connect budget and the store. Every frame that comes is
counted; what is not understood is kept, redacted and bounded, and never answered.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import replace
from typing import NoReturn

from p2pbot.conversation.decision import message_key
from p2pbot.conversation.delivery import DeliveryEvent
from p2pbot.conversation.records import OutboxState
from p2pbot.daemon.account_context import AccountContext
from p2pbot.daemon.book import OrderBook
from p2pbot.daemon.chat import ChatLoop, ConnectBudget
from p2pbot.daemon.clerk import Clerk
from p2pbot.daemon.desk import Desk, Inbound, Item, Looked
from p2pbot.daemon.orders import OrdersLoop
from p2pbot.daemon.pictures import Pictures
from p2pbot.daemon.rulebook import Rulebook
from p2pbot.daemon.scans import Scans
from p2pbot.daemon.sender import Sender
from p2pbot.daemon.supervisor import guarded
from p2pbot.daemon.surroundings import AccountPlan, Doors
from p2pbot.daemon.timers import Timers
from p2pbot.errors import OurError
from p2pbot.model import ChatMessage, MessageKind, Path, SendRefusal, SystemEventKind, Unknown
from p2pbot.protocol.frames import Noise, parse_frame
from p2pbot.protocol.redaction import redact_frame

_FLIGHT_MS = 10_000  # a message this old should have come by the socket
_AWAITED = 100  # messages of which we wait to see whether the socket brings them: one is enough
_SUSPECT_EVERY_MS = 300_000  # a socket is replaced on suspicion this seldom
_KEPT_FRAMES = 50  # redacted frames that nobody understood, for inspection


class Account:
    """Everything that runs for one account."""

    def __init__(self, plan: AccountPlan, doors: Doors, budget: ConnectBudget, rules: Rulebook) -> None:
        self.context = AccountContext(plan, doors, rules, self._open_orders, self._put)
        doors = replace(doors, figures=self.context.figures)
        self.plan = plan
        self.doors = doors
        self.rules = rules
        self.frames: Counter[str] = Counter()
        self.not_understood: deque[str] = deque(maxlen=_KEPT_FRAMES)
        self.book = OrderBook(plan, doors, lambda: rules().asks_statistics)
        self.scans = Scans(plan, doors, self._put)
        self.sender = Sender(
            plan,
            doors,
            write=self._write,
            online=self._online,
            look=self.scans.request,
            suspect=self._swallowed,
            upload=self._upload,
        )
        self.pictures = Pictures(plan, doors, self.sender)
        self.clerk = Clerk(plan, doors, self.book, self.sender, rules, self._missed, self)
        self.desk = Desk(plan, doors, self.clerk, self.scans.request)
        self.chat = ChatLoop(plan, doors, budget, self, self._quiet)
        self.timers = Timers(plan, doors, self.book, rules, self.desk.put)
        self.orders = OrdersLoop(plan, doors, self.book, put=self._put, look=self.scans.request)
        self._suspected_ms = 0
        self._awaited: dict[str, ChatMessage] = {}

    async def run(self) -> NoReturn:
        """Run the account's loops for ever."""
        await self.sender.recover()
        self.doors.progress.rest()  # from here on the loops speak for themselves
        async with asyncio.TaskGroup() as group:
            for name, loop in (
                ("chat", self.chat.run()),
                ("desk", self.desk.run()),
                ("scans", self.scans.run()),
                ("orders", self.orders.run()),
                ("sender", self.sender.run()),
                ("pictures", self.pictures.run()),
                ("timers", self.timers.run()),
                *self.clerk.received.loops(),
                *([("context", self.context.run())] if self.context.on else []),
            ):
                whole = f"{self.plan.name}: {name}"
                group.create_task(guarded(loop, whole, self.doors.progress), name=whole)
        raise OurError(f"the loops of account {self.plan.name} returned")

    async def drain(self) -> None:
        """Decide nothing new, write nothing new; return when nothing is in flight."""
        self.desk.close()
        await self.sender.drain()

    async def on_frame(self, raw: str | bytes) -> None:
        """Take one frame from the chat."""
        frame = parse_frame(raw)
        match frame:
            case Noise(kind):
                self.frames[f"noise:{kind}"] += 1
            case Unknown():
                self._keep(raw)
            case SendRefusal():
                self.frames["refusal"] += 1
                await self.sender.refused(frame)
            case ChatMessage():
                self.frames[frame.kind.value] += 1
                if _is_strange(frame):
                    self._keep(raw)
                await self._message(frame)

    async def on_open(self) -> None:
        """Look at every open order: what was missed is in the history only."""
        self.sender.opened()
        self.orders.poke(gap=True)

    async def on_renewed(self) -> None:
        """Look at each order before it is written to: the old socket may have been deaf to a person's word."""
        self.sender.opened()

    async def on_lost(self) -> None:
        """Doubt what was in flight."""
        await self.sender.lost()

    def pending(self) -> dict[str, int]:
        """Return how many replies wait in which state."""
        counts = Counter(row.state.value for row in self.sender.outbox)
        return {state.value: counts.get(state.value, 0) for state in OutboxState if not state.is_final}

    async def _message(self, message: ChatMessage) -> None:
        if not message.order_no:
            self.frames["without_order"] += 1
            return
        self._awaited.pop(message_key(message), None)
        if message.from_us and message.uuid:
            # Confirmed here at once: the desk may be waiting for the facts of this order.
            await self.sender.confirmed(message.uuid, message.message_id, DeliveryEvent.ECHO)
        if message.from_us is False and message.kind is not MessageKind.SYSTEM:
            # A card may not count as unread; if it counted here, it would hide a person's message that is missing.
            self.orders.brought(message.order_no, message_key(message), message.created_at_ms)
        if self.book.get(message.order_no) is None:
            self.orders.poke()
        self._put(Inbound(message))

    def _keep(self, raw: str | bytes) -> None:
        self.frames["not_understood"] += 1
        self.not_understood.append(redact_frame(raw))
        if self.frames["not_understood"] in (1, 10, 100, 1_000):
            count = self.frames["not_understood"]
            self.doors.events.warning("frame_not_understood", account=self.plan.name, count=count)

    def _upload(self, uuid: str) -> None:
        self.pictures.upload(uuid)

    def _put(self, item: Item) -> None:
        self.timers.note(item)
        if isinstance(item, Inbound):
            self.clerk.received.note(item.message)
        self.desk.put(item)
        if isinstance(item, Looked):
            self._suspect_overdue()

    def coming(self, order_no: str) -> tuple[ChatMessage, ...]:
        """Return the counterparty's messages that wait in an order's queue."""
        return self.desk.coming(order_no)

    def take_ours(self, order_no: str) -> tuple[ChatMessage, ...]:
        """Take out of an order's queue what our own account said."""
        return self.desk.take_ours(order_no)

    def _missed(self, message: ChatMessage) -> None:
        """Note a message that was found in the history: unless the socket is late, it kept it from us."""
        key = message_key(message)
        coming = [one for one in self.desk.coming(message.order_no) if one.path is Path.SOCKET]
        due = message.created_at_ms > self.chat.session.opened_at_ms + _FLIGHT_MS
        if due and len(self._awaited) < _AWAITED and key not in map(message_key, coming):
            self._awaited[key] = message
            self._suspect_overdue()

    def _suspect_overdue(self) -> None:
        """Replace a socket that kept a message from us: half-open ones look healthy."""
        now_ms, opened_ms = self.doors.now_ms(), self.chat.session.opened_at_ms
        since_open = {key: one for key, one in self._awaited.items() if one.created_at_ms > opened_ms + _FLIGHT_MS}
        self._awaited = since_open
        overdue = [one for one in since_open.values() if one.created_at_ms < now_ms - _FLIGHT_MS]
        if overdue and self.chat.online and now_ms - self._suspected_ms >= _SUSPECT_EVERY_MS:
            self._suspected_ms = now_ms
            self.doors.events.warning("messages_missed", account=self.plan.name, order=overdue[0].order_no)
            self.chat.suspect()

    def _swallowed(self, written_ms: int) -> None:
        """Replace the socket if it took a reply and did not deliver it: it would take the next attempt as well."""
        if self.chat.online and written_ms >= self.chat.session.opened_at_ms:
            self.doors.events.warning("reply_swallowed", account=self.plan.name)
            self.chat.suspect()

    async def _write(self, text: str) -> None:
        await self.chat.write(text)

    def _online(self) -> bool:
        return self.chat.online

    def _open_orders(self) -> list[str]:
        """Return the numbers of the open orders, the newest first."""
        known = filter(None, map(self.book.get, self.book.numbers()))
        still_open = [order for order in known if order.status.is_open]
        return [order.number for order in sorted(still_open, key=lambda one: -(one.created_at_ms or 0))]

    def _quiet(self) -> bool:
        return not self.sender.outbox.in_flight()


def _is_strange(message: ChatMessage) -> bool:
    """Whether a message is of a kind, or a card of an event, that the protocol notes do not name."""
    card = message.system
    return message.kind is MessageKind.UNKNOWN or (card is not None and card.kind is SystemEventKind.UNKNOWN)
