"""The pictures loop: has the exchange take the pictures of replies, in the order in which they became due.

Promise: a call for a place to upload to is noted in the store before it is made, so that the exchange's limit holds
over any number of deaths; where a picture lies is committed before its frame is written, so that a death in between
uploads once more (which nobody sees) and never shows a picture twice. Texts of other orders pass by: only the reply
with the picture, and what follows it in its order, waits here.
Danger: an address for an upload is a bearer secret; it lives in ``_Attempt`` and goes to the uploader, nowhere else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import NoReturn
from weakref import WeakValueDictionary

from p2pbot.conversation.pictures import GiveUp, PresignBudget, after_failure
from p2pbot.conversation.records import OutboxRow, Uploaded
from p2pbot.daemon.sender import Sender
from p2pbot.daemon.supervisor import guarded
from p2pbot.daemon.surroundings import AccountPlan, Doors
from p2pbot.errors import OurError, P2pbotError
from p2pbot.model import Picture, Reason
from p2pbot.protocol.answers import PresignedUpload
from p2pbot.protocol.calls import presign

_LOOK_S = 5.0  # who waits for the budget looks this often: a suspend may have ended
_LEASE_LOOK_MS = 1_000
_OFFSET_LOOK_S = 0.5
_FORGET_FROM = 100  # attempts that are kept before those of replies that have ended are looked for


@dataclass(slots=True)
class _Attempt:
    """What one reply's upload has come to. ``address`` is used again while it is young."""

    failures: int = 0
    address: PresignedUpload | None = None
    asked_s: float = 0.0


class _Overtaken(Exception):
    """The reply met its end while its upload waited."""


