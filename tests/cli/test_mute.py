"""``mute`` and ``unmute`` without a daemon: written into the store, where its next decision finds them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.conversation.records import OrderMemory
from p2pbot.model import OrderStatus, Reason
from tests.cli.conftest import Place
from tests.fakes.records import ACCOUNT, ORDER

CLI = Callable[..., int]


@pytest.fixture
def begun(place: Place) -> Place:
    """Return a place that remembers one open order."""

    async def remember(store: SqliteStore) -> None:
        await store.remember(OrderMemory(account=ACCOUNT, order_no=ORDER, status=OrderStatus.UNPAID))

    place.with_store(remember)
    return place


def test_an_order_is_muted_listed_and_taken_back(begun: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """What mute leaves to a person, unmute without words shows and with its number gives back."""
    assert p2pbot("mute", ORDER) == 0
    assert "until it ends" in capsys.readouterr().out
    found: list[Reason] = []

    async def look(store: SqliteStore) -> None:
        memory = await store.recall(ACCOUNT, ORDER)
        if memory and memory.mute:
            found.append(memory.mute.reason)

    begun.with_store(look)
    assert found == [Reason.MUTED]
    assert p2pbot("unmute") == 0
    assert ORDER in capsys.readouterr().out
    assert p2pbot("unmute", ORDER) == 0
    assert p2pbot("unmute", ORDER) == 1
    capsys.readouterr()
    assert p2pbot("unmute") == 0
    assert capsys.readouterr().out == "No open order is muted.\n"
    assert p2pbot("why", ORDER) == 0
    shown = capsys.readouterr().out
    assert shown.index("left to a person") < shown.index("taken back")


@pytest.mark.parametrize("span", ["soon", "5", "59s", "31d"])
def test_a_time_that_is_none_is_refused(begun: Place, p2pbot: CLI, span: str) -> None:
    """From a minute to thirty days, with a unit."""
    assert p2pbot("mute", ORDER, "--for", span) == 2
    assert begun.state.exists()


@pytest.mark.parametrize("arguments", [("205",), (ORDER, "--account", "nobody"), ("2 5",)])
def test_what_cannot_be_muted_is_refused(begun: Place, p2pbot: CLI, arguments: tuple[str, ...]) -> None:
    """An order that nobody has heard of, an account that is none, a number that is none."""
    assert p2pbot("mute", *arguments) == 2
    assert begun.state.exists()
