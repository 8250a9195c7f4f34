"""``forget`` deletes what was asked for, only if told twice, and says what it did."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from p2pbot.adapters.lease import FileLease
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.conversation.records import Claim, OrderMemory, OutboxState
from p2pbot.model import OrderStatus
from tests.cli.conftest import Place
from tests.fakes.records import ACCOUNT, ORDER, entry, reply

CLI = Callable[..., int]
HOUR_MS = 3_600_000
PICTURE = "20260105T080000Z-901.png"


def talked(place: Place, *, hours_ago: int = 48, state: OutboxState = OutboxState.SENT) -> Path:
    """Have a completed order with one answer and one archived picture; return the picture."""
    at_ms = time.time_ns() // 1_000_000 - hours_ago * HOUR_MS

    async def write(store: SqliteStore) -> None:
        memory = OrderMemory(
            account=ACCOUNT, order_no=ORDER, status=OrderStatus.COMPLETED, counterparty_key="Anna", seen_at_ms=at_ms
        )
        replies = (reply("u1", state=state, at_ms=at_ms),)
        await store.claim(Claim(entry=entry("1", text="my words", at_ms=at_ms), replies=replies, memory=memory))

    place.with_store(write)
    picture = place.state / "archive" / ACCOUNT / ORDER / PICTURE
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"a picture")
    return picture


def holds(place: Place, text: str) -> bool:
    """Whether a text stands anywhere below the state directory."""
    return any(text.encode() in data for name, data in place.files().items() if "/state/" in name)


@pytest.mark.parametrize("who", [ORDER, "Anna"])
def test_an_order_or_a_person_is_deleted_with_the_pictures(
    place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str], who: str
) -> None:
    """Rows, letters in the file, pictures and their directory are gone, and counted."""
    picture = talked(place)
    assert p2pbot("forget", who, "--yes") == 0
    assert capsys.readouterr().out == "Forgotten: 1 order; 3 rows, 1 picture.\n"
    assert not picture.parent.exists()
    assert not holds(place, "my words")
    assert p2pbot("forget", who, "--yes") == 2
    assert "nothing is known" in capsys.readouterr().err


def test_nothing_is_deleted_without_yes(place: Place, p2pbot: CLI) -> None:
    """There is no way back, so it is asked for twice."""
    picture = talked(place)
    assert p2pbot("forget", ORDER) == 1
    assert picture.exists()
    assert holds(place, "my words")


def test_an_order_of_the_last_hours_keeps_its_numbers(
    place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]
) -> None:
    """The daemon may read its history again: it must know what was answered."""
    talked(place, hours_ago=5)
    assert p2pbot("forget", ORDER, "--yes") == 0
    said = capsys.readouterr().out
    assert said.startswith("Forgotten: the texts of 1 order; 3 rows, 1 picture.\n")
    assert "Forget it again when it is over" in said
    assert not holds(place, "my words")
    assert holds(place, ORDER)


def test_replies_on_their_way_are_not_forgotten(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """The person is told to wait or to drop them."""
    picture = talked(place, state=OutboxState.CLAIMED)
    assert p2pbot("forget", ORDER, "--yes") == 2
    assert "1 replies are on their way" in capsys.readouterr().err
    assert picture.exists()


def test_a_daemon_that_cannot_be_asked_is_not_gone_behind(place: Place, p2pbot: CLI) -> None:
    """It holds the state, and its memory would not forget."""
    talked(place)
    with FileLease(place.state):
        assert p2pbot("forget", ORDER, "--yes") == 78
    assert holds(place, "my words")


def test_where_nothing_is_nothing_is_made(place: Place, p2pbot: CLI) -> None:
    """No state directory begins to be."""
    assert p2pbot("forget", ORDER, "--yes") == 78
    assert not place.state.exists()
