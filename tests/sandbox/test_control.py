"""The control interface over HTTP, and the table of actions behind it."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from p2pbot.sandbox import Life, Sandbox
from p2pbot.sandbox.actions import ACTIONS, VIEWS
from tests.sandbox.peer import Peer, options
from tests.sandbox.stage import stage


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """Serve a plain world on loopback."""
    async with Sandbox(options(tmp_path)) as running:
        yield running


class Remote:
    """Another process, as far as the sandbox can tell."""

    def __init__(self, box: Sandbox, session: aiohttp.ClientSession) -> None:
        self._box = box
        self._session = session
        self._tls = Peer(box, session).tls or True
        self.headers = {"Authorization": f"Bearer {box.control_token_file.read_text()}"}

    async def act(self, name: str, **arguments: Any) -> tuple[int, Any]:
        """POST an action."""
        url = f"{self._box.rest_url}/control/{name}"
        async with self._session.post(url, json=arguments, headers=self.headers, ssl=self._tls) as answer:
            return answer.status, await answer.json()

    async def view(self, name: str, **query: str) -> tuple[int, Any]:
        """GET a view."""
        url = f"{self._box.rest_url}/control/{name}"
        async with self._session.get(url, params=query, headers=self.headers, ssl=self._tls) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def remote(box: Sandbox) -> AsyncIterator[Remote]:
    """Yield a client that has the token."""
    async with aiohttp.ClientSession() as session:
        yield Remote(box, session)


async def test_another_process_can_play_an_order(box: Sandbox, remote: Remote) -> None:
    """Open, say, pay and look: all over HTTP."""
    _, opened = await remote.act("open_order", account="main", side="buy", amount="12.5", counterparty={"orders": 3})
    order_no = opened["order_no"]
    _, said = await remote.act("say", order=order_no, text="hello")
    assert await remote.act("pay", order=order_no) == (200, {"life": "paid"})
    _, lines = await remote.view("chat", order=order_no)
    assert [(line["by"], line["message_id"]) for line in lines][1] == ("counterparty", said["message_id"])
    assert box.world.life(order_no) is Life.PAID


async def test_faults_can_be_injected_and_cleared(box: Sandbox, remote: Remote) -> None:
    """A standing fault shows in the view until it is cleared by its id."""
    _, injected = await remote.act("inject", fault="swallow", account="main", probability=0.5)
    assert (await remote.view("faults"))[1] == [{**injected, "fault": "swallow", "struck": 0, "left": None}]
    await remote.act("clear_faults", **injected)
    assert (await remote.view("state"))[1]["faults"] == []
    assert box.world.faults(0) == ()


async def test_nothing_is_done_without_the_token(box: Sandbox, remote: Remote) -> None:
    """A missing or wrong token is 401, for actions and views."""
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        remote.headers = headers
        assert (await remote.act("open_order", account="main"))[0] == 401
        assert (await remote.view("state"))[0] == 401
    assert box.world.orders("main") == ()


def test_the_token_is_private(tmp_path: Path) -> None:
    """The token lies beside the certificate; its file is made at the start with mode 0600."""
    assert Sandbox(options(tmp_path)).control_token_file == tmp_path / "control.token"


async def test_the_tokens_file_has_mode_0600(box: Sandbox) -> None:
    """Nobody else can read it."""
    assert stat.S_IMODE(box.control_token_file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "arguments", "status", "word"),
    [
        ("fly", {}, 404, "there is no such action"),
        ("open_order", {}, 400, "account"),
        ("open_order", {"account": "nobody"}, 400, "no account"),
        ("open_order", {"account": "main", "sied": "buy"}, 400, "unknown key 'sied'"),
        ("open_order", {"account": "main", "side": "up"}, 400, "up"),
        ("open_order", {"account": "main", "amount": "much"}, 400, "decimal"),
        ("open_order", {"account": "main", "age_ms": "5"}, 400, "age_ms is of the kind int"),
        ("say", {"order": "1", "text": "x"}, 400, "no order"),
        ("say", {"order": 1, "text": "x"}, 400, "is a text"),
        ("say", {"order": "1", "txet": "x"}, 400, "unknown argument 'txet'"),
        ("recall", {"order": "1", "message_id": None}, 400, "whole number"),
        ("pay", {"order": "1", "by_us": "yes"}, 400, "true or false"),
        ("inject", {"fault": "drpo"}, 400, "did you mean 'drop'"),
        ("inject", {"fault": "drop", "count": "a"}, 400, ""),
    ],
)
async def test_a_wrong_action_is_a_sentence(
    remote: Remote, name: str, arguments: dict[str, Any], status: int, word: str
) -> None:
    """What cannot be done says why, and the status tells whose fault it is."""
    answered, body = await remote.act(name, **arguments)
    assert answered == status
    assert word in body["error"]
    assert "SIMULATED" in body["error"]


async def test_an_impossible_turn_is_a_conflict(box: Sandbox, remote: Remote) -> None:
    """An order that is not paid cannot be released: 409."""
    order_no = await box.open_order("main")
    assert (await remote.act("release", order=order_no))[0] == 409


async def test_views_show_what_our_side_did(box: Sandbox, remote: Remote) -> None:
    """Connects, calls, frames and uploads can be read from outside."""
    async with aiohttp.ClientSession() as session:
        chat = await Peer(box, session).open_chat()
        await chat.close()
    assert [seen["status"] for seen in (await remote.view("connects", account="main"))[1]] == [101]
    assert [call["endpoint"] for call in (await remote.view("rest_calls", account="main"))[1]] == [
        "retrieveChatCredential"
    ]
    assert (await remote.view("received", account="main"))[1] == []
    assert (await remote.view("uploads", account="main"))[1] == []


@pytest.mark.parametrize("name", [*ACTIONS, *VIEWS])
def test_every_action_says_what_it_is(name: str) -> None:
    """The tables are complete: a name, a meaning."""
    action = (ACTIONS | VIEWS)[name]
    assert (action.name, bool(action.meaning)) == (name, True)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("send_image", {}),
        ("send_image", {"data_base64": "/9j/", "declared": "jpg"}),
        ("operator_says", {"text": "hi"}),
        ("system", {"event": "nlp_warning"}),
        ("read", {"by_us": True}),
        ("cancel", {}),
        ("cancel_by_system", {}),
    ],
)
def test_actions_reach_the_chat(name: str, arguments: dict[str, Any]) -> None:
    """Each action on a fresh order is possible and gives JSON."""
    scene = stage()
    order_no = scene.open_order()
    assert isinstance(ACTIONS[name].perform(scene.world, arguments | {"order": order_no}, scene.now_ms), dict)


@pytest.mark.parametrize("arguments", [{"data_base64": "?"}, {"declared": "../x"}, {"declared": "x" * 9}])
def test_a_picture_that_cannot_be_is_refused(arguments: dict[str, Any]) -> None:
    """What is no base64, and an ending that would be a path."""
    scene = stage()
    with pytest.raises(ValueError, match=r"."):
        ACTIONS["send_image"].perform(scene.world, arguments | {"order": scene.open_order()}, scene.now_ms)
