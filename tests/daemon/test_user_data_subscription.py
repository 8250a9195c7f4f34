"""The spot subscription: it follows its session's connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import pytest

from p2pbot.adapters.clock import SystemClock
from p2pbot.daemon.snapshots import spot_snapshots
from p2pbot.daemon.user_data_subscription import SubscribedStream
from p2pbot.errors import ConnectionLost, RequestRefused
from p2pbot.protocol.listen_keys import SubscriptionState
from p2pbot.protocol.stream import Cause
from p2pbot.protocol.user_data_events import BalanceChange
from p2pbot.protocol.ws_call import T, WsCall
from tests.fakes.chance import FixedChance
from tests.fakes.user_data_exchange import FakeApi, Ledger, UserDataExchange, until
from tests.fakes.world import Recorder, StillClock, World

CHANGE = {"e": "balanceUpdate", "E": 5, "a": "USDT", "d": "1", "T": 5}


@dataclass
class Scene:
    """A subscription that runs."""

    api: FakeApi
    stream: SubscribedStream
    ledger: Ledger
    told: Recorder

    async def known(self, times: int) -> None:
        """Wait until the account was known that many times."""
        await until(lambda: self.ledger.heard.count("spot known") == times, f"the account is known {times} times")


@asynccontextmanager
async def scene(*, down: bool = False, logged_on: bool = True, came: bool = True) -> AsyncIterator[Scene]:
    """Run a subscription."""
    told, ledger, api = Recorder(), Ledger(), FakeApi(UserDataExchange(), down=down)
    doors = replace(World(StillClock(1), told=told).doors(), clock=SystemClock(), rng=FixedChance(0.0))
    stream = SubscribedStream("main", api, lambda: logged_on, doors, ledger, spot_snapshots(api, doors))
    task = asyncio.create_task(stream.run())
    if came:
        stream.on_open(renewed=False)
    try:
        yield Scene(api, stream, ledger, told)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("logged_on", "method"),
    [(True, "userDataStream.subscribe"), (False, "userDataStream.subscribe.signature")],
)
async def test_subscribing(logged_on: bool, method: str) -> None:  # noqa: FBT001 - a column
    """A session that logged on subscribes as such; otherwise the subscription carries its own signature."""
    async with scene(logged_on=logged_on) as on:
        await on.known(1)
        assert on.api.asked == [method, "account.status"]
        assert (on.ledger.usdt, on.stream.state) == ("10", SubscriptionState.LIVE)
        on.stream.on_event(0, CHANGE)
        assert [type(event) for event in on.ledger.events] == [BalanceChange]
        assert on.stream.status().key_age_ms is None


async def test_before_the_sessions_first_connection_there_is_no_trouble() -> None:
    """A start is no outage: nothing is asked and nothing is logged before there is somebody to ask."""
    async with scene(came=False) as on:
        for _ in range(20):
            await asyncio.sleep(0)  # every loop has had its turns
        assert (on.api.asked, on.told.events) == ([], [])
        on.stream.on_open(renewed=False)
        await on.known(1)


async def test_each_connection_is_subscribed() -> None:
    """A subscription goes with its connection; the next connection is subscribed as soon as it is there."""
    async with scene() as on:
        await on.known(1)
        on.api.down = True
        on.stream.on_lost()
        assert (on.ledger.gap, on.stream.state) == (True, SubscriptionState.ABSENT)
        on.api.down = False
        on.stream.on_open(renewed=False)
        await on.known(2)
        assert on.api.subscriptions == 2


async def test_a_renewed_connection_is_subscribed_at_once() -> None:
    """A planned renewal is a gap of one question and one snapshot, and what both connections tell is told once."""
    async with scene() as on:
        await on.known(1)
        on.stream.on_open(renewed=True)
        assert on.ledger.gap
        on.stream.on_event(0, CHANGE)
        on.stream.on_event(1, CHANGE)
        await on.known(2)
        assert (on.stream.status().cause, len(on.ledger.events)) == (Cause.ROTATION, 1)


@pytest.mark.parametrize("subscription_id", [0, None])
async def test_a_subscription_that_is_terminated_is_made_again(subscription_id: int | None) -> None:
    """The connection lives on, so the next subscription is made on it."""
    async with scene() as on:
        await on.known(1)
        on.stream.on_event(subscription_id, {"e": "eventStreamTerminated", "E": 5})
        await on.known(2)
        assert on.stream.status().cause is Cause.TERMINATED


@pytest.mark.parametrize(
    "event", [{"e": "eventStreamTerminated", "E": 5}, {"e": "serverShutdown", "E": 5}, {"e": "listenKeyExpired"}]
)
async def test_what_concerns_others_changes_nothing(event: dict[str, object]) -> None:
    """The end of an older subscription, and words about the session, are no news of the account."""
    async with scene() as on:
        await on.known(1)
        on.stream.on_event(7, event)
        assert (on.ledger.gap, on.ledger.events, on.stream.status().recoveries) == (False, [], 0)


async def test_a_subscription_that_is_active_already_is_ended_first() -> None:
    """After a suspend, or when an answer was lost, the connection may still have one: it is ended, then made anew.

    Its last words do not end the next one. (Found by ninety days of simulated time.)
    """
    async with scene() as on:
        await on.known(1)
        on.api.asked.clear()
        on.api.failures = [RequestRefused("active", code="-2035", status=400)]
        on.stream.on_event(None, {"e": "eventStreamTerminated", "E": 5})
        await on.known(2)
        subscribe = "userDataStream.subscribe"
        assert on.api.asked == [subscribe, "userDataStream.unsubscribe", subscribe, "account.status"]
        on.stream.on_event(0, {"e": "eventStreamTerminated", "E": 6})
        assert (on.ledger.gap, on.stream.state) == (False, SubscriptionState.LIVE)


async def test_the_last_words_of_an_ended_subscription_do_not_end_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exchange says goodbye to the one that was active while the next is being made."""
    async with scene() as on:
        await on.known(1)
        ask = on.api.call

        async def goodbye(request: WsCall[T]) -> T:
            said = await ask(request)
            if request.method == "userDataStream.unsubscribe":
                on.stream.on_event(0, {"e": "eventStreamTerminated", "E": 6})
            return said

        monkeypatch.setattr(on.api, "call", goodbye)
        on.api.asked.clear()
        on.api.failures = [RequestRefused("active", code="-2035", status=400)]
        on.stream.on_event(None, {"e": "eventStreamTerminated", "E": 5})
        await on.known(2)
        subscribe = "userDataStream.subscribe"
        assert on.api.asked == [subscribe, "userDataStream.unsubscribe", subscribe, "account.status"]


