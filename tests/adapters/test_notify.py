"""Apprise's services reach servers of their protocol; whatever they do, nobody waits and nothing is betrayed."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from apprise import NotifyBase

from p2pbot.adapters.notify import AppriseService
from p2pbot.conversation.notices import Message
from p2pbot.errors import ConfigError
from p2pbot.model import Topic
from p2pbot.secret import Secret, known_values
from tests.fakes.certificates import Authority
from tests.fakes.mail_server import mail_server
from tests.fakes.scripted_server import answer, serving

BOT = "123456789:AAabcdefghijklmnopqrstuvwxyz012345_"  # the shape of Telegram's own example
HOOK_ID, HOOK_TOKEN = "4174216298", "JHMHI8qBe7bk2ZwO5U711o3dV_js"  # Apprise's own example
WORD = Message(title="p2pbot: handover", text="[order 7, main] Rule x hands this order to you", urgent=True)


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.lines.append(record)


def service(url: str, **more: float) -> AppriseService:
    """Return the door to the service at ``url``."""
    return AppriseService("phone", Secret(url), **more)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Return an authority that requests and smtplib trust, by the variables that they document for it."""
    made = Authority.create(tmp_path, named=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.ca_file))
    monkeypatch.setenv("SSL_CERT_FILE", str(made.ca_file))
    return made


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Return a way to have a name of the internet lead to a port of this machine; no other name leads anywhere."""
    homes: dict[str, int] = {}

    def look_up(host: str, port: object, *_: object, **__: object) -> list[tuple[Any, ...]]:
        if host not in homes and host != "127.0.0.1":
            raise socket.gaierror(socket.EAI_NONAME, f"{host} is not of this test")
        place = ("127.0.0.1", homes.get(host, port))
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return homes.__setitem__


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apprise's own pause between two requests to a service (5.5 s) is not under test."""
    monkeypatch.setattr(NotifyBase, "request_rate_per_sec", 0)


@pytest.fixture
def root_lines() -> Iterator[list[logging.LogRecord]]:
    """Return what reaches the root logger, from where the daemon's log takes other libraries' lines."""
    handler = Lines()
    logging.getLogger().addHandler(handler)
    yield handler.lines
    logging.getLogger().removeHandler(handler)


async def test_ntfy() -> None:
    """A word reaches a ntfy server as its documentation wants it: topic, title, text, priority."""
    async with serving() as server:
        server.script.append(answer(200, {"id": "x", "event": "message"}))
        assert await service(f"ntfy://127.0.0.1:{server.port}/shop-alerts?priority=high").send(WORD) == ""
    (asked,) = server.asked
    body = json.loads(asked.body)
    assert (asked.method, asked.path, asked.headers["x-priority"]) == ("POST", "/", "high")
    assert (body["topic"], body["title"], body["message"]) == ("shop-alerts", WORD.title, WORD.text)


async def test_telegram(authority: Authority, at_home: Callable[[str, int], None]) -> None:
    """A word reaches Telegram's own address, over verified TLS, as sendMessage of the bot to the chat."""
    async with serving(authority.server(host="api.telegram.org")) as server:
        at_home("api.telegram.org", server.port)
        server.script.append(answer(200, {"ok": True, "result": {"message_id": 1}}))
        assert await service(f"tgram://{BOT}/987654321/").send(WORD) == ""
    (asked,) = server.asked
    body = json.loads(asked.body)
    assert (asked.method, asked.path, str(body["chat_id"])) == ("POST", f"/bot{BOT}/sendMessage", "987654321")
    assert WORD.title in body["text"]
    assert WORD.text in body["text"]


async def test_discord(authority: Authority, at_home: Callable[[str, int], None]) -> None:
    """A word reaches Discord's own address, over verified TLS, at the webhook's path."""
    async with serving(authority.server(host="discord.com")) as server:
        at_home("discord.com", server.port)
        server.script.append(answer(204))
        assert await service(f"discord://{HOOK_ID}/{HOOK_TOKEN}/").send(WORD) == ""
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", f"/api/webhooks/{HOOK_ID}/{HOOK_TOKEN}")
    assert WORD.text in asked.body.decode()


