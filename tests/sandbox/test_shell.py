"""Faults and habits over real sockets: what a client that nobody of ours wrote sees of them."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from p2pbot.sandbox import Dialect, Fault, OrderSpec, Outcome, Sandbox
from tests.sandbox.peer import CHAT, KEY, MATCH, OTHER, Peer, options, text_frame

DEADLINE_S = 10.0
LIST = f"{MATCH}/listOrders"


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """Serve a plain world on loopback."""
    async with Sandbox(options(tmp_path)) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Yield an HTTP session without cookies."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as opened:
        yield opened


@pytest.fixture
def peer(box: Sandbox, session: aiohttp.ClientSession) -> Peer:
    """Return the main account's client."""
    return Peer(box, session)


async def receive(chat: ClientConnection) -> Any:
    """Return the next JSON frame."""
    return json.loads(await asyncio.wait_for(chat.recv(), DEADLINE_S))


async def closed(chat: ClientConnection) -> tuple[int | None, str | None]:
    """Wait for the end and return its code and reason."""
    await asyncio.wait_for(chat.wait_closed(), DEADLINE_S)
    return chat.close_code, chat.close_reason


async def test_a_token_opens_one_socket(peer: Peer) -> None:
    """The same URL a second time is answered 401."""
    url = await peer.chat_url()
    chat = await connect(url, ssl=peer.tls, proxy=None)
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, ssl=peer.tls, proxy=None)
    assert refused.value.response.status_code == 401
    await chat.close()


async def test_a_refused_handshake_tells_when_to_come_again(box: Sandbox, peer: Peer) -> None:
    """``upgrade_status`` sends its status and Retry-After."""
    await box.inject(Fault("upgrade_status", status=429, retry_after_s=9))
    with pytest.raises(InvalidStatus) as refused:
        await peer.open_chat()
    answer = refused.value.response
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "9")


async def test_accept_then_close_closes(box: Sandbox, peer: Peer) -> None:
    """The handshake succeeds and the close frame follows."""
    await box.inject(Fault("accept_then_close", code=1008, reason="no"))
    assert await closed(await peer.open_chat()) == (1008, "no")


async def test_close_carries_code_and_reason(box: Sandbox, peer: Peer) -> None:
    """The client sees what the fault says."""
    chat = await peer.open_chat()
    await box.inject(Fault("close", code=1011, reason="maintenance"))
    assert await closed(chat) == (1011, "maintenance")


async def test_a_client_can_close_politely(box: Sandbox, peer: Peer) -> None:
    """Our close is answered, and the world forgets the socket."""
    chat = await peer.open_chat()
    await chat.close(1000, "done")
    await box.wait_for(lambda world: world.live_sockets("main") == 0)
    assert chat.close_code == 1000


async def test_pings_are_answered(peer: Peer) -> None:
    """A protocol ping gets its pong."""
    chat = await peer.open_chat()
    await asyncio.wait_for(await chat.ping(), DEADLINE_S)
    await chat.close()


async def test_a_silent_socket_still_answers_pings(box: Sandbox, peer: Peer) -> None:
    """Under silence only the ping tells of life, and what we write is swallowed."""
    order_no = await box.open_order("main")
    chat = await peer.open_chat()
    await box.inject(Fault("silence", account="main"))
    await chat.send(text_frame(order_no, "anybody?", "u-1"))
    await asyncio.wait_for(await chat.ping(), DEADLINE_S)
    assert box.world.received("main")[0].outcome is Outcome.SWALLOWED
    await chat.close()


async def test_a_half_open_socket_answers_nothing(box: Sandbox, peer: Peer) -> None:
    """The ping stays unanswered although a later frame shows that it was read."""
    order_no = await box.open_order("main")
    chat = await connect(await peer.chat_url(), ssl=peer.tls, proxy=None, ping_interval=None, close_timeout=0.1)
    await box.inject(Fault("half_open", account="main"))
    pong = asyncio.ensure_future(await chat.ping())
    await chat.send(text_frame(order_no, "anybody?", "u-1"))
    await box.wait_for(lambda world: world.received("main"))
    assert not pong.done()
    await chat.close()
    assert chat.close_code == 1006
    with pytest.raises(ConnectionClosed):
        await pong
    await box.wait_for(lambda world: world.live_sockets("main") == 0)


