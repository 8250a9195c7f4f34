"""The timers loop: an event comes when its time comes, and not when somebody was quicker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from p2pbot.conversation.orders import Heard
from p2pbot.conversation.records import Claim, InboxEntry
from p2pbot.daemon.book import OrderBook
from p2pbot.daemon.desk import Inbound, Item, Rang, Told
from p2pbot.daemon.rulebook import Rulebook
from p2pbot.daemon.surroundings import AccountPlan
from p2pbot.daemon.timers import Timers
from p2pbot.model import ChatMessage, MessageKind, OrderStatus, Path, Reason
from tests.fakes.occasions import NOW_MS, NUMBER, an_order, rules
from tests.fakes.world import StillClock, World

MINUTE = 60_000
PLAN = AccountPlan(name="main")
RULES = """
  - {id: quiet, on: silence, for: 3m, reply: Still there?}
  - {id: hurry, on: payment_expiring, before: 5m, reply: Hurry}
"""
LOOK = Told(NUMBER, Heard(status=OrderStatus.UNPAID, at_ms=NOW_MS))


@dataclass
class Watch:
    """The loop, and what it has raised."""

    world: World
    book: OrderBook
    timers: Timers
    rulebook: Rulebook
    items: list[Item] = field(default_factory=list)

    def rang(self) -> list[tuple[str, int]]:
        """Return the events, with the minute for which they were planned."""
        return [
            (i.stimulus.kind.value, (i.stimulus.at_ms - NOW_MS) // MINUTE) for i in self.items if isinstance(i, Rang)
        ]

    async def at(self, minute: int, item: Item = LOOK) -> list[tuple[str, int]]:
        """Let it be ``minute``, tell of something, and return all that was raised so far."""
        self.world.clock.at_ms = NOW_MS + minute * MINUTE
        self.timers.note(item)
        for _ in range(20):
            await asyncio.sleep(0)
        return self.rang()


@asynccontextmanager
async def watching(world: World | None = None, **known: object) -> AsyncIterator[Watch]:
    """Run the loop over one order of this minute that must be paid within 20."""
    world = world or World(StillClock(NOW_MS))
    doors, rulebook = world.doors(), Rulebook("main", dict, world.told, world.told)
    rulebook.adopt(rules(RULES).ruleset)
    book = OrderBook(PLAN, doors)
    book.update(an_order(**({"created_at_ms": NOW_MS, "pay_deadline_ms": NOW_MS + 20 * MINUTE} | known)))
    items: list[Item] = []
    watch = Watch(world, book, Timers(PLAN, doors, book, rulebook, items.append), rulebook, items)
    task = asyncio.create_task(watch.timers.run())
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.wait({task})


def word(minute: int, *, from_us: bool = False) -> Inbound:
    """Return what somebody wrote in that minute."""
    return Inbound(
        ChatMessage(
            order_no=NUMBER,
            kind=MessageKind.TEXT,
            path=Path.SOCKET,
            text="hm",
            from_us=from_us,
            message_id=str(minute),
            created_at_ms=NOW_MS + minute * MINUTE,
        )
    )


async def test_each_event_comes_once_in_its_time() -> None:
    """However often the order is looked at."""
    async with watching() as watch:
        assert await watch.at(2) == []
        assert await watch.at(3) == [("silence", 3)]
        assert await watch.at(14) == [("silence", 3)]
        assert await watch.at(15) == [("silence", 3), ("payment_expiring", 15)]
        assert await watch.at(19) == [("silence", 3), ("payment_expiring", 15)]


async def test_every_word_begins_a_new_silence_whoever_wrote_it() -> None:
    """The other side, one of us, or the bot."""
    async with watching() as watch:
        assert await watch.at(2, word(2)) == []
        assert await watch.at(4, word(4, from_us=True)) == []
        assert await watch.at(6) == []
        assert await watch.at(7) == [("silence", 7)]


async def test_a_long_talk_leaves_nothing_behind() -> None:
    """Each word makes a plan, and the plans before it are forgotten."""
    async with watching() as watch:
        for at_ms in range(3_000):
            watch.timers.note(replace(word(0), message=replace(word(0).message, created_at_ms=NOW_MS + at_ms)))
            await asyncio.sleep(0)
        await watch.at(1)
        assert watch.timers.waiting <= 1_001
        assert await watch.at(4) == [("silence", 3)]


async def test_an_event_that_was_overtaken_does_not_hold() -> None:
    """A word may stand before it in the queue, or the order is paid by now."""
    async with watching() as watch:
        await watch.at(15)
        silence, expiring = (item for item in watch.items if isinstance(item, Rang))
        assert silence.holds(silence.stimulus)
        assert expiring.holds(expiring.stimulus)
        watch.timers.note(word(14))
        watch.book.update(an_order(status=OrderStatus.PAID))
        assert not silence.holds(silence.stimulus)
        assert not expiring.holds(expiring.stimulus)


async def test_a_restart_learns_the_last_word_from_the_store() -> None:
    """The socket does not say it again."""
    world = World(StillClock(NOW_MS))
    entry = InboxEntry(
        account="main",
        order_no=NUMBER,
        key="m:1",
        kind=MessageKind.TEXT,
        path=Path.SOCKET,
        reason=Reason.ANSWERED,
        message_id="1",
        created_at_ms=NOW_MS + 2 * MINUTE,
    )
    await world.store.claim(Claim(entry=entry))
    async with watching(world) as watch:
        assert await watch.at(4) == []
        assert await watch.at(5) == [("silence", 5)]


async def test_an_order_that_is_over_has_no_timers() -> None:
    """Nothing of it is kept."""
    async with watching() as watch:
        await watch.at(1)
        watch.book.update(an_order(status=OrderStatus.COMPLETED))
        assert await watch.at(16) == []


async def test_a_reload_brings_and_takes_timers() -> None:
    """The next look plans by the new rules."""
    async with watching() as watch:
        watch.rulebook.adopt(rules("  - {id: a, words: hi, reply: Hello}").ruleset)
        assert await watch.at(16) == []
        watch.rulebook.adopt(rules("  - {id: b, on: silence, for: 17m, reply: Hello}").ruleset)
        assert await watch.at(17) == [("silence", 17)]
