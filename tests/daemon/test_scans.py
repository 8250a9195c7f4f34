"""The scans loop: whom somebody waits for is looked at first, and the others at the door's slower pace."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from p2pbot.daemon.desk import Item, Looked
from p2pbot.daemon.scans import Scans
from p2pbot.daemon.surroundings import AccountPlan
from p2pbot.errors import ExchangeUnavailable
from p2pbot.protocol.rest import Answer, RestCall
from tests.fakes.occasions import NOW_MS
from tests.fakes.world import FactsRest, StillClock, World

T = TypeVar("T")


@dataclass
class PacedRest(FactsRest):
    """``ports.Rest`` with empty histories, whose patient calls wait until they are ``released``."""

    asked: list[tuple[str, bool]] = field(default_factory=list)
    failures: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, request: RestCall[T]) -> T:
        """Answer with an empty history."""
        self.asked.append((dict(request.query)["orderNo"], request.patient))
        if request.patient:
            await self.released.wait()
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise ExchangeUnavailable("502")
        return request.parse(Answer(data=[]))


@dataclass
class Scene:
    """A scans loop, its exchange, and what it put on the desk."""

    rest: PacedRest = field(default_factory=PacedRest)
    found: list[Item] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def scans(self) -> Scans:
        """Return the loop."""
        return Scans(AccountPlan(name="main"), World(StillClock(NOW_MS), rest=self.rest).doors(), self.put)

    def put(self, item: Item) -> None:
        """Take what the desk would take."""
        self.found.append(item)
        self.news.set()

    async def looked(self, wanted: int) -> list[str]:
        """Return which orders were looked at, as soon as there are so many."""
        async with asyncio.timeout(10):
            while len(self.found) < wanted:
                self.news.clear()
                await self.news.wait()
        return [item.order_no for item in self.found if isinstance(item, Looked)]


async def test_a_look_that_somebody_waits_for_goes_before_a_crowd_that_nobody_waits_for() -> None:
    """All patient workers wait at the door, five hundred looks wait behind them, and one worker is free."""
    scene = Scene()
    scans = scene.scans()
    for number in range(500):
        scans.request(f"patient {number}", NOW_MS, urgent=False)
    running = asyncio.create_task(scans.run())
    for _ in range(50):
        await asyncio.sleep(0)
    scans.request("urgent", NOW_MS, urgent=True)
    assert await scene.looked(1) == ["urgent"]
    assert [patient for order_no, patient in scene.rest.asked if order_no == "urgent"] == [False]
    scene.rest.released.set()
    assert len(await scene.looked(501)) == 501
    running.cancel()


async def test_a_look_that_becomes_urgent_is_done_once() -> None:
    """The round after a gap asked for it, then a reply: one look serves both."""
    scene = Scene()
    scene.rest.released.set()
    scans = scene.scans()
    scans.request("1", NOW_MS, urgent=False)
    scans.request("1", NOW_MS - 5_000, urgent=True)
    running = asyncio.create_task(scans.run())
    await scene.looked(1)
    for _ in range(50):
        await asyncio.sleep(0)
    assert scene.rest.asked == [("1", False)]
    assert scans.waiting == 0
    running.cancel()


@pytest.mark.parametrize("urgent", [True, False])
async def test_a_look_that_failed_is_asked_for_again_as_it_was(urgent: bool) -> None:  # noqa: FBT001 - a table
    """After an outage five hundred looks that nobody waits for must not come as if somebody did."""
    scene = Scene()
    scene.rest.released.set()
    scene.rest.failures = 1
    scans = scene.scans()
    scans.request("1", NOW_MS, urgent=urgent)
    running = asyncio.create_task(scans.run())
    await scene.looked(1)
    assert scene.rest.asked == [("1", not urgent)] * 2
    running.cancel()


@pytest.mark.parametrize(("moved_in_ms", "held_s"), [(0, 0), (NOW_MS, 10), (NOW_MS - 4_000, 6), (NOW_MS - 60_000, 0)])
async def test_on_a_restored_state_no_look_begins_before_the_history_shows_all(moved_in_ms: int, held_s: int) -> None:
    """A former p2pbot may have written until we began; what it wrote last must be in the first page that we read."""
    scene, clock = Scene(), StillClock(NOW_MS)
    plan = AccountPlan(name="main", moved_in_ms=moved_in_ms)
    scans = Scans(plan, World(clock, rest=scene.rest).doors(), scene.put)
    scans.request("1", NOW_MS)
    running = asyncio.create_task(scans.run())
    await scene.looked(1)
    (mark,) = [item for item in scene.found if isinstance(item, Looked)]
    assert mark.began_ms >= NOW_MS + held_s * 1000
    assert (mark.began_ms == NOW_MS) == (not held_s)
    running.cancel()
