"""Opening the state database: made whole, refused whole, never emptied."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.adapters.sqlite.opening import open_owned
from p2pbot.adapters.sqlite.schema import APPLICATION_ID, STEPS
from p2pbot.errors import StateDamaged, StateError, StateTooNew, StateUnwritable
from tests.fakes.records import ACCOUNT, ORDER, claim, entry, reply
from tests.fakes.store import SwitchedLease


async def opened(path: Path) -> SqliteStore:
    """Open as the daemon does."""
    return await SqliteStore.open(path, SwitchedLease())


async def filled(path: Path) -> None:
    """Make a database with one decision."""
    store = await opened(path)
    await store.claim(claim(entry("1"), reply("u1")))
    await store.close()


def snapshot(directory: Path) -> dict[str, bytes]:
    """Return every file's content; the shared memory index beside the database is no state."""
    return {file.name: file.read_bytes() for file in directory.iterdir() if not file.name.endswith("-shm")}


def make_directory(path: Path) -> None:
    """Make a directory and those above it."""
    path.mkdir(parents=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the database's place; nothing is there yet."""
    return tmp_path / "state" / "state.db"


async def test_new_files_are_private(path: Path) -> None:
    """The directory that is made is 0700; the database and what SQLite puts beside it are 0600."""
    store = await opened(path)
    await store.claim(claim(entry("1")))
    assert path.parent.stat().st_mode & 0o777 == 0o700
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}
    await store.close()


def test_settings_of_the_connection(path: Path) -> None:
    """Write-ahead log, every commit synced, foreign keys checked, five seconds of patience."""
    with closing(open_owned(path)) as connection:
        asked = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in (
                "journal_mode",
                "synchronous",
                "foreign_keys",
                "busy_timeout",
                "application_id",
                "user_version",
            )
        }
    assert asked == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "application_id": APPLICATION_ID,
        "user_version": len(STEPS),
    }


def test_every_table_is_strict(path: Path) -> None:
    """No table takes a value of another type."""
    with closing(open_owned(path)) as connection:
        tables = {
            row["name"]: row["strict"] for row in connection.execute("PRAGMA table_list") if row["schema"] == "main"
        }
    ours = {name: strict for name, strict in tables.items() if not name.startswith("sqlite_")}
    assert ours == dict.fromkeys(("inbox", "outbox", "orders", "firings", "pauses", "presigns", "actions"), 1)


async def test_an_unfinished_creation_is_begun_again(path: Path) -> None:
    """What a crash during the first start left behind is no database and does no harm."""
    path.parent.mkdir()
    (path.parent / "state.db.new").write_bytes(b"half")
    (path.parent / "state.db.new-wal").write_bytes(b"half")
    await filled(path)
    assert [file.name for file in path.parent.iterdir()] == ["state.db"]


# What is refused stays as it is


def truncate(path: Path) -> None:
    """Leave nothing of it."""
    path.write_bytes(b"")


def cut(path: Path) -> None:
    """Leave a part of it."""
    path.write_bytes(path.read_bytes()[:5000])


def overwrite(path: Path) -> None:
    """Put something else there."""
    path.write_text("shopping list\n" * 1000)


def scramble(path: Path) -> None:
    """Leave the first page and overwrite the others."""
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xa5" * (len(data) - 4096))


def scramble_last_page(path: Path) -> None:
    """Overwrite one table's or index's page, which nothing at the start would need to read."""
    data = path.read_bytes()
    path.write_bytes(data[:-4096] + b"\xa5" * 4096)


def scramble_schema(path: Path) -> None:
    """Leave the header and overwrite the schema."""
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\xa5" * 3996 + data[4096:])


def exchange(path: Path) -> None:
    """Put another program's database there."""
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")


def lose(path: Path) -> None:
    """Remove the database and leave its log."""
    path.with_name("state.db-wal").write_bytes(b"\x37\x7f\x06\x82" + bytes(5000))
    path.unlink()


DAMAGES = [truncate, cut, overwrite, scramble, scramble_last_page, scramble_schema, exchange, lose]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
async def test_damage_is_refused_and_kept(path: Path, damage: Callable[[Path], None]) -> None:
    """A file that cannot be read is refused with a word on what to do, and is not changed or emptied."""
    await filled(path)
    damage(path)
    before = snapshot(path.parent)
    with pytest.raises(StateDamaged) as caught:
        await opened(path)
    assert "kept as it is" in caught.value.remedy
    assert str(path) in caught.value.what
    assert snapshot(path.parent) == before


