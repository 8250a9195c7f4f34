"""The REST door against a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import json
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from p2pbot.adapters.clock import SystemClock
from p2pbot.adapters.randomness import SystemRng
from p2pbot.adapters.rate_gate import PATIENT_CALLS, RateGate
from p2pbot.adapters.rest import ATTEMPTS, QUEUE_S, REFRESH_CLOCK_S, ExchangeRest, open_session
from p2pbot.adapters.tls import client_context
from p2pbot.errors import (
    AnswerMalformed,
    ClockSkew,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    ExchangeUnavailable,
    KeyRefused,
    OurError,
    P2pbotError,
    RateLimited,
    RequestRefused,
    TimedOut,
)
from p2pbot.protocol import calls, key_calls
from p2pbot.protocol.envelope import MAX_ANSWER_BYTES
from p2pbot.protocol.signing import hmac_signer
from p2pbot.secret import Secret
from tests.fakes.certificates import Authority
from tests.fakes.scripted_server import Handler, QuickClock, ScriptedServer, answer, hang_up, serving, success

# The example key and secret of Binance's own documents
KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
SKEWED = answer(400, {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."})
BUSY = answer(503, b"<html>")


@asynccontextmanager
async def door(
    url: str,
    *,
    clock: SystemClock | None = None,
    ca_file: Path | None = None,
    timeout_s: float = 10.0,
    gate: RateGate | None = None,
    queue_s: float = QUEUE_S,
) -> AsyncIterator[ExchangeRest]:
    """Open a door to ``url``."""
    async with open_session(client_context(ca_file)) as session:
        yield ExchangeRest(
            session,
            url,
            Secret(KEY),
            hmac_signer(Secret(SECRET)),
            clock or QuickClock(),
            SystemRng(),
            timeout_s=timeout_s,
            gate=gate,
            queue_s=queue_s,
        )


def shown(error: BaseException) -> str:
    """Return everything that a log could print of an error."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """Serve plain HTTP on loopback."""
    async with serving() as running:
        yield running


async def test_a_call_is_signed_over_its_query(server: ScriptedServer) -> None:
    """The server can verify the signature over exactly the query string that it received."""
    server.script += [success([])]
    async with door(server.url) as rest:
        await rest.call(calls.history("204 &=ж"))
    query, _, signature = server.raw_query.partition("&signature=")
    assert hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest() == signature
    assert query.startswith("page=1&rows=50&orderNo=204%20%26%3D%D0%B6&recvWindow=5000&timestamp=")


async def test_a_keyed_call_carries_the_key_and_no_signature(server: ScriptedServer) -> None:
    """A listenKey's call names the API key in its header alone: no time is asked for, nothing is signed."""
    listen_key = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
    server.script += [answer(200, {"listenKey": listen_key}), answer(200, {})]
    async with door(server.url) as rest:
        assert await rest.call(key_calls.start_spot_key()) == Secret(listen_key)
        await rest.call(key_calls.keep_spot_key(Secret(listen_key)))
    assert [(asked.method, asked.path, asked.query, asked.body) for asked in server.asked] == [
        ("POST", "/api/v3/userDataStream", "", b""),
        ("PUT", "/api/v3/userDataStream", f"listenKey={listen_key}", b""),
    ]
    assert {asked.headers["x-mbx-apikey"] for asked in server.asked} == {KEY}
    assert server.time_asked == 0


async def test_another_address_has_its_own_clock(server: ScriptedServer) -> None:
    """A door to another of the exchange's interfaces asks that one for its time."""
    server.script += [answer(200, {"serverTime": SystemClock().now_ms()}), answer(200, {"balances": []})]
    async with open_session(client_context(None)) as session:
        signer = hmac_signer(Secret(SECRET))
        time_call = key_calls.futures_time()
        rest = ExchangeRest(session, server.url, Secret(KEY), signer, QuickClock(), SystemRng(), time_call=time_call)
        await rest.call(key_calls.spot_account())
    assert [asked.path for asked in server.asked] == ["/fapi/v1/time", "/api/v3/account"]


async def test_headers(server: ScriptedServer) -> None:
    """A signed call carries the key, the client type and the documented content type."""
    server.script += [success([])]
    async with door(server.url) as rest:
        await rest.call(calls.history("204"))
    headers = server.asked[0].headers
    assert headers["x-mbx-apikey"] == KEY
    assert headers["clienttype"] == "web"
    assert headers["content-type"] == "application/json;charset=utf-8"


