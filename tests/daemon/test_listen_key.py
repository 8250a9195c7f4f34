"""The keeper of a listenKey: which way it asks, when it keeps, and what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest

from p2pbot.adapters.clock import SystemClock
from p2pbot.daemon import listen_key
from p2pbot.daemon.listen_key import FUTURES, KeyKeeper
from p2pbot.errors import (
    AnswerMalformed,
    ConnectionLost,
    ExchangeUnavailable,
    KeyRefused,
    LocationRefused,
    OurError,
    P2pbotError,
    RateLimited,
    RequestRefused,
    TimedOut,
)
from p2pbot.protocol.listen_keys import KeyState
from p2pbot.protocol.stream import Cause
from p2pbot.secret import Secret
from tests.fakes.chance import FixedChance
from tests.fakes.user_data_exchange import as_text, until
from tests.fakes.world import Recorder, StillClock, World

K1, K2 = Secret("listenkey-one"), Secret("listenkey-two")
MISSING = RequestRefused("no such key", code="-1125", status=400)
LOST = ConnectionLost("the session is not connected")


class SleptClock(SystemClock):
    """Real clocks; ``slept_s`` is what the machine slept."""

    slept_s = 0.0

    def boottime_s(self) -> float:
        """Return the clock that counts suspend."""
        return super().boottime_s() + self.slept_s


@dataclass
class Route:
    """One way to ask: answers by its script, the last answer again and again, and keeps what it was asked."""

    answers: list[Secret | P2pbotError | None] = field(default_factory=lambda: [K1])
    asked: list[str] = field(default_factory=list)
    held: asyncio.Event | None = None

    async def start(self) -> Secret:
        """Answer."""
        found = await self._next("start")
        assert found is not None
        return found

    async def keep(self, key: Secret) -> Secret | None:
        """Answer."""
        return await self._next(f"keep {'one' if key == K1 else 'two'}")

    async def close(self, key: Secret) -> None:
        """Answer."""
        await self._next(f"close {'one' if key == K1 else 'two'}")

    async def _next(self, asked: str) -> Secret | None:
        self.asked.append(asked)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if self.held is not None:
            await self.held.wait()
        if isinstance(answer, P2pbotError):
            raise answer
        return answer


@dataclass
class Desk:
    """A keeper, its two routes and who listens to it."""

    keeper: KeyKeeper
    first: Route
    second: Route
    told: Recorder
    causes: list[Cause]


def desk(first: Route, second: Route | None = None, *, keep_every_ms: int = 0, life_ms: int = 3_600_000) -> Desk:
    """Return a keeper that keeps at once."""
    told, causes, other = Recorder(), list[Cause](), second or Route()
    doors = replace(World(StillClock(1), told=told).doors(), clock=SystemClock(), rng=FixedChance(0.0))
    key = replace(FUTURES, keep_every_ms=keep_every_ms, life_ms=life_ms)
    keeper = KeyKeeper("main futures", [first, other], doors, key)
    keeper.listen(causes.append)
    return Desk(keeper, first, other, told, causes)


@asynccontextmanager
async def keeping(at: Desk) -> AsyncIterator[None]:
    """Run the keeper's loop."""
    task = asyncio.create_task(at.keeper.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_the_first_way_is_the_first_asked() -> None:
    """While the WebSocket API answers, REST is not asked."""
    at = desk(Route())
    assert await at.keeper.ensure() == K1
    assert (at.first.asked, at.second.asked) == (["start"], [])


@pytest.mark.parametrize(
    "error",
    [LOST, TimedOut("slow"), ExchangeUnavailable("busy"), AnswerMalformed("?"), RequestRefused("no", code="-1")],
)
async def test_trouble_on_the_way_has_another_way(error: P2pbotError) -> None:
    """What may be the fault of the way is tried the other way round."""
    at = desk(Route([error]), Route([K2]))
    assert await at.keeper.ensure() == K2
    assert at.keeper.trouble == ""
    assert at.told.events == [("listen_key_way_round", {"stream": "main futures", "what": error.what})]


@pytest.mark.parametrize(
    "error", [RateLimited("slowly", retry_after_s=1.0), KeyRefused("no"), LocationRefused("no"), MISSING, OurError("x")]
)
async def test_a_verdict_is_one(error: P2pbotError) -> None:
    """What the exchange decided is not asked again by another way."""
    at = desk(Route([error]))
    with pytest.raises(type(error)):
        await at.keeper.ensure()
    assert at.second.asked == []
    assert at.keeper.listen_key.state is KeyState.ABSENT


async def test_trouble_by_all_ways_is_told_once() -> None:
    """The log names trouble when it changes, not at each try; after success it may be named again."""
    at = desk(Route([LOST]), Route([LOST, LOST, K1, LOST]))
    for _ in range(2):
        with pytest.raises(ConnectionLost):
            await at.keeper.ensure()
    await at.keeper.ensure()
    with pytest.raises(ConnectionLost):
        await at.keeper.ensure()
    assert [event for event, _ in at.told.events if event.endswith("trouble")] == ["listen_key_trouble"] * 2


async def test_a_question_that_is_cancelled_leaves_no_state_behind() -> None:
    """After a shutdown in the middle of a question the keeper could be asked again."""
    at = desk(Route(held=asyncio.Event()))
    asking = asyncio.create_task(at.keeper.ensure())
    await until(lambda: at.first.asked, "the question")
    asking.cancel()
    with suppress(asyncio.CancelledError):
        await asking
    at.first.held = None
    assert await at.keeper.ensure() == K1


async def test_a_key_that_dies_while_it_is_asked_for_is_not_used() -> None:
    """The answer may name the dead key, so it is no answer."""
    at = desk(Route(held=asyncio.Event()))
    asking = asyncio.create_task(at.keeper.ensure())
    await until(lambda: at.first.asked, "the question")
    at.keeper.ended(K1)
    assert at.first.held is not None
    at.first.held.set()
    with pytest.raises(ConnectionLost):
        await asking
    assert (at.keeper.listen_key.live_key, at.keeper.age_ms()) == (None, None)


async def test_a_live_key_is_kept() -> None:
    """Keepalives go on for as long as the key lives, and say nothing while all is well."""
    at = desk(Route([K1, K1]), keep_every_ms=5)
    await at.keeper.ensure()
    async with keeping(at):
        await until(lambda: at.first.asked.count("keep one") >= 3, "keepalives")
    assert (at.causes, at.told.events) == ([], [])


async def test_nothing_is_kept_before_there_is_a_key() -> None:
    """The keeper waits for the stream to ask for a key, and then keeps it."""
    at = desk(Route(), keep_every_ms=5)
    async with keeping(at):
        await asyncio.sleep(0)
        assert at.first.asked == []
        await at.keeper.ensure()
        await until(lambda: "keep one" in at.first.asked, "a keepalive")
    assert at.first.asked[0] == "start"


@pytest.mark.parametrize(
    ("answer", "cause", "left"),
    [(K2, Cause.KEY_CHANGED, K2), (MISSING, Cause.KEY_MISSING, None)],
)
async def test_what_a_keepalive_tells(answer: Secret | P2pbotError, cause: Cause, left: Secret | None) -> None:
    """Another key, or none, is told to the stream at once."""
    at = desk(Route([K1, answer]), keep_every_ms=5)
    await at.keeper.ensure()
    async with keeping(at):
        await until(lambda: at.causes, "the word to the stream")
        assert (at.causes[0], at.keeper.listen_key.live_key) == (cause, left)


async def test_an_hour_of_failed_keepalives_is_the_end() -> None:
    """A key whose life passed without a confirmation is given up, and the stream told."""
    at = desk(Route([K1, LOST]), Route([LOST]), keep_every_ms=5, life_ms=5)
    await at.keeper.ensure()
    async with keeping(at):
        await until(lambda: at.causes, "the word to the stream")
    assert (at.causes, at.keeper.listen_key.live_key) == ([Cause.EXPIRED], None)


async def test_the_end_of_another_key_is_not_ours() -> None:
    """An expiry that names a key which we do not use changes nothing."""
    at = desk(Route())
    await at.keeper.ensure()
    at.keeper.ended(K2)
    assert at.keeper.listen_key.live_key == K1


async def test_closing() -> None:
    """A key is closed for everybody, when asked; none is closed that is not there."""
    at = desk(Route())
    await at.keeper.close()
    assert at.first.asked == []
    await at.keeper.ensure()
    await at.keeper.close()
    assert (at.first.asked, at.keeper.listen_key.state) == (["start", "close one"], KeyState.ABSENT)


async def test_closing_that_fails_is_said_and_no_more() -> None:
    """A key that cannot be closed at shutdown dies by itself within the hour."""
    at = desk(Route([K1, LOST]), Route([LOST]))
    await at.keeper.ensure()
    await at.keeper.close()
    assert [event for event, _ in at.told.events][1:] == ["listen_key_trouble", "listen_key_not_closed"]
    assert at.keeper.listen_key.state is KeyState.ABSENT
    assert "listenkey-one" not in as_text(at.told.events) + repr(at.keeper.listen_key)


async def test_after_a_suspend_the_key_is_kept_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key's hour runs on while the machine sleeps: the keeper looks often enough to notice that it woke up."""
    monkeypatch.setattr(listen_key, "_LOOK_S", 0.01)
    at = desk(Route(), keep_every_ms=25 * 60_000)
    slept = SleptClock()
    at.keeper._doors = replace(at.keeper._doors, clock=slept)
    await at.keeper.ensure()
    async with keeping(at):
        await asyncio.sleep(0)
        assert at.first.asked == ["start"]
        slept.slept_s = 26 * 60.0
        await until(lambda: "keep one" in at.first.asked, "the key is kept")
