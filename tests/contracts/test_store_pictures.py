"""What every store promises about pictures: where they lie, and how often we asked for a place."""

from __future__ import annotations

from dataclasses import replace

from p2pbot.conversation.records import OutboxRow, OutboxState, Uploaded
from p2pbot.ports import Store
from tests.contracts.conftest import StoreWorld
from tests.fakes.records import ACCOUNT, NOW_MS, ORDER, PICTURE, claim, entry, reply

OTHER_ORDER = "20476365073825144833"
PLACE = "https://pictures.invalid/1.png"


async def claimed(store: Store, uuid: str, *, order_no: str = ORDER) -> OutboxRow:
    """Claim a picture; return its row."""
    row = reply(uuid, order_no=order_no, text=str(PICTURE), picture=PICTURE)
    await store.claim(claim(entry(uuid, order_no=order_no), row))
    found = await store.find_own(ACCOUNT, order_no, uuid)
    assert found is not None
    return found


async def uploaded(store: Store, row: OutboxRow, place: str, at_ms: int) -> OutboxRow:
    """Note where a picture lies."""
    after = replace(row, image_url=place, uploaded_at_ms=at_ms)
    assert await store.advance(after, row.state)
    return after


async def test_a_picture_is_claimed_with_all_that_its_frame_needs(world: StoreWorld) -> None:
    """And is still the same after a restart."""
    row = await claimed(world.store, "u1")
    assert row.picture == PICTURE
    assert row.needs_upload
    assert await (await world.restart()).find_own(ACCOUNT, ORDER, "u1") == row


async def test_where_a_picture_lies_is_kept_with_its_reply(world: StoreWorld) -> None:
    """The place is committed before the frame, so that every attempt names the same."""
    after = await uploaded(world.store, await claimed(world.store, "u1"), PLACE, NOW_MS)
    assert await (await world.restart()).pending(ACCOUNT) == (after,)
    (said,) = (await world.store.talk(ACCOUNT, ORDER, "", NOW_MS)).said
    assert (said.image_url, said.picture) == (PLACE, PICTURE)


async def test_an_uploaded_picture_is_found_by_its_content(store: Store) -> None:
    """The newest place of any order, or of one order alone; not of another account or picture."""
    assert await store.uploaded(ACCOUNT, PICTURE.sha256) is None
    await uploaded(store, await claimed(store, "u1"), PLACE, NOW_MS)
    await uploaded(store, await claimed(store, "u2", order_no=OTHER_ORDER), "https://pictures.invalid/2", NOW_MS + 1)
    first, second = Uploaded(image_url=PLACE, at_ms=NOW_MS), await store.uploaded(ACCOUNT, PICTURE.sha256)
    assert second == Uploaded(image_url="https://pictures.invalid/2", at_ms=NOW_MS + 1)
    assert await store.uploaded(ACCOUNT, PICTURE.sha256, order_no=ORDER) == first
    assert await store.uploaded(ACCOUNT, PICTURE.sha256, since_ms=NOW_MS + 1) is None
    assert await store.uploaded("other", PICTURE.sha256) is None
    assert await store.uploaded(ACCOUNT, "00") is None


async def test_a_place_that_the_chat_refused_is_not_given_again(store: Store) -> None:
    """It may be the place that was refused."""
    row = await uploaded(store, await claimed(store, "u1"), PLACE, NOW_MS)
    assert await store.advance(replace(row, state=OutboxState.REJECTED), row.state)
    assert await store.uploaded(ACCOUNT, PICTURE.sha256) is None


async def test_calls_for_a_place_are_counted_over_restarts(world: StoreWorld) -> None:
    """The exchange counts them by user, whatever process made them; each account has its own."""
    for at_ms in (NOW_MS, NOW_MS, NOW_MS + 5):
        await world.store.presigning(ACCOUNT, at_ms)
    await world.store.presigning("other", NOW_MS)
    store = await world.restart()
    assert await store.presigned(ACCOUNT, NOW_MS) == (NOW_MS, NOW_MS, NOW_MS + 5)
    assert await store.presigned(ACCOUNT, NOW_MS + 1) == (NOW_MS + 5,)


async def test_old_calls_for_a_place_are_forgotten(store: Store) -> None:
    """After ten minutes, when the next one is noted."""
    await store.presigning(ACCOUNT, NOW_MS)
    await store.presigning(ACCOUNT, NOW_MS + 600_001)
    assert await store.presigned(ACCOUNT, 0) == (NOW_MS + 600_001,)
