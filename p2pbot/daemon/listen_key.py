"""The keeper of a listenKey: asks for it, keeps it, and says when it is another or none.

Promise: first by the WebSocket API, then by REST; at most one question at a time; a keepalive every 25 minutes, retried
until the key's hour is over. The key is never closed unless ``close`` is called, for other programs may use it.
Danger: the key is a bearer secret; it leaves as a ``Secret`` only, and no log line holds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NoReturn, Protocol, TypeVar

from p2pbot.daemon.surroundings import Doors
from p2pbot.errors import ConnectionLost, KeyRefused, LocationRefused, OurError, P2pbotError, RateLimited
from p2pbot.ports import Rest, WsApi
from p2pbot.protocol import key_calls, ws_calls
from p2pbot.protocol.listen_keys import LEGACY_KEY, KeyEvent, KeyState, ListenKey, is_missing
from p2pbot.protocol.stream import Cause
from p2pbot.secret import Secret

T = TypeVar("T")

_LOOK_S = 60.0  # the machine may sleep through a deadline: waits are no longer than this
_CLOSE_S = 3.0  # shutdown has a budget
FUTURES = ListenKey()
SPOT = ListenKey(machine=LEGACY_KEY)


class KeyRoute(Protocol):
    """One way to ask for a listenKey. Everything raises what ``ports.Rest.call`` and ``ports.WsApi.call`` do."""

    async def start(self) -> Secret:
        """Return the active key, extended, or a new one."""
        ...

    async def keep(self, key: Secret) -> Secret | None:
        """Extend the active key; return which it is, where the exchange says it."""
        ...

    async def close(self, key: Secret) -> None:
        """Close the key, for everybody."""
        ...


class FuturesKeyByWs:
    """The futures listenKey by the WebSocket API."""

    def __init__(self, api: WsApi) -> None:
        self._api = api

    async def start(self) -> Secret:
        """Return the active key, extended, or a new one."""
        return await self._api.call(ws_calls.start_listen_key())

    async def keep(self, key: Secret) -> Secret | None:  # noqa: ARG002 - the exchange knows which key is ours
        """Extend the active key and return which it is."""
        return await self._api.call(ws_calls.keep_listen_key())

    async def close(self, key: Secret) -> None:  # noqa: ARG002 - as above
        """Close the active key."""
        await self._api.call(ws_calls.stop_listen_key())


class FuturesKeyByRest:
    """The futures listenKey by REST (the door of ``exchange.futures_rest_url``)."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def start(self) -> Secret:
        """Return the active key, extended, or a new one."""
        return await self._rest.call(key_calls.start_futures_key())

    async def keep(self, key: Secret) -> Secret | None:  # noqa: ARG002 - the exchange knows which key is ours
        """Extend the active key; return which it is, where the answer names it."""
        return await self._rest.call(key_calls.keep_futures_key())

    async def close(self, key: Secret) -> None:  # noqa: ARG002 - as above
        """Close the active key."""
        await self._rest.call(key_calls.close_futures_key())