async def test_a_body_is_json_and_not_signed(server: ScriptedServer) -> None:
    """A POST sends JSON; the signature covers the query only."""
    server.script += [success({"orderNumber": "204"})]
    async with door(server.url) as rest:
        order = await rest.call(calls.order_detail("main", "204"))
    assert order.number == "204"
    assert json.loads(server.asked[0].body) == {"adOrderNo": "204"}
    assert server.asked[0].query.startswith("recvWindow=5000&timestamp=")


async def test_an_unsigned_call_does_not_show_the_key(server: ScriptedServer) -> None:
    """Asking the clock sends neither key nor signature."""
    seen: list[web.Request] = []

    async def tell(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        return web.json_response({"serverTime": 1_767_600_000_000})

    server.time_answer = tell
    async with door(server.url) as rest:
        assert await rest.call(calls.server_time()) == 1_767_600_000_000
    assert "X-MBX-APIKEY" not in seen[0].headers
    assert seen[0].query_string == ""


@pytest.mark.parametrize("ahead_ms", [3_600_000, -86_400_000, 0])
async def test_time_stamps_are_of_the_exchanges_clock(server: ScriptedServer, ahead_ms: int) -> None:
    """However wrong this machine's clock is, requests carry the exchange's time, never ahead of it."""
    server.clock_ahead_ms = ahead_ms
    server.script += [success([])]
    async with door(server.url) as rest:
        await rest.call(calls.history("204"))
        offset_ms = rest.clock_offset_ms
    timestamp_ms = int(server.asked[0].query.partition("timestamp=")[2].partition("&")[0])
    exchange_now_ms = SystemClock().now_ms() + ahead_ms
    assert exchange_now_ms - 5000 < timestamp_ms < exchange_now_ms + 1000
    assert offset_ms == pytest.approx(ahead_ms, abs=2000)


async def test_the_clock_is_asked_once(server: ScriptedServer) -> None:
    """Many calls at once learn the exchange's clock one time."""
    server.script += [success([])] * 8
    async with door(server.url) as rest:
        assert rest.clock_offset_ms is None
        await asyncio.gather(*(rest.call(calls.history("204")) for _ in range(8)))
    assert server.time_asked == 1


async def test_the_clock_is_refreshed(server: ScriptedServer) -> None:
    """After twenty minutes the clock is learnt again."""
    clock = QuickClock()
    server.script += [success([])] * 2
    async with door(server.url, clock=clock) as rest:
        await rest.call(calls.history("204"))
        clock.shift_s = REFRESH_CLOCK_S + 1
        await rest.call(calls.history("204"))
    assert server.time_asked == 2


async def test_an_old_clock_serves_on(server: ScriptedServer) -> None:
    """When the clock cannot be refreshed, the old one is used, and the attempt is not repeated at each call."""
    clock = QuickClock()
    server.script += [success([])] * 3
    async with door(server.url, clock=clock) as rest:
        await rest.call(calls.history("204"))
        clock.shift_s = REFRESH_CLOCK_S + 1
        server.time_answer = BUSY
        await rest.call(calls.history("204"))
        await rest.call(calls.history("204"))
    assert server.time_asked == 1 + ATTEMPTS
    assert len(server.asked) == 3


async def test_a_refused_time_stamp_is_cured_once(server: ScriptedServer) -> None:
    """After -1021 the clock is learnt again and the call repeated."""
    server.script += [SKEWED, success([])]
    async with door(server.url) as rest:
        page = await rest.call(calls.history("204"))
    assert page.rows == 0
    assert server.time_asked == 2


async def test_a_call_that_its_owner_counts_is_not_repeated_for_the_clock(server: ScriptedServer) -> None:
    """A call for a place to upload to is one of few a minute: it fails, and the next one has the clock learnt."""
    server.script += [SKEWED, success([])]
    async with door(server.url) as rest:
        with pytest.raises(ClockSkew):
            await rest.call(calls.presign("qr.png"))
    assert len(server.asked) == 1
    assert server.time_asked == 2


async def test_a_second_refusal_of_the_time_stamp_comes_out(server: ScriptedServer) -> None:
    """A time stamp that is refused again is an error, not a loop."""
    server.script += [SKEWED, SKEWED, success([])]
    async with door(server.url) as rest:
        with pytest.raises(ClockSkew):
            await rest.call(calls.history("204"))
    assert len(server.asked) == 2


@pytest.mark.parametrize("fault", [BUSY, answer(200), hang_up], ids=["503", "empty 200", "hang up"])
async def test_passing_faults_are_retried(server: ScriptedServer, fault: Handler) -> None:
    """An unavailable exchange and a broken connection are tried again, with pauses, and then succeed."""
    clock = QuickClock()
    server.script += [fault, fault, success([])]
    async with door(server.url, clock=clock) as rest:
        await rest.call(calls.history("204"))
    assert len(server.asked) == 3
    assert clock.slept
    assert all(0 < pause <= 3.0 for pause in clock.slept)


async def test_retries_end(server: ScriptedServer) -> None:
    """After three attempts the fault comes out; longer outages are the loops' matter."""
    server.script += [BUSY] * 9
    async with door(server.url) as rest:
        with pytest.raises(ExchangeUnavailable):
            await rest.call(calls.history("204"))
    assert len(server.asked) == ATTEMPTS


async def test_what_must_not_be_repeated_is_not(server: ScriptedServer) -> None:
    """A call that is not idempotent is sent once, whatever happens."""
    server.script += [BUSY] * 9
    async with door(server.url) as rest:
        with pytest.raises(ExchangeUnavailable):
            await rest.call(replace(calls.mark_read("204", "7"), idempotent=False))
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (answer(400, {"code": -31002, "msg": "illegal parameter"}), RequestRefused),
        (answer(401, {"code": -2015, "msg": "no"}), KeyRefused),
        (answer(200, b"[]"), AnswerMalformed),
    ],
)
async def test_refusals_are_not_retried(server: ScriptedServer, refusal: Handler, error: type[P2pbotError]) -> None:
    """A refusal that would come again is not asked for again."""
    server.script += [refusal] * 9
    async with door(server.url) as rest:
        with pytest.raises(error):
            await rest.call(calls.history("204"))
    assert len(server.asked) == 1


