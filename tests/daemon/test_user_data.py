"""User-data streams by listenKey over real sockets: expiry, mismatch, loss, and what the sink hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web

from p2pbot.adapters.clock import SystemClock
from p2pbot.adapters.rest import ExchangeRest, open_session
from p2pbot.adapters.tls import client_context
from p2pbot.adapters.wire import ChatWire
from p2pbot.daemon.chat import ConnectBudget
from p2pbot.daemon.listen_key import FUTURES, SPOT, FuturesKeyByRest, FuturesKeyByWs, KeyKeeper, KeyRoute, SpotKeyByRest
from p2pbot.daemon.snapshots import futures_snapshots, spot_snapshots_by_rest
from p2pbot.daemon.user_data import StreamPlan, UserDataStream
from p2pbot.errors import KeyRefused, RequestRefused
from p2pbot.protocol.backoff import AttemptBudget
from p2pbot.protocol.listen_keys import ListenKey
from p2pbot.protocol.signing import hmac_signer
from p2pbot.protocol.stream import LIFE_MS, MOST_BUFFERED, Cause, StreamState
from p2pbot.protocol.stream_address import FUTURES_PATH, SPOT_PATH, stream_address
from p2pbot.protocol.user_data_events import MarginCall, Source, UserDataEvent
from p2pbot.protocol.ws_call import T as T_
from p2pbot.protocol.ws_call import WsCall
from p2pbot.secret import Secret
from tests.fakes.chance import FixedChance
from tests.fakes.user_data_exchange import FakeApi, Ledger, UserDataExchange, as_text, until, user_data_exchange
from tests.fakes.world import Recorder, StillClock, World

# The example key and secret of the exchange's own documents
API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SIGNER = hmac_signer(Secret("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"))
T = 1_767_600_000_000


class LeapingClock(SystemClock):
    """Real clocks; ``slept_s`` is what the machine slept."""

    slept_s = 0.0

    def boottime_s(self) -> float:
        """Return the clock that counts suspend."""
        return super().boottime_s() + self.slept_s


@dataclass
class Scene:
    """A stream that runs, and everything around it."""

    exchange: UserDataExchange
    api: FakeApi
    stream: UserDataStream
    keeper: KeyKeeper
    ledger: Ledger
    told: Recorder
    clock: LeapingClock
    streaming: asyncio.Task[object]
    budget: ConnectBudget = field(repr=False)

    async def live(self) -> None:
        """Wait until the account is known."""
        await until(lambda: not self.ledger.gap and self.stream.status().state is StreamState.LIVE, "the stream lives")

    async def recovered(self, times: int = 1) -> None:
        """Wait until the account is known again."""
        await until(lambda: self.ledger.heard.count(f"{self.source} known") > times, "the stream lives again")

    @property
    def source(self) -> str:
        """Whose stream it is."""
        return self.stream.status().source.value


@asynccontextmanager
async def scene(  # noqa: PLR0913 - each is one circumstance
    *,
    legacy: bool = False,
    keep_every_ms: int = 0,
    life_ms: int = LIFE_MS,
    close_listen_key: bool = False,
    session_down: bool = False,
    held: bool = False,
    refusals: int = 0,
    ledger: Ledger | None = None,
) -> AsyncIterator[Scene]:
    """Run a stream against an exchange."""
    async with user_data_exchange() as exchange, open_session(client_context(None)) as session:
        clock, told, ledger = LeapingClock(), Recorder(), ledger or Ledger()
        rng = FixedChance(0.0)
        doors = replace(
            World(StillClock(T), told=told).doors(), wire=ChatWire(client_context(None)), clock=clock, rng=rng
        )
        rest = ExchangeRest(session, exchange.url, Secret(API_KEY), SIGNER, clock, rng)
        exchange.refusals = [web.Response(status=503) for _ in range(refusals)]
        api = FakeApi(exchange, down=session_down, held=asyncio.Event() if held else None)
        first: ListenKey = SPOT if legacy else FUTURES
        if keep_every_ms:
            first = replace(first, keep_every_ms=keep_every_ms)
        routes: list[KeyRoute] = [SpotKeyByRest(rest)] if legacy else [FuturesKeyByWs(api), FuturesKeyByRest(rest)]
        keeper = KeyKeeper("main futures", routes, doors, first)
        path = SPOT_PATH if legacy else FUTURES_PATH
        plan = StreamPlan(
            account="main",
            source=Source.SPOT if legacy else Source.FUTURES,
            address=lambda key: stream_address(exchange.ws_url, path, key),
            close_listen_key=close_listen_key,
            life_ms=life_ms,
            retire_s=0.05,
        )
        ask = spot_snapshots_by_rest(rest, doors) if legacy else futures_snapshots(api, doors)
        budget = ConnectBudget(AttemptBudget())
        stream = UserDataStream(plan, keeper, doors, budget, ledger, ask)
        streaming: asyncio.Task[object] = asyncio.create_task(stream.run())
        try:
            yield Scene(exchange, api, stream, keeper, ledger, told, clock, streaming, budget)
        finally:
            streaming.cancel()
            with suppress(asyncio.CancelledError, ExceptionGroup):
                await streaming
            await stream.close()


@pytest.mark.parametrize("legacy", [False, True])
async def test_a_stream_begins_with_its_snapshot(legacy: bool) -> None:  # noqa: FBT001 - a column
    """The account is unknown until the snapshot is there, and follows the events from then on."""
    async with scene(legacy=legacy) as on:
        await on.live()
        assert on.ledger.heard == [f"{on.source} gap", f"{on.source} snapshot", f"{on.source} known"]
        assert on.ledger.usdt == "10"
        await on.exchange.pay("7", T)
        await until(lambda: on.ledger.usdt == "7", "the new balance")
        status = on.stream.status()
        assert (status.gap, status.cause, status.trouble) == (False, Cause.START, "")
        assert status.key_age_ms is not None
        assert status.last_event_ms is not None


async def test_events_during_the_snapshot_are_told_after_it() -> None:
    """What changes after the snapshot was taken and before it came is told after it, before the gap is closed."""
    async with scene(held=True) as on:
        await until(lambda: "v2/account.status" in on.api.asked and on.exchange.sockets, "the snapshot is asked for")
        await on.exchange.pay("4", T)
        await until(lambda: on.stream.status().last_event_ms, "the event")
        assert on.ledger.heard == ["futures gap"]
        assert on.api.held is not None
        on.api.held.set()
        await on.live()
        assert on.ledger.heard[1:] == ["futures snapshot", "futures AccountUpdate", "futures known"]
        assert on.ledger.usdt == "4"


async def test_expiry_is_silence_and_a_new_key() -> None:
    """After listenKeyExpired the socket says nothing more: a new key is asked for and a new socket opened at once."""
    async with scene() as on:
        await on.live()
        await on.exchange.expire()
        on.exchange.wallet = "3"
        await until(lambda: on.ledger.gap, "the gap")
        assert on.stream.status().key_age_ms is None  # nobody keeps a dead key
        await on.recovered()
        assert on.ledger.usdt == "3"
        await until(lambda: "close 1" in on.exchange.log, "the old socket is closed")
        assert on.exchange.log == ["open 1", "open 2", "close 1"]
        assert on.stream.status().cause is Cause.EXPIRED


async def test_another_key_after_a_keepalive() -> None:
    """If a keepalive names another key, the next socket is opened before the deaf one is closed."""
    async with scene(keep_every_ms=50) as on:
        await on.live()
        on.exchange.replace_key()
        on.exchange.wallet = "3"
        await on.recovered()
        await until(lambda: "close 1" in on.exchange.log, "the old socket is closed")
        assert on.exchange.log == ["open 1", "open 2", "close 1"]
        assert (on.stream.status().cause, on.ledger.usdt) == (Cause.KEY_CHANGED, "3")


@pytest.mark.parametrize("legacy", [False, True])
async def test_minus_1125(legacy: bool) -> None:  # noqa: FBT001 - a column
    """If a keepalive meets -1125, a new key is asked for at once."""
    async with scene(keep_every_ms=50, legacy=legacy) as on:
        await on.live()
        on.exchange.key = None
        await on.recovered()
        assert on.stream.status().cause is Cause.KEY_MISSING
        assert on.exchange.key == 2


async def test_a_lost_socket_keeps_its_key() -> None:
    """The key is owned by no socket: after a loss the same one is confirmed and used again."""
    async with scene() as on:
        await on.live()
        await on.exchange.sockets[0][1].close()
        await on.recovered()
        assert (on.exchange.key, on.stream.status().cause) == (1, Cause.CLOSED)
        assert on.ledger.heard == ["futures gap", "futures snapshot", "futures known"] * 2


async def test_many_causes_are_one_recovery() -> None:
    """Expiry, loss, another key and the session's return in one moment bring one new socket and one snapshot."""
    async with scene() as on:
        await on.live()
        await on.exchange.expire()
        on.keeper._tell(Cause.KEY_CHANGED)
        on.keeper._tell(Cause.EXPIRED)
        on.stream.on_open(renewed=False)
        await on.exchange.sockets[0][1].close()
        await on.recovered()
        assert [line for line in on.exchange.log if line.startswith("open")] == ["open 1", "open 2"]
        assert on.stream.status().recoveries == 1
        assert on.ledger.heard.count("futures snapshot") == 2