async def test_fragments_and_giants_arrive_whole(box: Sandbox, peer: Peer) -> None:
    """A message over 64 kB in three fragments is one message."""
    order_no = await box.open_order("main", OrderSpec(dialect=Dialect(fragments=3)))
    chat = await peer.open_chat()
    text = "объём" * 20_000
    await box.say(order_no, text)
    assert (await receive(chat))["content"] == text
    await chat.close()


async def test_a_fragmented_message_really_is(box: Sandbox, peer: Peer) -> None:
    """Frame by frame the parts are seen."""
    order_no = await box.open_order("main", OrderSpec(dialect=Dialect(fragments=3)))
    chat = await peer.open_chat()
    await box.say(order_no, "hello")
    async with asyncio.timeout(DEADLINE_S):
        parts = [part async for part in chat.recv_streaming()]
    assert len(parts) == 3
    await chat.close()


async def test_delayed_pushes_come_by_themselves(box: Sandbox, peer: Peer) -> None:
    """The shell's timer carries out what the world has on its agenda."""
    order_no = await box.open_order("main")
    chat = await peer.open_chat()
    await box.inject(Fault("delay", delay_ms=30))
    await box.say(order_no, "late")
    assert (await receive(chat))["content"] == "late"
    await chat.close()


async def test_a_client_that_does_not_read_is_cut_off(box: Sandbox, peer: Peer) -> None:
    """What waits for a client has a bound; beyond it the connection is reset."""
    order_no = await box.open_order("main")
    chat = await connect(await peer.chat_url(), ssl=peer.tls, proxy=None, max_queue=1)
    chat.transport.pause_reading()
    for _ in range(300):
        await box.say(order_no, "x" * 100_000)
    await box.wait_for(lambda world: world.live_sockets("main") == 0)
    chat.transport.abort()
    await chat.wait_closed()


async def test_accounts_do_not_hear_each_other(box: Sandbox, peer: Peer, session: aiohttp.ClientSession) -> None:
    """A message of one account's order reaches that account's socket alone."""
    mine, foreign = await box.open_order("main"), await box.open_order("other")
    chat, other = await peer.open_chat(), await Peer(box, session, OTHER).open_chat()
    await box.say(foreign, "for other")
    await box.say(mine, "for main")
    assert (await receive(chat))["content"] == "for main"
    assert (await receive(other))["content"] == "for other"
    await chat.close()
    await other.close()


async def test_a_reset_call_is_a_network_error(box: Sandbox, peer: Peer) -> None:
    """``rest_drop`` ends the connection without an answer."""
    await box.inject(Fault("rest_drop", endpoint="listOrders", count=2))
    with pytest.raises(aiohttp.ClientError):
        await peer.ask("POST", LIST, body={})
    assert box.world.rest_calls("main")[0].code == "rest_drop"


async def test_a_hanging_call_ends_without_an_answer(box: Sandbox, peer: Peer) -> None:
    """``rest_timeout`` hangs for its time, then the connection ends."""
    await box.inject(Fault("rest_timeout", hold_ms=50, count=2))
    with pytest.raises(aiohttp.ClientError):
        await peer.ask("POST", LIST, body={})


async def test_a_client_may_give_up_on_a_hanging_call(box: Sandbox, peer: Peer) -> None:
    """A client's own deadline leaves the sandbox in order."""
    await box.inject(Fault("rest_timeout", hold_ms=60_000, count=1))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(peer.ask("POST", LIST, body={}), 0.2)
    status, _ = await peer.ask("POST", LIST, body={})
    assert status == 200


async def test_a_picture_goes_up_and_into_the_chat(box: Sandbox, peer: Peer, session: aiohttp.ClientSession) -> None:
    """Pre-sign, PUT, image frame, and the picture can be fetched."""
    order_no = await box.open_order("main")
    data = (await peer.call("POST", f"{CHAT}/image/pre-signed-url", body={"imageName": "x.png"}))["data"]
    tls = peer.tls or True
    async with session.put(data["uploadUrl"], data=b"\x89PNG", headers={"Content-Type": "image/png"}, ssl=tls) as put:
        assert put.status == 200
    chat = await peer.open_chat()
    picture = {"type": "image", "imageUrl": data["imageUrl"], "thumbnailUrl": data["imageUrl"], "imageType": "IMAGE"}
    await chat.send(text_frame(order_no, "", "u-1", **picture, width=1, height=1))
    assert (await receive(chat))["imageUrl"] == data["imageUrl"]
    async with session.get(data["imageUrl"], ssl=tls) as got:
        assert (await got.read(), got.content_type) == (b"\x89PNG", "image/png")
    assert box.world.uploads("main")[0].content_type == "image/png"
    await chat.close()


