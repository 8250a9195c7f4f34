"""The gate of one address: weights in turn, the exchange's count, and silence when it asks for it."""

from __future__ import annotations

import asyncio

import pytest

from p2pbot.adapters.randomness import SystemRng
from p2pbot.adapters.rest import ExchangeRest, open_session
from p2pbot.adapters.tls import client_context
from p2pbot.adapters.weight_gate import WeightGate
from p2pbot.errors import RateLimited, RequestRefused
from p2pbot.protocol import key_calls
from p2pbot.protocol.signing import hmac_signer
from p2pbot.protocol.weights import SPOT_WEIGHTS, Weights
from p2pbot.secret import Secret
from tests.fakes.scripted_server import QuickClock, answer, serving
from tests.fakes.world import StillClock


async def test_calls_beyond_the_share_wait_for_the_minute_to_pass() -> None:
    """A call that would exceed the share leaves when enough of what was spent is a minute old."""
    clock = StillClock(0)
    gate = WeightGate(clock, Weights(share=10))
    await gate.turn(6)
    await gate.turn(4)
    assert (gate.weight_used, clock.at_ms) == (10, 0)
    await gate.turn(5)
    assert clock.at_ms == 61_000
    assert gate.weight_used == 5


async def test_the_exchanges_count_holds_calls_back() -> None:
    """What other programs behind the address spend leaves less to us."""
    clock = StillClock(0)
    gate = WeightGate(clock)
    gate.counted(2300, 2400)
    assert gate.weight_used == 2300
    await gate.turn(1)
    assert clock.at_ms == 60_000


async def test_a_shut_gate_lets_nobody_wait() -> None:
    """After 429 a call fails at once and is not counted."""
    clock = StillClock(0)
    gate = WeightGate(clock, SPOT_WEIGHTS)
    gate.shut(RateLimited("slow down", retry_after_s=30.0))
    with pytest.raises(RateLimited):
        await gate.turn(20)
    assert gate.weight_used == 0
    clock.at_ms += 30_001
    await gate.turn(20)
    assert gate.weight_used == 20


async def test_a_gate_that_shuts_while_a_call_waits_stops_it() -> None:
    """A call that waited for its turn does not leave into a ban."""

    class Banned(StillClock):
        """A clock during whose waiting the ban comes."""

        async def sleep(self, delay_s: float) -> None:
            """Wait, and be banned meanwhile."""
            gate.shut(RateLimited("banned", retry_after_s=500.0, banned=True))
            await super().sleep(delay_s)

    gate = WeightGate(Banned(0), Weights(share=10))
    await gate.turn(10)
    with pytest.raises(RateLimited):
        await gate.turn(1)


async def test_the_rest_door_spends_of_the_same_budget() -> None:
    """A REST call counts with its weight in the gate that the session uses too."""
    clock = QuickClock()
    gate = WeightGate(clock)
    async with serving() as server, open_session(client_context(None)) as session:
        server.script += [answer(200, {"balances": []})]
        signer = hmac_signer(Secret("s" * 64))
        rest = ExchangeRest(session, server.url, Secret("k" * 64), signer, clock, SystemRng(), gate=gate)
        await rest.call(key_calls.spot_account())
    assert gate.weight_used == 1 + 20  # the exchange's time, and the account


async def test_the_rest_door_hands_on_the_exchanges_count() -> None:
    """What an answer's header says is used counts for the session too, also when the answer is a refusal."""
    clock = QuickClock()
    gate = WeightGate(clock)
    async with serving() as server, open_session(client_context(None)) as session:
        signer = hmac_signer(Secret("s" * 64))
        rest = ExchangeRest(session, server.url, Secret("k" * 64), signer, clock, SystemRng(), gate=gate)
        server.script += [answer(200, {"listenKey": "k"}, X_MBX_USED_WEIGHT_1M="700")]
        await rest.call(key_calls.start_futures_key())
        assert gate.weight_used == 700
        server.script += [answer(400, {"code": -1125, "msg": "none"}, X_MBX_USED_WEIGHT_1M="800")]
        with pytest.raises(RequestRefused):
            await rest.call(key_calls.keep_futures_key())
        assert gate.weight_used == 800
        server.script += [answer(200, {"listenKey": "k"}, X_MBX_USED_WEIGHT_1M="many")]
        await rest.call(key_calls.start_futures_key())
        assert gate.weight_used == 801


async def test_who_asks_first_goes_first() -> None:
    """A light call does not overtake a heavy one that waits."""
    clock = StillClock(0)
    gate = WeightGate(clock, Weights(share=10))
    order: list[int] = []

    async def ask(weight: int) -> None:
        await gate.turn(weight)
        order.append(weight)

    await gate.turn(8)
    await asyncio.gather(ask(5), ask(1))
    assert order == [5, 1]
