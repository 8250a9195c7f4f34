"""Scripts of JSON lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from p2pbot.sandbox import Life, Sandbox
from p2pbot.sandbox.script import Player, ScriptError, read_script
from tests.sandbox.peer import Peer, options, text_frame


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """Serve a plain world on loopback."""
    async with Sandbox(options(tmp_path)) as running:
        yield running


async def play(box: Sandbox, text: str) -> tuple[Player, list[str]]:
    """Play a script; return the player and what it told."""
    told: list[str] = []
    player = Player(box, told.append)
    await player.play(read_script(text))
    return player, told


async def test_a_script_plays_in_order(box: Sandbox) -> None:
    """Steps follow one another, ``as`` names an order, comments and blank lines are left out."""
    player, told = await play(
        box,
        """
        # a short day
        {"do": "open_order", "account": "main", "as": "a"}
        {"do": "say", "order": "a", "text": "I paid"}

        {"wait_ms": 1}
        {"do": "pay", "order": "a"}
        """,
    )
    assert box.world.life(player.names["a"]) is Life.PAID
    assert [line.split()[:2] for line in told] == [
        ["SIMULATED", "open_order"],
        ["SIMULATED", "say"],
        ["SIMULATED", "pay"],
    ]


async def test_a_script_can_wait_for_the_bot(box: Sandbox) -> None:
    """``until`` waits for a connect and for a reply with a text."""
    order_no = await box.open_order("main")
    async with aiohttp.ClientSession() as session:
        chat = await Peer(box, session).open_chat()
        await chat.send(text_frame(order_no, "please notify seller", "u-1"))
        await play(
            box,
            '{"until": "connected", "account": "main"}\n'
            f'{{"until": "reply", "order": "{order_no}", "contains": "notify", "count": 1}}',
        )
        await chat.close()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "line 1: not JSON"),
        ("\n[]", "line 2: a step has one of"),
        ('{"do": "say", "until": "reply"}', "a step has one of"),
        ('{"do": "fly"}', "there is no 'fly'"),
        ('{"until": "rain"}', "there is no 'rain'"),
    ],
)
def test_a_script_is_read_whole_first(text: str, word: str) -> None:
    """What is wrong with a line is told with its number before anything happens."""
    with pytest.raises(ScriptError, match=word):
        read_script(text)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"do": "say", "order": "b", "text": "x"}', "line 1: the sandbox has no order 'b'"),
        ('{"until": "connected", "account": "main", "within_ms": 5}', "line 1: waited 0.005 s in vain"),
        ('{"until": "connected", "acount": "main"}', "line 1: until 'connected' knows"),
        ('{"until": "reply", "within_ms": 5}', "line 1"),
        ('{"wait_ms": "long"}', "line 1"),
    ],
)
async def test_a_step_that_fails_names_its_line(box: Sandbox, text: str, word: str) -> None:
    """The script ends at the first step that cannot be."""
    with pytest.raises(ScriptError, match=word):
        await play(box, text)


async def test_an_impossible_turn_ends_the_script(box: Sandbox) -> None:
    """A release before the payment is told with its line."""
    order_no = await box.open_order("main")
    with pytest.raises(ScriptError, match="line 1: simulated order"):
        await play(box, f'{{"do": "release", "order": "{order_no}"}}')
