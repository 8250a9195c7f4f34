"""Our session against the sandbox exchange, which was written from the same notes by other hands. TLS is on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from p2pbot.adapters.weight_gate import WeightGate
from p2pbot.daemon.chat import ConnectBudget
from p2pbot.daemon.ws_caller import WsPlan
from p2pbot.daemon.ws_session import WsSession
from p2pbot.errors import RateLimited, RequestRefused
from p2pbot.protocol import ws_calls
from p2pbot.protocol.backoff import AttemptBudget
from p2pbot.protocol.ws_call import WsCall
from p2pbot.protocol.ws_requests import Identity
from p2pbot.secret import Secret
from tests.fakes.exchange import Exchange, running_exchange
from tests.fakes.world import Recorder, StillClock, World
from tests.fakes.ws_exchange import Ear, PassingClock, until

FUTURES, SPOT = "/ws-fapi/v1", "/ws-api/v3"
READS: dict[str, list[WsCall[Any]]] = {
    FUTURES: [
        ws_calls.session_status(),
        ws_calls.start_listen_key(),
        ws_calls.keep_listen_key(),
        ws_calls.futures_account(),
        ws_calls.futures_balances(),
        ws_calls.futures_positions(),
        ws_calls.futures_positions("BTCUSDT"),
        ws_calls.futures_order("BTCUSDT", client_id="hedge-1"),
        ws_calls.stop_listen_key(),
        ws_calls.session_logout(),
    ],
    SPOT: [ws_calls.session_status(), ws_calls.spot_account(), ws_calls.spot_subscribe(logged_on=False)],
}


@dataclass
class Parts:
    """A session and what is around it."""

    exchange: Exchange
    session: WsSession
    ear: Ear
    told: Recorder
    clock: PassingClock

    def do(self, deed: str, **arguments: object) -> None:
        """Have something happen at the exchange."""
        self.exchange.sandbox.perform(deed, dict(arguments))


@asynccontextmanager
async def opened(folder: Path, account: str = "main", path: str = FUTURES, **habits: Any) -> AsyncIterator[Parts]:
    """Run a sandbox and a session that is open."""
    async with running_exchange(folder, **habits) as exchange:
        clock, ear, told = PassingClock(), Ear(), Recorder()
        doors = replace(World(StillClock(0), told=told).doors(), clock=clock, wire=exchange.wire())
        identity = Identity(api_key=Secret(f"key-of-{account}"), signer=exchange.signers[account])
        url = f"{exchange.sandbox.ws_url}{path}"
        plan = WsPlan(account=account, api="futures", url=url, identity=identity, overlap_s=0.0)
        session = WsSession(plan, doors, ConnectBudget(AttemptBudget()), WeightGate(clock), ear)
        task = asyncio.create_task(session.run())
        try:
            await until(lambda: session.online)
            yield Parts(exchange, session, ear, told, clock)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.mark.parametrize("path", [FUTURES, SPOT])
@pytest.mark.parametrize("account", ["main", "rsa", "ed25519"])
async def test_every_call_is_understood_with_every_kind_of_key(tmp_path: Path, account: str, path: str) -> None:
    """HMAC and RSA keys sign each call, an Ed25519 key logs on; every answer is read as what it is."""
    async with opened(tmp_path, account, path) as parts:
        assert parts.session.logged_on is (account == "ed25519")
        parts.do("set_balance", account=account, asset="USDT", amount="10")
        parts.do("place_futures_order", account=account, symbol="BTCUSDT", client_order_id="hedge-1")
        for call in READS[path]:
            await parts.session.call(call)
        assert parts.session.unknown_frames == 0
        used = parts.session.status()["weight_used"]
        assert isinstance(used, int)
        assert used >= 7 + sum(call.weight for call in READS[path])


async def test_a_listen_key_that_does_not_exist_is_refused_by_its_code(tmp_path: Path) -> None:
    """-1125 comes through to whoever keeps the key."""
    async with opened(tmp_path) as parts:
        with pytest.raises(RequestRefused) as caught:
            await parts.session.call(ws_calls.keep_listen_key())
        assert caught.value.code == "-1125"


async def test_a_revoked_key_is_noticed_by_the_probe_and_comes_back(tmp_path: Path) -> None:
    """A session whose key was deleted learns it by its next request; restored, it logs on again by itself."""
    async with opened(tmp_path, "ed25519") as parts:
        parts.do("revoke_key", account="ed25519")
        parts.session.life = replace(parts.session.life, probe_at_ms=0)
        parts.session._news.set()
        await until(lambda: parts.told.notices)
        parts.do("restore_key", account="ed25519")
        await until(lambda: parts.session.logged_on)
        assert parts.ear.heard == ["open", "lost", "open"]
        assert max(parts.clock.slept) >= 30


async def test_the_exchanges_cut_after_a_day_is_survived(tmp_path: Path) -> None:
    """Whoever was not renewed in time is cut, connects again, and calls go on."""
    async with opened(tmp_path, "ed25519", link_life_ms=300) as parts:
        await until(lambda: parts.ear.heard.count("open") >= 3)
        assert parts.ear.heard[:3] == ["open", "lost", "open"]


async def test_the_exchanges_pings_are_answered_with_their_payload(tmp_path: Path) -> None:
    """An exchange that pings often and drops whoever does not copy the payload keeps the session."""
    async with opened(tmp_path, ping_every_ms=50, pong_within_ms=200) as parts:
        began_s = parts.exchange.clock.boottime_s()
        await until(lambda: parts.exchange.clock.boottime_s() - began_s > 0.6)
        await parts.session.call(ws_calls.futures_balances())
        assert parts.ear.heard == ["open"]


async def test_a_shutdown_notice_is_followed_without_a_gap(tmp_path: Path) -> None:
    """The next session is open and logged on before the old server is gone."""
    async with opened(tmp_path, "ed25519") as parts:
        parts.clock.shift_s += 120
        parts.do("shut_down", link="", grace_ms=20_000)
        await until(lambda: len(parts.ear.heard) == 2)
        assert parts.ear.heard == ["open", "renewed"]
        assert parts.session.logged_on
        await parts.session.call(ws_calls.futures_account())


async def test_spots_events_come_by_the_subscription_of_a_session_that_logged_on(tmp_path: Path) -> None:
    """A bare subscription after a logon brings the account's events with its id."""
    async with opened(tmp_path, "ed25519", SPOT) as parts:
        number = await parts.session.call(ws_calls.spot_subscribe(logged_on=True))
        parts.do("set_spot_balance", account="ed25519", asset="USDT", free="3")
        await until(lambda: len(parts.ear.heard) >= 2)
        assert parts.ear.heard[1].startswith(f"{number}: ")
        await parts.session.call(ws_calls.spot_unsubscribe(number))


async def test_a_clock_that_leaps_is_learnt_again(tmp_path: Path) -> None:
    """When the exchange's clock is suddenly 90 s ahead, a signed call is refused, cured and served."""
    async with opened(tmp_path) as parts:
        parts.do("inject", fault="clock_skew", skew_ms=90_000)
        await parts.session.call(ws_calls.futures_account())
        offset_ms = parts.session.clock_offset_ms
        assert offset_ms is not None
        assert 89_000 < offset_ms < 90_500


async def test_an_order_to_be_silent_is_obeyed(tmp_path: Path) -> None:
    """429 with retryAfter has nothing sent for so long, by any caller of the address."""
    async with opened(tmp_path) as parts:
        parts.do("inject", fault="ws_api_error", status=429, code=-1003, retry_after_ms=30_000)
        for _ in range(2):
            with pytest.raises(RateLimited) as caught:
                await parts.session.call(ws_calls.futures_account())
            assert 25 < caught.value.retry_after_s <= 30
        assert parts.session.online