async def test_news_of_the_key_are_old_to_a_try_that_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A try that waits for the key has the newest: the keeper's word of another one does not overtake it."""
    async with scene() as on:
        await on.live()
        ask, asked, go_on = on.api.call, asyncio.Event(), asyncio.Event()

        async def slowly(request: WsCall[T_]) -> T_:
            if request.method == "userDataStream.start":
                asked.set()
                await go_on.wait()
            return await ask(request)

        monkeypatch.setattr(on.api, "call", slowly)
        await on.exchange.sockets[0][1].close()
        await asked.wait()
        on.keeper._tell(Cause.KEY_CHANGED)
        go_on.set()
        await on.recovered()
        assert (on.stream.status().recoveries, on.stream.status().cause) == (1, Cause.CLOSED)


async def test_a_rotation_opens_before_it_closes() -> None:
    """A socket that is as old as may be is replaced by the next one with the same key, and then closed."""
    async with scene(life_ms=300) as on:
        await on.live()
        await on.recovered()
        await until(lambda: "close 1" in on.exchange.log, "the old socket is closed")
        assert on.exchange.log[:2] == ["open 1", "open 1"]
        assert on.stream.status().cause is Cause.ROTATION


async def test_a_shutdown_notice_moves_the_stream() -> None:
    """A server that says it will go is left at once."""
    async with scene() as on:
        await on.live()
        await on.exchange.push({"e": "serverShutdown", "E": T})
        await on.recovered()
        assert on.stream.status().cause is Cause.SHUTDOWN