async def test_a_text_that_is_too_long_for_the_service_becomes_two(
    authority: Authority, at_home: Callable[[str, int], None]
) -> None:
    """Discord takes 2000 characters: a longer word arrives whole, in two messages."""
    async with serving(authority.server(host="discord.com")) as server:
        at_home("discord.com", server.port)
        server.script.extend([answer(204), answer(204), answer(204)])
        long = Message(title="p2pbot", text="\n".join(f"line {number:04}" for number in range(300)))
        assert await service(f"discord://{HOOK_ID}/{HOOK_TOKEN}/").send(long) == ""
    assert len(server.asked) >= 2
    everything = "".join(asked.body.decode() for asked in server.asked)
    assert "line 0000" in everything
    assert "line 0299" in everything


async def test_mail_over_tls(authority: Authority) -> None:
    """A word is mailed after STARTTLS with a verified certificate and a login; subject and text are those given."""
    async with mail_server(authority.server(host="127.0.0.1")) as box:
        url = f"mailtos://{box.user}:{box.password}@127.0.0.1:{box.port}?from=bot@shop.test&to=me@shop.test"
        assert await service(url).send(WORD) == ""
        (mail,) = box.mails
    assert (mail["Subject"], mail["To"], box.encrypted) == (WORD.title, "me@shop.test", [True])
    assert WORD.text in mail.as_string()


async def test_a_mail_server_with_a_false_certificate_gets_neither_password_nor_mail(tmp_path: Path) -> None:
    """A certificate of nobody that is trusted ends the attempt before the login."""
    stranger = Authority.create(tmp_path, named=True)
    async with mail_server(stranger.server(host="127.0.0.1")) as box:
        url = f"mailtos://{box.user}:{box.password}@127.0.0.1:{box.port}?from=bot@shop.test&to=me@shop.test"
        assert await service(url).send(WORD) != ""
    assert box.mails == []


async def test_a_server_with_a_false_certificate_is_told_nothing(tmp_path: Path) -> None:
    """HTTPS is verified: a stranger's certificate is a failure, and nothing was posted."""
    stranger = Authority.create(tmp_path, named=True)
    async with serving(stranger.server()) as server:
        assert await service(f"ntfys://127.0.0.1:{server.port}/shop-alerts").send(WORD) != ""
    assert server.asked == []


@pytest.mark.parametrize("status", [401, 404, 429, 500])
async def test_a_refusal_is_a_reason_that_betrays_nothing(status: int, root_lines: list[logging.LogRecord]) -> None:
    """What the service answers becomes one line without the address; the library writes no line of its own."""
    async with serving() as server:
        server.script.append(answer(status, {"error": "no /very-secret-topic for you"}))
        why = await service(f"ntfy://shop:long-password@127.0.0.1:{server.port}/very-secret-topic").send(WORD)
    assert why == f"Failed to send ntfy notification to topic '<secret>': no /<secret> for you, error={status}."
    assert [line for line in root_lines if line.levelno >= logging.WARNING] == []


async def test_a_redirect_is_not_followed() -> None:
    """A server that sends us elsewhere is a failure: the word and its password go nowhere else."""
    async with serving() as server, serving() as elsewhere:
        server.script.append(answer(307, Location=f"{elsewhere.url}/there"))
        elsewhere.script.append(answer(200, {}))
        assert await service(f"ntfy://127.0.0.1:{server.port}/shop-alerts").send(WORD) != ""
    assert elsewhere.asked == []


async def test_nobody_at_home_is_a_reason() -> None:
    """A refused connection is no exception."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert await service(f"ntfy://127.0.0.1:{port}/shop-alerts").send(WORD) != ""


async def test_a_service_that_hangs_holds_up_nobody_and_is_not_asked_twice() -> None:
    """The deadline ends the wait; until the library's thread is back no second one is begun; then all is well again."""
    let_go, asked = asyncio.Event(), asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        asked.set()
        await let_go.wait()
        return web.json_response({})

    async with serving() as server:
        server.script.extend([hang, answer(200, {})])
        phone = service(f"ntfy://127.0.0.1:{server.port}/shop-alerts?rto=30", timeout_s=0.2)
        assert await phone.send(WORD) == "the service does not answer"
        await asked.wait()
        assert await phone.send(WORD) == "the service does not answer"
        assert len(server.asked) == 1
        hanging = [thread for thread in threading.enumerate() if thread.name == "abandonable"]
        assert all(thread.daemon for thread in hanging), "the process's end must not wait for it"
        let_go.set()
        phone.longest_s = 20
        async with asyncio.timeout(20):
            while await phone.send(WORD):  # noqa: ASYNC110 - the library's thread has no event
                await asyncio.sleep(0.01)
    assert len(server.asked) == 2