@pytest.mark.parametrize(("status", "banned"), [(429, False), (418, True)])
async def test_silence_is_kept(server: ScriptedServer, status: int, *, banned: bool) -> None:
    """After 429 or 418 no request leaves until the time is over; then calls go again."""
    clock = QuickClock()
    server.script += [answer(status, Retry_After="30"), success([])]
    async with door(server.url, clock=clock) as rest:
        for _ in range(3):
            with pytest.raises(RateLimited) as limited:
                await rest.call(calls.history("204"))
            assert limited.value.banned is banned
            assert 0 < limited.value.retry_after_s <= 30
        assert len(server.asked) == 1
        clock.shift_s = 31
        await rest.call(calls.history("204"))
    assert len(server.asked) == 2


async def test_silence_is_shared(server: ScriptedServer) -> None:
    """Accounts that share a gate are all silent when one was told to be."""
    clock = QuickClock()
    gate = RateGate(clock)
    server.script += [answer(429, Retry_After="30")]
    async with door(server.url, clock=clock, gate=gate) as one, door(server.url, clock=clock, gate=gate) as other:
        with pytest.raises(RateLimited):
            await one.call(calls.history("204"))
        with pytest.raises(RateLimited):
            await other.call(calls.history("204"))
    assert len(server.asked) == 1


class StoppableClock(QuickClock):
    """While it ``stands``, whoever waits waits for ever."""

    stands = False

    async def sleep(self, delay_s: float) -> None:
        """Wait no time, or all of it."""
        await (asyncio.Event().wait() if self.stands else super().sleep(delay_s))


async def test_a_crowd_of_patient_calls_does_not_hold_up_a_call_that_somebody_waits_for(server: ScriptedServer) -> None:
    """What nobody waits for waits outside the door, not in the places of those who are waited for."""
    clock = StoppableClock()
    gate = RateGate(clock)
    for _ in range(PATIENT_CALLS.burst + 10):
        await gate.patience()
    server.script += [success([])]
    clock.stands = True
    async with door(server.url, clock=clock, gate=gate) as rest:
        crowd = [asyncio.create_task(rest.call(calls.history(str(number), patient=True))) for number in range(20)]
        assert (await rest.call(calls.history("204"))).rows == 0
        assert len(server.asked) == 1
        for task in crowd:
            task.cancel()
        await asyncio.wait(crowd)


