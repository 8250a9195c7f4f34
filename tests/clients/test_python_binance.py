"""python-binance against the sandbox (it signs with HMAC alone over the futures WebSocket API)."""

from __future__ import annotations

from p2pbot.sandbox import Sandbox
from tests.clients.foreign import WHO, calls_of, foreign


async def test_the_futures_api(box: Sandbox) -> None:
    """Each request is signed with HMAC; a refusal is an exception with its code."""
    async with foreign("python_binance", "api", box, WHO["main"]()) as client:
        assert (await client.hear())[0]["asset"] == "USDT"
        assert await client.hear() == []
        assert (await client.hear())["totalWalletBalance"] == "1000.00000000"
        assert (await client.hear())["clientOrderId"] == "hedge-1"
        assert await client.hear() == {"code": -2013}
        await client.end()
    assert [status for _, status, _ in calls_of(box)] == [200, 200, 200, 200, 400]


async def test_listen_keys(box: Sandbox) -> None:
    """Futures' key is the same until it is closed, then -1125; spot's old calls work where they live on."""
    async with foreign("python_binance", "keys", box, WHO["main"]()) as client:
        assert await client.hear() == {"same_key": True}
        assert await client.hear() == {"code": -1125, "status": 400}
        await client.end()
    spot = [call.status for call in box.world.rest_calls("main", "userDataStream")]
    assert spot == [200, 200, 200]


async def test_the_futures_stream(box: Sandbox) -> None:
    """/private/ws with the key in the query: events arrive raw."""
    async with foreign("python_binance", "futures", box, WHO["main"]()) as client:
        assert await client.hear() == "listening"
        box.perform("fill_futures_order", {"account": "main", "client_order_id": "hedge-1"})
        names = [(await client.hear())["e"] for _ in range(3)]
        assert names == ["TRADE_LITE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"]
        box.perform("margin_call", {"account": "main", "symbol": "BTCUSDT"})
        await client.end()


async def test_the_spot_stream(box: Sandbox) -> None:
    """Spot's events come over its WebSocket API."""
    async with foreign("python_binance", "spot", box, WHO["main"]()) as client:
        assert await client.hear() == "listening"
        box.perform("set_spot_balance", {"account": "main", "asset": "USDT", "free": "3"})
        change, position = await client.hear(), await client.hear()
        assert (change["d"], position["B"][0]["f"]) == ("-497.00000000", "3.00000000")
        await client.end()
    assert calls_of(box)[0][0] == "userDataStream.subscribe.signature"
