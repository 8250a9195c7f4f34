"""The pictures loop in time that stands: the exchange's limit, addresses while they are young, and every failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

import pytest

from p2pbot.conversation.pictures import UploadPolicy
from p2pbot.conversation.records import OrderMemory, OutboxRow, OutboxState
from p2pbot.daemon.pictures import Pictures
from p2pbot.daemon.sender import Sender
from p2pbot.daemon.surroundings import AccountPlan
from p2pbot.errors import (
    ConnectionLost,
    P2pbotError,
    RateLimited,
    UploadExpired,
    UploadForbidden,
    UploadRefused,
)
from p2pbot.model import OrderStatus, Reason
from p2pbot.protocol.rest import Answer, RestCall
from tests.fakes.records import ACCOUNT, NOW_MS, PICTURE, reply
from tests.fakes.world import FactsRest, StillClock, World, not_connected
from tests.faults.picture_flood import most_within

T = TypeVar("T")
BYTES = b"picture"
CALL_MS = 150


@dataclass
class PlacesRest(FactsRest):
    """``ports.Rest`` that hands out addresses, each call taking some time."""

    clock: StillClock = field(default_factory=lambda: StillClock(NOW_MS))
    calls_ms: list[int] = field(default_factory=list)
    failures: list[P2pbotError] = field(default_factory=list)

    async def call(self, request: RestCall[T]) -> T:
        """Hand out the next address."""
        assert (request.name, request.idempotent) == ("presign", False)
        self.calls_ms.append(self.clock.at_ms)
        self.clock.at_ms += CALL_MS
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        number = len(self.calls_ms)
        urls = {"preSignedUrl": f"https://u.invalid/{number}?CANARY", "imageUrl": f"https://i.invalid/{number}.png"}
        return request.parse(Answer(data=urls))


@dataclass
class Shop:
    """One account's uploads, with their doors at hand."""

    policy: UploadPolicy = field(default_factory=lambda: UploadPolicy(workers=2))
    world: World = field(default_factory=lambda: World(StillClock(NOW_MS)))

    def __post_init__(self) -> None:
        self.rest = PlacesRest(clock=self.world.clock)
        self.world.rest = self.rest
        self.world.pictures.contents[PICTURE.sha256] = BYTES

    @property
    def rows(self) -> list[OutboxRow]:
        """Return the replies as the store has them."""
        return list(self.world.store.disk.outbox.values())

    def claim(self, uuid: str, order_no: str = "1", *, life_ms: int = 3_600_000) -> None:
        """Put a picture into the store, of an order that is known."""
        row = replace(
            reply(uuid, order_no=order_no, picture=PICTURE, text=str(PICTURE)),
            seq=len(self.rows) + 1,
            expires_at_ms=NOW_MS + life_ms,
            order_status=OrderStatus.UNPAID,
        )
        self.world.store.disk.outbox[uuid] = row
        memory = OrderMemory(account=ACCOUNT, order_no=order_no, status=OrderStatus.UNPAID)
        self.world.store.disk.orders[ACCOUNT, order_no] = memory

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Sender]:
        """Run sender and uploads, as after a start; orders were looked at, frames go nowhere."""
        plan = AccountPlan(name=ACCOUNT, uploads=self.policy)
        wanted: list[str] = []
        sender = Sender(
            plan,
            self.world.doors(),
            write=not_connected,
            online=lambda: True,
            look=lambda order_no, _since_ms: sender.outbox.looked(order_no),
            suspect=lambda _since_ms: None,
            upload=wanted.append,
        )
        pictures = Pictures(plan, self.world.doors(), sender)
        sender._upload = pictures.upload
        await sender.recover()
        for row in sender.outbox:
            sender.outbox.uploading(row.uuid)  # queued here: the sender's own loop is not under test
        task = asyncio.create_task(pictures.run())
        for row in sender.outbox:
            pictures.upload(row.uuid)
        try:
            yield sender
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def until(self, sender: Sender, done: int) -> None:
        """Let it run until so many pictures have their place or their end; failed ones are queued anew in time."""
        async with asyncio.timeout(20):
            while sum(not row.needs_upload or row.state.is_final for row in self.rows) < done:
                await asyncio.sleep(0)
                for uuid, at_ms in list(sender.outbox._upload_again_ms.items()):
                    self.world.clock.at_ms = max(self.world.clock.at_ms, at_ms)
                    sender.outbox.upload_ended(uuid)
                    sender._upload(uuid)

    async def all(self) -> list[OutboxRow]:
        """Run until every picture has its place or its end."""
        async with self.open() as sender:
            await self.until(sender, len(self.rows))
        return self.rows


async def test_a_hundred_pictures_at_once_keep_the_limit_and_their_order() -> None:
    """Never more than 36 calls in any minute; nobody waits longer than the limit demands."""
    shop = Shop()
    for number in range(100):
        shop.claim(f"u{number:03}", str(number))
    rows = await shop.all()
    assert [row.image_url for row in rows] == [f"https://i.invalid/{number}.png" for number in range(1, 101)]
    assert most_within(shop.rest.calls_ms, 60_000) == 36
    assert shop.rest.calls_ms[-1] - shop.rest.calls_ms[0] < 150_000
    assert len(shop.world.pictures.put_there) == 100