async def test_redirects_are_refused(server: ScriptedServer) -> None:
    """A redirect is an error; the key does not travel to where it points."""
    server.script += [answer(302, Location=f"{server.url}/elsewhere"), success([])]
    async with door(server.url) as rest:
        with pytest.raises(AnswerMalformed, match="redirects"):
            await rest.call(calls.history("204"))
    assert len(server.asked) == 1


async def test_cookies_are_dropped(server: ScriptedServer) -> None:
    """A cookie that the exchange sets is not sent back."""
    named = {"code": "000000", "success": True, "data": []}
    server.script += [answer(200, named, Set_Cookie="session=1; Path=/"), success([])]
    async with door(server.url) as rest:
        await rest.call(calls.history("204"))
        await rest.call(calls.history("204"))
    assert "cookie" not in server.asked[1].headers


@pytest.mark.parametrize("packed", [False, True])
async def test_long_answers_are_not_read_to_the_end(server: ScriptedServer, *, packed: bool) -> None:
    """An answer beyond the bound is refused, also when it was small on the wire."""
    body = b" " * (3 * MAX_ANSWER_BYTES)
    server.script += [answer(200, gzip.compress(body), Content_Encoding="gzip") if packed else answer(200, body)]
    async with door(server.url) as rest:
        with pytest.raises(AnswerMalformed, match="longer than"):
            await rest.call(calls.history("204"))


async def test_few_requests_at_once(server: ScriptedServer) -> None:
    """However many calls are made, a bounded number is in flight."""
    in_flight = 0
    most = 0
    full = asyncio.Event()

    async def slow(_request: web.Request) -> web.StreamResponse:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        if in_flight == 4:
            full.set()
        await full.wait()
        in_flight -= 1
        return await success([])(_request)

    server.script += [slow] * 12
    async with door(server.url) as rest:
        await asyncio.gather(*(rest.call(calls.history("204")) for _ in range(12)))
    assert most == 4


async def test_cancelled_calls_free_their_places(server: ScriptedServer) -> None:
    """Calls that were cancelled in flight do not block later ones."""
    waiting = asyncio.Semaphore(0)

    async def hang(_request: web.Request) -> web.StreamResponse:
        waiting.release()
        await asyncio.Event().wait()
        return web.Response()

    server.script += [hang] * 4
    async with door(server.url) as rest:
        stuck = [asyncio.create_task(rest.call(calls.history("204"))) for _ in range(4)]
        for _ in stuck:
            await waiting.acquire()
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
        server.script += [success([])]
        assert (await rest.call(calls.history("204"))).rows == 0


async def test_a_call_ends_however_many_stand_before_it(server: ScriptedServer) -> None:
    """Four calls are under way at once; who waits in vain for a turn is timed out, and no loop waits for ever."""

    async def hang(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    server.script += [success([]), *[hang] * 200]
    async with door(server.url, timeout_s=0.05, queue_s=0.0) as rest:
        await rest.call(calls.history("204"))
        asked = (rest.call(calls.history(str(number))) for number in range(60))
        ends = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(end) for end in ends} == {TimedOut}
    assert "the calls before this one" in str(ends[-1])


async def test_no_answer(server: ScriptedServer) -> None:
    """An exchange that does not answer in time is a time-out, after its retries."""

    async def hang(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    server.script += [hang] * ATTEMPTS
    async with door(server.url, timeout_s=0.1) as rest:
        with pytest.raises(TimedOut, match="did not answer"):
            await rest.call(calls.history("204"))
    assert len(server.asked) == ATTEMPTS


async def test_a_broken_connection(server: ScriptedServer) -> None:
    """A connection that breaks during a request is told from an answer."""
    server.script += [hang_up] * 9
    async with door(server.url) as rest:
        with pytest.raises(ConnectionLost):
            await rest.call(calls.history("204"))


async def test_a_cut_answer(server: ScriptedServer) -> None:
    """An answer that ends before its announced length is a broken connection, not data."""

    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b'{"code":"000000"')
        assert request.transport is not None
        request.transport.close()
        return response

    server.script += [cut] * ATTEMPTS
    async with door(server.url) as rest:
        with pytest.raises(ConnectionLost):
            await rest.call(calls.history("204"))


