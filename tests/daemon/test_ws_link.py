"""One connection of a session, cut or stopped at every point: nobody waits for ever, nothing stays."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from p2pbot.adapters.weight_gate import WeightGate
from p2pbot.daemon.chat import ConnectBudget
from p2pbot.daemon.ws_caller import WsPlan
from p2pbot.daemon.ws_link import Push, WsLink
from p2pbot.daemon.ws_session import WsSession
from p2pbot.errors import ConnectionLost, P2pbotError, RateLimited, TimedOut
from p2pbot.protocol.backoff import AttemptBudget
from p2pbot.protocol.signing import hmac_signer
from p2pbot.protocol.ws_calls import keep_listen_key, session_status, start_listen_key
from p2pbot.protocol.ws_frames import PushedEvent, UnknownFrame
from p2pbot.protocol.ws_requests import MAX_IN_FLIGHT, Identity
from p2pbot.secret import Secret
from tests.fakes.world import StillClock, World
from tests.fakes.ws_exchange import Ear, now_ms, session, until

IDENTITY = Identity(api_key=Secret("k" * 64), signer=hmac_signer(Secret("s" * 64)))


class BreathingClock(StillClock):
    """A clock on which waiting passes at once, but lets others run."""

    async def sleep(self, delay_s: float) -> None:
        """Let time pass and others run."""
        await asyncio.sleep(0)
        await super().sleep(delay_s)


@dataclass
class Pipe:
    """A connection in memory: what is to be received is put in; a request for the session's status is answered."""

    answers: bool = True
    ends_then: bool = False
    sent: list[str] = field(default_factory=list)
    closed: bool = False
    _inbox: deque[str | bytes] = field(default_factory=deque)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, raw: str | bytes) -> None:
        """Have something received."""
        self._inbox.append(raw)
        self._news.set()

    def cut(self) -> None:
        """End the connection."""
        self.closed = True
        self._news.set()

    async def receive(self) -> str | bytes:
        """Return the next message. Raises ConnectionLost."""
        while not self._inbox:
            if self.closed:
                raise ConnectionLost("the pipe is cut")
            self._news.clear()
            await self._news.wait()
        return self._inbox.popleft()

    async def send(self, text: str) -> None:
        """Take a message. Raises ConnectionLost."""
        await asyncio.sleep(0)
        if self.closed:
            raise ConnectionLost("the pipe is cut")
        self.sent.append(text)
        frame = json.loads(text)
        if self.answers and frame["method"] == "session.status":
            self.put(json.dumps(session(logged_on=False)(frame)))
            self.closed = self.ends_then

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection."""
        del code, reason
        await asyncio.sleep(0)
        self.cut()


@dataclass
class Pipes:
    """``ports.Wire`` that opens pipes."""

    opened: list[Pipe] = field(default_factory=list)
    short_lived: int = 0

    async def connect(self, url: Secret) -> Pipe:
        """Open a pipe."""
        await asyncio.sleep(0)
        assert url.reveal().startswith("wss://")
        self.opened.append(Pipe(ends_then=len(self.opened) < self.short_lived))
        return self.opened[-1]


def link_on(pipe: Pipe, pushes: list[Push] | None = None) -> tuple[WsLink, WeightGate]:
    """Return a link on a pipe."""
    clock = BreathingClock(now_ms())
    gate = WeightGate(clock)
    heard = [] if pushes is None else pushes
    return WsLink(pipe, gate, clock, lambda _link, push: heard.append(push), lambda: None), gate


def session_on(pipes: Pipes) -> WsSession:
    """Return a session that connects by pipes."""
    clock = BreathingClock(now_ms())
    doors = replace(World(clock).doors(), wire=pipes)
    plan = WsPlan(account="main", api="futures", url="wss://x/ws-fapi/v1", identity=IDENTITY, overlap_s=0.0)
    return WsSession(plan, doors, ConnectBudget(AttemptBudget()), WeightGate(clock))


async def steps(count: int) -> None:
    """Let the event loop turn so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