async def test_another_refusal_of_a_subscription_is_not_cured_so() -> None:
    """Only an active subscription is ended; any other refusal waits for its next try."""
    async with scene() as on:
        await on.known(1)
        on.api.failures = [RequestRefused("too many", code="-2036", status=400)]
        on.stream.on_event(None, {"e": "eventStreamTerminated", "E": 5})
        await until(lambda: on.told.events[-1][0] == "user_data_down", "the refusal is told")
        assert on.stream.state is SubscriptionState.ABSENT
        assert "userDataStream.unsubscribe" not in on.api.asked


async def test_the_session_comes_later() -> None:
    """Without a session the account is unknown, and it is asked for the moment that there is one."""
    async with scene(down=True) as on:
        await until(lambda: on.told.events, "the trouble is told")
        assert on.ledger.gap
        on.api.down = False
        on.stream.on_open(renewed=False)
        await on.known(1)


async def test_a_connection_that_is_lost_while_it_is_subscribed() -> None:
    """A subscription of a connection that is gone is none."""
    async with scene() as on:
        on.api.held = asyncio.Event()
        await until(lambda: "account.status" in on.api.asked, "the snapshot is asked for")
        on.stream.on_lost()
        on.api.failures = [ConnectionLost("over")]
        on.api.held.set()
        await on.known(1)
        assert on.api.subscriptions == 2


async def test_a_subscription_that_is_refused_is_trouble() -> None:
    """Other refusals are said, and tried again."""
    async with scene() as on:
        await on.known(1)
        on.api.failures = [RequestRefused("no", code="-1100", status=400)]
        on.stream.on_open(renewed=True)
        await until(lambda: on.stream.status().trouble == "no", "the trouble")
        assert on.stream.state is SubscriptionState.ABSENT
