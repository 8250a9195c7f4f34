"""User data against the sandbox exchange, all loops and doors of ours real: sessions, keys, streams. TLS is on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from p2pbot.adapters.clock import SystemClock
from p2pbot.adapters.weight_gate import WeightGate
from p2pbot.daemon.chat import ConnectBudget
from p2pbot.daemon.listen_key import SPOT, FuturesKeyByRest, FuturesKeyByWs, KeyKeeper, KeyRoute, SpotKeyByRest
from p2pbot.daemon.snapshots import futures_snapshots, spot_snapshots, spot_snapshots_by_rest
from p2pbot.daemon.surroundings import Doors
from p2pbot.daemon.user_data import StreamPlan, UserDataStream
from p2pbot.daemon.user_data_feed import StreamStatus
from p2pbot.daemon.user_data_subscription import SubscribedStream
from p2pbot.daemon.ws_caller import WsPlan
from p2pbot.daemon.ws_session import WsSession
from p2pbot.protocol.backoff import AttemptBudget
from p2pbot.protocol.stream import Cause, StreamState
from p2pbot.protocol.stream_address import FUTURES_PATH, SPOT_PATH, stream_address
from p2pbot.protocol.user_data_events import OrderUpdate, Source, WatchedOrder
from p2pbot.protocol.ws_requests import Identity
from p2pbot.secret import Secret
from tests.fakes.chance import FixedChance
from tests.fakes.exchange import Exchange, running_exchange
from tests.fakes.user_data_exchange import Ledger, until
from tests.fakes.world import Recorder, StillClock, World

STREAM_FORM = "/private/stream?streams={listen_key}"


@pytest.fixture(autouse=True)
async def deadline() -> AsyncIterator[None]:
    """End a test that hangs."""
    async with asyncio.timeout(30):
        yield


@pytest.fixture(params=[True])
async def exchange(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Exchange]:
    """Run the sandbox, with spot's old listenKeys unless a test says otherwise."""
    async with running_exchange(tmp_path, spot_listen_keys=request.param) as running:
        for name in ("main", "ed25519"):
            running.sandbox.perform("set_balance", {"account": name, "asset": "USDT", "amount": "10"})
            running.sandbox.perform("set_spot_balance", {"account": name, "asset": "USDT", "free": "10"})
        yield running


@dataclass
class Parts:
    """What the loops of one account are made of."""

    exchange: Exchange
    account: str
    doors: Doors
    ledger: Ledger
    told: Recorder

    def session(self, path: str, api: str) -> WsSession:
        """Return a session of one of the two WebSocket APIs."""
        api_key = Secret(f"key-of-{self.account}")
        identity = Identity(api_key=api_key, signer=self.exchange.signers[self.account], recv_window_ms=5000)
        url = f"{self.exchange.sandbox.ws_url}{path}"
        plan = WsPlan(account=self.account, api=api, url=url, identity=identity, overlap_s=0.1)
        return WsSession(plan, self.doors, ConnectBudget(AttemptBudget()), WeightGate(self.doors.clock))

    def by_key(self, source: Source, path: str, keeper: KeyKeeper, ask: Any) -> UserDataStream:
        """Return a stream by listenKey."""
        address = partial(stream_address, self.exchange.sandbox.ws_url, path)
        plan = StreamPlan(account=self.account, source=source, address=address, retire_s=0.05)
        return UserDataStream(plan, keeper, self.doors, ConnectBudget(AttemptBudget()), self.ledger, ask)

    def do(self, deed: str, **arguments: object) -> None:
        """Have something happen to the account."""
        self.exchange.sandbox.perform(deed, {"account": self.account, **arguments})


def parts(exchange: Exchange, account: str) -> Parts:
    """Return the parts."""
    told, ledger = Recorder(), Ledger()
    doors = World(StillClock(1), told=told).doors()
    doors = replace(doors, clock=SystemClock(), rng=FixedChance(0.0), wire=exchange.wire(), rest=exchange.rest(account))
    return Parts(exchange, account, doors, ledger, told)


