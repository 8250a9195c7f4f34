"""Binance's official SDK for spot, version 13, against the sandbox."""

from __future__ import annotations

import pytest

from p2pbot.sandbox import Sandbox
from tests.clients.foreign import WHO, calls_of, foreign


async def test_a_session(box: Sandbox) -> None:
    """It logs on with Ed25519, subscribes by the session, hears a balance, ends the subscription and the session."""
    async with foreign("spot", "session", box, WHO["ed"]()) as client:
        assert (await client.hear())["apiKey"] == "ed-key"
        assert await client.hear() == "listening"
        box.perform("set_spot_balance", {"account": "ed", "asset": "USDT", "free": "42"})
        assert [(await client.hear()).get("d"), (await client.hear()).get("u", 0) > 0] == ["-458.00000000", True]
        client.say("enough")
        assert (await client.hear())["userDataStream"] is True
        assert [row["subscriptionId"] for row in await client.hear()] == [0]
        assert set(await client.hear()) >= {"E"}  # eventStreamTerminated, in the SDK's own type
        assert await client.hear() == 200
        assert (await client.hear())[0]["free"] == "42.00000000"
        assert (await client.hear())["apiKey"] is None
        await client.end()
    assert [name for name, _, signed in calls_of(box) if signed] == ["session.logon"]


async def test_a_shutdown_is_understood(box: Sandbox) -> None:
    """After serverShutdown, and before the end, it connects anew, logs on, subscribes and hears."""
    async with foreign("spot", "renewed", box, WHO["ed"]()) as client:
        assert await client.hear() == "listening"
        assert box.perform("shut_down", {"link": "spot_api", "grace_ms": 60_000}) == {"told": 1}
        subscribe = "userDataStream.subscribe"
        await box.wait_for(lambda world: len(world.context.calls(method=subscribe)) == 2, 20)
        box.perform("set_spot_balance", {"account": "ed", "asset": "USDT", "free": "42"})
        assert (await client.hear())["d"] == "-458.00000000"
        assert (await client.hear())["B"][0]["f"] == "42.00000000"
        client.say("enough")
        await client.end()
    assert [seen.what for seen in box.world.context.links_seen()].count("opened") == 2


@pytest.mark.parametrize("account", ["main", "rsa"])
async def test_a_signed_subscription(box: Sandbox, account: str) -> None:
    """HMAC and RSA subscribe without a session."""
    async with foreign("spot", "signed", box, WHO[account]()) as client:
        assert await client.hear() == "listening"
        box.perform("set_spot_balance", {"account": account, "asset": "USDT", "free": "42"})
        assert (await client.hear())["d"] == "-458.00000000"
        assert (await client.hear())["B"][0]["f"] == "42.00000000"
        client.say("enough")
        await client.end()
    assert calls_of(box) == [("userDataStream.subscribe.signature", 200, True)]