async def test_newer_schema_is_refused_untouched(path: Path) -> None:
    """The database of a newer p2pbot is refused, and every byte stays."""
    newer = (*STEPS, ("CREATE TABLE new (x TEXT) STRICT",))
    await (await SqliteStore.open(path, SwitchedLease(), steps=newer)).close()
    before = snapshot(path.parent)
    with pytest.raises(StateTooNew, match=f"has schema {len(newer)}, this p2pbot knows up to {len(STEPS)}"):
        await opened(path)
    assert snapshot(path.parent) == before


async def test_newer_schema_in_the_log_is_refused_untouched(path: Path, tmp_path: Path) -> None:
    """The newer number is seen even if a crash left it in the write-ahead log, which stays as it is too."""
    await filled(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
        connection.commit()
        crashed = Path(shutil.copytree(path.parent, tmp_path / "crashed"))
    before = snapshot(crashed)
    with pytest.raises(StateTooNew):
        await opened(crashed / "state.db")
    assert snapshot(crashed) == before


async def test_directory_in_the_files_place(path: Path) -> None:
    """A directory named like the database is a plain refusal."""
    make_directory(path)
    with pytest.raises(StateUnwritable, match=r"state\.db cannot be written"):
        await opened(path)


# Commands beside a daemon


async def test_looking_beside_a_running_daemon(path: Path) -> None:
    """A reader sees at once what the daemon decided, claims nothing and can write nothing."""
    daemon = await opened(path)
    reader = await SqliteStore.open_readonly(path)
    await daemon.claim(claim(entry("1"), reply("u1")))
    assert await reader.inbox(ORDER) == (entry("1"),)
    with pytest.raises(StateUnwritable):
        await reader.set_paused("*", "*", paused=True)
    assert await reader.claim(claim(entry("2"))) == "not_leader"
    await reader.close()
    await daemon.close()


async def test_looking_without_a_daemon(path: Path) -> None:
    """A reader needs no daemon, and leaves the directory as it found it: without a log and its index."""
    await filled(path)
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    reader = await SqliteStore.open_readonly(path)
    assert [row.uuid for row in await reader.outbox(ORDER)] == ["u1"]
    with pytest.raises(StateUnwritable):
        await reader.set_paused("*", "*", paused=True)
    await reader.close()
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


async def test_a_daemon_that_starts_during_a_look_is_not_disturbed(path: Path) -> None:
    """What it writes goes to its log; the look goes on with what it saw."""
    await filled(path)
    reader = await SqliteStore.open_readonly(path)
    daemon = await opened(path)
    await daemon.claim(claim(entry("2"), reply("u2")))
    assert [row.uuid for row in await reader.outbox(ORDER)] == ["u1"]
    await reader.close()
    assert [row.uuid for row in await daemon.outbox(ORDER)] == ["u1", "u2"]
    await daemon.close()


async def test_daemon_starts_after_a_reader(path: Path) -> None:
    """What a reader leaves beside the database does not trouble the next start."""
    await filled(path)
    await (await SqliteStore.open_readonly(path)).close()
    daemon = await opened(path)
    assert [row.uuid for row in await daemon.pending(ACCOUNT)] == ["u1"]
    await daemon.close()


async def test_pausing_beside_a_running_daemon(path: Path) -> None:
    """A command's pause is what the daemon's next decision sees; the command itself may claim nothing."""
    daemon = await opened(path)
    command = await SqliteStore.open_beside(path)
    await command.set_paused(ACCOUNT, ORDER, paused=True)
    assert await command.claim(claim(entry("1"))) == "not_leader"
    await command.close()
    assert (await daemon.talk(ACCOUNT, ORDER, "", 0)).paused
    await daemon.close()


@pytest.mark.parametrize("how", [SqliteStore.open_readonly, SqliteStore.open_beside])
async def test_commands_make_no_database(path: Path, how: Callable[[Path], object]) -> None:
    """A command that finds no database says so and makes none."""
    path.parent.mkdir()
    with pytest.raises(StateError, match="no state database"):
        await how(path)  # type: ignore[misc]
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("how", [SqliteStore.open_readonly, SqliteStore.open_beside])
async def test_commands_refuse_what_the_daemon_refuses(path: Path, how: Callable[[Path], object]) -> None:
    """A command refuses another program's file like the daemon."""
    await filled(path)
    exchange(path)
    with pytest.raises(StateDamaged):
        await how(path)  # type: ignore[misc]
