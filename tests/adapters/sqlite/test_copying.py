"""A copy is one moment's state, whole; putting one back overwrites nothing and says that it is a copy."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.adapters.sqlite.copying import back_up, move_aside, restore
from p2pbot.adapters.sqlite.schema import STEPS
from p2pbot.errors import StateDamaged, StateError, StateTooNew
from tests.adapters.sqlite.test_migration import kept_since
from tests.fakes.records import NOW_MS, ORDER, claim, entry, reply
from tests.fakes.store import SwitchedLease


async def written(path: Path, *messages: str) -> SqliteStore:
    """Return an open store that has decided these messages."""
    store = await SqliteStore.open(path, SwitchedLease())
    for message in messages:
        await store.claim(claim(entry(message), reply(f"u{message}")))
    return store


async def decided(path: Path) -> list[str]:
    """Return the ids of the messages that a database holds."""
    store = await SqliteStore.open(path, SwitchedLease())
    try:
        return [one.message_id for one in await store.inbox(ORDER)]
    finally:
        await store.close()


async def test_a_database_in_use_is_copied_whole(tmp_path: Path) -> None:
    """What was acknowledged before is in it, log and all, in one file of mode 0600."""
    store = await written(tmp_path / "state.db", "1", "2")
    size = await asyncio.to_thread(back_up, tmp_path / "state.db", tmp_path / "copy.db")
    await store.close()
    assert size == (tmp_path / "copy.db").stat().st_size
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert not (tmp_path / ".copy.db.part").exists()
    assert not (tmp_path / "copy.db-wal").exists()
    assert await decided(tmp_path / "copy.db") == ["1", "2"]


async def test_a_copy_under_writes_is_of_one_moment(tmp_path: Path) -> None:
    """While decisions are written, every copy holds a beginning of them, each with its reply."""
    store = await written(tmp_path / "state.db")
    over = asyncio.Event()

    async def write() -> int:
        number = 0
        while not over.is_set():
            number += 1
            await store.claim(claim(entry(str(number)), reply(f"u{number}")))
        return number

    writing = asyncio.create_task(write())
    copies = [tmp_path / f"copy{number}.db" for number in range(3)]
    for copy in copies:
        await asyncio.to_thread(back_up, tmp_path / "state.db", copy)
    over.set()
    assert await writing > 0
    await store.close()
    for copy in copies:
        found = await decided(copy)
        assert found == [str(number) for number in range(1, len(found) + 1)]
        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("SELECT count(*) FROM outbox").fetchone()[0] == len(found)


async def test_a_backup_overwrites_nothing(tmp_path: Path) -> None:
    """A file that is there is somebody's last good copy."""
    store = await written(tmp_path / "state.db", "1")
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(StateError, match="is there already"):
        await asyncio.to_thread(back_up, tmp_path / "state.db", tmp_path / "copy.db")
    await store.close()
    assert (tmp_path / "copy.db").read_text() == "mine"


async def test_a_restored_state_says_so(tmp_path: Path) -> None:
    """All that was decided is known, and the next daemon learns when it moved in."""
    await (await written(tmp_path / "state.db", "1")).close()
    back_up(tmp_path / "state.db", tmp_path / "copy.db")
    (tmp_path / "new").mkdir()
    restore(tmp_path / "copy.db", tmp_path / "new" / "state.db", NOW_MS)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["state.db"]
    assert stat.S_IMODE((tmp_path / "new" / "state.db").stat().st_mode) == 0o600
    store = await SqliteStore.open(tmp_path / "new" / "state.db", SwitchedLease())
    assert await store.claim(claim(entry("1"))) == "duplicate"
    assert await store.moved_in(NOW_MS + 7) == NOW_MS + 7
    await store.close()


@pytest.mark.parametrize("schema", range(1, len(STEPS) + 1))
async def test_a_backup_of_any_schema_can_be_restored(schema: int, tmp_path: Path) -> None:
    """A copy that an older p2pbot made is led to the newest schema on its way."""
    (tmp_path / "new").mkdir()
    restore(kept_since(schema, tmp_path), tmp_path / "new" / "state.db", NOW_MS)
    assert await decided(tmp_path / "new" / "state.db") == ["", "901", ""]


@pytest.mark.parametrize("left", ["state.db", "state.db-wal"])
def test_a_restore_overwrites_nothing(tmp_path: Path, left: str) -> None:
    """Neither a state nor the log of one that is gone."""
    backup = kept_since(len(STEPS), tmp_path)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / left).write_text("mine")
    with pytest.raises(StateError, match="is there already"):
        restore(backup, tmp_path / "new" / "state.db", NOW_MS)
    assert [(path.name, path.read_text()) for path in (tmp_path / "new").iterdir()] == [(left, "mine")]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4096])


def _scribbled(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 3 + 200] = b"\x55" * 200
    path.write_bytes(data)


def _of_a_newer_p2pbot(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")


@pytest.mark.parametrize(
    ("harm", "error"),
    [
        (_cut, StateDamaged),
        (_scribbled, StateDamaged),
        (lambda path: path.write_bytes(b""), StateDamaged),
        (lambda path: path.write_text("a text"), StateDamaged),
        (_of_a_newer_p2pbot, StateTooNew),
        (Path.unlink, StateError),
    ],
)
def test_what_is_no_sound_backup_is_refused(tmp_path: Path, harm: object, error: type[StateError]) -> None:
    """Cut, scribbled over, empty, foreign, of a newer version, not there: nothing appears in the state's place."""
    backup = kept_since(len(STEPS), tmp_path)
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    harm(backup)  # type: ignore[operator]
    (tmp_path / "new").mkdir()
    with pytest.raises(error):
        restore(backup, tmp_path / "new" / "state.db", NOW_MS)
    assert list((tmp_path / "new").iterdir()) == []


async def test_a_state_is_moved_aside_with_its_log(tmp_path: Path) -> None:
    """A state that a crash left with its log is whole under its other name."""
    store = await written(tmp_path / "state.db", "1")
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in ("state.db", "state.db-wal"):
        (crashed / name).write_bytes((tmp_path / name).read_bytes())
    await store.close()
    aside = move_aside(crashed / "state.db", "state.db.replaced")
    assert not (crashed / "state.db").exists()
    assert await decided(aside) == ["1"]


async def test_a_copy_with_its_log_beside_it_is_restored_with_it(tmp_path: Path) -> None:
    """Whoever copied a state by hand, log and all, loses nothing that stands in the log alone."""
    store = await written(tmp_path / "state.db", "1", "2")
    by_hand = tmp_path / "by-hand"
    by_hand.mkdir()
    for name in ("state.db", "state.db-wal"):
        (by_hand / name).write_bytes((tmp_path / name).read_bytes())
    await store.close()
    (tmp_path / "new").mkdir()
    restore(by_hand / "state.db", tmp_path / "new" / "state.db", NOW_MS)
    assert await decided(tmp_path / "new" / "state.db") == ["1", "2"]
