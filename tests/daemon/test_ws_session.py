"""The session loop over real sockets: greeted, signed, renewed, and never in a hurry when there is trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import pytest
from aiohttp import web

from p2pbot.adapters.tls import client_context
from p2pbot.adapters.weight_gate import WeightGate
from p2pbot.adapters.wire import ChatWire
from p2pbot.daemon import ws_caller
from p2pbot.daemon.chat import ConnectBudget
from p2pbot.daemon.ws_caller import WsPlan, longest_call_s
from p2pbot.daemon.ws_session import WsSession
from p2pbot.errors import (
    ClockSkew,
    ConnectionLost,
    ExchangeUnavailable,
    KeyRefused,
    RateLimited,
    RequestRefused,
    TimedOut,
)
from p2pbot.protocol.backoff import AttemptBudget
from p2pbot.protocol.signing import Signer, hmac_signer, private_key_signer, ws_payload
from p2pbot.protocol.ws_calls import futures_account, keep_listen_key, spot_subscribe, start_listen_key
from p2pbot.protocol.ws_requests import Identity
from p2pbot.protocol.ws_session import WsState
from p2pbot.secret import Secret
from tests.fakes.scripted_server import ScriptedServer, answer, serving
from tests.fakes.world import StillClock, World
from tests.fakes.ws_exchange import Ear, PassingClock, WsExchange, now_ms, refusal, result, session, silence, until

# Published examples of the exchange's own documents.
API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
HMAC = hmac_signer(Secret("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"))
ED25519 = private_key_signer(
    Secret(
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u\n"
        "-----END PRIVATE KEY-----\n"
    )
)
KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
ACCOUNT = result({"assets": [], "positions": []})
REVOKED = {"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key, IP, or permissions"}}


class StuckGate(WeightGate):
    """A gate that lets nobody pass."""

    async def turn(self, weight: int = 1) -> None:  # noqa: ARG002 - the gate's own form
        """Wait for ever."""
        await asyncio.Event().wait()


@dataclass
class Stage:
    """A session with its exchange."""

    server: ScriptedServer
    exchange: WsExchange
    session: WsSession
    world: World
    clock: PassingClock
    ear: Ear

    def events(self, name: str) -> list[dict[str, object]]:
        """Return the values of one event of the log."""
        return [values for event, values in self.world.told.events if event == name]

    def renew_now(self) -> None:
        """Make the renewal due."""
        self.session.life = replace(self.session.life, renew_at_ms=0)
        self.session._news.set()

    def probe_now(self) -> None:
        """Make the probe due."""
        self.session.life = replace(self.session.life, probe_at_ms=0)
        self.session._news.set()


@asynccontextmanager
async def staged(
    signer: Signer = HMAC, *, timeout_s: float = 5.0, overlap_s: float = 0.0, connects: int = 150
) -> AsyncIterator[Stage]:
    """Give a session that is not running yet, and an exchange whose script is to be written.

    ``connects``: what the address may connect in five minutes.
    """
    clock, ear = PassingClock(), Ear()
    world = World(StillClock(0))
    async with serving() as server:
        wire = ChatWire(client_context(None), thing="session", close_timeout_s=0.3)
        doors = replace(world.doors(), clock=clock, wire=wire)
        plan = WsPlan(
            account="main",
            api="futures",
            url=f"{server.url.replace('http', 'ws')}/ws-fapi/v1",
            identity=Identity(api_key=Secret(API_KEY), signer=signer),
            timeout_s=timeout_s,
            overlap_s=overlap_s,
        )
        session = WsSession(plan, doors, ConnectBudget(AttemptBudget(limit=connects)), WeightGate(clock), ear)
        yield Stage(server, WsExchange(), session, world, clock, ear)


@asynccontextmanager
async def running(stage: Stage) -> AsyncIterator[None]:
    """Run the session while the block runs; whatever it raises by itself fails the test."""
    task = asyncio.create_task(stage.session.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def opened(stage: Stage, connects: int = 1) -> AsyncIterator[None]:
    """Run the session against an exchange that takes so many connections."""
    stage.server.script.extend([stage.exchange.accept] * connects)
    async with running(stage):
        await until(lambda: stage.session.online)
        yield


def params(frame: Mapping[str, object]) -> dict[str, str | int | bool]:
    """Return the parameters of a request."""
    found = frame.get("params", {})
    assert isinstance(found, dict)
    return found


async def test_an_ed25519_session_logs_on_and_signs_no_more() -> None:
    """The logon is signed with key and time stamp; later calls carry their time stamp alone."""
    async with staged(ED25519) as stage:
        stage.exchange.replies["v2/account.status"] = [ACCOUNT]
        async with opened(stage):
            await stage.session.call(futures_account())
            assert stage.session.logged_on
        (logon,), (asked,) = stage.exchange.of("session.logon"), stage.exchange.of("v2/account.status")
        sent = params(logon)
        assert ED25519.sign(ws_payload(sent)) == sent["signature"]
        assert set(params(asked)) == {"timestamp", "recvWindow"}
        assert [frame["method"] for frame in stage.exchange.asked][:2] == ["session.status", "session.logon"]
        assert stage.events("ws_session_open")[0]["auth"] == "logon"


async def test_an_hmac_session_stays_without_logon_and_signs_each_call() -> None:
    """A key that cannot log on signs every request over its sorted payload."""
    async with staged(HMAC) as stage:
        stage.exchange.replies["v2/account.status"] = [ACCOUNT]
        async with opened(stage):
            await stage.session.call(futures_account())
            assert not stage.session.logged_on
        assert not stage.exchange.of("session.logon")
        sent = params(stage.exchange.of("v2/account.status")[0])
        assert HMAC.sign(ws_payload(sent)) == sent["signature"]
        assert stage.events("ws_session_open")[0]["auth"] == "each call (hmac)"


async def test_a_listen_key_is_asked_for_by_the_key_alone() -> None:
    """``userDataStream.start`` carries the API key, neither time stamp nor signature."""
    async with staged() as stage:
        stage.exchange.replies["userDataStream.start"] = [result({"listenKey": KEY}, used=77)]
        async with opened(stage):
            assert await stage.session.call(start_listen_key()) == Secret(KEY)
            assert params(stage.exchange.of("userDataStream.start")[0]) == {"apiKey": API_KEY}
            assert stage.session.status()["weight_used"] == 77


async def test_the_exchanges_clock_is_learnt_before_anything_is_signed() -> None:
    """A machine whose clock is ten minutes slow signs with the exchange's time, a little in its past."""
    async with staged() as stage:
        stage.exchange.replies |= {"session.status": [session(logged_on=False, ahead_ms=600_000)]}
        stage.exchange.replies["v2/account.status"] = [ACCOUNT]
        async with opened(stage):
            await stage.session.call(futures_account())
            stamp = params(stage.exchange.of("v2/account.status")[0])["timestamp"]
            assert 590_000 < int(stamp) - now_ms() < 600_000
            offset_ms = stage.session.clock_offset_ms
            assert offset_ms is not None
            assert 599_000 < offset_ms < 600_000


