"""Known faults of such bots, planted in the daemon at run time: the simulation must find each.

Each mutant replaces one small piece of the product, as a careless change would; ``checker`` is who must notice, and
``seeds`` are worlds in which it does. Source of the faults: C2C chat protocol notes, section 6.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from p2pbot.conversation.delivery import DeliveryEvent, DeliveryPolicy, advanced
from p2pbot.conversation.history import Reading
from p2pbot.conversation.inbox import sender_reason
from p2pbot.conversation.orders import agreed
from p2pbot.conversation.outbox import Outbox, _Plan
from p2pbot.conversation.pictures import PresignBudget
from p2pbot.conversation.records import OrderMemory, OutboxRow, OutboxState
from p2pbot.daemon.chat import ChatLoop
from p2pbot.daemon.pictures import Pictures
from p2pbot.daemon.sender import Sender
from p2pbot.model import ChatMessage, MessageKind, Order, Reason, Side
from p2pbot.ports import Connection
from p2pbot.protocol.backoff import Backoff
from p2pbot.protocol.calls import chat_credential
from p2pbot.protocol.frames import Frame, parse_frame, parse_history_row
from p2pbot.protocol.outbound import chat_url
from tests.sim.talk import GREETED_FIAT

_PATIENT_TRIES = 3


@dataclass(frozen=True)
class Mutant:
    """One planted fault, and the checker that must find it."""

    name: str
    checker: str
    plant: Callable[[pytest.MonkeyPatch], None]
    seeds: tuple[int, ...]  # the quickest of those that find it; a change of the simulated world may need others

    def __str__(self) -> str:
        return self.name


def _resend_in_doubt(patch: pytest.MonkeyPatch) -> None:
    """No echo, or the connection lost: write again at once."""

    def careless(row: OutboxRow, event: DeliveryEvent, now_ms: int, *, message_id: str = "") -> OutboxRow:
        after = advanced(row, event, now_ms, message_id=message_id)
        return replace(after, state=OutboxState.CLAIMED) if after.state is OutboxState.UNKNOWN else after

    patch.setattr("p2pbot.daemon.sender.advanced", careless)


def _reconcile_too_early(patch: pytest.MonkeyPatch) -> None:
    """Believe a history that cannot show the message yet."""

    class Hasty(Outbox):
        def __init__(self, policy: DeliveryPolicy, rows: tuple[OutboxRow, ...] = ()) -> None:
            super().__init__(replace(policy, settle_ms=1), rows)

    patch.setattr("p2pbot.daemon.sender.Outbox", Hasty)


def _cursor_stuck_on_a_picture(patch: pytest.MonkeyPatch) -> None:
    """Reading a history never gets past a picture: what came after it stays unseen."""

    class Stuck(Reading):
        __slots__ = ()

        def page(self, messages: tuple[ChatMessage, ...], rows: int, lowest_id: str) -> Reading:
            kinds = [message.kind for message in messages]
            start = kinds.index(MessageKind.IMAGE) if MessageKind.IMAGE in kinds else 0
            return Reading.page(self, messages[start:], rows, lowest_id)

    patch.setattr("p2pbot.daemon.scans.Reading", Stuck)


def _moved_on_before_confirmation(patch: pytest.MonkeyPatch) -> None:
    """What was written counts as sent."""
    put_on_wire = Sender._put_on_wire

    async def trusting(self: Sender, row: OutboxRow) -> None:
        await put_on_wire(self, row)
        await self._settle(row.uuid, DeliveryEvent.ECHO)

    patch.setattr(Sender, "_put_on_wire", trusting)


def _dedupe_by_status(patch: pytest.MonkeyPatch) -> None:
    """A message that comes again as read is another message."""

    def marked(message: Frame | None) -> Any:
        if not isinstance(message, ChatMessage) or message.from_us is not False:
            return message
        return replace(message, message_id=f"{message.message_id}/{message.status}", uuid="")

    patch.setattr("p2pbot.daemon.account.parse_frame", lambda raw: marked(parse_frame(raw)))
    patch.setattr(
        "p2pbot.protocol.answers.parse_history_row", lambda row, order_no: marked(parse_history_row(row, order_no))
    )


def _queue_in_memory(patch: pytest.MonkeyPatch) -> None:
    """What a former process left unsent is forgotten."""

    async def forgetful(_: Sender) -> None:
        return

    patch.setattr(Sender, "recover", forgetful)


def _no_backoff(patch: pytest.MonkeyPatch) -> None:
    """Try again at once, for ever."""
    patch.setattr(Backoff, "failed", lambda self, _: (0.0, self))


def _answers_machines(patch: pytest.MonkeyPatch) -> None:
    """An automatic text is taken for a typed one."""

    def trusting(message: ChatMessage) -> Reason | None:
        reason = sender_reason(message)
        return None if reason is Reason.AUTO_REPLY else reason

    def typed(raw: str | bytes) -> Frame:
        frame = parse_frame(raw)
        if isinstance(frame, ChatMessage) and frame.kind is MessageKind.AUTO_REPLY:
            return replace(frame, kind=MessageKind.TEXT)
        return frame

    patch.setattr("p2pbot.daemon.clerk.sender_reason", trusting)
    patch.setattr("p2pbot.daemon.account.parse_frame", typed)


def _no_last_look(patch: pytest.MonkeyPatch) -> None:
    """A reply goes out whatever happened since it was decided."""
    patch.setattr("p2pbot.daemon.sender.late_reason", lambda *_, **__: None)


def _no_sides(patch: pytest.MonkeyPatch) -> None:
    """Each order is taken for a sale in the usual fiat."""

    def careless(order: Order, memory: OrderMemory | None) -> Order:
        return replace(agreed(order, memory), side=Side.SELL, fiat=GREETED_FIAT)

    patch.setattr("p2pbot.conversation.decision.agreed", careless)


def _gives_up(patch: pytest.MonkeyPatch) -> None:
    """After some tries the chat is left alone."""
    wait, tries = ChatLoop._wait, Counter[ChatLoop]()

    async def weary(self: ChatLoop) -> None:
        tries[self] += 1
        if tries[self] > _PATIENT_TRIES:
            await asyncio.Event().wait()
        await wait(self)

    patch.setattr(ChatLoop, "_wait", weary)


def _two_connect(patch: pytest.MonkeyPatch) -> None:
    """Two tasks reconnect, each on its own."""
    connect = ChatLoop._connect

    async def also(self: ChatLoop) -> Connection:
        credential = await self._doors.rest.call(chat_credential())
        return await self._doors.wire.connect(chat_url(credential))

    async def both(self: ChatLoop) -> Connection | None:
        mine, _ = await asyncio.gather(connect(self), also(self), return_exceptions=True)
        return None if isinstance(mine, BaseException) else mine

    patch.setattr(ChatLoop, "_connect", both)


def _lock_freed_too_early(patch: pytest.MonkeyPatch) -> None:
    """A reply that is in doubt does not hold up the next."""

    class Crossing(Outbox):
        def _plan(self, order_no: str, now_ms: int, *, online: bool) -> _Plan:
            rows = self._orders[order_no]
            free = [row for row in rows.values() if row.state is OutboxState.CLAIMED]
            self._orders[order_no] = {row.uuid: row for row in free} | rows
            return super()._plan(order_no, now_ms, online=online)

    patch.setattr("p2pbot.daemon.sender.Outbox", Crossing)


def _uploads_uncounted(patch: pytest.MonkeyPatch) -> None:
    """Each picture asks for its place at once."""
    patch.setattr(PresignBudget, "wait_ms", lambda _self, _now_ms: 0)


def _uploads_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A new process does not know how often the one before it asked."""

    async def forgetful(_: Pictures) -> None:
        return

    patch.setattr(Pictures, "_remember", forgetful)


