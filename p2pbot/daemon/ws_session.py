"""The session loop: keeps one session of the exchange's WebSocket API open for months, and asks by it.

Promise: delays and alarms by ``protocol.ws_session``; every connection is greeted (clock learnt, logged on where the
key can) before calls go by it; the next one serves before the old one is let go; one log line when down and one when
back. It never returns and never gives up. What is in flight on a lost connection fails at once and is not sent again.
Danger: a listenKey outlives the connection it was asked on, a spot subscription does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import NoReturn, Protocol

from p2pbot.daemon.chat import ConnectBudget
from p2pbot.daemon.surroundings import Doors
from p2pbot.daemon.ws_caller import WsCaller, WsPlan
from p2pbot.daemon.ws_link import Push, WeightGate, WsLink
from p2pbot.errors import ConnectionLost, OurError, P2pbotError, RateLimited, TimedOut
from p2pbot.model import Notice, Topic
from p2pbot.protocol.server_clock import BIAS_MS
from p2pbot.protocol.ws_call import T, WsCall
from p2pbot.protocol.ws_calls import HANDSHAKE_WEIGHT
from p2pbot.protocol.ws_frames import PushedEvent, ServerShutdown
from p2pbot.protocol.ws_session import WsAlarm, WsDue, WsLife
from p2pbot.secret import Secret

_TOLD_CAUSES = 8  # of one outage: the log must stay readable
_LAST_WORDS = "eventStreamTerminated"

_ALARMS = {
    WsAlarm.KEY_REFUSED: "The exchange refuses this account's key for {api} data; the chat goes on. "
    "Run: p2pbot check --online",
    WsAlarm.SESSION_REFUSED: "The exchange refuses the session for {api} data; the chat goes on. "
    "Run: p2pbot check --online",
}


class WsListener(Protocol):
    """Who is told what happens on a session of the WebSocket API. Each call returns at once; none may wait or ask."""

    def on_open(self, *, renewed: bool) -> None:
        """Learn that calls go to a new connection, which has no subscription yet.

        ``renewed``: the old one is still read for a short while, so that nothing is missed; else there was a gap.
        """
        ...

    def on_lost(self) -> None:
        """Learn, at once, that there is no connection: subscriptions are gone, and what happens is missed."""
        ...

    def on_event(self, subscription_id: int | None, event: Mapping[str, object]) -> None:
        """Take an event of a subscription. During a renewal the same event may come by both connections."""
        ...


class WsSession:
    """One session of the WebSocket API (``ports.WsApi``)."""

    def __init__(
        self, plan: WsPlan, doors: Doors, budget: ConnectBudget, gate: WeightGate, listener: WsListener | None = None
    ) -> None:
        self._plan = plan
        self._doors = doors
        self._budget = budget
        self._gate = gate
        self._listener = listener
        self._caller = WsCaller(plan, gate, doors.clock, doors.rng)
        self._group = asyncio.TaskGroup()
        self._news = asyncio.Event()
        self._told: set[str] = set()
        self._heard_of: WsLink | None = None  # the connection that the listener was told of last
        self._looks: set[str] = set()
        self._down_s = doors.clock.boottime_s()
        self.life = WsLife()
        self.connected_since_ms: int | None = None
        self.trouble = ""
        self.unknown_frames = 0

    @property
    def online(self) -> bool:
        """Whether a call can be made now."""
        return self._caller.link is not None and self._caller.link.end is None

    @property
    def logged_on(self) -> bool:
        """Whether the session is logged on, so that calls need no signature of their own."""
        return self._caller.link is not None and self._caller.link.logged_on

    @property
    def clock_offset_ms(self) -> int | None:
        """How far the exchange's clock is ahead of this machine's less a bias; None before it is learnt."""
        return self._caller.clock_offset_ms

    def listen(self, listener: WsListener) -> None:
        """Have ``listener`` told what happens from now on."""
        self._listener = listener

    def status(self) -> dict[str, object]:
        """Return what ``p2pbot status`` shows; times are Unix milliseconds, the clocks' offset is without its bias."""
        return {
            "state": self.life.state.value,
            "logged_on": self.logged_on,
            "connected_since_ms": self.connected_since_ms,
            "offset_ms": None if (offset_ms := self.clock_offset_ms) is None else offset_ms + BIAS_MS,
            "weight_used": self._gate.weight_used,
            "unknown_frames": self.unknown_frames,
            "trouble": self.trouble,
        }

    async def call(self, request: WsCall[T]) -> T:
        """Return the call's parsed result. Raises what ``ports.WsApi`` names."""
        return await self._caller.call(request)

    async def run(self) -> NoReturn:
        """Hold the session for ever."""
        try:
            async with asyncio.TaskGroup() as self._group:
                while True:
                    await self._wait()
                    link = await self._connect()
                    if link is not None:
                        await self._hold(link)
        finally:
            self.life = WsLife()  # whoever keeps it may begin it anew

    async def _wait(self) -> None:
        delay_s = max(self.life.wait_s, self._budget.wait_s(self._steady_ms()))
        while delay_s > 0:
            await self._doors.clock.sleep(delay_s)
            delay_s = self._budget.wait_s(self._steady_ms())
        self.life = self.life.connecting()

    async def _connect(self) -> WsLink | None:
        try:
            return await self._greeted()
        except OurError:
            raise
        except P2pbotError as error:
            self.life = self.life.failed(error, self._doors.rng)
            await self._say_down(error.what)
            return None

    async def _greeted(self) -> WsLink:
        """Open a connection, learn the clock, log on where the key can. Raises what the doors raise."""
        await self._gate.turn(HANDSHAKE_WEIGHT)
        self._budget.spend(self._steady_ms())
        try:
            connection = await self._doors.wire.connect(Secret(f"{self._plan.url}?returnRateLimits=true"))
        except RateLimited as limited:
            self._gate.shut(limited)  # the whole address is meant
            raise
        link = WsLink(connection, self._gate, self._doors.clock, self._pushed, self._over)
        self._group.create_task(link.read(), name=f"{self._plan.account}: {self._plan.api} session reader")
        try:
            await self._caller.learn(link)
            await self._caller.log_on(link)
        except BaseException:
            await link.close()
            raise
        return link

    async def _hold(self, link: WsLink) -> None:
        """Serve calls by ``link`` and its successors until one is lost."""
        self._adopt(link, renewed=False)
        self._doors.events.info("ws_session_open", **self._names(), deaf_ms=self._deaf_ms(), auth=self._auth(link))
        self.trouble = ""
        try:
            while link.end is None:
                self._news.clear()
                match self.life.due(self._steady_ms()):
                    case WsDue.RENEWAL:
                        link = await self._renewed(link)
                    case WsDue.PROBE:
                        await self._probe(link)
                    case None:
                        await self._until_news()
            self._over()  # it may have ended before it was adopted
        finally:
            self._caller.link, self.connected_since_ms, self._heard_of = None, None, None
        await self._ended(link.end)

    def _adopt(self, link: WsLink, *, renewed: bool) -> None:
        """Have calls go by ``link`` from now on."""
        self.life = self.life.greeted(self._steady_ms(), self._doors.rng)
        self._caller.link, self.connected_since_ms = link, self._doors.clock.now_ms()
        self._heard_of = link
        if self._listener is not None:
            self._listener.on_open(renewed=renewed)

    async def _until_news(self) -> None:
        """Wait until something is due, or happens."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.life.due_in_s(self._steady_ms())):
                await self._news.wait()

    async def _probe(self, link: WsLink) -> None:
        """Ask whether anybody is there: an answer of any kind says yes. Silence ends the connection."""
        self.life = self.life.probed(self._steady_ms())
        try:
            status = await self._caller.learn(link)
            if link.logged_on and not status.logged_on:
                await link.close(ConnectionLost("the exchange has logged the session off"))
        except TimedOut as silent:
            await link.close(ConnectionLost(silent.what))
        except OurError:
            raise
        except P2pbotError as error:
            self._doors.events.info("ws_probe_refused", **self._names(), what=error.what)

    async def _renewed(self, old: WsLink) -> WsLink:
        """Open the next connection beside the old one, then let that go. Returns the one that serves from now on."""
        if (wait_s := self._budget.wait_s(self._steady_ms())) > 0:
            self.life = self.life.postponed(self._steady_ms(), wait_s)
            return old
        self.life = self.life.renewing()
        try:
            link = await self._greeted()
        except OurError:
            raise
        except P2pbotError as error:
            self.life = self.life.renewal_failed(self._steady_ms(), self._doors.rng)
            self._doors.events.warning("ws_session_renewal_failed", **self._names(), what=error.what)
            return old
        gap = old.end is not None
        self._adopt(link, renewed=not gap)
        self._doors.events.info("ws_session_renewed", **self._names(), gap=gap, auth=self._auth(link))
        self._group.create_task(self._retire(old), name=f"{self._plan.account}: {self._plan.api} retiring")
        return link

    async def _retire(self, old: WsLink) -> None:
        """Read the old connection a little longer for what is under way on it, then close it."""
        if old.end is None:
            await self._doors.clock.sleep(self._plan.overlap_s)
        await old.close()

    def _over(self) -> None:
        """Learn that a connection ended. The listener hears of the one that serves at once, also during a renewal."""
        self._news.set()
        if self._heard_of is not None and self._heard_of.end is not None:
            self._heard_of = None
            if self._listener is not None:
                self._listener.on_lost()

    def _pushed(self, link: WsLink, push: Push) -> None:
        if isinstance(push, PushedEvent):
            last_words = push.event.get("e") == _LAST_WORDS and link is not self._caller.link
            if self._listener is not None and not last_words:  # those of a retiring connection concern nobody
                self._listener.on_event(push.subscription_id, push.event)
        elif isinstance(push, ServerShutdown):
            if link is self._caller.link:
                self.life = self.life.told_to_leave(self._steady_ms())
                self._news.set()
        else:
            self.unknown_frames += 1
            if push.look not in self._looks:  # a handful of words, each once
                self._looks.add(push.look)
                self._doors.events.info("ws_frame_unknown", **self._names(), look=push.look, size=push.size)

    async def _ended(self, end: P2pbotError | None) -> None:
        lost = end or ConnectionLost("the session's connection is over")
        self.life = self.life.lost(lost, self._steady_ms(), self._doors.rng)
        self._down_s = self._doors.clock.boottime_s()
        await self._say_down(lost.what)

    async def _say_down(self, what: str) -> None:
        """Log each cause of an outage once, and every alarm."""
        self.trouble = what
        if self.life.trouble.failures + self.life.slow.failures <= 1:
            self._told.clear()
        alarm = self.life.alarm
        if alarm is not None or (what not in self._told and len(self._told) < _TOLD_CAUSES):
            self._told.add(what)
            wait_s = round(self.life.wait_s, 1)
            self._doors.events.warning("ws_session_down", **self._names(), what=what, retry_in_s=wait_s)
        if alarm is not None:
            text = _ALARMS[alarm].format(api=self._plan.api)
            key = f"{alarm.value}:{self._plan.account}:{self._plan.api}"
            account, topic = self._plan.account, Topic.KEY_REFUSED
            await self._doors.notifier.notify(Notice(key=key, text=text, account=account, urgent=True, topic=topic))

    def _auth(self, link: WsLink) -> str:
        """Return how calls prove who asks: by the session's logon, or each by its own signature."""
        return "logon" if link.logged_on else f"each call ({self._plan.identity.signer.kind.value})"

    def _names(self) -> dict[str, object]:
        return {"account": self._plan.account, "api": self._plan.api}

    def _steady_ms(self) -> int:
        return int(self._doors.clock.monotonic_s() * 1000)

    def _deaf_ms(self) -> int:
        return int((self._doors.clock.boottime_s() - self._down_s) * 1000)