async def test_a_refused_time_stamp_is_cured_once() -> None:
    """-1021 has the clock learnt again and the call made once more."""
    async with staged() as stage:
        stage.exchange.replies["v2/account.status"] = [refusal(400, -1021), ACCOUNT]
        async with opened(stage):
            await stage.session.call(futures_account())
            assert len(stage.exchange.of("session.status")) == 2
            assert len(stage.exchange.of("v2/account.status")) == 2


async def test_the_clock_is_learnt_once_for_all_that_were_refused() -> None:
    """Five calls that meet -1021 together have the clock learnt again once."""
    async with staged() as stage:
        stage.exchange.replies["v2/account.status"] = [*[refusal(400, -1021)] * 5, ACCOUNT]
        async with opened(stage):
            await asyncio.gather(*(stage.session.call(futures_account()) for _ in range(5)))
            assert len(stage.exchange.of("session.status")) == 2
            assert len(stage.exchange.of("v2/account.status")) == 10


async def test_a_time_stamp_that_is_refused_again_fails() -> None:
    """A second -1021 goes to the caller: there is no third time."""
    async with staged() as stage:
        stage.exchange.replies["v2/account.status"] = [refusal(400, -1021)]
        async with opened(stage):
            with pytest.raises(ClockSkew):
                await stage.session.call(futures_account())
            assert len(stage.exchange.of("v2/account.status")) == 2