class Pictures:
    """One account's uploads."""

    def __init__(self, plan: AccountPlan, doors: Doors, sender: Sender) -> None:
        self._plan = plan
        self._doors = doors
        self._sender = sender
        self._policy = plan.uploads
        self._budget = PresignBudget(limit=plan.uploads.presigns_per_minute)
        self._queue: deque[str] = deque()  # at most as long as the outbox
        self._new = asyncio.Event()
        self._turn = asyncio.Lock()
        self._attempts: dict[str, _Attempt] = {}
        self._same: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def waiting(self) -> int:
        """Pictures that wait for their upload."""
        return len(self._queue)

    def upload(self, uuid: str) -> None:
        """Queue a reply's picture."""
        if len(self._attempts) > _FORGET_FROM:
            self._attempts = {one: kept for one, kept in self._attempts.items() if self._sender.outbox.get(one)}
        self._queue.append(uuid)
        self._new.set()

    async def run(self) -> NoReturn:
        """Upload for ever."""
        await self._remember()
        async with asyncio.TaskGroup() as group:
            for number in range(self._policy.workers):
                name = f"{self._plan.name}: upload worker {number}"
                group.create_task(guarded(self._work(), name, self._doors.progress), name=name)
            self._doors.progress.rest()
        raise OurError("the upload workers returned")

    async def _remember(self) -> None:
        """Count the calls that former processes made within the last minutes.

        By the exchange's time, once it is known: this machine's clock may have been set since.
        """
        while self._doors.rest.clock_offset_ms is None:
            await self._doors.clock.sleep(_OFFSET_LOOK_S)
        now_ms = self._doors.now_ms()
        since_ms = now_ms - self._budget.window_ms - self._policy.longest_call_ms
        calls = await self._doors.store.presigned(self._plan.name, since_ms)
        ages_ms = [now_ms - at_ms for at_ms in calls]
        self._budget = self._budget.remembering(ages_ms, self._boot_ms(), self._policy.longest_call_ms)

    def _boot_ms(self) -> int:
        return round(self._doors.clock.boottime_s() * 1000)

    async def _work(self) -> NoReturn:
        while True:
            while not self._queue:
                self._new.clear()
                self._doors.progress.rest()
                await self._new.wait()
            self._doors.progress.step()
            await self._carry(self._queue.popleft())

    async def _carry(self, uuid: str) -> None:
        """Bring one picture a step further: uploaded, to be tried again, or given up."""
        if not self._doors.lease.held(self._plan.name):
            self._sender.upload_again(uuid, _LEASE_LOOK_MS)
            return
        row = await self._sender.still_wanted(uuid)
        if row is None or row.picture is None:
            self._attempts.pop(uuid, None)
            self._sender.outbox.upload_ended(uuid)
            return
        try:
            self._doors.progress.rest()  # whoever holds the lock has its own word to keep
            async with self._alone(row, row.picture):
                self._doors.progress.step()
                await self._place(row, row.picture)
        except _Overtaken:
            self._attempts.pop(uuid, None)
        except OurError:
            raise
        except P2pbotError as error:
            await self._failed(row, row.picture, error)

    def _alone(self, row: OutboxRow, picture: Picture) -> asyncio.Lock:
        """Return the lock under which this picture goes up: where others may share it, one upload serves all."""
        key = row.uuid if self._policy.reuse_ms is None else picture.sha256
        return self._same.setdefault(key, asyncio.Lock())

    async def _place(self, row: OutboxRow, picture: Picture) -> None:
        """Find out where the picture lies, or upload it. Raises what the doors raise."""
        known = await self._known(row, picture)
        if known is None:
            data = await self._doors.shelf.take(picture)
            if data is None:
                await self._gone(row, picture)
                return
            known = await self._upload(row, picture, data)
        self._attempts.pop(row.uuid, None)
        await self._sender.uploaded(row.uuid, known)

    async def _known(self, row: OutboxRow, picture: Picture) -> Uploaded | None:
        """Return where the same picture lies already, as far as it may be used; not after a refusal."""
        if row.passing_refusals:
            return None
        order_no, since_ms = row.order_no, 0
        if self._policy.reuse_ms is not None:
            order_no, since_ms = "", self._doors.now_ms() - self._policy.reuse_ms
        return await self._doors.store.uploaded(row.account, picture.sha256, order_no=order_no, since_ms=since_ms)

    async def _upload(self, row: OutboxRow, picture: Picture, data: bytes) -> Uploaded:
        attempt = self._attempts.setdefault(row.uuid, _Attempt())
        age_s = self._doors.clock.boottime_s() - attempt.asked_s
        if attempt.address is None or age_s * 1000 > self._policy.address_life_ms:
            attempt.address = await self._address(row, picture)
            attempt.asked_s = self._doors.clock.boottime_s()
            self._say("picture_presigned", row)
        await self._doors.uploader.put(attempt.address.upload_url, picture, data)
        self._say("picture_uploaded", row)
        return Uploaded(image_url=attempt.address.image_url, at_ms=self._doors.now_ms())

    async def _address(self, row: OutboxRow, picture: Picture) -> PresignedUpload:
        """Ask for a place when it is this call's turn. Raises _Overtaken when the reply ended while it waited."""
        self._doors.progress.rest()  # whoever has its turn has its own word to keep
        async with self._turn:
            self._doors.progress.step()
            await self._wait_for_budget()
            if self._sender.outbox.get(row.uuid) is None:
                raise _Overtaken
            self._budget = self._budget.begun()
        try:
            await self._doors.store.presigning(row.account, self._doors.now_ms())
            return await self._doors.rest.call(presign(f"{picture.sha256[:16]}.{picture.kind.value}"))
        finally:
            self._budget = self._budget.ended(self._boot_ms())

    async def _wait_for_budget(self) -> None:
        told = False
        while (wait_ms := self._budget.wait_ms(self._boot_ms())) != 0:
            if not told:
                self._doors.events.info("pictures_queue", account=self._plan.name, waiting=len(self._queue) + 1)
                told = True
            delay_s = _LOOK_S if wait_ms is None else min(_LOOK_S, wait_ms / 1000)
            await self._doors.clock.sleep(delay_s)

    async def _failed(self, row: OutboxRow, picture: Picture, error: P2pbotError) -> None:
        attempt = self._attempts.setdefault(row.uuid, _Attempt())
        attempt.failures += 1
        then = after_failure(error, attempt.failures, self._policy, self._doors.rng)
        self._doors.events.warning(
            "picture_not_uploaded",
            account=row.account,
            order=row.order_no,
            uuid=row.uuid,
            what=error.what,
            failures=attempt.failures,
        )
        if isinstance(then, GiveUp):
            self._attempts.pop(row.uuid, None)
            text = f"The picture {picture.name} of rule {row.rule_id} could not be uploaded: {error}"
            await self._sender.give_up(row.uuid, Reason.UPLOAD_FAILED, text)
            return
        if not then.counts:
            attempt.failures -= 1
        if then.fresh:
            attempt.address = None
        self._sender.upload_again(row.uuid, then.delay_ms)

    async def _gone(self, row: OutboxRow, picture: Picture) -> None:
        self._attempts.pop(row.uuid, None)
        text = (
            f"The picture {picture.name} of rule {row.rule_id} is not in the state directory any more; it was not sent."
        )
        await self._sender.give_up(row.uuid, Reason.PICTURE_GONE, text)

    def _say(self, event: str, row: OutboxRow) -> None:
        self._doors.events.info(event, account=row.account, order=row.order_no, rule=row.rule_id, uuid=row.uuid)
