"""A spot user-data stream that is a subscription of the WebSocket API session: it lives and dies with its connection.

Promise: each new connection of the session is subscribed at once; what ends the subscription alone is mended alone.
Danger: while the session is renewed the same event may come by two connections; it is told once.
Source: the futures and user-data notes, section 1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NoReturn

from p2pbot.daemon.snapshots import Ask
from p2pbot.daemon.surroundings import Doors
from p2pbot.daemon.user_data_feed import Feed, StreamStatus
from p2pbot.errors import RequestRefused
from p2pbot.ports import AccountSink, WsApi
from p2pbot.protocol.listen_keys import SUBSCRIPTION, SubscriptionEvent, SubscriptionState
from p2pbot.protocol.stream import Cause
from p2pbot.protocol.user_data_events import ListenKeyExpired, ServerShutdown, Source, StreamTerminated
from p2pbot.protocol.user_data_frames import read_event
from p2pbot.protocol.ws_calls import spot_subscribe, spot_unsubscribe

_ACTIVE_ALREADY = "-2035"


class SubscribedStream:
    """The spot account's stream (``WsListener`` of its session). ``run`` it once, and the session beside it."""

    def __init__(
        self, account: str, api: WsApi, logged_on: Callable[[], bool], doors: Doors, sink: AccountSink, ask: Ask
    ) -> None:
        self._api = api
        self._logged_on = logged_on
        self._feed = Feed(account, Source.SPOT, doors, sink, ask)
        self._subscription_id: int | None = None
        self._session_came = asyncio.Event()
        self.state = SubscriptionState.ABSENT

    def status(self) -> StreamStatus:
        """Return how the stream stands."""
        return self._feed.status()

    def on_open(self, *, renewed: bool) -> None:
        """Subscribe the session's new connection."""
        self._session_came.set()
        self._feed.recover(Cause.ROTATION if renewed else Cause.CLOSED)
        self._feed.hurry()

    def on_lost(self) -> None:
        """Learn that the subscription went with its connection."""
        self._step(SubscriptionEvent.LOST)
        self._feed.recover(Cause.CLOSED)

    def on_event(self, subscription_id: int | None, event: Mapping[str, object]) -> None:
        """Take an event of the subscription, or its end."""
        found = read_event(event)
        match found:
            case StreamTerminated() if subscription_id in (None, self._subscription_id):
                self._step(SubscriptionEvent.TERMINATED)
                self._feed.recover(Cause.TERMINATED)
            case StreamTerminated() | ListenKeyExpired() | ServerShutdown():
                return  # of an older subscription, or the session's own affair
            case _:
                self._feed.hear(found)

    async def run(self) -> NoReturn:
        """Hold the subscription for ever; the first is made once the session is there: it tells of its own trouble."""
        await self._session_came.wait()
        await self._feed.run(self._open, rotates=False)

    async def close(self) -> None:
        """Do nothing: a subscription ends with its connection."""

    async def _open(self, attempt: int) -> None:
        """Subscribe. Raises what the session raises."""
        self._step(SubscriptionEvent.SUBSCRIBE)
        try:
            found = await self._subscribed()
        except BaseException:
            self._step(SubscriptionEvent.FAILED)
            raise
        self._step(SubscriptionEvent.SUBSCRIBED)
        self._subscription_id = found
        self._feed.opened(attempt)

    async def _subscribed(self) -> int:
        """Subscribe. One that is active already – the machine slept, or the answer was lost – is ended first."""
        try:
            return await self._api.call(spot_subscribe(logged_on=self._logged_on()))
        except RequestRefused as refused:
            if refused.code != _ACTIVE_ALREADY:
                raise
        self._subscription_id = None  # its last words must not end the next one
        await self._api.call(spot_unsubscribe())
        return await self._api.call(spot_subscribe(logged_on=self._logged_on()))

    def _step(self, event: SubscriptionEvent) -> None:
        self.state = SUBSCRIPTION.next(self.state, event)