async def test_a_logon_with_a_refused_time_stamp_is_tried_again() -> None:
    """-1021 at the logon has the clock learnt again before the session counts as failed."""
    async with staged(ED25519) as stage:
        stage.exchange.replies["session.logon"] = [refusal(400, -1021), session(logged_on=True)]
        async with opened(stage):
            assert stage.session.logged_on
            assert len(stage.exchange.sockets) == 1
            assert len(stage.exchange.of("session.status")) == 2


async def test_calls_at_once_find_their_own_answers() -> None:
    """Answers that come in another order go to who asked, by ids that are never alike."""
    async with staged() as stage:
        kept: list[dict[str, object]] = []

        def reverse(frame: dict[str, object]) -> dict[str, object] | None:
            kept.append(frame)
            return None

        stage.exchange.replies["userDataStream.ping"] = [reverse]
        async with opened(stage):
            calls = [asyncio.create_task(stage.session.call(keep_listen_key())) for _ in range(5)]
            await until(lambda: len(kept) == 5)
            for frame in reversed(kept):
                key = f"key{frame['id']}"
                await stage.exchange.push({"id": frame["id"], "status": 200, "result": {"listenKey": key}})
            answers = [secret.reveal() for secret in await asyncio.gather(*calls)]
            assert answers == [f"key{frame['id']}" for frame in kept]
            assert len(set(answers)) == 5


async def test_a_call_that_is_not_answered_fails_in_time_and_its_late_answer_harms_nobody() -> None:
    """Silence is TimedOut; the answer that comes later is nobody's."""
    async with staged(timeout_s=0.1) as stage:
        stage.exchange.replies["userDataStream.ping"] = [silence, result({"listenKey": "fresh"})]
        async with opened(stage):
            with pytest.raises(TimedOut):
                await stage.session.call(keep_listen_key())
            late = stage.exchange.of("userDataStream.ping")[0]["id"]
            await stage.exchange.push({"id": late, "status": 200, "result": {"listenKey": "late"}})
            assert (await stage.session.call(keep_listen_key())).reveal() == "fresh"


async def test_a_refusal_is_the_callers_error() -> None:
    """-1125 goes to whoever asked; the session stays."""
    async with staged() as stage:
        stage.exchange.replies["userDataStream.ping"] = [refusal(400, -1125, "This listenKey does not exist.")]
        async with opened(stage):
            with pytest.raises(RequestRefused) as caught:
                await stage.session.call(keep_listen_key())
            assert caught.value.code == "-1125"
            assert stage.session.online


async def test_an_overloaded_exchange_is_asked_again_with_pauses() -> None:
    """-1008 is tried again after growing pauses, three times."""
    async with staged() as stage:
        stage.exchange.replies["userDataStream.ping"] = [refusal(503, -1008)]
        async with opened(stage):
            before = len(stage.clock.slept)
            with pytest.raises(ExchangeUnavailable):
                await stage.session.call(keep_listen_key())
            assert stage.clock.slept[before:] == pytest.approx([0.15, 0.3, 0.6])
            assert len(stage.exchange.of("userDataStream.ping")) == 4


async def test_other_refusals_are_not_repeated() -> None:
    """What the exchange may have done, and what it will not do, is the caller's to judge."""
    async with staged() as stage:
        stage.exchange.replies["userDataStream.ping"] = [refusal(408, -1007)]
        async with opened(stage):
            with pytest.raises(ExchangeUnavailable):
                await stage.session.call(keep_listen_key())
            assert len(stage.exchange.of("userDataStream.ping")) == 1


