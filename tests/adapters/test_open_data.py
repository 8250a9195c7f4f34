"""The door to open data against real HTTP servers: the sandbox over TLS, and one that fails by a script."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from p2pbot.adapters.clock import SystemClock
from p2pbot.adapters.open_data import ATTEMPTS, OpenDataDoor
from p2pbot.adapters.randomness import SystemRng
from p2pbot.adapters.rest import open_session
from p2pbot.adapters.tls import client_context
from p2pbot.errors import (
    AnswerMalformed,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    ExchangeUnavailable,
    KeyRefused,
    P2pbotError,
    RequestRefused,
    TimedOut,
)
from p2pbot.ports import Clock
from p2pbot.protocol.open_data import HEADER, MAX_ANSWER_BYTES, MiniProgram
from p2pbot.protocol.sealed_data import OpenDataKey
from p2pbot.sandbox import Sandbox, SandboxAccount, SandboxMiniProgram, SandboxOptions
from p2pbot.secret import Secret
from tests.fakes.mini_program import ACCESS_KEY, APP_ID, OPEN_ID, PROGRAM, SECRET_KEY, private_pem, program
from tests.fakes.scripted_server import Handler, QuickClock, ScriptedServer, answer, hang_up, serving, success

TOKEN = Secret("from-the-customer+/==")
GOOD = success({"userData": "c2VhbGVk"})


def refusal(code: str, status: int = 200) -> Handler:
    """Return a handler that refuses with this code."""
    return answer(status, {"code": code, "message": "no", "data": None, "success": False})


@asynccontextmanager
async def door(
    url: str, clock: Clock, *, ca_file: Path | None = None, timeout_s: float = 10.0, program: MiniProgram = PROGRAM
) -> AsyncIterator[OpenDataDoor]:
    """Open the door to a server."""
    async with open_session(client_context(ca_file)) as session:
        yield OpenDataDoor(session, url, program, clock, SystemRng(), timeout_s=timeout_s)


@asynccontextmanager
async def sandbox(directory: Path, mini_program: SandboxMiniProgram) -> AsyncIterator[Sandbox]:
    """Run a sandbox that knows the Mini Program."""
    account = SandboxAccount(name="main", api_key="key-of-main", hmac_secret="made-up-for-tests")
    options = SandboxOptions(accounts=(account,), directory=directory, mini_programs=(mini_program,))
    async with Sandbox(options) as box:
        yield box


async def ask(script: list[Handler], clock: Clock | None = None, timeout_s: float = 10.0) -> tuple[str, ScriptedServer]:
    """Ask a server that answers by a script; return what it said and the server."""
    async with serving() as server, door(server.url, clock or QuickClock(), timeout_s=timeout_s) as opened:
        server.script.extend(script)
        return await opened.sealed(TOKEN), server


async def failure(
    script: list[Handler], clock: Clock | None = None, timeout_s: float = 10.0
) -> tuple[P2pbotError, int]:
    """Return the error of asking such a server, and how often it was asked."""
    async with serving() as server, door(server.url, clock or QuickClock(), timeout_s=timeout_s) as opened:
        server.script.extend(script)
        with pytest.raises(P2pbotError) as caught:
            await opened.sealed(TOKEN)
        assert_silent(caught.value)
        return caught.value, len(server.asked)


def assert_silent(error: BaseException) -> None:
    """Assert that no key, token or path is in an error, its cause or its traceback's words."""
    shown = "".join(traceback.format_exception_only(error)) + repr(error.__cause__)
    assert not any(word in shown for word in (ACCESS_KEY, SECRET_KEY, "from-the-customer", "openData", "eyJ"))


@pytest.mark.parametrize(("url_safe", "padded"), [(False, True), (True, True), (True, False)])
async def test_the_sandbox_names_the_customer(tmp_path: Path, url_safe: bool, padded: bool) -> None:  # noqa: FBT001 - a table
    """Over TLS, with a token that must be encoded: the digest is taken and the answer opens with the private key."""
    async with sandbox(tmp_path, program(url_safe=url_safe, padded=padded)) as box:
        token = box.perform("open_data_token", {"app_id": APP_ID, "open_id": OPEN_ID})["token"]
        async with door(box.rest_url, SystemClock(), ca_file=box.ca_file) as opened:
            sealed = await opened.sealed(Secret(token))
        assert OpenDataKey(Secret(private_pem())).open_id(sealed) == OPEN_ID
        assert box.world.open_data.codes == ["000000"]


async def test_a_wrong_private_key_is_one_error(tmp_path: Path) -> None:
    """The exchange sealed for another key than ours: that is said, and nothing of what came out."""
    async with sandbox(tmp_path, program("stranger")) as box:
        token = box.perform("open_data_token", {"app_id": APP_ID, "open_id": OPEN_ID})["token"]
        async with door(box.rest_url, SystemClock(), ca_file=box.ca_file) as opened:
            sealed = await opened.sealed(Secret(token))
    with pytest.raises(ConfigError, match="does not open with the private key"):
        OpenDataKey(Secret(private_pem())).open_id(sealed)


