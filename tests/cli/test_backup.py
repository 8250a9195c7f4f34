"""``backup`` and ``restore``: a state in one file, and never over one that is in use."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from p2pbot.adapters.lease import FileLease
from p2pbot.adapters.sqlite import SqliteStore
from tests.cli.conftest import Place
from tests.fakes.records import ORDER, claim, entry, reply

CLI = Callable[..., int]


async def _one_answer(store: SqliteStore) -> None:
    await store.claim(claim(entry("1"), reply("u1")))


def _decided(place: Place) -> list[str]:
    """Return the ids of the messages that the state knows."""
    found: list[str] = []

    async def look(store: SqliteStore) -> None:
        found.extend(one.message_id for one in await store.inbox(ORDER))

    place.with_store(look)
    return found


def test_a_state_comes_back_on_another_machine(
    place: Place, p2pbot: CLI, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was decided here is known there, and the person is told to start one of them only."""
    place.with_store(_one_answer)
    assert p2pbot("backup", str(tmp_path / "copy.db")) == 0
    place.config.write_text(place.config.read_text() + "state_dir: elsewhere\n")
    assert p2pbot("restore", str(tmp_path / "copy.db")) == 0
    assert "and nowhere else" in capsys.readouterr().out
    (place.path / "state" / "p2pbot.sqlite3").unlink()
    (place.path / "elsewhere" / "p2pbot.sqlite3").rename(place.path / "state" / "p2pbot.sqlite3")
    assert _decided(place) == ["1"]


def test_a_backup_works_beside_a_daemon(place: Place, p2pbot: CLI, tmp_path: Path) -> None:
    """The lock that a daemon holds is no obstacle."""

    async def beside(store: SqliteStore) -> None:
        await _one_answer(store)
        assert await asyncio.to_thread(p2pbot, "backup", str(tmp_path / "copy.db")) == 0

    place.with_store(beside)
    assert (tmp_path / "copy.db").exists()


def test_nothing_is_backed_up_where_nothing_is(place: Place, p2pbot: CLI, tmp_path: Path) -> None:
    """No state directory is made, and no empty file that looks like a backup."""
    assert p2pbot("backup", str(tmp_path / "copy.db")) == 78
    assert not (tmp_path / "copy.db").exists()
    assert not place.state.exists()


def test_a_state_in_use_is_not_restored_over(
    place: Place, p2pbot: CLI, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A daemon that runs keeps its state, whatever the person insists on."""
    place.with_store(_one_answer)
    p2pbot("backup", str(tmp_path / "copy.db"))
    with FileLease(place.state):
        assert p2pbot("restore", str(tmp_path / "copy.db"), "--replace") == 78
    assert "in use by another p2pbot" in capsys.readouterr().err
    assert _decided(place) == ["1"]


def test_a_state_is_replaced_only_if_asked_and_kept_aside(place: Place, p2pbot: CLI, tmp_path: Path) -> None:
    """Without --replace nothing changes; with it the old state has another name."""
    place.with_store(_one_answer)
    p2pbot("backup", str(tmp_path / "copy.db"))
    assert p2pbot("restore", str(tmp_path / "copy.db")) == 78
    assert p2pbot("restore", str(tmp_path / "copy.db"), "--replace") == 0
    assert len(list(place.state.glob("p2pbot.sqlite3.replaced-*"))) == 1
    assert _decided(place) == ["1"]


def test_a_bad_backup_leaves_the_state_in_its_place(place: Place, p2pbot: CLI, tmp_path: Path) -> None:
    """What was moved aside comes back when the file turns out to be none."""
    place.with_store(_one_answer)
    (tmp_path / "copy.db").write_text("no backup")
    assert p2pbot("restore", str(tmp_path / "copy.db"), "--replace") == 78
    assert list(place.state.glob("*replaced*")) == []
    assert _decided(place) == ["1"]


def test_what_root_restores_belongs_to_the_directorys_owner(place: Place, p2pbot: CLI, tmp_path: Path) -> None:
    """Under systemd a person types it as root, and the daemon of another user must open the state and its lock."""
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    place.with_store(_one_answer)
    p2pbot("backup", str(tmp_path / "copy.db"))
    place.config.write_text(place.config.read_text() + "state_dir: elsewhere\n")
    elsewhere = place.path / "elsewhere"
    elsewhere.mkdir()
    os.chown(elsewhere, 61_234, 61_235)
    assert p2pbot("restore", str(tmp_path / "copy.db")) == 0
    owners = {path.name: (path.stat().st_uid, path.stat().st_gid) for path in elsewhere.iterdir()}
    assert owners == dict.fromkeys(("p2pbot.sqlite3", "lock"), (61_234, 61_235))