async def test_an_order_to_slow_down_silences_the_address() -> None:
    """After 429 the next call fails without a request."""
    async with staged() as stage:
        data = {"retryAfter": now_ms() + 90_000}
        stage.exchange.replies["userDataStream.ping"] = [refusal(429, -1003, "too much", data)]
        async with opened(stage):
            for _ in range(2):
                with pytest.raises(RateLimited) as caught:
                    await stage.session.call(keep_listen_key())
                assert 80 < caught.value.retry_after_s <= 90
            assert len(stage.exchange.of("userDataStream.ping")) == 1


async def test_a_call_without_a_session_fails_at_once() -> None:
    """Nothing is kept for a connection to come, and nobody's turn is spent."""
    async with staged() as stage:
        with pytest.raises(ConnectionLost):
            await stage.session.call(keep_listen_key())
        assert stage.session.status()["weight_used"] == 0


async def test_opening_a_session_costs_its_weight() -> None:
    """A handshake weighs 5, the first question 2, a logon 2."""
    async with staged(ED25519) as stage, opened(stage):
        assert stage.session.status()["weight_used"] == 9


async def test_a_lost_connection_fails_what_is_in_flight_and_is_replaced() -> None:
    """Who waits learns at once that the connection ended; nothing is asked again on the next one."""
    async with staged() as stage:
        stage.exchange.replies["userDataStream.ping"] = [silence]
        async with opened(stage, connects=2):
            call = asyncio.create_task(stage.session.call(keep_listen_key()))
            await until(lambda: stage.exchange.of("userDataStream.ping"))
            await stage.exchange.sockets[0].close(code=1001)
            with pytest.raises(ConnectionLost):
                await call
            await until(lambda: len(stage.ear.heard) == 3)
            assert stage.ear.heard == ["open", "lost", "open"]
            assert len(stage.exchange.of("userDataStream.ping")) == 1
            (down,) = stage.events("ws_session_down")
            assert str(down["what"]).endswith("closed the session (code 1001)")


async def test_a_revoked_key_fails_what_is_in_flight_and_is_tried_again_slowly() -> None:
    """The frame that answers nobody ends every request as a refused key, alarms the operator, and the wait is long."""
    async with staged(ED25519) as stage:
        stage.exchange.replies["v2/account.status"] = [silence]
        async with opened(stage, connects=2):
            call = asyncio.create_task(stage.session.call(futures_account()))
            await until(lambda: stage.exchange.of("v2/account.status"))
            await stage.exchange.push(REVOKED)
            with pytest.raises(KeyRefused):
                await call
            await until(lambda: len(stage.exchange.sockets) == 2)
            assert max(stage.clock.slept) >= 30
            (notice,) = stage.world.told.notices
            assert "futures" in notice.text
            assert notice.urgent


async def test_a_refused_logon_is_tried_again_slowly() -> None:
    """A key that may not log on is tried again after a minute and more, with an alarm each time."""
    async with staged(ED25519) as stage:
        stage.exchange.replies["session.logon"] = [refusal(401, -2015), refusal(400, -1022), session(logged_on=True)]
        async with opened(stage, connects=3):
            assert len([wait_s for wait_s in stage.clock.slept if wait_s >= 30]) == 2
            await until(lambda: [socket.closed for socket in stage.exchange.sockets] == [True, True, False])
            assert [notice.key for notice in stage.world.told.notices] == ["ws_key_refused:main:futures"] * 2


async def test_a_page_of_html_at_the_handshake_is_trouble_that_passes() -> None:
    """A gateway's 5xx with HTML is met with growing waits, said once, and then the session opens."""
    async with staged() as stage:
        page = answer(502, b"<html><title>502 Bad Gateway</title></html>")
        stage.server.script.extend([page] * 5)
        async with opened(stage):
            assert stage.clock.slept == pytest.approx([0.75, 1.5, 3.0, 6.0, 12.0])
            assert len(stage.events("ws_session_down")) == 1
            assert len(stage.events("ws_session_open")) == 1


