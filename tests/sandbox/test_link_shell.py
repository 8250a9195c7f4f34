"""The account context over real sockets, with TLS: a plain client sees both APIs, streams, pings and ends."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from p2pbot.sandbox import Fault, Sandbox
from p2pbot.sandbox.links import Source
from p2pbot.sandbox.script import Player, read_script
from tests.sandbox.keys import ED_NAME, ed25519_account, ws_signature
from tests.sandbox.peer import KEY, MAIN, Peer, options

DEADLINE_S = 10.0


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """Serve a plain world on loopback."""
    async with Sandbox(options(tmp_path, accounts=(MAIN, ed25519_account()))) as running:
        yield running


def tls(box: Sandbox) -> ssl.SSLContext | None:
    """Trust the sandbox."""
    return ssl.create_default_context(cafile=str(box.ca_file)) if box.ca_file else None


async def open_link(box: Sandbox, path: str, **settings: Any) -> ClientConnection:
    """Open a socket of the account context."""
    return await connect(f"{box.ws_url}{path}", ssl=tls(box), proxy=None, **settings)


async def receive(link: ClientConnection) -> Any:
    """Return the next JSON value."""
    return json.loads(await asyncio.wait_for(link.recv(), DEADLINE_S))


async def ask(link: ClientConnection, method: str, **params: Any) -> Any:
    """Make a request and return the next value."""
    await link.send(json.dumps({"id": 1, "method": method, "params": params}))
    return await receive(link)


async def start_key(box: Sandbox) -> str:
    """Start a listenKey over REST, with the key in the header alone."""
    url, headers = f"{box.rest_url}/fapi/v1/listenKey", {"X-MBX-APIKEY": KEY}
    async with aiohttp.ClientSession() as session, session.post(url, headers=headers, ssl=tls(box) or True) as answer:
        assert int(answer.headers["X-MBX-USED-WEIGHT-1M"]) > 0
        return str((await answer.json())["listenKey"])


async def test_a_session_logs_on_and_hears_its_account(box: Sandbox) -> None:
    """Logon, listenKey and stream: a changed balance arrives."""
    api = await open_link(box, "/ws-fapi/v1")
    params = {"apiKey": "ed-key", "timestamp": int(time.time() * 1000)}
    logon = await ask(api, "session.logon", **params, signature=ws_signature(ED_NAME, params))
    assert logon["result"]["apiKey"] == "ed-key"
    key = (await ask(api, "userDataStream.start"))["result"]["listenKey"]
    stream = await open_link(box, f"/private/ws?listenKey={key}&events=ACCOUNT_UPDATE")
    box.perform("set_balance", {"account": ED_NAME, "asset": "USDT", "amount": "42"})
    event = await receive(stream)
    assert (event["e"], event["a"]["B"][0]["wb"]) == ("ACCOUNT_UPDATE", "42.00000000")
    await api.close()
    await stream.close()


async def test_a_script_can_wait_for_a_listener(box: Sandbox) -> None:
    """``until listening`` waits for a socket that would hear, then the script changes a balance."""
    script = read_script(
        '{"until": "listening", "account": "main", "link": "futures_stream"}\n'
        '{"do": "set_balance", "account": "main", "asset": "USDT", "amount": "9"}'
    )
    playing = asyncio.create_task(Player(box, lambda _: None).play(script))
    stream = await open_link(box, f"/private/ws?listenKey={await start_key(box)}")
    assert (await receive(stream))["a"]["B"][0]["wb"] == "9.00000000"
    await playing
    await stream.close()


async def test_a_combined_stream_wraps_its_events(box: Sandbox) -> None:
    """SUBSCRIBE is acknowledged, and events come under the key's name."""
    key = await start_key(box)
    stream = await open_link(box, "/private/stream")
    await stream.send(json.dumps({"method": "SUBSCRIBE", "params": [key], "id": 5}))
    assert await receive(stream) == {"result": None, "id": 5}
    box.perform("set_leverage", {"account": "main", "symbol": "BTCUSDT", "leverage": 3})
    event = await receive(stream)
    assert (event["stream"] == key, event["data"]["e"]) == (True, "ACCOUNT_CONFIG_UPDATE")
    await stream.close()


async def test_spot_events_come_over_the_websocket_api(tmp_path: Path) -> None:
    """A subscription by signature: a changed balance arrives in its envelope, without TLS too."""
    async with Sandbox(options(tmp_path, tls=False)) as box:
        api = await open_link(box, "/ws-api/v3")
        params = {"apiKey": KEY, "timestamp": int(time.time() * 1000)}
        answer = await ask(api, "userDataStream.subscribe.signature", **params, signature=ws_signature("main", params))
        assert answer["result"] == {"subscriptionId": 0}
        box.perform("set_spot_balance", {"account": "main", "asset": "USDT", "free": "7"})
        events = [await receive(api), await receive(api)]
        assert [(each["subscriptionId"], each["event"]["e"]) for each in events] == [
            (0, "balanceUpdate"),
            (0, "outboundAccountPosition"),
        ]
        await api.close()


