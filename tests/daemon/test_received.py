"""Received pictures: looked at when a rule asks, kept when the archive is on, and never at the chat's expense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest

from p2pbot.daemon import received
from p2pbot.daemon.received import ReceivedPictures
from p2pbot.daemon.surroundings import AccountPlan
from p2pbot.errors import ConnectionLost, ExchangeUnavailable, OurError, P2pbotError, RequestRefused
from p2pbot.model import ChatMessage, ImageRef, MessageKind, Path
from p2pbot.protocol.picture_names import picture_name
from tests.fakes.pictures import JPEG
from tests.fakes.received import PictureAttic, PictureHost
from tests.fakes.world import StillClock, World

ORDER = "20476365073825144832"
NOW_MS = 1_767_600_000_000
DAY_S = 86_400.0


def pictured(number: int = 1, *, from_us: bool | None = False, image: bool = True) -> ChatMessage:
    """Return a message with a picture."""
    return ChatMessage(
        order_no=ORDER,
        kind=MessageKind.IMAGE,
        path=Path.SOCKET,
        message_id=str(number),
        from_us=from_us,
        created_at_ms=NOW_MS,
        image=ImageRef(image_url=f"https://a/{number}.png", declared_type="png") if image else None,
    )


@dataclass
class HeldClock(StillClock):
    """A clock whose sleepers wait until they are let go on."""

    waiting: list[float] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def sleep(self, delay_s: float) -> None:
        """Wait; a day is not waited for."""
        if delay_s > DAY_S / 2:
            await asyncio.Event().wait()
        self.waiting.append(delay_s)
        await self.go_on.wait()


@dataclass
class Desk:
    """The pictures of an account with their surroundings."""

    host: PictureHost = field(default_factory=PictureHost)
    attic: PictureAttic | None = field(default_factory=PictureAttic)
    asked: bool = True
    world: World = field(default_factory=lambda: World(StillClock(NOW_MS)))

    def __post_init__(self) -> None:
        doors = replace(self.world.doors(), pictures=self.host, archive=self.attic)
        self.pictures = ReceivedPictures(AccountPlan(name="main"), doors, lambda: self.asked)
        self.host.pictures |= {f"https://a/{number}.png": JPEG for number in range(1, 50)}

    @property
    def kept(self) -> int:
        """How many pictures are in the archive."""
        return len(self.attic.kept) if self.attic else 0

    def events(self, name: str) -> int:
        """Return how often this was logged."""
        return sum(1 for event, _ in self.world.told.events if event == name)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the archive's loops."""
        tasks = [asyncio.create_task(loop, name=name) for name, loop in self.pictures.loops()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task


def held(desk: Desk) -> HeldClock:
    """Return the desk's clock."""
    assert isinstance(desk.world.clock, HeldClock)
    return desk.world.clock


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, two seconds at most."""
    async with asyncio.timeout(2):
        while not condition():  # noqa: ASYNC110 - the fakes have no events
            await asyncio.sleep(0)


# ---- for rules ----


async def test_a_picture_is_what_its_bytes_say() -> None:
    """Type, size, and that the declaration lied, by the rules' own names."""
    assert await Desk().pictures.look(pictured()) == {
        "type": "jpeg",
        "broken": False,
        "kib": 1,
        "lied": True,
        "width": 8,
        "height": 6,
    }


@pytest.mark.parametrize("message", [pictured(image=False), pictured()])
async def test_nothing_is_fetched_that_nobody_wants_to_know(message: ChatMessage) -> None:
    """Without a rule that asks, or without a picture."""
    desk = Desk(asked=message.image is None)
    assert await desk.pictures.look(message) == {}
    assert desk.host.asked == []


async def test_a_picture_is_fetched_once() -> None:
    """However many rules ask, and the archive after them."""
    desk = Desk()
    await desk.pictures.look(pictured())
    await desk.pictures.look(pictured())
    async with desk.running():
        desk.pictures.note(pictured())
        desk.pictures.note(pictured(2))
        await until(lambda: desk.kept == 2)
    assert len(desk.host.asked) == 2


@pytest.mark.parametrize("error", [RequestRefused("gone"), ConnectionLost("cut"), ExchangeUnavailable("503")])
async def test_a_picture_that_cannot_be_had_is_unknown(error: P2pbotError) -> None:
    """Not an error: the conditions are unknown, and the next picture is looked at."""
    desk = Desk(PictureHost(failures=[error]))
    assert await desk.pictures.look(pictured()) == {}
    assert desk.events("picture_unknown") == 1
    assert (await desk.pictures.look(pictured(2)))["type"] == "jpeg"


async def test_an_answer_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that says nothing makes the picture unknown after the patience of an answer."""
    monkeypatch.setattr(received, "_PATIENCE_S", 0.05)
    desk = Desk(PictureHost(stuck=True))
    assert await desk.pictures.look(pictured()) == {}


async def test_a_bug_is_not_hidden() -> None:
    """Our own fault ends the daemon as everywhere."""
    with pytest.raises(OurError):
        await Desk(PictureHost(failures=[OurError("a bug")])).pictures.look(pictured())


async def test_few_are_in_memory_at_once() -> None:
    """A burst of pictures waits its turn."""
    desk = Desk()
    await asyncio.gather(*(desk.pictures.look(pictured(number)) for number in range(1, 20)))
    assert desk.host.most_at_once == 2


async def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten and would be fetched again."""
    monkeypatch.setattr(received, "_KNOWN", 3)
    desk = Desk(attic=None)
    for number in (1, 2, 3, 4, 1):
        await desk.pictures.look(pictured(number))
    assert len(desk.host.asked) == 5


# ---- for the archive ----


async def test_a_counterpartys_picture_is_kept() -> None:
    """By its order and name; ours, nobody's, and what has no picture are not."""
    desk = Desk(asked=False)
    async with desk.running():
        for message in (pictured(2, from_us=True), pictured(3, from_us=None), pictured(4, image=False), pictured(1)):
            desk.pictures.note(message)
        await until(lambda: desk.kept == 1)
    assert desk.attic is not None
    assert desk.attic.kept == {(ORDER, picture_name(pictured(1))): JPEG}


async def test_without_an_archive_there_is_no_loop_and_no_list() -> None:
    """Off by default means that nothing runs."""
    desk = Desk(attic=None)
    desk.pictures.note(pictured())
    assert desk.pictures.loops() == ()
    assert desk.host.asked == []


async def test_what_is_there_is_not_fetched_again() -> None:
    """After a restart the history brings the same messages."""
    desk = Desk(attic=PictureAttic(kept={(ORDER, picture_name(pictured(1))): JPEG}))
    async with desk.running():
        desk.pictures.note(pictured(1))
        desk.pictures.note(pictured(2))
        await until(lambda: desk.kept == 2)
    assert desk.host.asked == ["https://a/2.png"]


async def test_rules_come_first_and_the_archive_does_not_fetch_again() -> None:
    """A picture that is noted before a rule looks at it is fetched for the rule, and kept with that."""
    desk = Desk(world=World(HeldClock(NOW_MS)))
    async with desk.running():
        desk.pictures.note(pictured())
        await until(lambda: bool(held(desk).waiting))
        assert (await desk.pictures.look(pictured()))["type"] == "jpeg"
        held(desk).go_on.set()
        desk.asked = False
        desk.pictures.note(pictured(2))
        await until(lambda: desk.kept == 2)
    assert desk.host.asked == ["https://a/1.png", "https://a/2.png"]


async def test_a_passing_fault_is_tried_again() -> None:
    """Three attempts, with pauses; then it is told, and the next picture is kept."""
    desk = Desk(PictureHost(failures=[ConnectionLost("cut"), ExchangeUnavailable("503")]))
    async with desk.running():
        desk.pictures.note(pictured())
        await until(lambda: desk.kept == 1)
    assert desk.world.told.notices == []
    desk.host.failures += [ConnectionLost("cut")] * 3
    async with desk.running():
        desk.pictures.note(pictured(2))
        desk.pictures.note(pictured(3))
        await until(lambda: desk.kept == 2)
    assert len(desk.world.told.notices) == 1


async def test_failures_are_told_once_until_it_works_again() -> None:
    """The log has each; the operator hears of the first."""
    desk = Desk()
    desk.host.pictures = {"https://a/5.png": JPEG}
    async with desk.running():
        for number in range(1, 7):
            desk.pictures.note(pictured(number))
        await until(lambda: desk.events("picture_not_kept") == 5)
    assert desk.kept == 1
    assert len(desk.world.told.notices) == 2
    assert "gone" in desk.world.told.notices[0].text


async def test_a_full_disk_harms_nobody() -> None:
    """It is told once; the rules know what the picture is all the same, and tidying goes on."""
    desk = Desk(attic=PictureAttic(full=True))
    async with desk.running():
        for number in range(1, 5):
            desk.pictures.note(pictured(number))
        await until(lambda: desk.events("picture_not_kept") >= 5)
        assert (await desk.pictures.look(pictured(9)))["type"] == "jpeg"
    assert len(desk.world.told.notices) == 1
    assert desk.attic is not None
    assert len(desk.attic.pruned_ms) > 1


async def test_the_list_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is logged and left to ``p2pbot images``; the chat does not wait."""
    monkeypatch.setattr(received, "_WAITING", 3)
    desk = Desk()
    for number in range(1, 6):
        desk.pictures.note(pictured(number))
    assert desk.events("archive_full") == 2


async def test_the_archive_is_tidied_daily() -> None:
    """From the start on."""
    desk = Desk()
    async with desk.running():
        await until(lambda: desk.attic is not None and len(desk.attic.pruned_ms) >= 3)
    assert desk.attic is not None
    assert desk.attic.pruned_ms[1] - desk.attic.pruned_ms[0] == 86_400_000
