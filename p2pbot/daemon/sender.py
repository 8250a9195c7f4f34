"""The sender loop: carries one account's replies from ``claimed`` to a settled state.

Promise: SENDING is committed before the write; what is in doubt is looked up in the history and only then written
again; the last look (``conversation.gate``) happens right before the write. Every change of a row goes through the
store first.
Danger: never write outside ``_write``; never raise MISSING from anything but a complete look that began after the
settling delay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import NoReturn

from p2pbot.conversation.delivery import DELIVERY, DeliveryEvent, advanced, dropped, missing, refused
from p2pbot.conversation.gate import late_reason
from p2pbot.conversation.outbox import Doubt, Late, Outbox, Reconcile, Upload, Write, recovered
from p2pbot.conversation.records import OutboxRow, OutboxState, Uploaded
from p2pbot.daemon.surroundings import AccountPlan, Doors
from p2pbot.errors import ConnectionLost
from p2pbot.model import ImageRef, Notice, Reason, SendRefusal, Topic
from p2pbot.protocol.outbound import image_frame, text_frame

_PASSING_CODE = "ILLEGAL_PARAM"
_ARRIVED = (DeliveryEvent.ECHO, DeliveryEvent.FOUND)
_LEASE_LOOK_MS = 1_000
_IDLE_S = 3_600.0  # with nothing pending the loop sleeps until it is woken; an hour only bounds the timer
_LOOK_S = 5.0  # with something pending it looks this often: a clock that is set right later must not cost an hour


class Sender:
    """One account's deliveries.

    ``look(order_no, since_ms)`` asks for a look at an order's history; ``suspect(written_ms)`` tells that a reply left
    at that time and never arrived, nor did a later one; ``upload(uuid)`` has a reply's picture uploaded, which ends in
    ``uploaded``, ``upload_again`` or ``give_up``.
    """

    def __init__(
        self,
        plan: AccountPlan,
        doors: Doors,
        *,
        write: Callable[[str], Awaitable[None]],
        online: Callable[[], bool],
        look: Callable[[str, int], None],
        suspect: Callable[[int], None],
        upload: Callable[[str], None] = lambda _uuid: None,
    ) -> None:
        self._plan = plan
        self._doors = doors
        self._write_frame = write
        self._online = online
        self._look = look
        self._suspect = suspect
        self._upload = upload
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._lock = asyncio.Lock()
        self._draining = False
        self._opened_ms = 0
        self._arrived_ms = 0  # the latest write of which the exchange has shown that it arrived
        self.outbox = Outbox(plan.delivery)

    async def recover(self) -> None:
        """Load what a former process left; what it left in SENDING is in doubt."""
        rows = await self._doors.store.pending(self._plan.name)
        doubtful = {row.uuid: row for row in recovered(rows, self._doors.now_ms())}
        for row in rows:
            after = doubtful.get(row.uuid, row)
            if after is not row:
                await self._doors.store.advance(after, OutboxState.SENDING)
            self.outbox.put(after)
        if rows:
            self._doors.events.info("outbox_recovered", account=self._plan.name, rows=len(rows), in_doubt=len(doubtful))

    async def run(self) -> NoReturn:
        """Carry replies for ever."""
        while True:
            self._wake.clear()
            if not self._doors.lease.held(self._plan.name):
                await self._tell_lease_lost()
                await self._sleep(self._doors.now_ms() + _LEASE_LOOK_MS)
                continue
            if self._doors.rest.clock_offset_ms is None:
                # Before the exchange's time is known, a machine's wrong clock would make every reply late.
                await self._sleep(self._doors.now_ms() + _LEASE_LOOK_MS)
                continue
            step, wake_ms = self.outbox.next_step(self._doors.now_ms(), online=self._online() and not self._draining)
            match step:
                case Write(row):
                    await self._write(row)
                case Upload(row):
                    self.outbox.uploading(row.uuid)
                    self._upload(row.uuid)
                    await self._doors.clock.sleep(0)
                case Late(row):
                    await self._drop_late(row.uuid)
                case Doubt(row):
                    await self._settle(row.uuid, DeliveryEvent.NO_ECHO)
                case Reconcile(order_no, since_ms):
                    self.outbox.asked(step, self._doors.now_ms())
                    self._look(order_no, since_ms)
                    await self._doors.clock.sleep(0)  # this branch alone waits for nothing: let the others run
                case None:
                    await self._sleep(wake_ms)

    def opened(self) -> None:
        """Note that the chat is open again: each order is looked at before it is written to."""
        self._opened_ms = self._doors.now_ms()
        self.outbox.opened()
        self._wake.set()

    def admit(self, rows: Iterable[OutboxRow], order_created_ms: int | None = None) -> None:
        """Take over freshly claimed replies. An order younger than the connection has no gap to look for."""
        rows = tuple(rows)
        if rows and order_created_ms is not None and order_created_ms >= self._opened_ms:
            self.outbox.looked(rows[0].order_no)
        for row in rows:
            if not row.state.is_final:
                self.outbox.put(row)
        self._wake.set()

    async def confirmed(self, uuid: str, message_id: str, event: DeliveryEvent) -> bool:
        """Note that the exchange shows our reply (ECHO or FOUND). Returns whether the reply was waiting for that."""
        return await self._settle(uuid, event, message_id=message_id)

    async def refused(self, refusal: SendRefusal) -> None:
        """Take an error frame for one of our frames."""
        async with self._lock:
            row = self.outbox.get(refusal.uuid)
            if row is None:
                self._doors.events.warning("refusal_of_unknown_frame", account=self._plan.name, code=refusal.code[:50])
                return
            passing = refusal.code == _PASSING_CODE and not refusal.sub_type
            after = refused(row, passing=passing, policy=self._plan.delivery, now_ms=self._doors.now_ms())
            if after is row:
                return
            self._arrived_ms = max(self._arrived_ms, row.sending_at_ms)
            await self._commit(row, after)
        if after.state is OutboxState.REJECTED:
            await self._tell_rejected(after, refusal)

    async def lost(self) -> None:
        """Note that the socket is gone: what was in flight is in doubt."""
        for row in self.outbox.in_flight():
            await self._settle(row.uuid, DeliveryEvent.LOST)

    async def looked(self, order_no: str, began_ms: int, since_ms: int | None) -> None:
        """Note that a look at an order's history has been worked through.

        It began at ``began_ms`` and read all back to ``since_ms``; None: the talk is longer than what was read.
        """
        if began_ms >= self._opened_ms:
            self.outbox.looked(order_no)
            self._wake.set()
        if since_ms is None:
            return
        async with self._lock:
            for row in self.outbox.settled_by_scan(order_no, began_ms, since_ms):
                if row.sending_at_ms > self._arrived_ms:
                    self._suspect(row.sending_at_ms)  # a socket that swallows must not use up the reply's attempts
                after = missing(row, self._plan.delivery, self._doors.now_ms())
                await self._commit(row, after)
                if after.reason is Reason.ATTEMPTS_EXHAUSTED:
                    text = "A reply could not be delivered after several tries; look at the order."
                    await self._tell(after, "unsent", text)

    async def still_wanted(self, uuid: str) -> OutboxRow | None:
        """Return a reply that waits for its picture, or None: it has met its end, or does so here."""
        async with self._lock:
            row = self.outbox.get(uuid)
            if row is None or row.state is not OutboxState.CLAIMED or not row.needs_upload:
                return None
            reason = await self._late_reason(row)
            if reason is None:
                return row
            await self._commit(row, dropped(row, reason, self._doors.now_ms()))
            return None

    async def uploaded(self, uuid: str, place: Uploaded) -> None:
        """Commit where a reply's picture lies; from now on every attempt shows it there."""
        async with self._lock:
            self.outbox.upload_ended(uuid)
            row = self.outbox.get(uuid)
            if row is not None and row.state is OutboxState.CLAIMED and row.needs_upload:
                await self._commit(row, replace(row, image_url=place.image_url, uploaded_at_ms=place.at_ms))
        self._wake.set()

    def upload_again(self, uuid: str, delay_ms: int) -> None:
        """Have a picture uploaded once more, in ``delay_ms``."""
        self.outbox.upload_ended(uuid, self._doors.now_ms() + delay_ms)
        self._wake.set()

    async def give_up(self, uuid: str, reason: Reason, text: str) -> None:
        """Drop a reply whose picture cannot be shown, and tell the operator ``text``."""
        async with self._lock:
            self.outbox.upload_ended(uuid)
            row = self.outbox.get(uuid)
            if row is None or row.state is not OutboxState.CLAIMED:
                return
            await self._commit(row, dropped(row, reason, self._doors.now_ms()))
        await self._tell(row, reason.value, text)

    async def drop(self, uuid: str) -> OutboxState | None:
        """Give a reply up because a person wants so; return the state it is in now, None when it is settled already.

        One that is being written cannot be given up: it stays in SENDING.
        """
        async with self._lock:
            row = self.outbox.get(uuid)
            if row is None:
                return None
            if not DELIVERY.allows(row.state, DeliveryEvent.DROP):
                return row.state
            after = dropped(row, Reason.DROPPED_BY_HAND, self._doors.now_ms())
            return after.state if await self._commit(row, after) else row.state

    def look_again(self, order_no: str) -> None:
        """Have an order's history looked at now, for a person waits for what it says."""
        self.outbox.ask_anew(order_no)
        self._wake.set()

    async def drain(self) -> None:
        """Write nothing new; return when nothing is in flight any more (the caller bounds the wait)."""
        self._draining = True
        self._wake.set()
        while self.outbox.in_flight() and self._online():
            self._settled.clear()
            await self._settled.wait()

    async def _write(self, row: OutboxRow) -> None:
        async with self._lock:
            held = self.outbox.get(row.uuid)
            if held is None or held.state is not OutboxState.CLAIMED or held.needs_upload:
                return  # settled, or refused (and its picture to be uploaded anew), since the step was chosen
            reason = await self._late_reason(held)
            if reason is not None:
                await self._commit(held, dropped(held, reason, self._doors.now_ms()))
                return
            now_ms = self._doors.now_ms()
            sending = advanced(held, DeliveryEvent.WRITE, now_ms)
            if not await self._commit(held, sending):
                return
            self.outbox.wrote(sending, now_ms)
        await self._put_on_wire(sending)

    async def _drop_late(self, uuid: str) -> None:
        async with self._lock:
            row = self.outbox.get(uuid)
            if row is not None and row.state is OutboxState.CLAIMED:
                await self._commit(row, dropped(row, Reason.LATE, self._doors.now_ms()))

    async def _put_on_wire(self, row: OutboxRow) -> None:
        now_ms = self._doors.now_ms()
        if now_ms - row.sending_at_ms > self._plan.delivery.settle_ms // 2:
            # The machine stood still since the commit: a frame now would arrive after the look that misses it.
            await self._settle(row.uuid, DeliveryEvent.LOST)
            return
        try:
            await self._write_frame(_frame_of(row, now_ms))
        except ConnectionLost:
            await self._settle(row.uuid, DeliveryEvent.LOST)
        else:
            self.outbox.left(row.uuid, self._doors.now_ms())

    async def _late_reason(self, row: OutboxRow) -> Reason | None:
        memory = await self._doors.store.recall(row.account, row.order_no)
        paused = self._doors.brake.is_set(row.account) or _covers(await self._doors.store.paused(), row)
        return late_reason(row, memory, paused=paused, now_ms=self._doors.now_ms())

    async def _settle(self, uuid: str, event: DeliveryEvent, *, message_id: str = "") -> bool:
        async with self._lock:
            row = self.outbox.get(uuid)
            if row is None or not DELIVERY.allows(row.state, event):
                return False
            if event in _ARRIVED:
                self._arrived_ms = max(self._arrived_ms, row.sending_at_ms)
            after = advanced(row, event, self._doors.now_ms(), message_id=message_id)
            return await self._commit(row, after)

    async def _commit(self, row: OutboxRow, after: OutboxRow) -> bool:
        """Write the change; then, and only then, believe it."""
        if not self._doors.lease.held(self._plan.name):
            return False
        written = await self._doors.store.advance(after, row.state)
        if written:
            self.outbox.put(after)
        else:  # somebody settled the row at the console: what the store says counts
            current = await self._doors.store.find_own(row.account, row.order_no, row.uuid)
            if current is not None:
                self.outbox.put(current)
        self._say(row, after)
        self._wake.set()
        self._settled.set()
        return written

    def _say(self, row: OutboxRow, after: OutboxRow) -> None:
        self._doors.events.info(
            "reply",
            account=row.account,
            order=row.order_no,
            rule=row.rule_id,
            uuid=row.uuid,
            state=after.state.value,
            reason=after.reason.value if after.reason else None,
            attempt=after.attempts,
        )

    async def _tell_lease_lost(self) -> None:
        text = (
            "The lock in the state directory was removed or replaced, so nothing more is answered. Start p2pbot again."
        )
        key = f"lease_lost:{self._plan.name}"
        notice = Notice(key=key, text=text, account=self._plan.name, urgent=True, topic=Topic.DISK)
        await self._doors.notifier.notify(notice)

    async def _tell_rejected(self, row: OutboxRow, refusal: SendRefusal) -> None:
        kind = refusal.sub_type or refusal.code
        await self._tell(
            row, "rejected", f"The exchange refused a reply of rule {row.rule_id} ({kind[:50]}). Change its text."
        )

    async def _tell(self, row: OutboxRow, kind: str, text: str) -> None:
        key, topic = f"{kind}:{row.account}:{row.rule_id}", Topic.REJECTED if kind == "rejected" else Topic.UNSENT
        notice = Notice(key=key, text=text, account=row.account, order_no=row.order_no, topic=topic)
        await self._doors.notifier.notify(notice)

    async def _sleep(self, wake_ms: int | None) -> None:
        delay_s = _IDLE_S if wake_ms is None else min(_LOOK_S, (wake_ms - self._doors.now_ms()) / 1000)
        delay_s = max(0.001, delay_s)
        self._doors.progress.step(delay_s)
        try:
            async with asyncio.timeout(delay_s):
                await self._wake.wait()
        except TimeoutError:
            return


def _frame_of(row: OutboxRow, now_ms: int) -> str:
    if row.picture is None:
        return text_frame(row.uuid, row.order_no, row.text, now_ms)
    image = ImageRef(image_url=row.image_url, width=row.picture.width, height=row.picture.height)
    return image_frame(row.uuid, row.order_no, image, now_ms)


def _covers(paused: tuple[tuple[str, str], ...], row: OutboxRow) -> bool:
    return any(account in ("*", row.account) and order_no in ("*", row.order_no) for account, order_no in paused)
