"""Ccxt pro against the sandbox."""

from __future__ import annotations

import pytest

from p2pbot.sandbox import Sandbox
from tests.clients.foreign import WHO, calls_of, foreign

FULL = {"free": 1000.0, "used": 0.0, "total": 1000.0}


@pytest.mark.parametrize("account", ["main", "ed", "rsa"])
async def test_a_futures_balance(box: Sandbox, account: str) -> None:
    """With each kind of key it is the same over REST and WebSocket; a change arrives at /private/ws?listenKey=."""
    async with foreign("ccxt_pro", "futures", box, WHO[account]()) as client:
        assert [await client.hear(), await client.hear()] == [FULL, FULL]
        assert await client.hear() == "listening"
        await box.wait_for(lambda world: world.context.links(account, "futures_stream"))
        box.perform("set_balance", {"account": account, "asset": "USDT", "amount": "42"})
        assert (await client.hear())["total"] == 42.0
        await client.end()
    assert calls_of(box) == [("account.status", 200, True)]


async def test_a_futures_order(box: Sandbox) -> None:
    """An order that fills arrives as closed, under ccxt's name for its symbol."""
    async with foreign("ccxt_pro", "orders", box, WHO["main"]()) as client:
        assert await client.hear() == "listening"
        await box.wait_for(lambda world: world.context.links("main", "futures_stream"))
        box.perform("fill_futures_order", {"account": "main", "client_order_id": "hedge-1"})
        order = {"clientOrderId": "hedge-1", "status": "closed", "filled": 1.0, "symbol": "BTC/USDT:USDT"}
        assert await client.hear() == order
        await client.end()


async def test_a_spot_balance(box: Sandbox) -> None:
    """Over spot's WebSocket API, subscribed by signature with HMAC."""
    async with foreign("ccxt_pro", "spot", box, WHO["main"]()) as client:
        assert await client.hear() == {"free": 500.0, "used": 0.0, "total": 500.0}
        assert await client.hear() == "listening"
        await box.wait_for(lambda world: any(link.subscriptions for link in world.context.links("main", "spot_api")))
        event = {"e": "outboundAccountPosition", "u": 1, "B": [{"a": "USDT", "f": "3", "l": "1"}]}
        box.perform("user_event", {"account": "main", "source": "spot", "event": event})
        assert await client.hear() == {"free": 3.0, "used": 1.0, "total": 4.0}
        await client.end()
    assert calls_of(box) == [("userDataStream.subscribe.signature", 200, True)]
