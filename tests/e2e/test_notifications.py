"""A whole daemon tells a phone, a real ntfy server away, and no phone harms the chat."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from apprise import NotifyBase

from p2pbot.adapters.clock import SystemClock
from p2pbot.adapters.logs import make_log
from p2pbot.app import App
from p2pbot.config import load_settings
from p2pbot.daemon.watch import EVERY_S
from p2pbot.model import Side
from p2pbot.sandbox import Fault
from tests.e2e.stage import OrderSpec, Script, Stage, stage
from tests.fakes.scripted_server import ScriptedServer, answer, serving

RULES = """
version: 1
rules:
  - id: hello
    words: hello
    reply: "Hello!"
  - id: help
    words: help
    notify: "Somebody asks for help in a {{ order.side }} order"
    handover: {reason: wants a person}
"""
TOPIC = "a-secret-topic"


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apprise's own pause between two requests to a service is not under test."""
    monkeypatch.setattr(NotifyBase, "request_rate_per_sec", 0)


def words(server: ScriptedServer) -> str:
    """Return all that the phone was told."""
    return "\n".join(json.loads(asked.body)["message"] for asked in server.asked)


@asynccontextmanager
async def phone(directory: Path, mode: str = "live", more: str = "") -> AsyncIterator[tuple[Stage, ScriptedServer]]:
    """Set a stage whose daemon has a phone: a server that takes everything."""
    async with serving() as server, stage(directory, Script(rules=RULES, mode=mode)) as scene:
        server.script.extend([answer(200, {})] * 50)
        secret = directory / "phone.secret"
        secret.touch(mode=0o600)
        secret.write_text(f"ntfy://127.0.0.1:{server.port}/{TOPIC}\n")
        service = "services: [{name: phone, secret_file: phone.secret}]"
        scene.config.write_text(scene.config.read_text() + f"notifications: {{{service}{more}}}\n")
        yield scene, server
        assert TOPIC not in scene.log.getvalue()


async def test_a_rules_word_a_handover_and_an_appeal_ring(tmp_path: Path) -> None:
    """Each names its order; none repeats what the counterparty wrote."""
    async with phone(tmp_path) as (scene, server), scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.box.say(order, "please help, my card is 4111 1111 1111 1111")
        await scene.until(lambda: "wants a person" in words(server), "the handover")
        await scene.box.pay(order)
        await scene.box.appeal(order)
        await scene.until(lambda: "An appeal was opened" in words(server), "the appeal")
    told = words(server)
    assert f"[order {order}, main]" in told
    assert "Somebody asks for help in a sell order" in told
    assert "4111" not in told


async def test_rules_that_are_refused_ring(tmp_path: Path) -> None:
    """A merchant who mended a rule on the phone hears there that it was not taken."""
    async with phone(tmp_path) as (scene, server), scene.daemon():
        await scene.until_open()
        (scene.directory / "rules-main" / "10-test.yaml").write_text(RULES + "  - {id: broken, wrds: x}\n")
        await scene.until(lambda: "Rules NOT loaded" in words(server), "the refusal")


async def test_what_a_service_is_not_about_does_not_ring(tmp_path: Path) -> None:
    """With `about: [appeal]` a handover stands in the log alone."""
    async with phone(tmp_path, more=", about: [appeal]") as (scene, server), scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.box.say(order, "help")
        await scene.until(lambda: "wants a person" in scene.log.getvalue(), "the log's line")
        await scene.box.pay(order)
        await scene.box.appeal(order)
        await scene.until(lambda: "An appeal was opened" in words(server), "the appeal")
    assert "wants a person" not in words(server)


async def test_a_service_that_hangs_harms_neither_the_chat_nor_the_end(tmp_path: Path) -> None:
    """While the phone's server holds its answer back, orders are answered, and the daemon stops in its budget."""
    let_go = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await let_go.wait()
        return web.json_response({})

    async with phone(tmp_path) as (scene, server):
        server.script.clear()
        server.script.extend([hang] * 10)
        async with scene.daemon():
            await scene.until_open()
            first = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
            await scene.box.say(first, "help")
            await scene.until(lambda: bool(server.asked), "the phone is asked")
            second = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
            await scene.box.say(second, "hello")
            await scene.until(lambda: scene.bot_texts(second) == ["Hello!"], "the answer")
        assert '"event": "stopped"' in scene.log.getvalue()
        let_go.set()


class Leaping(SystemClock):
    """A clock that can leap ahead, and has the watch look twenty times a second."""

    ahead_s = 0.0

    def boottime_s(self) -> float:
        """Return the clock that no wall clock disturbs, and what was leapt."""
        return super().boottime_s() + self.ahead_s

    async def sleep(self, delay_s: float) -> None:
        """Wait, but not long for the watch."""
        await super().sleep(0.05 if delay_s == EVERY_S else delay_s)


async def test_a_chat_that_is_down_for_long_rings_and_so_does_its_return(tmp_path: Path) -> None:
    """Whatever its loop is doing: the watch looks from outside."""
    clock = Leaping()
    async with phone(tmp_path) as (scene, server), scene.daemon(clock):
        await scene.until_open()
        await scene.box.inject(Fault("upgrade_status", status=503))
        await scene.box.inject(Fault("drop"))
        await scene.until(lambda: not scene.account().chat.online, "the chat is down")
        clock.ahead_s = 420.0
        await scene.until(lambda: "The chat has been down for 7 minutes" in words(server), "the phone rings")
        await scene.box.clear_faults()
        await scene.until(lambda: "The chat is open again; it was down for 7" in words(server), "the end is told")


async def test_a_daemon_that_ends_by_itself_rings_once(tmp_path: Path) -> None:
    """The last word leaves before the process does; started again and ended again within the hour, it is silent."""
    async with phone(tmp_path) as (scene, server):
        for _ in range(2):
            app = App(load_settings(scene.config, {}), environ={}, log=make_log(scene.log, output="json"))
            scene.app, task = app, asyncio.create_task(app.run())
            async with asyncio.timeout(20):
                await app.started.wait()
            await scene.until_open()
            await scene.account().doors.store.close()  # as a store that fails from now on
            order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
            await scene.box.say(order, "hello")
            async with asyncio.timeout(30):
                assert await task == 1
    assert words(server).count("p2pbot has ended") == 1
    assert scene.log.getvalue().count('"key": "ended"') == 2
