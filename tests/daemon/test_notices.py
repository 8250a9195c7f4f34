"""Words leave for each service by its own loop; none that is down holds up another, and the last ones get a chance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from p2pbot.adapters.clock import SystemClock
from p2pbot.conversation.notices import Message, NoticePolicy
from p2pbot.daemon.notices import Courier, Post
from p2pbot.daemon.progress import Progress
from p2pbot.model import Notice
from tests.fakes.chance import FixedChance
from tests.fakes.world import Recorder


@dataclass
class Phone:
    """A messenger that answers as it is told; ``hangs`` while nobody answers."""

    name: str = "phone"
    longest_s: float = 30.0
    answers: list[str] = field(default_factory=list)
    hangs: bool = False
    heard: list[Message] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: Message) -> str:
        """Answer."""
        self.asked.set()
        if self.hangs:
            await asyncio.Event().wait()
        self.heard.append(message)
        return self.answers.pop(0) if self.answers else ""


def courier(phone: Phone, log: Recorder) -> Courier:
    """Return a courier to the phone, on real clocks."""
    return Courier(phone, NoticePolicy(), SystemClock(), FixedChance(), log, Progress())


@asynccontextmanager
async def running(*couriers: Courier) -> AsyncIterator[None]:
    """Run the couriers' loops while the block runs."""
    tasks = [asyncio.create_task(one.run()) for one in couriers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def word(key: str = "k") -> Notice:
    """Return a notice."""
    return Notice(key=key, text=f"look at {key}")


async def until_heard(phone: Phone, count: int) -> None:
    """Wait until the phone has heard so many messages."""
    async with asyncio.timeout(10):
        while len(phone.heard) < count:  # noqa: ASYNC110 - the fake has no event for it
            await asyncio.sleep(0.001)


async def test_a_word_goes_to_the_log_and_to_every_service() -> None:
    """One notice is heard by the log at once and by each service soon."""
    log, phones = Recorder(), [Phone("phone"), Phone("mail")]
    post = Post(log)
    post.hire([courier(phone, log) for phone in phones])
    async with running(*post.couriers):
        await post.notify(word())
        assert [notice.key for notice in log.notices] == ["k"]
        for phone in phones:
            await until_heard(phone, 1)
    assert sorted(str(values["service"]) for event, values in log.events if event == "notice_sent") == ["mail", "phone"]


async def test_a_service_that_hangs_holds_up_no_other() -> None:
    """Each service has a loop of its own."""
    log, hanging, well = Recorder(), Phone("hanging", hangs=True), Phone("well")
    post = Post(log)
    post.hire([courier(hanging, log), courier(well, log)])
    async with running(*post.couriers):
        for key in "abc":
            await post.notify(word(key))
            await until_heard(well, "abc".index(key) + 1)
    assert hanging.heard == []


async def test_a_failure_is_an_event_without_the_text() -> None:
    """The log hears that and why a message was not taken; the word waits for its next try."""
    log, phone = Recorder(), Phone(answers=["no such chat"])
    post = Post(log)
    post.hire([courier(phone, log)])
    async with running(*post.couriers):
        await post.notify(word())
        await until_heard(phone, 1)
    assert ("notice_failed", {"service": "phone", "why": "no such chat", "waiting": 1}) in log.events


async def test_what_was_under_way_at_the_end_gets_its_chance() -> None:
    """A stop in the middle of a send loses nothing: ``flush`` says it again, at once."""
    log, phone = Recorder(), Phone(hangs=True)
    post = Post(log)
    post.hire([courier(phone, log)])
    async with running(*post.couriers):
        await post.notify(word())
        await phone.asked.wait()
    phone.hangs = False
    await post.flush(5.0)
    assert [message.text for message in phone.heard] == ["look at k"]


async def test_a_flush_ends_in_time() -> None:
    """A service that hangs at the end is left alone when the budget is used up."""
    log, phone = Recorder(), Phone(hangs=True)
    post = Post(log)
    post.hire([courier(phone, log)])
    await post.notify(word())
    await post.flush(0.01)
    assert phone.asked.is_set()
    assert phone.heard == []


async def test_without_services_the_log_hears_it_all() -> None:
    """Nothing leaves the machine unless the merchant wants it."""
    log = Recorder()
    post = Post(log)
    await post.notify(word())
    await post.flush(0.01)
    assert len(log.notices) == 1
