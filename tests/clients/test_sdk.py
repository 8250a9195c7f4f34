"""Binance's official SDK for USDⓈ-M futures, version 18, against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from p2pbot.sandbox import Sandbox
from tests.clients.foreign import WHO, calls_of, foreign


@pytest.mark.parametrize("account", ["main", "ed", "rsa"])
async def test_rest(box: Sandbox, account: str) -> None:
    """ListenKey and account over REST, with each kind of key."""
    async with foreign("sdk", "rest", box, WHO[account]()) as client:
        assert (await client.hear())["same_key"] is True
        assert [row["asset"] for row in await client.hear()] == ["USDT"]
        assert await client.hear() == ["USDT"]
        assert await client.hear() == "NEW"
        assert await client.hear() == {"same_key": False}
        await client.end()
    assert {call.status for call in box.world.rest_calls(account)} == {200}


async def test_a_session(box: Sandbox) -> None:
    """It logs on with Ed25519; key and signature are left out from then on; it logs out."""
    async with foreign("sdk", "session", box, WHO["ed"]()) as client:
        assert (await client.hear())["result"]["apiKey"] == "ed-key"
        assert await client.hear() == {"same_key": True}
        assert (await client.hear())["result"][0]["balance"] == "1000.00000000"
        assert (await client.hear())["result"] == {}
        assert (await client.hear())["result"]["apiKey"] is None
        await client.end()
    assert calls_of(box) == [
        ("session.logon", 200, True),
        ("userDataStream.start", 200, False),
        ("userDataStream.ping", 200, False),
        ("v2/account.balance", 200, False),
        ("userDataStream.stop", 200, False),
        ("session.logout", 200, False),
    ]


@pytest.mark.parametrize("account", ["main", "rsa"])
async def test_signed_requests(box: Sandbox, account: str) -> None:
    """HMAC and RSA sign each request, and may not log on."""
    async with foreign("sdk", "signed", box, WHO[account]()) as client:
        assert (await client.hear())["result"]["totalWalletBalance"] == "1000.00000000"
        assert (await client.hear())["result"] == []
        assert (await client.hear())["result"]["clientOrderId"] == "hedge-1"
        assert (await client.hear())["error"]["code"] == -4056
        await client.end()
    assert all(signed for _, _, signed in calls_of(box))


async def test_the_private_stream(box: Sandbox) -> None:
    """SUBSCRIBE on /private/stream: each event arrives in the SDK's own types."""
    async with foreign("sdk", "stream", box, WHO["main"]()) as client:
        assert await client.hear() == "listening"
        await box.wait_for(lambda world: world.context.links("main", "futures_stream"))
        box.perform("set_balance", {"account": "main", "asset": "USDT", "amount": "42"})
        assert (await client.hear())["a"]["B"][0]["wb"] == "42.00000000"
        box.perform("fill_futures_order", {"account": "main", "client_order_id": "hedge-1"})
        lite, order, account = [await client.hear() for _ in range(3)]
        assert (lite["c"], order["o"]["X"], account["a"]["P"][0]["pa"]) == ("hedge-1", "FILLED", "1.00000000")
        box.perform("margin_call", {"account": "main", "symbol": "BTCUSDT"})
        call: Any = await client.hear()
        assert call["p"][0]["s"] == "BTCUSDT"
        box.perform("expire_listen_key", {"account": "main"})
        assert (await client.hear())["e"] == "listenKeyExpired"
        client.say("enough")
        await client.end()