@asynccontextmanager
async def running(*loops: Callable[[], Coroutine[Any, Any, Any]]) -> AsyncIterator[None]:
    """Run loops."""
    tasks = [asyncio.create_task(loop()) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


@asynccontextmanager
async def futures(
    exchange: Exchange, account: str, path: str = FUTURES_PATH, *, keep_every_ms: int = 0
) -> AsyncIterator[tuple[Parts, Callable[[], StreamStatus]]]:
    """Run the futures stream and its session."""
    of = parts(exchange, account)
    session = of.session("/ws-fapi/v1", "futures")
    routes: list[KeyRoute] = [FuturesKeyByWs(session), FuturesKeyByRest(exchange.rest(account))]
    keeper = KeyKeeper("futures", routes, of.doors)
    if keep_every_ms:
        keeper.listen_key = replace(keeper.listen_key, keep_every_ms=keep_every_ms)
    watched = [WatchedOrder(symbol="BTCUSDT", client_order_id="hedge-1")]
    stream = of.by_key(Source.FUTURES, path, keeper, futures_snapshots(session, of.doors, watched))
    session.listen(stream)
    async with running(session.run, stream.run):
        yield of, stream.status


@pytest.mark.parametrize("account", ["main", "ed25519"])
@pytest.mark.parametrize("path", [FUTURES_PATH, STREAM_FORM])
async def test_a_futures_stream(exchange: Exchange, account: str, path: str) -> None:
    """Balance and orders are known from the snapshot on and follow the events, by both forms of the address."""
    async with futures(exchange, account, path) as (of, _):
        await until(lambda: of.ledger.usdt == "10", "the snapshot")
        of.do("set_balance", asset="USDT", amount="7")
        await until(lambda: of.ledger.usdt == "7", "the new balance")
        of.do("place_futures_order", symbol="BTCUSDT", client_order_id="hedge-1", side="SELL", quantity="1")
        of.do("fill_futures_order", client_order_id="hedge-1")
        orders = [event for event in of.ledger.events if isinstance(event, OrderUpdate)]
        await until(
            lambda: any(isinstance(event, OrderUpdate) and event.status == "FILLED" for event in of.ledger.events),
            "the fill",
        )
        assert all(order.client_order_id == "hedge-1" for order in orders)


@pytest.mark.parametrize(("silently", "cause"), [(False, Cause.EXPIRED), (True, Cause.KEY_MISSING)])
async def test_a_key_that_ends(exchange: Exchange, silently: bool, cause: Cause) -> None:  # noqa: FBT001 - a column
    """A key that ends is replaced, whether the socket says so or the next keepalive finds it out."""
    async with futures(exchange, "main", keep_every_ms=200) as (of, status):
        await until(lambda: of.ledger.usdt == "10", "the snapshot")
        of.do("expire_listen_key", source="futures", silently=silently)
        of.do("set_balance", asset="USDT", amount="3")
        await until(lambda: of.ledger.usdt == "3", "the balance that no event told")
        assert status().cause is cause
        of.do("set_balance", asset="USDT", amount="2")
        await until(lambda: of.ledger.usdt == "2", "events again")


async def test_the_stream_lives_when_the_session_is_cut(exchange: Exchange) -> None:
    """A cut session is no gap: the stream has its own socket, and the session comes back."""
    async with futures(exchange, "main") as (of, status):
        await until(lambda: of.ledger.usdt == "10", "the snapshot")
        of.do("cut_links", link="futures_api")
        of.do("set_balance", asset="USDT", amount="6")
        await until(lambda: of.ledger.usdt == "6", "the new balance")
        assert (status().state, status().recoveries) == (StreamState.LIVE, 0)


@pytest.mark.parametrize("account", ["main", "ed25519"])
async def test_a_spot_subscription(exchange: Exchange, account: str) -> None:
    """By logon or by a signature of its own, the subscription tells balances, and is made again after a cut."""
    of = parts(exchange, account)
    session = of.session("/ws-api/v3", "spot")
    stream = SubscribedStream(
        account, session, lambda: session.logged_on, of.doors, of.ledger, spot_snapshots(session, of.doors)
    )
    session.listen(stream)
    async with running(session.run, stream.run):
        await until(lambda: of.ledger.usdt == "10", "the snapshot")
        assert session.logged_on is (account == "ed25519")
        of.do("set_spot_balance", asset="USDT", free="7")
        await until(lambda: of.ledger.usdt == "7", "the event")
        of.do("cut_links")
        await until(lambda: of.ledger.gap, "the gap")
        of.do("set_spot_balance", asset="USDT", free="5")
        await until(lambda: of.ledger.usdt == "5", "the snapshot after it")


@asynccontextmanager
async def legacy(exchange: Exchange) -> AsyncIterator[tuple[Parts, Callable[[], StreamStatus]]]:
    """Run spot in the older way: the key by REST, its own socket, the snapshot by REST."""
    of = parts(exchange, "main")
    rest = exchange.rest("main")
    keeper = KeyKeeper("spot", [SpotKeyByRest(rest)], of.doors, replace(SPOT, keep_every_ms=100))
    stream = of.by_key(Source.SPOT, SPOT_PATH, keeper, spot_snapshots_by_rest(rest, of.doors))
    async with running(stream.run):
        yield of, stream.status


async def test_a_legacy_spot_stream(exchange: Exchange) -> None:
    """A legacy key is started, kept and replaced, and its stream tells balances."""
    async with legacy(exchange) as (of, status):
        await until(lambda: of.ledger.usdt == "10", "the snapshot")
        of.do("set_spot_balance", asset="USDT", free="7")
        await until(lambda: of.ledger.usdt == "7", "the event")
        of.do("expire_listen_key", source="spot", silently=True)
        of.do("set_spot_balance", asset="USDT", free="5")
        await until(lambda: of.ledger.usdt == "5", "the snapshot with the next key")
        assert status().cause is Cause.KEY_MISSING


@pytest.mark.parametrize("exchange", [False], indirect=True)
async def test_where_legacy_keys_are_gone(exchange: Exchange) -> None:
    """HTTP 410 with a web page, as the exchange answers since 2026, is trouble that is said once and tried slowly."""
    async with legacy(exchange) as (of, status):
        await until(lambda: status().trouble, "the trouble")
        assert "HTTP 410" in status().trouble
        assert of.ledger.heard == ["spot gap"]
        assert [values["retry_in_s"] for event, values in of.told.events if event == "user_data_down"] == [30.0]