async def test_pings_go_both_ways(tmp_path: Path) -> None:
    """The exchange pings with a payload and takes the copied pong; a client's ping gets its pong."""
    async with Sandbox(options(tmp_path, ping_every_ms=20, pong_within_ms=60_000)) as box:
        api = await open_link(box, "/ws-fapi/v1")
        await asyncio.wait_for(await api.ping(b"mine"), DEADLINE_S)
        await box.wait_for(lambda world: world.context.links()[0].pongs > 0, what="a pong with the ping's payload")
        assert (await ask(api, "session.status"))["status"] == 200
        await api.close()


async def test_a_link_that_does_not_answer_pings_is_closed(tmp_path: Path) -> None:
    """A peer that reads nothing any more is cut."""
    async with Sandbox(options(tmp_path, ping_every_ms=20, pong_within_ms=50)) as box:
        api = await open_link(box, "/ws-fapi/v1", ping_interval=None, close_timeout=0.1)
        api.transport.pause_reading()
        await box.wait_for(lambda world: not world.context.links(), what="the end of the deaf link")
        api.transport.abort()
        await api.wait_closed()
        assert "closed 1008 Pong timeout" in [seen.what for seen in box.world.context.links_seen()]


async def test_a_link_ends_after_its_life(tmp_path: Path) -> None:
    """The 24 hours, made short."""
    async with Sandbox(options(tmp_path, link_life_ms=50)) as box:
        api = await open_link(box, "/ws-fapi/v1")
        await asyncio.wait_for(api.wait_closed(), DEADLINE_S)
        assert api.close_code == 1001


async def test_a_client_can_close_politely(box: Sandbox) -> None:
    """Our close is answered, and the world forgets the link."""
    api = await open_link(box, "/ws-fapi/v1")
    await api.close(1000)
    await box.wait_for(lambda world: not world.context.links())
    assert api.close_code == 1000


async def test_a_half_open_link_answers_nothing(box: Sandbox) -> None:
    """Neither request nor ping nor close, and the world forgets it when the peer has gone."""
    api = await open_link(box, "/ws-fapi/v1", ping_interval=None, close_timeout=0.1)
    await box.inject(Fault("link_half_open", link="futures_api"))
    pong = asyncio.ensure_future(await api.ping())
    await api.close()
    assert api.close_code == 1006
    with pytest.raises(ConnectionClosed):
        await pong
    await box.wait_for(lambda world: not world.context.links())


async def test_a_reset_ends_a_link_without_a_close(box: Sandbox) -> None:
    """``cut_links`` without a code."""
    api = await open_link(box, "/ws-fapi/v1")
    assert box.perform("cut_links", {"link": "futures_api"}) == {"cut": 1}
    await asyncio.wait_for(api.wait_closed(), DEADLINE_S)
    assert api.close_code == 1006


@pytest.mark.parametrize("path", ["/ws-fapi/v2", "/ws-api/v1", "/private/other"])
async def test_a_wrong_path_is_refused(box: Sandbox, path: str) -> None:
    """404 at the handshake."""
    with pytest.raises(InvalidStatus) as refused:
        await open_link(box, path)
    assert refused.value.response.status_code == 404


async def test_a_refused_handshake_tells_when_to_come_again(box: Sandbox) -> None:
    """``link_status`` sends its status and Retry-After."""
    await box.inject(Fault("link_status", link="futures_api", status=429, retry_after_s=9))
    with pytest.raises(InvalidStatus) as refused:
        await open_link(box, "/ws-fapi/v1")
    assert (refused.value.response.status_code, refused.value.response.headers["Retry-After"]) == (429, "9")


async def test_a_plain_request_is_told_to_upgrade(box: Sandbox) -> None:
    """Without a handshake these paths answer 400."""
    async with aiohttp.ClientSession() as session:
        peer = Peer(box, session)
        async with session.get(f"{box.rest_url}/ws-fapi/v1", ssl=peer.tls or True) as answer:
            assert answer.status == 400


async def test_a_key_never_shows(box: Sandbox) -> None:
    """Neither records nor reprs hold a listenKey."""
    key = await start_key(box)
    stream = await open_link(box, f"/private/ws?listenKey={key}")
    context = box.world.context
    assert key not in repr((context.links(), context.links_seen(), context.book("main")))
    assert box.world.context.listen_key("main", Source.FUTURES, 0) == key
    await stream.close()