async def test_nobody_listens() -> None:
    """A refused connection is explained."""
    listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    async with door(f"http://127.0.0.1:{port}") as rest:
        with pytest.raises(ConnectFailed, match="refuses the connection"):
            await rest.call(calls.history("204"))


async def test_no_http() -> None:
    """Something that does not speak HTTP is explained."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    listener = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with listener, door(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}") as rest:
        with pytest.raises(AnswerMalformed, match="does not speak HTTP"):
            await rest.call(calls.server_time())


async def test_tls(tmp_path: Path) -> None:
    """A server whose authority is trusted is talked to over TLS."""
    authority = Authority.create(tmp_path)
    async with serving(authority.server()) as server, door(server.url, ca_file=authority.ca_file) as rest:
        server.script += [success([])]
        assert (await rest.call(calls.history("204"))).rows == 0


@pytest.mark.parametrize(
    ("host", "days", "trusted", "words"),
    [
        ("127.0.0.1", 30, False, "authority that this machine does not know"),
        ("127.0.0.1", -1, True, "has expired"),
        ("127.0.0.9", 30, True, "is for another"),
    ],
)
async def test_bad_certificates(tmp_path: Path, host: str, days: int, words: str, *, trusted: bool) -> None:
    """A certificate that does not hold ends the connection, in words for a merchant."""
    authority = Authority.create(tmp_path)
    ca_file = authority.ca_file if trusted else None
    async with serving(authority.server(host=host, days=days)) as server, door(server.url, ca_file=ca_file) as rest:
        with pytest.raises(ConnectFailed, match=words):
            await rest.call(calls.history("204"))
        assert server.asked == []


async def test_no_tls_where_tls_was_meant(server: ScriptedServer) -> None:
    """An https address that speaks plain HTTP is explained."""
    async with door(server.url.replace("http:", "https:")) as rest:
        with pytest.raises(ConnectFailed, match="no encrypted connection"):
            await rest.call(calls.history("204"))


async def test_proxies_of_the_environment_are_not_used(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that the environment names is not trusted with the key unless that was configured."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.script += [success([])]
    async with door(server.url) as rest:
        assert (await rest.call(calls.history("204"))).rows == 0


async def test_a_closed_session_is_our_own_fault(server: ScriptedServer) -> None:
    """Calling after the session was closed is a bug of ours, not of the network."""
    async with door(server.url) as rest:
        pass
    with pytest.raises(OurError):
        await rest.call(calls.server_time())


@pytest.mark.parametrize(
    "fault",
    [
        BUSY,
        hang_up,
        SKEWED,
        answer(200),
        answer(302, Location="/x"),
        answer(401, {"code": -2015, "msg": f"key {KEY} refused"}),
        answer(400, {"code": -9, "msg": f"X-MBX-APIKEY {KEY}; see https://x.test/?signature=abc"}),
        answer(429),
        answer(200, b"{}", Content_Encoding="gzip"),
    ],
    ids=["503", "hang up", "skew", "empty", "redirect", "key", "echo", "429", "not gzip"],
)
async def test_no_fault_shows_a_secret(server: ScriptedServer, fault: Handler) -> None:
    """Neither text nor traceback of any fault has the key, the query or the signature."""
    server.script += [fault] * 9
    async with door(server.url) as rest:
        with pytest.raises(P2pbotError) as caught:
            await rest.call(calls.history("204"))
    printed = shown(caught.value)
    assert all(secret not in printed for secret in (KEY, SECRET, "signature=", "timestamp=", "orderNo="))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.test",
        "http://api.test",
        "ftp://api.test",
        "https://",
        "https://user:pw@api.test",
        "https://api.test/?x=1",
        "https://api.test:99999",
        "http://127.0.0.1.evil.test",
    ],
)
async def test_a_bad_address_is_a_configuration_fault(url: str) -> None:
    """The address must be plain https; http is for the sandbox on loopback only."""
    with pytest.raises(ConfigError, match="https"):
        async with door(url):
            pass


@pytest.mark.parametrize("key", ["", "two words", "line\n", "ключ"])
async def test_a_bad_key_is_a_configuration_fault(key: str) -> None:
    """A key that no header can carry is refused before anything is sent."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigError, match="API key"):
            ExchangeRest(session, "https://api.test", Secret(key), hmac_signer(Secret("s")), SystemClock(), SystemRng())