async def test_a_ban_at_the_handshake_is_obeyed() -> None:
    """429 with Retry-After at the upgrade has nothing sent for so long, by anybody who shares the address."""
    async with staged() as stage:
        passed, go_on = stage.clock.sleep, asyncio.Event()

        async def wait(delay_s: float) -> None:
            await go_on.wait()
            await passed(delay_s)

        stage.clock.sleep = wait  # type: ignore[method-assign]  # the silence lasts as long as the test looks at it
        stage.server.script.append(answer(429, b"", Retry_After="120"))
        stage.server.script.append(stage.exchange.accept)
        async with running(stage):
            await until(lambda: stage.events("ws_session_down"))
            with pytest.raises(RateLimited):
                await stage.session._gate.turn(1)
            stage.clock.shift_s += 120
            go_on.set()
            await until(lambda: stage.session.online)
            assert 120 <= stage.clock.slept[0] <= 121


async def test_a_peer_that_accepts_and_closes_is_not_called_in_a_tight_loop() -> None:
    """Handshakes that lead nowhere do not reset the backoff: the waits grow to their cap."""
    async with staged() as stage:
        stage.server.script.extend([stage.exchange.close_at_once] * 12)
        async with opened(stage):
            waits = stage.clock.slept[:12]
            assert waits[:3] == pytest.approx([0.75, 1.5, 3.0])
            assert waits[-1] == pytest.approx(45.0)
            assert waits == sorted(waits)


async def test_connects_stay_within_the_addresss_budget() -> None:
    """However short the backoff, no more than the budget's attempts are made in its five minutes."""
    async with staged(connects=3) as stage:
        stage.server.script.extend([answer(503)] * 5)
        async with opened(stage):
            assert stage.clock.slept[:2] == pytest.approx([0.75, 1.5])
            assert stage.clock.slept[2] > 290


async def test_a_renewal_waits_for_the_addresss_budget() -> None:
    """Without a free attempt the old connection serves on, and the renewal is put off."""
    async with staged(connects=1) as stage, opened(stage, connects=2):
        stage.renew_now()
        await until(lambda: stage.session.life.renew_at_ms > 0)
        assert len(stage.exchange.sockets) == 1
        assert stage.session.online
        assert stage.session.life.renew_at_ms - stage.clock.monotonic_s() * 1000 <= 300_001


async def test_a_peer_that_greets_and_closes_is_not_called_in_a_tight_loop() -> None:
    """A session that opens and ends at once is no useful time either."""
    async with staged() as stage:

        async def greet_and_leave(request: web.Request) -> web.StreamResponse:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            frame = await socket.receive_json()
            await socket.send_json(session(logged_on=False)(frame))
            await socket.close()
            return socket

        stage.server.script.extend([greet_and_leave] * 8)
        async with opened(stage):
            await until(lambda: len(stage.exchange.sockets) == 1)
            assert stage.clock.slept == pytest.approx([0.75, 1.5, 3.0, 6.0, 12.0, 24.0, 45.0, 45.0])


async def test_a_renewal_opens_the_next_connection_before_it_closes_the_old_one() -> None:
    """The old connection is open while the next is greeted; then it is closed, and nothing was lost."""
    async with staged(ED25519) as stage, opened(stage, connects=2):
        stage.renew_now()
        await until(lambda: stage.exchange.sockets[0].closed)
        assert stage.ear.heard == ["open", "renewed"]
        assert stage.session.online
        assert stage.session.logged_on
        assert not stage.exchange.sockets[1].closed
        (renewed,) = stage.events("ws_session_renewed")
        assert renewed["gap"] is False