async def test_an_upload_with_our_key_is_refused(box: Sandbox, peer: Peer, session: aiohttp.ClientSession) -> None:
    """The API key has no business at the upload."""
    data = (await peer.call("POST", f"{CHAT}/image/pre-signed-url", body={"imageName": "x.png"}))["data"]
    async with session.put(data["uploadUrl"], data=b"x", headers={"X-MBX-APIKEY": KEY}, ssl=peer.tls or True) as put:
        assert put.status == 400
    assert "x-mbx-apikey" in box.world.uploads("main")[0].violation


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/api/v3/time", 200), ("/nothing", 404), ("/chat/x", 400)])
async def test_every_answer_says_simulated(
    box: Sandbox, peer: Peer, session: aiohttp.ClientSession, path: str, status: int
) -> None:
    """The Server header says what this is, on success and on failure."""
    async with session.get(f"{box.rest_url}{path}", ssl=peer.tls or True) as answer:
        assert answer.status == status
        assert answer.headers["Server"] == "p2pbot-sandbox (SIMULATED)"


async def test_the_start_page_holds_no_secret(box: Sandbox, peer: Peer, session: aiohttp.ClientSession) -> None:
    """It says SIMULATED and names the accounts, without key or token."""
    async with session.get(f"{box.rest_url}/", ssl=peer.tls or True) as answer:
        page = await answer.text()
    assert "SIMULATED" in page
    assert "main" in page
    assert KEY not in page
    assert box.control_token_file.read_text() not in page


async def test_nobody_trusts_it_without_its_authority(box: Sandbox, session: aiohttp.ClientSession) -> None:
    """A client with the system's certificates alone refuses the connection."""
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await session.get(f"{box.rest_url}/api/v3/time", ssl=ssl.create_default_context())


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org", ""])  # noqa: S104 – refused, that is the test
def test_it_serves_on_loopback_only(tmp_path: Path, host: str) -> None:
    """Any other address is refused before anything is opened."""
    with pytest.raises(ValueError, match="loopback only"):
        Sandbox(options(tmp_path, host=host))


async def test_it_serves_without_tls_where_asked(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    """Without TLS the URLs are http and ws, and the chat works."""
    async with Sandbox(options(tmp_path, tls=False)) as box:
        peer = Peer(box, session)
        assert (box.rest_url[:7], box.chat_url[:5], box.ca_file) == ("http://", "ws://", None)
        order_no = await box.open_order("main")
        chat = await peer.open_chat()
        await box.say(order_no, "hello")
        assert (await receive(chat))["content"] == "hello"
        await chat.close()


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_open(tmp_path: Path) -> None:
    """The second sandbox on a port raises OSError; no warning of an open socket follows."""
    async with Sandbox(options(tmp_path / "one")) as box:
        port = int(box.rest_url.rpartition(":")[2])
        with pytest.raises(OSError, match="address already in use"):
            await Sandbox(options(tmp_path / "two", port=port)).start()


async def test_leaving_ends_every_connection(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    """After the sandbox is left its port is closed and clients are cut off."""
    async with Sandbox(options(tmp_path)) as box:
        peer = Peer(box, session)
        chat = await peer.open_chat()
    assert (await closed(chat))[0] == 1006
    with pytest.raises(aiohttp.ClientError):
        await peer.ask("POST", LIST, body={})


async def test_no_secret_is_logged(box: Sandbox, peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    """Log lines say SIMULATED and hold neither key nor token."""
    caplog.set_level(logging.DEBUG, "p2pbot.sandbox")
    url = await peer.chat_url()
    chat = await connect(url, ssl=peer.tls, proxy=None)
    await box.inject(Fault("close"))
    await closed(chat)
    with pytest.raises(InvalidStatus):
        await connect(url, ssl=peer.tls, proxy=None)
    ours = [record.getMessage() for record in caplog.records if record.name == "p2pbot.sandbox"]
    assert len(ours) == 2
    assert all("SIMULATED" in line for line in ours)
    assert not any(secret in line for line in ours for secret in (KEY, "TOKEN", "c2c_"))