async def test_a_send_that_is_cancelled_at_once_leaves_the_service_usable() -> None:
    """Whether its thread had begun or not: the next word is sent."""
    async with serving() as server:
        server.script.extend([answer(200, {})] * 3)
        phone = service(f"ntfy://127.0.0.1:{server.port}/shop-alerts")
        task = asyncio.create_task(phone.send(WORD))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(20):
            while await phone.send(WORD):  # noqa: ASYNC110 - the library's thread has no event
                await asyncio.sleep(0.01)
    assert len(server.asked) in (1, 2)


async def test_nothing_that_is_secret_is_sent() -> None:
    """A known secret in a word is taken out on the way, like in a log line."""
    secret = Secret("listen-key-of-this-test-0123456789")
    async with serving() as server:
        server.script.append(answer(200, {}))
        said = Message(title=f"about {secret.reveal()}", text=f"wss://host/{secret.reveal()} failed")
        assert await service(f"ntfy://127.0.0.1:{server.port}/shop-alerts").send(said) == ""
    (asked,) = server.asked
    assert secret.reveal().encode() not in asked.body
    assert json.loads(asked.body)["message"] == "wss://host/<secret> failed"


@pytest.mark.parametrize("url", ["", "nonsense", "nonsense://with-a-long-secret/", "tgram://", "file:///etc/passwd"])
def test_an_address_that_nobody_understands_is_refused(url: str) -> None:
    """It is refused in a sentence that does not repeat it."""
    with pytest.raises(ConfigError) as caught:
        service(url)
    assert "long-secret" not in str(caught.value)
    assert "docs/notifications.md" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ntfys://127.0.0.1/topic?verify=no", "mailtos://u:p@127.0.0.1?from=a@b.example&to=a@b.example&verify=false"]
)
def test_an_unverified_service_is_refused(url: str) -> None:
    """TLS is verified always: an address that switches it off is an error of the configuration."""
    with pytest.raises(ConfigError, match="verify=no"):
        service(url)


def test_the_parts_of_an_address_are_known_to_the_nets() -> None:
    """The token inside an address is a secret of its own: libraries put it into requests of another shape."""
    held = [service(f"tgram://{BOT}/987654321/"), service(f"discord://{HOOK_ID}/{HOOK_TOKEN}/")]
    assert held
    assert {BOT, HOOK_TOKEN, HOOK_ID} <= known_values()


PAGE = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text("utf-8")
ADDRESSES = [line for block in re.findall(r"```address\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("url", ADDRESSES)
def test_an_address_of_the_page_is_understood(url: str) -> None:
    """Whoever copies an example of docs/notifications.md and puts in their own words has a service."""
    assert service(url).name == "phone"


def test_the_page_explains_every_reason() -> None:
    """docs/notifications.md has a row for each word that ``about`` takes, and for no other."""
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == [topic.value for topic in Topic]
    assert len(ADDRESSES) == 6


def test_every_reason_is_given_somewhere() -> None:
    """No word of ``about`` is one that nobody ever says."""
    package = Path(__file__).parents[2] / "p2pbot"
    said = "\n".join(path.read_text("utf-8") for path in package.rglob("*.py"))
    assert [topic for topic in Topic if f"Topic.{topic.name}" not in said] == []


def test_without_a_service_the_library_is_not_loaded() -> None:
    """Its forty megabytes are for those who want it: a daemon without services starts without it."""
    code = "import p2pbot.app, sys; print('apprise' in sys.modules, 'requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout == "False False\n"