async def test_a_call_in_flight_survives_a_renewal() -> None:
    """What was asked on the old connection is answered there while the new one serves already."""
    async with staged(overlap_s=30.0) as stage:
        stage.exchange.replies["userDataStream.ping"] = [silence]

        async def wait(delay_s: float) -> None:
            await (answered.wait() if delay_s == 30.0 else asyncio.sleep(0))

        answered = asyncio.Event()
        stage.clock.sleep = wait  # type: ignore[method-assign]  # the overlap lasts as long as the test needs it
        async with opened(stage, connects=2):
            call = asyncio.create_task(stage.session.call(keep_listen_key()))
            await until(lambda: stage.exchange.of("userDataStream.ping"))
            stage.renew_now()
            await until(lambda: "renewed" in stage.ear.heard)
            asked = stage.exchange.of("userDataStream.ping")[0]
            await stage.exchange.push({"id": asked["id"], "status": 200, "result": {"listenKey": KEY}}, by=0)
            assert await call == Secret(KEY)
            await stage.exchange.push({"subscriptionId": 0, "event": {"e": "balanceUpdate"}}, by=0)
            await stage.exchange.push({"subscriptionId": 0, "event": {"e": "eventStreamTerminated"}}, by=0)
            await stage.exchange.push({"subscriptionId": 0, "event": {"e": "outboundAccountPosition"}}, by=1)
            await until(lambda: len(stage.ear.heard) == 4)
            assert stage.ear.heard[2:] == ["0: balanceUpdate", "0: outboundAccountPosition"]
            answered.set()
            await until(lambda: stage.exchange.sockets[0].closed)


async def test_a_renewal_that_fails_leaves_the_old_connection_in_service() -> None:
    """No next connection: the old one serves on, and the renewal is tried again later."""
    async with staged() as stage:
        stage.exchange.replies["userDataStream.ping"] = [result({"listenKey": KEY})]
        async with opened(stage):
            stage.server.script.append(answer(503))
            stage.renew_now()
            await until(lambda: stage.events("ws_session_renewal_failed"))
            assert await stage.session.call(keep_listen_key()) == Secret(KEY)
            assert stage.session.life.state is WsState.OPEN
            assert stage.session.life.renew_at_ms > 0


async def test_a_connection_that_ends_during_its_renewal_is_told_at_once() -> None:
    """The listener does not wait for the next connection to hear that nothing comes by the old one any more."""
    async with staged() as stage:
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def dawdle(request: web.Request) -> web.StreamResponse:
            asked.set()
            await go_on.wait()
            return await stage.exchange.accept(request)

        async with opened(stage):
            stage.server.script.append(dawdle)
            stage.renew_now()
            await asked.wait()
            await stage.exchange.sockets[0].close()
            await until(lambda: "lost" in stage.ear.heard)
            assert stage.ear.heard == ["open", "lost"]
            go_on.set()
            await until(lambda: len(stage.ear.heard) == 3)
            assert stage.ear.heard == ["open", "lost", "open"]
            assert stage.session.online


async def test_a_session_that_is_stopped_tells_no_loss() -> None:
    """The end of the daemon is no trouble of the stream."""
    async with staged() as stage:
        async with opened(stage):
            pass
        assert stage.ear.heard == ["open"]


