"""Puts together what feeds the accounts' context: sessions, listenKeys and streams of futures and spot.

Promise: nothing is opened for an account that switched nothing on. What is opened has an HTTP session, sockets and a
budget of connects of its own: it can neither wait for the chat's nor use them up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial

from p2pbot.adapters.rest import ExchangeRest, open_session
from p2pbot.adapters.secrets_source import AccountKeys
from p2pbot.adapters.tls import client_context
from p2pbot.adapters.weight_gate import WeightGate
from p2pbot.adapters.wire import ChatWire
from p2pbot.app.doors import signer_of
from p2pbot.config import AccountSettings, Exchange, Settings
from p2pbot.daemon import listen_key
from p2pbot.daemon.account_context import Feeder, SourceLoops
from p2pbot.daemon.chat import ConnectBudget
from p2pbot.daemon.snapshots import futures_snapshots, spot_snapshots, spot_snapshots_by_rest
from p2pbot.daemon.surroundings import Doors
from p2pbot.daemon.user_data import StreamPlan, UserDataStream
from p2pbot.daemon.user_data_subscription import SubscribedStream
from p2pbot.daemon.ws_caller import WsPlan
from p2pbot.daemon.ws_session import WsSession
from p2pbot.ports import AccountSink
from p2pbot.protocol import key_calls
from p2pbot.protocol.backoff import AttemptBudget
from p2pbot.protocol.rest import RestCall
from p2pbot.protocol.stream_address import stream_address
from p2pbot.protocol.user_data_events import Source, WatchedOrder
from p2pbot.protocol.weights import SPOT_WEIGHTS
from p2pbot.protocol.ws_requests import Identity

_CONNECTS = 75  # in five minutes, of the 300 that the exchange allows an address; the chat may take 150

Feeders = Mapping[str, Mapping[Source, Feeder]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all accounts share, for the exchange counts by address. ``rest`` makes a door to a base address."""

    exchange: Exchange
    wire: ChatWire
    rest: Callable[..., ExchangeRest]
    budget: ConnectBudget
    futures: WeightGate
    spot: WeightGate
    timeout_s: float


def sources_of(account: AccountSettings) -> frozenset[Source]:
    """Return what an account has switched on."""
    wanted = {Source.FUTURES: account.futures.enabled, Source.SPOT: account.spot.user_data != "none"}
    return frozenset(source for source, is_on in wanted.items() if is_on)


@asynccontextmanager
async def open_feeders(
    settings: Settings, keys: Mapping[str, AccountKeys], doors: Mapping[str, Doors]
) -> AsyncIterator[Feeders]:
    """Give the accounts that want it what feeds their context. Raises ConfigError."""
    wanted = [account for account in settings.accounts if sources_of(account)]
    if not wanted:
        yield {}
        return
    tls, clock = client_context(settings.ca_file), doors[wanted[0].name].clock
    async with open_session(tls) as session:
        timeout_s = settings.timings.request_timeout.s
        shared = Shared(
            exchange=settings.exchange,
            wire=ChatWire(tls, open_timeout_s=settings.timings.connect_timeout.s, thing="connection"),
            rest=partial(ExchangeRest, session, timeout_s=timeout_s),
            budget=ConnectBudget(AttemptBudget(limit=_CONNECTS)),
            futures=WeightGate(clock),
            spot=WeightGate(clock, SPOT_WEIGHTS),
            timeout_s=timeout_s,
        )
        yield {one.name: Feeding(one, keys[one.name], doors[one.name], shared).feeders() for one in wanted}


