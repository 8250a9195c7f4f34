"""Binance's official SDK for C2C, version 3.6, against the sandbox."""

from __future__ import annotations

from p2pbot.sandbox import Sandbox
from tests.clients.foreign import WHO, foreign


async def test_the_order_history(box: Sandbox) -> None:
    """It reads the public order history."""
    order_no = await box.open_order("main")
    async with foreign("c2c", "history", box, WHO["main"]()) as client:
        assert await client.hear() == [order_no]
        await client.end()


async def test_a_wrong_secret(box: Sandbox) -> None:
    """It is refused with -1022."""
    async with foreign("c2c", "history", box, WHO["main"]() | {"api_secret": "wrong"}) as client:
        assert "-1022" in (await client.hear())["error"]
        await client.end()