async def test_the_limit_holds_over_deaths() -> None:
    """A process that starts counts the calls of those before it."""
    shop = Shop()
    for number in range(60):
        shop.claim(f"u{number:03}", str(number))
    for done in (10, 25, 36, 50):
        async with shop.open() as sender:
            await shop.until(sender, done)
    await shop.all()
    assert most_within(shop.rest.calls_ms, 60_000) <= 36
    assert len(shop.rest.calls_ms) < 70  # each death costs at most those that were under way


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        (ConnectionLost("x"), 1),
        (UploadExpired("x", status=403), 2),
        (UploadRefused("x", status=403), 2),
    ],
)
async def test_an_address_is_used_again_unless_it_is_to_blame(error: P2pbotError, calls: int) -> None:
    """Each is one of 36."""
    shop = Shop()
    shop.claim("u1")
    shop.world.pictures.failures.append(error)
    (row,) = await shop.all()
    assert row.image_url == f"https://i.invalid/{calls}.png"
    ((url, picture, data),) = shop.world.pictures.put_there
    assert (url.reveal(), picture, data) == (f"https://u.invalid/{calls}?CANARY", PICTURE, BYTES)


async def test_an_old_address_is_not_used_again() -> None:
    """It lives 300 s; we stop a minute before."""
    shop = Shop()
    shop.claim("u1")
    shop.world.pictures.failures.append(ConnectionLost("x"))
    async with shop.open() as sender:
        async with asyncio.timeout(5):
            while not sender.outbox._upload_again_ms:  # noqa: ASYNC110 - the loop has no event for it
                await asyncio.sleep(0)
        shop.world.clock.at_ms += 241_000
        await shop.until(sender, 1)
    assert shop.rows[0].image_url == "https://i.invalid/2.png"


@pytest.mark.parametrize(
    "failures",
    [
        [UploadForbidden("to evil.example nothing is sent", remedy="add the host")],
        [UploadRefused("HTTP 413", status=413)],
        [UploadRefused("HTTP 403", status=403)] * 2,
        [ConnectionLost("broke")] * 5,
    ],
)
async def test_what_cannot_be_uploaded_is_dropped_and_told(failures: list[P2pbotError]) -> None:
    """With the reason, in the operator's words; no address is in them."""
    shop = Shop()
    shop.claim("u1")
    shop.world.pictures.failures += failures
    (row,) = await shop.all()
    assert (row.state, row.reason) == (OutboxState.DROPPED, Reason.UPLOAD_FAILED)
    (notice,) = shop.world.told.notices
    assert notice.text.startswith(f"The picture {PICTURE.name} of rule greeting could not be uploaded: ")
    assert str(failures[-1]) in notice.text
    assert "CANARY" not in repr((shop.world.told.events, shop.world.told.notices))


async def test_a_rate_limit_is_waited_out_and_is_no_failure() -> None:
    """However often."""
    shop = Shop()
    shop.claim("u1")
    shop.rest.failures += [RateLimited("slow down", retry_after_s=9)] * 8
    (row,) = await shop.all()
    assert row.image_url == "https://i.invalid/9.png"
    assert shop.world.clock.at_ms >= NOW_MS + 72_000


async def test_nothing_is_asked_for_a_reply_that_is_not_wanted_any_more() -> None:
    """It is late, or its order was paused meanwhile."""
    shop = Shop()
    shop.claim("late", "1", life_ms=-1)
    shop.claim("paused", "2")
    await shop.world.store.set_paused(ACCOUNT, "2", paused=True)
    rows = await shop.all()
    assert [row.reason for row in rows] == [Reason.LATE, Reason.PAUSED]
    assert shop.rest.calls_ms == []


@pytest.mark.parametrize(("reuse_ms", "calls"), [(None, 3), (600_000, 1)])
async def test_an_upload_serves_its_order_or_all_for_a_time(reuse_ms: int | None, calls: int) -> None:
    """As configured; its age is that of the upload, however often it served."""
    shop = Shop(UploadPolicy(reuse_ms=reuse_ms))
    for number in range(3):
        shop.claim(f"u{number}", str(number))
    rows = await shop.all()
    assert len(shop.rest.calls_ms) == calls
    assert len({row.image_url for row in rows}) == calls
    shop.claim("again", "0")
    assert (await shop.all())[-1].image_url == rows[0].image_url
    shop.world.clock.at_ms += 700_000
    shop.claim("later", "9")
    assert (await shop.all())[-1].image_url not in {row.image_url for row in rows}


async def test_a_refused_picture_gets_a_new_place_though_an_old_one_is_known() -> None:
    """The old one may be what was refused."""
    shop = Shop(UploadPolicy(reuse_ms=600_000))
    shop.claim("u1", "1")
    await shop.all()
    shop.claim("u2", "2")
    disk = shop.world.store.disk.outbox
    disk["u2"] = replace(disk["u2"], passing_refusals=1)
    assert [row.image_url for row in await shop.all()] == ["https://i.invalid/1.png", "https://i.invalid/2.png"]


async def test_a_picture_that_is_gone_is_told() -> None:
    """Nothing else is sent in its place."""
    shop = Shop()
    shop.claim("u1")
    shop.world.pictures.contents.clear()
    (row,) = await shop.all()
    assert row.reason is Reason.PICTURE_GONE
    assert shop.rest.calls_ms == []
    assert "not in the state directory any more" in shop.world.told.notices[0].text