async def test_after_a_suspend_the_stream_is_taken_anew() -> None:
    """What slept with the machine is dead, however healthy it looks."""
    async with scene() as on:
        await on.live()
        on.clock.slept_s = 3600.0
        on.stream.on_open(renewed=False)  # has the stream look at once instead of in some seconds
        await on.recovered()
        assert on.stream.status().cause is Cause.SUSPENDED


async def test_without_a_session_rest_keeps_the_key() -> None:
    """While the WebSocket API is down, the key is started and kept by REST; only the snapshot has to wait."""
    async with scene(keep_every_ms=50, session_down=True) as on:
        await until(lambda: on.exchange.log.count("PUT") >= 2, "keepalives by REST")
        assert on.exchange.log[:2] == ["POST", "open 1"]
        assert on.ledger.gap
        on.api.down = False
        on.stream.on_open(renewed=False)
        await on.live()
        assert on.ledger.usdt == "10"


async def test_events_while_the_snapshot_waits_are_kept() -> None:
    """Events that come while there is no snapshot are told after it."""
    async with scene(session_down=True) as on:
        await until(lambda: on.exchange.sockets, "the socket")
        await on.exchange.push({"e": "MARGIN_CALL", "E": T, "p": []})
        await until(lambda: on.stream.status().last_event_ms, "the event")
        assert on.ledger.events == []
        on.api.down = False
        on.stream.on_open(renewed=False)
        await on.live()
        assert on.ledger.events == [MarginCall(at_ms=T)]
        assert on.ledger.heard[-3:] == ["futures snapshot", "futures MarginCall", "futures known"]