async def test_a_call_is_over_in_time_whatever_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that does not come ends the call too: nobody waits for ever."""
    async with staged(timeout_s=0.05) as stage, opened(stage):
        stage.session._gate = stage.session._caller._gate = StuckGate(stage.clock)
        monkeypatch.setattr(ws_caller, "_QUEUE_S", 0.1)
        with pytest.raises(TimedOut, match="calls before it"):
            await stage.session.call(keep_listen_key())
        assert longest_call_s(10.0) <= 120


async def test_a_shutdown_notice_renews_the_session() -> None:
    """A server that says it goes away is left for the next one before it goes."""
    async with staged() as stage, opened(stage, connects=2):
        stage.clock.shift_s += 120
        await stage.exchange.push({"event": {"e": "serverShutdown", "E": now_ms()}})
        await until(lambda: len(stage.exchange.sockets) == 2)
        await until(lambda: stage.exchange.sockets[0].closed)
        assert stage.ear.heard == ["open", "renewed"]


async def test_a_silent_peer_is_replaced() -> None:
    """A probe that nobody answers ends the connection, and the next one is opened."""
    async with staged(timeout_s=0.1) as stage, opened(stage, connects=2):
        stage.exchange.replies["session.status"] = [silence, session(logged_on=False)]
        stage.probe_now()
        await until(lambda: len(stage.ear.heard) == 3)
        assert stage.ear.heard == ["open", "lost", "open"]


async def test_a_probe_that_is_answered_keeps_the_session() -> None:
    """A refusal is an answer too: whoever refuses is there."""
    async with staged() as stage, opened(stage):
        stage.exchange.replies["session.status"] = [refusal(503, -1000), session(logged_on=False)]
        stage.probe_now()
        await until(lambda: stage.events("ws_probe_refused"))
        stage.probe_now()
        await until(lambda: len(stage.exchange.of("session.status")) == 3)
        assert stage.session.online
        assert stage.ear.heard == ["open"]


async def test_a_session_that_was_logged_off_is_opened_anew() -> None:
    """A probe that finds nobody logged on ends the connection: a new one logs on."""
    async with staged(ED25519) as stage, opened(stage, connects=2):
        stage.probe_now()
        await until(lambda: len(stage.ear.heard) == 3)
        await until(lambda: stage.session.online)
        assert len(stage.exchange.of("session.logon")) == 2


async def test_garbage_is_counted_and_harms_nobody() -> None:
    """HTML, lists, binary and answers to nobody are unknown frames; the session goes on."""
    async with staged() as stage:
        stage.exchange.replies["userDataStream.ping"] = [result({"listenKey": KEY})]
        async with opened(stage):
            for text in ("<html></html>", "[]", "{}", '{"id": null, "status": 200}', '{"id": 99, "status": 200}'):
                await stage.exchange.push(text)
            await stage.exchange.sockets[0].send_bytes(b"\x00")
            assert await stage.session.call(keep_listen_key()) == Secret(KEY)
            assert stage.session.status()["unknown_frames"] == 5
            looks = [values["look"] for values in stage.events("ws_frame_unknown")]
            assert looks == ["no JSON object", "neither answer nor event", "answer to nobody", "binary"]


async def test_events_go_to_the_listener() -> None:
    """A subscription's events come with its id."""
    async with staged() as stage:
        stage.exchange.replies["userDataStream.subscribe.signature"] = [result({"subscriptionId": 3})]
        async with opened(stage):
            assert await stage.session.call(spot_subscribe(logged_on=False)) == 3
            await stage.exchange.push({"subscriptionId": 3, "event": {"e": "executionReport"}})
            await stage.exchange.push({"subscriptionId": 3, "event": {"e": "eventStreamTerminated"}})
            await until(lambda: len(stage.ear.heard) == 3)
            assert stage.ear.heard == ["open", "3: executionReport", "3: eventStreamTerminated"]


async def test_stopping_closes_the_connection_and_fails_what_waits() -> None:
    """A session that is stopped leaves no connection, and no one waiting."""
    async with staged() as stage:
        stage.exchange.replies["userDataStream.ping"] = [silence]
        async with opened(stage):
            call = asyncio.create_task(stage.session.call(keep_listen_key()))
            await until(lambda: stage.exchange.of("userDataStream.ping"))
        with pytest.raises(ConnectionLost):
            await call
        await until(lambda: stage.exchange.sockets[0].closed)
        assert not stage.session.online
        assert stage.session.life.state is WsState.WAITING


async def test_a_session_that_was_stopped_can_begin_anew() -> None:
    """Whoever keeps the session may run it again after it ended."""
    async with staged() as stage:
        async with opened(stage):
            pass
        async with opened(stage):
            assert stage.ear.heard[-1] == "open"


async def test_no_secret_is_in_the_log() -> None:
    """Neither key nor signature nor listenKey is in an event, a notice or the status."""
    async with staged(ED25519) as stage:
        stage.exchange.replies["userDataStream.start"] = [result({"listenKey": KEY})]
        stage.exchange.replies["session.logon"] = [refusal(401, -2015, API_KEY), session(logged_on=True)]
        async with opened(stage, connects=2):
            await stage.session.call(start_listen_key())
            await stage.exchange.push(REVOKED)
            await until(lambda: len(stage.world.told.notices) == 2)
            said = f"{stage.world.told.events}{stage.world.told.notices}{stage.session.status()}"
        assert KEY not in said
        assert API_KEY not in said
        assert "signature" not in said