MUTANTS = (
    Mutant("resend in doubt", "duplicate", _resend_in_doubt, (24, 29, 0)),
    Mutant("reconcile too early", "duplicate", _reconcile_too_early, (15, 78, 21)),
    Mutant("cursor stuck on a picture", "loss", _cursor_stuck_on_a_picture, (10, 9, 7)),
    Mutant("state moved on before confirmation", "loss", _moved_on_before_confirmation, (9, 11, 19)),
    Mutant("dedupe by status", "duplicate", _dedupe_by_status, (11, 17, 14)),
    Mutant("queue in memory", "order", _queue_in_memory, (6, 7, 5)),
    Mutant("no backoff", "tight_loop", _no_backoff, (63, 55, 68)),
    Mutant("answers machines", "forbidden", _answers_machines, (2, 9, 10)),
    Mutant("no last look", "spoke_when_silent", _no_last_look, (8, 71, 21)),
    Mutant("purchases for sales, any fiat", "forbidden", _no_sides, (0, 3, 6)),
    Mutant("gives up after some tries", "exception", _gives_up, (54, 63, 13)),  # a loop that hangs is told first
    Mutant("two tasks reconnect", "two_connect", _two_connect, (1, 3, 0)),
    Mutant("lock freed too early", "two_in_flight", _lock_freed_too_early, (15, 7, 13)),
    Mutant("uploads uncounted", "presigns", _uploads_uncounted, (321, 287)),
    Mutant("uploads forgotten at a restart", "presigns", _uploads_forgotten, (489,)),
)