async def test_a_flood_before_the_question_does_no_harm() -> None:
    """However much came before the snapshot was asked for, the account is known after it."""
    async with scene(session_down=True) as on:
        await until(lambda: on.exchange.sockets, "the socket")
        for number in range(MOST_BUFFERED + 1):
            on.stream._feed.hear(MarginCall(at_ms=number))
        on.api.down = False
        on.stream.on_open(renewed=False)
        await on.live()


@pytest.mark.parametrize(("asked_to", "log"), [(False, []), (True, ["userDataStream.stop"])])
async def test_shutdown_and_the_key(asked_to: bool, log: list[str]) -> None:  # noqa: FBT001 - a column
    """The key outlives the daemon, for others use it too; it is closed only where the configuration asks for it."""
    async with scene(close_listen_key=asked_to) as on:
        await on.live()
        api, exchange = on.api, on.exchange
    assert [method for method in api.asked if method.endswith("stop")] == log
    assert (exchange.key is None) is asked_to


async def test_shutdown_without_a_session_closes_the_key_by_rest() -> None:
    """A key that is to be closed is closed by REST when the session is gone already."""
    async with scene(close_listen_key=True) as on:
        await on.live()
        on.api.down = True
        exchange = on.exchange
    assert (exchange.key, exchange.log[-1]) == (None, "DELETE")


async def test_a_key_that_the_exchange_refuses_needs_a_person() -> None:
    """A refused API key is told to the operator, once, and tried again slowly."""
    async with scene() as on:
        await on.live()
        on.api.failures = [KeyRefused("the exchange refuses the key")]
        await on.exchange.sockets[0][1].close()
        await until(lambda: on.told.notices, "the word to the operator")
        status = on.stream.status()
        assert (status.state, status.trouble) == (StreamState.WAITING, "the exchange refuses the key")
        assert on.stream._feed.stream.wait_s >= 30
        assert len(on.told.notices) == 1


async def test_a_server_that_cannot_answer_is_asked_again() -> None:
    """Trouble with the key's call ends in a live stream, and the log says it once."""
    async with scene(legacy=True, refusals=6) as on:
        await on.live()
        assert [event for event, _ in on.told.events if event == "user_data_down"] == ["user_data_down"]


async def test_what_is_not_understood_is_counted() -> None:
    """A kind of event that nobody told us of is passed on as it came, and the status counts it."""
    async with scene() as on:
        await on.live()
        await on.exchange.push({"e": "NEW_KIND", "E": T})
        await until(lambda: on.stream.status().not_understood == 1, "the event")
        assert on.ledger.heard[-1] == "futures Unknown"


async def test_a_sink_that_raises_ends_the_stream() -> None:
    """A bug in whoever keeps the account is no trouble of the network: it ends the loop, and its sockets."""

    class Faulty(Ledger):
        def event(self, source: Source, event: UserDataEvent) -> None:
            raise ZeroDivisionError(f"{source}: {event.__class__}")

    async with scene(ledger=Faulty()) as on:
        await on.live()
        await on.exchange.push({"e": "MARGIN_CALL", "E": T, "p": []})
        with pytest.raises(ExceptionGroup):
            await on.streaming
        await until(lambda: "close 1" in on.exchange.log, "the socket is closed")


async def test_no_connect_without_a_place_in_the_budget() -> None:
    """Connects to streams count against the address's budget like all others."""
    async with scene() as on:
        await on.live()
        assert on.budget.wait_s(int(on.clock.monotonic_s() * 1000)) == 0
        for _ in range(149):
            on.budget.spend(int(on.clock.monotonic_s() * 1000))
        assert on.budget.wait_s(int(on.clock.monotonic_s() * 1000)) > 0


async def test_no_log_line_holds_a_key() -> None:
    """Through trouble of every kind, neither the listenKey nor an address with it is logged or shown."""
    async with scene(keep_every_ms=50) as on:
        await on.live()
        await on.exchange.expire()
        await on.recovered()
        on.exchange.replace_key()
        await on.recovered(2)
        on.api.failures = [RequestRefused("no", code="-1100")]
        await on.exchange.sockets[-1][1].close()
        await until(lambda: on.stream.status().state is StreamState.WAITING, "trouble")
        shown = (
            as_text(on.told.events) + as_text(on.told.notices) + repr(on.stream.status()) + repr(on.keeper.listen_key)
        )
        assert "listenkey0" not in shown
        assert "user_data_live" in shown