@pytest.mark.parametrize("status", [200, 400])
async def test_a_token_that_nobody_issued_is_not_asked_for_again(tmp_path: Path, status: int) -> None:
    """900201 is final, whatever HTTP says."""
    async with (
        sandbox(tmp_path, program(status=status)) as box,
        door(box.rest_url, QuickClock(), ca_file=box.ca_file) as opened,
    ):
        with pytest.raises(RequestRefused, match="does not know the data token"):
            await opened.sealed(TOKEN)
        assert box.world.open_data.codes == ["900201"]


async def test_a_wrong_secret_key_is_said_to_be_one(tmp_path: Path) -> None:
    """900002 is a matter of the configuration or the clock, and is not tried again."""
    other = MiniProgram(app_id=APP_ID, access_key=Secret(ACCESS_KEY), secret_key=Secret(f"{SECRET_KEY}-of-another"))
    async with (
        sandbox(tmp_path, program()) as box,
        door(box.rest_url, QuickClock(), ca_file=box.ca_file, program=other) as opened,
    ):
        with pytest.raises(KeyRefused, match="this machine's clock"):
            await opened.sealed(TOKEN)
        assert box.world.open_data.codes == ["900002"]


async def test_the_question_goes_to_the_configured_host_as_it_was_digested() -> None:
    """Host, path and query are those of the interface; no letter is encoded twice; no other key of ours goes along."""
    _, server = await ask([GOOD])
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("GET", f"/mp-api/v1/apps/{APP_ID}/user-open-data")
    assert server.raw_query == "openData=from-the-customer%2B%2F%3D%3D"
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"
    assert asked.headers[HEADER.lower()].count(".") == 2
    assert not {"x-mbx-apikey", "cookie"} & asked.headers.keys()


@pytest.mark.parametrize("code", ["900001", "900002", "900200", "900201"])
async def test_a_refusal_is_not_tried_again(code: str) -> None:
    """A second question would get the same answer."""
    assert (await failure([refusal(code), GOOD]))[1] == 1


@pytest.mark.parametrize(
    "trouble", [refusal("900003"), answer(502, b"<html>"), hang_up], ids=["900003", "gateway", "hang up"]
)
async def test_passing_trouble_is_tried_again(trouble: Handler) -> None:
    """The network's and the exchange's own trouble costs no token while it lives."""
    sealed, server = await ask([trouble, trouble, GOOD])
    assert sealed == "c2VhbGVk"
    assert len(server.asked) == 3


async def test_each_attempt_has_an_authority_of_its_own() -> None:
    """A repeated question is signed anew, for the exchange looks at its time."""

    class Minutes(QuickClock):
        """A clock on which every wait takes five seconds."""

        def now_ms(self) -> int:
            """Return the time, five seconds later for each wait."""
            return super().now_ms() + 5_000 * len(self.slept)

    _, server = await ask([refusal("900003"), GOOD], Minutes())
    first, second = (asked.headers[HEADER.lower()] for asked in server.asked)
    assert first != second


async def test_lasting_trouble_ends() -> None:
    """After a few attempts the last error is handed on."""
    error, times = await failure([refusal("900003")] * 10)
    assert (type(error), times) == (ExchangeUnavailable, ATTEMPTS)


async def test_nothing_is_asked_after_the_tokens_life() -> None:
    """Two minutes after it came, a data token is not sent any more, however few attempts were made."""

    class Late(QuickClock):
        """A clock on which the first wait takes two minutes."""

        async def sleep(self, delay_s: float) -> None:
            """Let two minutes pass."""
            self.shift_s += 120
            await super().sleep(delay_s)

    error, times = await failure([refusal("900003")] * 3, Late())
    assert (type(error), times) == (TimedOut, 1)
    assert "two minutes are over" in error.what


async def test_a_wait_that_would_outlive_the_token_is_not_begun() -> None:
    """With less than a moment left the error is told at once, without waiting."""
    clock = QuickClock()

    async def slow(request: web.Request) -> web.StreamResponse:
        clock.shift_s += 119
        return await refusal("900003")(request)

    error, times = await failure([slow, GOOD], clock)
    assert (type(error), times, clock.slept) == (ExchangeUnavailable, 1, [])


async def test_a_silent_server_is_given_up() -> None:
    """Each attempt has a deadline."""
    done = asyncio.Event()

    async def silent(_request: web.Request) -> web.StreamResponse:
        await done.wait()
        return web.Response()

    error, times = await failure([silent] * ATTEMPTS, timeout_s=0.05)
    done.set()
    assert (type(error), times) == (TimedOut, ATTEMPTS)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([success(None)], AnswerMalformed),
        ([answer(200, b"x" * (MAX_ANSWER_BYTES + 100_000))], AnswerMalformed),
        ([answer(302, b"", Location="http://127.0.0.1:9/elsewhere")], RequestRefused),
        ([hang_up] * 2 * ATTEMPTS, ConnectionLost),
    ],
    ids=["null", "endless", "elsewhere", "cut"],
)
async def test_whatever_goes_wrong_is_one_of_our_errors(script: list[Handler], kind: type[P2pbotError]) -> None:
    """No data, too much, a redirect and a broken connection each have their sentence."""
    assert type((await failure(script))[0]) is kind


async def test_a_host_that_is_not_there_is_named() -> None:
    """The error names the place and nothing that was to go there."""
    async with serving() as server:
        url = server.url
    async with door(url, QuickClock()) as opened:
        with pytest.raises(ConnectFailed, match="refuses the connection") as caught:
            await opened.sealed(TOKEN)
    assert_silent(caught.value)
