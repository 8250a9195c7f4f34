"""The sandbox over real sockets, TLS on, with clients that share no code with p2pbot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed

from p2pbot.sandbox import Fault, Outcome, Sandbox
from tests.sandbox.peer import Peer, options, text_frame

DEADLINE_S = 10.0


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """Serve a plain world on loopback."""
    async with Sandbox(options(tmp_path)) as running:
        yield running


@pytest.fixture
async def peer(box: Sandbox) -> AsyncIterator[Peer]:
    """Yield the main account's client."""
    async with aiohttp.ClientSession() as session:
        yield Peer(box, session)


async def test_a_message_and_its_answer_pass_both_ways(box: Sandbox, peer: Peer) -> None:
    """What the counterparty says arrives on the socket; our text is echoed with our uuid and an id."""
    order_no = await box.open_order("main")
    chat = await peer.open_chat()
    said = await box.say(order_no, "I paid")
    inbound = json.loads(await asyncio.wait_for(chat.recv(), DEADLINE_S))
    assert (inbound["content"], inbound["self"], inbound["id"]) == ("I paid", False, str(said))
    await chat.send(text_frame(order_no, "Thanks", "u-1"))
    echo = json.loads(await asyncio.wait_for(chat.recv(), DEADLINE_S))
    assert (echo["uuid"], echo["self"], echo["orderNo"]) == ("u-1", True, order_no)
    assert [line.text for line in box.world.said_by_bot(order_no)] == ["Thanks"]
    assert [row["content"] for row in (await peer.history(order_no))[:2]] == ["Thanks", "I paid"]
    await chat.close()


async def test_a_second_socket_says_bye_to_the_first(peer: Peer) -> None:
    """The older socket of an account is closed with the reason Bye."""
    first = await peer.open_chat()
    second = await peer.open_chat()
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(first.recv(), DEADLINE_S)
    assert first.close_reason == "Bye"
    await second.close()


async def test_a_drop_has_no_close_frame(box: Sandbox, peer: Peer) -> None:
    """The fault drop resets the connection: the client sees 1006."""
    chat = await peer.open_chat()
    await box.inject(Fault("drop", account="main"))
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(chat.recv(), DEADLINE_S)
    assert chat.close_code == 1006


async def test_wait_for_wakes_when_the_world_changes(box: Sandbox, peer: Peer) -> None:
    """A condition on the world is met by what a client does later."""
    order_no = await box.open_order("main")
    chat = await peer.open_chat()
    await chat.send(text_frame(order_no, "hello", "u-2"))
    await box.wait_for(lambda world: world.received("main"))
    assert box.world.received("main")[0].outcome is Outcome.DELIVERED
    await chat.close()


async def test_wait_for_names_what_did_not_come(box: Sandbox) -> None:
    """A condition that is never met ends in an error that names it."""
    with pytest.raises(TimeoutError, match="a miracle"):
        await box.wait_for(lambda _: False, timeout_s=0.01, what="a miracle")