class Feeding:
    """Makes the loops that feed one account's context, anew whenever it is asked."""

    def __init__(self, account: AccountSettings, keys: AccountKeys, doors: Doors, shared: Shared) -> None:
        self._account = account
        self._doors = replace(doors, wire=shared.wire)
        self._shared = shared
        window_ms = account.recv_window.ms
        self._identity = Identity(api_key=keys.api_key, signer=signer_of(keys), recv_window_ms=window_ms)

    def feeders(self) -> dict[Source, Feeder]:
        """Return what is switched on."""
        spot = self.spot_by_key if self._account.spot.user_data == "legacy_listen_key" else self.spot
        feeders: dict[Source, Feeder] = {Source.FUTURES: self.futures, Source.SPOT: spot}
        return {source: feeders[source] for source in sorted(sources_of(self._account))}

    def futures(self, sink: AccountSink) -> SourceLoops:
        """Make the loops of futures: a session, and a stream by listenKey."""
        exchange = self._shared.exchange
        session = self._session("futures", exchange.ws_api_url, self._shared.futures)
        rest = self._rest(exchange.futures_rest_url, self._shared.futures, key_calls.futures_time())
        routes = (listen_key.FuturesKeyByWs(session), listen_key.FuturesKeyByRest(rest))
        keeper = listen_key.KeyKeeper(f"{self._account.name}: futures", routes, self._doors)
        address = partial(
            stream_address, exchange.futures_stream_url, exchange.futures_stream_path, events=exchange.futures_events
        )
        close = self._account.futures.close_listen_key
        plan = StreamPlan(account=self._account.name, source=Source.FUTURES, address=address, close_listen_key=close)
        watched = tuple(WatchedOrder(symbol=one, client_order_id=order) for one, order in self._account.futures.watched)
        ask = futures_snapshots(session, self._doors, watched)
        stream = UserDataStream(plan, keeper, self._doors, self._shared.budget, sink, ask)
        session.listen(stream)
        return _loops(stream, session)

    def spot(self, sink: AccountSink) -> SourceLoops:
        """Make the loops of spot: a session, and a subscription on it."""
        session = self._session("spot", self._shared.exchange.spot_ws_api_url, self._shared.spot)
        ask = spot_snapshots(session, self._doors)
        stream = SubscribedStream(self._account.name, session, lambda: session.logged_on, self._doors, sink, ask)
        session.listen(stream)
        return _loops(stream, session)

    def spot_by_key(self, sink: AccountSink) -> SourceLoops:
        """Make the loops of spot in the older way: a stream by listenKey, and REST."""
        exchange = self._shared.exchange
        rest = self._rest(exchange.rest_url, self._shared.spot)
        routes = (listen_key.SpotKeyByRest(rest),)
        keeper = listen_key.KeyKeeper(f"{self._account.name}: spot", routes, self._doors, listen_key.SPOT)
        address = partial(stream_address, exchange.spot_stream_url, exchange.spot_stream_path)
        plan = StreamPlan(account=self._account.name, source=Source.SPOT, address=address)
        ask = spot_snapshots_by_rest(rest, self._doors)
        return _loops(UserDataStream(plan, keeper, self._doors, self._shared.budget, sink, ask))

    def _session(self, api: str, url: str, gate: WeightGate) -> WsSession:
        plan = WsPlan(
            account=self._account.name, api=api, url=url, identity=self._identity, timeout_s=self._shared.timeout_s
        )
        return WsSession(plan, self._doors, self._shared.budget, gate)

    def _rest(self, base_url: str, gate: WeightGate, time_call: RestCall[int] | None = None) -> ExchangeRest:
        doors, identity = self._doors, self._identity
        return self._shared.rest(
            base_url,
            identity.api_key,
            identity.signer,
            doors.clock,
            doors.rng,
            recv_window_ms=self._account.recv_window.ms,
            gate=gate,
            time_call=time_call,
        )


def _loops(stream: UserDataStream | SubscribedStream, session: WsSession | None = None) -> SourceLoops:
    def status() -> dict[str, object]:
        told: dict[str, object] = {"stream": asdict(stream.status())}
        return told if session is None else told | {"session": session.status()}

    loops = {"stream": stream.run}
    whole = loops if session is None else {"session": session.run, **loops}
    return SourceLoops(loops=whole, status=status, close=stream.close)