class SpotKeyByRest:
    """The spot listenKey in the older way, which has REST only."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def start(self) -> Secret:
        """Return the active key, extended, or a new one."""
        return await self._rest.call(key_calls.start_spot_key())

    async def keep(self, key: Secret) -> Secret | None:
        """Extend the key."""
        await self._rest.call(key_calls.keep_spot_key(key))
        return None

    async def close(self, key: Secret) -> None:
        """Close the key."""
        await self._rest.call(key_calls.close_spot_key(key))


class KeyKeeper:
    """One listenKey, ``FUTURES`` or ``SPOT`` at first. Who listens is told what makes the key's stream start anew."""

    def __init__(
        self,
        name: str,
        routes: Sequence[KeyRoute],
        doors: Doors,
        listen_key: ListenKey = FUTURES,
    ) -> None:
        self._name = name
        self._routes = tuple(routes)
        self._doors = doors
        self._asking = asyncio.Lock()
        self._woken = asyncio.Event()
        self._on_cause: Callable[[Cause], None] | None = None
        self.listen_key = listen_key
        self._round = ""
        self.trouble = ""

    def listen(self, on_cause: Callable[[Cause], None]) -> None:
        """Have ``on_cause`` told from now on."""
        self._on_cause = on_cause

    def age_ms(self) -> int | None:
        """Return how long we have known the live key; None when there is none."""
        return self.listen_key.age_ms(self._steady_ms())

    async def ensure(self) -> Secret:
        """Return the key, confirmed by the exchange just now. Raises what the routes raise."""
        async with self._asking:
            found = await self._asked(KeyEvent.START, lambda route: route.start())
            self._move(self.listen_key.started(found, self._steady_ms()))
            if self.listen_key.live_key is None:
                raise ConnectionLost("the listenKey ended while it was asked for")
            self.trouble = ""
            return found

    async def run(self) -> NoReturn:
        """Keep the key for ever."""
        while True:
            await self._until_due()
            async with self._asking:
                if self.listen_key.keep_is_due(self._steady_ms()):
                    await self._keep()

    def ended(self, key: Secret | None) -> None:
        """Learn from a stream that ``key`` is dead (None: it does not say which)."""
        self._move(self.listen_key.ended(key))

    async def close(self) -> None:
        """Close the key, for every program of the account. Never raises, and takes three seconds at most."""
        key = self.listen_key.live_key
        if key is None or self.listen_key.state is not KeyState.LIVE:
            return
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._asked(KeyEvent.CLOSE, lambda route: route.close(key))
            self._move(self.listen_key.step(KeyEvent.CLOSED))
        except (P2pbotError, TimeoutError) as error:
            what = error.what if isinstance(error, P2pbotError) else "no answer in time"
            self._doors.events.warning("listen_key_not_closed", stream=self._name, what=what)

    async def _until_due(self) -> None:
        while not self.listen_key.keep_is_due(now_ms := self._steady_ms()):
            self._woken.clear()
            live = self.listen_key.state is KeyState.LIVE
            wait_s = min(_LOOK_S, (self.listen_key.due_ms - now_ms) / 1000) if live else _LOOK_S
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()

    async def _keep(self) -> None:
        """Extend the key. That it is another, or none, is told; other failures are tried again when due."""
        key = self.listen_key.live_key
        if key is None:
            raise OurError("no listenKey is there to be kept")
        try:
            said = await self._asked(KeyEvent.KEEP, lambda route: route.keep(key))
        except OurError:
            raise
        except P2pbotError as error:
            if self.listen_key.live_key is None:
                self._tell(Cause.KEY_MISSING if is_missing(error) else Cause.EXPIRED)
            return
        self._move(self.listen_key.kept(said, self._steady_ms()))
        self.trouble = ""
        if self.listen_key.live_key not in (None, key):
            self._tell(Cause.KEY_CHANGED)

    async def _asked(self, event: KeyEvent, ask: Callable[[KeyRoute], Awaitable[T]]) -> T:
        """Return what the routes answer; however it fails, the key's state says so."""
        self._move(self.listen_key.step(event))
        try:
            return await self._by_any_route(ask)
        except P2pbotError as error:
            self._move(self.listen_key.failed(error, self._steady_ms(), self._doors.rng))
            self._say(error.what)
            raise
        except BaseException:
            self._move(self.listen_key.step(KeyEvent.FAILED))
            raise

    async def _by_any_route(self, ask: Callable[[KeyRoute], Awaitable[T]]) -> T:
        """Ask by each route until one answers. A verdict of the exchange is one, whichever way it came."""
        *first, last = self._routes
        for route in first:
            try:
                return await ask(route)
            except (OurError, RateLimited, KeyRefused, LocationRefused):
                raise
            except P2pbotError as error:
                if is_missing(error):
                    raise
                self._go_round(error.what)
        return await ask(last)

    def _move(self, following: ListenKey) -> None:
        if following.state is not self.listen_key.state:
            self._woken.set()
        self.listen_key = following

    def _tell(self, cause: Cause) -> None:
        if self._on_cause is not None:
            self._on_cause(cause)

    def _go_round(self, what: str) -> None:
        """Log why the next way is taken, when that changes: no trouble by itself, the session says so where it is."""
        if what != self._round:
            self._doors.events.info("listen_key_way_round", stream=self._name, what=what)
        self._round = what

    def _say(self, what: str) -> None:
        """Log trouble by all ways when it changes, until a call succeeds."""
        if what != self.trouble:
            self._doors.events.warning("listen_key_trouble", stream=self._name, what=what)
        self.trouble = what

    def _steady_ms(self) -> int:
        return int(self._doors.clock.boottime_s() * 1000)
