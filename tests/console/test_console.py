"""The endpoints over real sockets, of a whole daemon against the simulated exchange."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from p2pbot.config import load_settings
from p2pbot.errors import ConfigError
from p2pbot.model import Side
from p2pbot.sandbox import Fault, OrderSpec
from tests.e2e.stage import API_SECRET, Stage, stage

BASE = "http://127.0.0.1"


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage whose daemon listens on a port that the kernel chooses."""
    async with stage(tmp_path) as made:
        with made.config.open("a", encoding="utf-8") as file:
            file.write("console: {listen: 127.0.0.1:0}\n")
        yield made


def port(scene: Stage) -> int:
    """Return the port, as the log tells it."""
    lines = [json.loads(line) for line in scene.log.getvalue().splitlines()]
    return int(next(line["port"] for line in lines if line["event"] == "console_open"))


async def get(scene: Stage, path: str) -> tuple[int, str]:
    """Return status and body."""
    async with aiohttp.ClientSession() as session, session.get(f"{BASE}:{port(scene)}{path}") as answer:
        return answer.status, await answer.text()


async def until_ready(scene: Stage, *, ready: bool) -> str:
    """Ask until /readyz says so; return its body."""
    wanted = 200 if ready else 503
    async with asyncio.timeout(20):
        while True:
            status, body = await get(scene, "/readyz")
            if status == wanted:
                return body
            await asyncio.sleep(0.02)


async def test_alive_and_ready_are_two_questions(scene: Stage) -> None:
    """While the exchange refuses the chat the daemon is alive and not ready, and /readyz says why."""
    async with scene.daemon():
        await until_ready(scene, ready=True)
        await scene.box.inject(Fault("rest_5xx", account="main", status=503))
        await scene.box.inject(Fault("drop", account="main"))
        body = json.loads(await until_ready(scene, ready=False))
        assert body["ok"] is False
        assert body["reasons"][0].startswith("main: the chat is not open")
        assert (await get(scene, "/livez"))[0] == 200
        await scene.box.clear_faults()
        await until_ready(scene, ready=True)


async def test_an_answer_is_counted_and_nothing_of_it_is_shown(scene: Stage) -> None:
    """/metrics counts the decision and the reply, and holds no order, no text and no key."""
    async with scene.daemon():
        await until_ready(scene, ready=True)
        order_no = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.box.say(order_no, "I paid")
        await scene.until(lambda: len(scene.bot_texts(order_no)) == 2, "greeting and answer")
        await scene.until_settled(order_no, lambda _, rows: all(row.state.is_final for row in rows))
        _, text = await get(scene, "/metrics")
    assert 'p2pbot_decisions_total{account="main",reason="answered"} 2.0' in text
    assert 'p2pbot_replies_total{account="main",state="sent"} 2.0' in text
    assert 'p2pbot_chat_open{account="main"} 1.0' in text
    assert "process_resident_memory_bytes" in text
    for hidden in (order_no, "paid", API_SECRET):
        assert hidden not in text


@pytest.mark.parametrize("path", ["/", "/status", "/metrics/x", "/../etc/passwd"])
async def test_there_is_nothing_else(scene: Stage, path: str) -> None:
    """Three paths answer; every other is not found."""
    async with scene.daemon():
        assert (await get(scene, path))[0] == 404


async def test_nothing_can_be_changed(scene: Stage) -> None:
    """A request that is not a GET is refused."""
    async with (
        scene.daemon(),
        aiohttp.ClientSession() as session,
        session.post(f"{BASE}:{port(scene)}/livez", data=b"x") as answer,
    ):
        assert answer.status == 405


async def test_a_port_that_is_taken_ends_the_start(scene: Stage) -> None:
    """The start says which address cannot be had and what to do, and nothing is answered."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        text = scene.config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{taken.getsockname()[1]}")
        scene.config.write_text(text)
        with pytest.raises(ConfigError, match="cannot be listened on") as refused:
            async with scene.daemon():
                raise AssertionError("it started")
    assert "another port" in refused.value.remedy


async def test_without_a_word_it_listens_nowhere(tmp_path: Path) -> None:
    """The endpoints exist only when the configuration asks for them."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        assert "console_open" not in scene.log.getvalue()
        assert load_settings(scene.config, {}).console.address is None