def others() -> set[asyncio.Task[object]]:
    """Return the tasks beside the test's own."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


@pytest.mark.parametrize("turns", range(24))
async def test_a_session_can_be_stopped_at_any_moment(turns: int) -> None:
    """However far it has come – connecting, greeting, open, renewing – no connection and no task is left."""
    pipes = Pipes()
    running = session_on(pipes)
    task = asyncio.create_task(running.run())
    await steps(turns)
    if running.online:
        running.life = replace(running.life, renew_at_ms=0)
        running._news.set()
        await steps(turns - 12)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert all(pipe.closed for pipe in pipes.opened)
    assert not others()
    assert not running.online


async def test_a_connection_that_greets_and_ends_in_one_breath_is_told_as_both() -> None:
    """Its end comes before anybody serves by it: the listener hears that it is there, and that it is not."""
    ear, running = Ear(), session_on(Pipes(short_lived=1))
    running.listen(ear)
    task = asyncio.create_task(running.run())
    await until(lambda: running.online)
    assert ear.heard == ["open", "lost", "open"]
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("turns", range(12))
async def test_a_call_can_be_given_up_at_any_moment(turns: int) -> None:
    """A caller that goes away leaves nothing in flight, and its answer harms nobody."""
    pipe = Pipe()
    link, _ = link_on(pipe)
    reader = asyncio.create_task(link.read())
    asked = asyncio.create_task(link.ask(keep_listen_key(), lambda one: json.dumps({"id": one, "method": "x"}), 5.0))
    await steps(turns)
    asked.cancel()
    with suppress(asyncio.CancelledError):
        await asked
    assert link.in_flight == 0
    pipe.put('{"id": 1, "status": 200, "result": {"listenKey": "a"}}')
    await steps(3)
    assert link.end is None
    pipe.cut()
    await reader


@pytest.mark.parametrize("turns", range(8))
async def test_whoever_waits_learns_of_the_end_whenever_it_comes(turns: int) -> None:
    """A connection that is cut before, while or after a request is written fails it at once, not after its deadline."""
    pipe = Pipe(answers=False)
    link, _ = link_on(pipe)
    reader = asyncio.create_task(link.read())
    calls = [
        asyncio.create_task(link.ask(session_status(), lambda one: json.dumps({"id": one, "method": "x"}), 3600.0))
        for _ in range(3)
    ]
    await steps(turns)
    pipe.cut()
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        await reader
    assert all(isinstance(outcome, ConnectionLost) for outcome in outcomes)
    assert isinstance(link.end, P2pbotError)


async def test_requests_that_nobody_answers_make_room() -> None:
    """What was given up is not in flight: hundreds of silent answers do not fill a connection."""
    pipe = Pipe(answers=False)
    link, _ = link_on(pipe)
    reader = asyncio.create_task(link.read())
    for _ in range(3 * MAX_IN_FLIGHT):
        with pytest.raises(TimedOut):
            await link.ask(keep_listen_key(), lambda one: json.dumps({"id": one, "method": "x"}), 0.0)
    assert link.in_flight == 0
    pipe.cut()
    await reader


async def test_a_link_that_is_over_takes_no_call() -> None:
    """After the end a call fails without a write."""
    pipe = Pipe()
    link, _ = link_on(pipe)
    reader = asyncio.create_task(link.read())
    pipe.cut()
    await reader
    with pytest.raises(ConnectionLost):
        await link.ask(start_listen_key(), str, 5.0)
    assert not pipe.sent


async def test_a_verdict_says_why_a_link_was_ended() -> None:
    """Who closes a connection may say why; that is its end."""
    pipe = Pipe()
    link, _ = link_on(pipe)
    reader = asyncio.create_task(link.read())
    await steps(1)
    verdict = ConnectionLost("silent")
    await link.close(verdict)
    await reader
    assert link.end is verdict


async def test_pushes_go_on_in_their_order() -> None:
    """Events and unknown frames are handed over as they come."""
    pipe, pushes = Pipe(), list[Push]()
    link, _ = link_on(pipe, pushes)
    reader = asyncio.create_task(link.read())
    for number in range(100):
        pipe.put(json.dumps({"subscriptionId": number, "event": {"e": "x"}}))
    pipe.put(b"\x00")
    pipe.cut()
    await reader
    assert [push.subscription_id for push in pushes if isinstance(push, PushedEvent)] == list(range(100))
    assert pushes[-1] == UnknownFrame(look="binary", size=1)


async def test_an_order_to_slow_down_that_answers_nobody_counts_too() -> None:
    """A refusal without an id that says 429 closes the gate of the address."""
    pipe = Pipe()
    link, gate = link_on(pipe)
    reader = asyncio.create_task(link.read())
    pipe.put('{"id": null, "status": 429, "error": {"code": -1003, "msg": "x", "data": {"retryAfter": 5000}}}')
    pipe.cut()
    await reader
    with pytest.raises(RateLimited):
        await gate.turn(1)
