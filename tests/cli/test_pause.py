"""``pause`` and ``resume`` switch exactly what they name, while the daemon runs or not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p2pbot.adapters.sqlite import SqliteStore
from tests.cli.conftest import CONFIG, Place

CLI = Callable[..., int]


async def nothing(_: SqliteStore) -> None:
    """Leave an empty store."""


@pytest.fixture
def begun(place: Place) -> Place:
    """Return a place with two accounts whose store exists."""
    place.config.write_text(CONFIG + "  - {name: shop, api_key_env: K, api_secret_env: S, rules: rules}\n")
    place.with_store(nothing)
    return place


def paused(place: Place) -> set[tuple[str, str]]:
    """Return what the store says is paused."""
    found: set[tuple[str, str]] = set()

    async def look(store: SqliteStore) -> None:
        found.update(await store.paused())

    place.with_store(look)
    return found


@pytest.mark.parametrize(
    ("arguments", "pair", "words"),
    [
        ([], ("*", "*"), "Paused: everything."),
        (["all"], ("*", "*"), "Paused: everything."),
        (["--account", "shop"], ("shop", "*"), "Paused: account shop."),
        (["20476365073825144832"], ("*", "20476365073825144832"), "Paused: order 20476365073825144832."),
        (["204", "--account", "main"], ("main", "204"), "Paused: order 204 of account main."),
    ],
)
def test_pause_and_resume_name_the_same_place(
    begun: Place,
    p2pbot: CLI,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    pair: tuple[str, str],
    words: str,
) -> None:
    """What pause silences, resume with the same words lifts."""
    assert p2pbot("pause", *arguments) == 0
    assert words in capsys.readouterr().out
    assert paused(begun) == {pair}
    assert p2pbot("resume", *arguments) == 0
    assert paused(begun) == set()


def test_resume_lists_what_is_still_silent(begun: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """An order that was paused by its number stays so, and the way to end it is told."""
    p2pbot("pause", "204")
    p2pbot("pause", "--account", "shop")
    p2pbot("pause")
    capsys.readouterr()
    p2pbot("resume")
    shown = capsys.readouterr().out
    assert "paused: order 204 (p2pbot resume 204)" in shown
    assert "paused: account shop (p2pbot resume all --account shop)" in shown
    assert "everything (" not in shown
    assert paused(begun) == {("*", "204"), ("shop", "*")}


def test_a_pause_file_is_told(begun: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever resumes and still hears nothing learns of the file."""
    (begun.path / "rules" / "PAUSE").touch()
    p2pbot("resume")
    assert "by the file PAUSE" in capsys.readouterr().out


def test_it_works_while_the_daemon_runs(begun: Place, p2pbot: CLI) -> None:
    """The store is shared, and the daemon sees the switch at once."""
    import asyncio  # noqa: PLC0415 - for this test alone

    async def beside(store: SqliteStore) -> None:
        assert await asyncio.to_thread(p2pbot, "pause", "204") == 0
        assert (await store.talk("main", "204", "", 0)).paused

    begun.with_store(beside)


@pytest.mark.parametrize(
    ("arguments", "code", "wanted"),
    [
        (["--account", "mian"], 2, "there is no account `mian`"),
        (["20 4"], 2, "an order's number has digits only"),
        (["*"], 2, "an order's number has digits only"),
        (["204", "205"], 2, "unrecognized arguments: 205"),
    ],
)
def test_a_wrong_place_changes_nothing(
    begun: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, wanted: str
) -> None:
    """The sentence says what is wrong."""
    assert p2pbot("pause", *arguments) == code
    assert wanted in capsys.readouterr().err
    assert paused(begun) == set()


def test_without_a_database_the_way_is_told(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 78, and nothing is made."""
    assert p2pbot("pause") == 78
    assert "start p2pbot run once" in capsys.readouterr().err
    assert not place.state.exists()
