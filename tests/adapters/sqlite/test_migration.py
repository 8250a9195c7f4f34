"""From every older schema to the newest, a step at a time, each whole or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.adapters.sqlite.opening import open_beside, open_owned
from p2pbot.adapters.sqlite.schema import APPLICATION_ID, STEPS, Step
from p2pbot.errors import OurError, StateDamaged, StateError
from p2pbot.model import MessageKind, Reason
from tests.fakes.records import ACCOUNT, NOW_MS, ORDER, claim, entry
from tests.fakes.store import SwitchedLease

SCHEMAS = Path(__file__).parent / "schemas"
SECOND: Step = (
    "ALTER TABLE pauses ADD COLUMN since_ms INTEGER NOT NULL DEFAULT 0",
    "UPDATE pauses SET since_ms = 5",
)
THIRD: Step = ("CREATE TABLE notes (note TEXT NOT NULL) STRICT", "INSERT INTO notes SELECT order_no FROM pauses")
BROKEN: Step = ("INSERT INTO pauses (account, order_no) VALUES ('x', 'x')", "INSERT INTO nowhere VALUES (1)")
ORPHANING: Step = ("DELETE FROM inbox",)


def kept_since(schema: int, directory: Path) -> Path:
    """Return a database as a merchant has it on disk since that schema."""
    path = directory / "state.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((SCHEMAS / f"{schema}.sql").read_text())
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {schema}")
        connection.execute("PRAGMA journal_mode = WAL")
    return path


def layout(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    """Return every table and index with its text, spaces aside."""
    rows = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_schema")
    return {(kind, name, " ".join(sql.split())) for kind, name, sql in rows}


def test_every_released_schema_is_kept() -> None:
    """Each schema has its example, so none can be forgotten or edited unseen."""
    assert sorted(int(file.stem) for file in SCHEMAS.glob("*.sql")) == list(range(1, len(STEPS) + 1))


@pytest.mark.parametrize("schema", range(1, len(STEPS) + 1))
def test_every_schema_leads_to_the_newest(schema: int, tmp_path: Path) -> None:
    """A database of any released schema ends up with exactly the tables of a new one."""
    with (
        closing(open_owned(kept_since(schema, tmp_path))) as old,
        closing(open_owned(tmp_path / "new" / "state.db")) as new,
    ):
        assert layout(old) == layout(new)
        assert old.execute("PRAGMA user_version").fetchone()[0] == len(STEPS)


@pytest.mark.parametrize("schema", range(1, len(STEPS) + 1))
async def test_every_schema_keeps_its_rows(schema: int, tmp_path: Path) -> None:
    """What was decided, claimed and remembered under any released schema is still known, and decided once."""
    store = await SqliteStore.open(kept_since(schema, tmp_path), SwitchedLease())
    entries = await store.inbox(ORDER)
    assert [(e.key, e.reason) for e in entries] == [
        ("e:order_created", Reason.ANSWERED),
        ("m:901", Reason.ANSWERED),
        ("u:b", Reason.SENDER_UNKNOWN),
    ]
    assert (entries[1].text, entries[1].kind) == ("Оплатила! 付款了", MessageKind.TEXT)
    assert [(row.seq, row.text, row.state) for row in await store.outbox(ORDER)] == [
        (1, "hello", "claimed"),
        (2, "it's here", "sent"),
    ]
    memory = await store.recall(ACCOUNT, ORDER)
    assert memory is not None
    assert (memory.counterparty_key, memory.mute is not None) == ("nick:anna", True)
    written_since_2 = ("ru", (("asked", "yes"),)) if schema > 1 else ("", ())
    assert (memory.language, memory.tags) == written_since_2
    pictures = [row.picture and row.picture.name for row in await store.outbox(ORDER)]
    assert pictures == ([None, "images/qr.png"] if schema > 2 else [None, None])
    assert len(await store.presigned(ACCOUNT, 0)) == (1 if schema > 2 else 0)
    assert [action.word for action in await store.actions(ORDER)] == (["pause"] if schema > 3 else [])
    assert await store.paused() == (("*", "2"),)
    told = await store.talk(ACCOUNT, ORDER, "nick:anna", NOW_MS)
    assert (told.streak, len(told.firings), told.last_inbound) == (1, 2, "Оплатила! 付款了")
    assert await store.claim(claim(entry("901"))) == "duplicate"
    await store.close()


# The mechanism, with steps of the tests' own


def test_missing_steps_are_taken_in_order(tmp_path: Path) -> None:
    """Two schemas behind, both steps run, the second on the work of the first."""
    with closing(open_owned(kept_since(1, tmp_path), (*STEPS[:1], SECOND, THIRD))) as connection:
        assert connection.execute("SELECT since_ms FROM pauses").fetchone()[0] == 5
        assert connection.execute("SELECT note FROM notes").fetchone()[0] == "2"
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 3
        assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1


def test_steps_are_taken_once(tmp_path: Path) -> None:
    """Opening again changes nothing."""
    steps = (*STEPS[:1], SECOND, THIRD)
    path = kept_since(1, tmp_path)
    for _ in range(2):
        with closing(open_owned(path, steps)) as connection:
            assert connection.execute("SELECT count(*) FROM notes").fetchone()[0] == 1


def test_a_failing_step_leaves_the_schema_before_it(tmp_path: Path) -> None:
    """A step that fails is rolled back whole; the steps before it stay, and the mended step can be taken later."""
    path = kept_since(1, tmp_path)
    with pytest.raises(OurError):
        open_owned(path, (*STEPS[:1], SECOND, BROKEN))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 2
        assert connection.execute("SELECT account FROM pauses").fetchall() == [("*",)]
    with closing(open_owned(path, (*STEPS[:1], SECOND, THIRD))) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 3


def test_a_step_that_orphans_rows_is_refused(tmp_path: Path) -> None:
    """A step that would leave a reply without its decision is rolled back."""
    path = kept_since(1, tmp_path)
    with pytest.raises(StateDamaged):
        open_owned(path, (*STEPS[:1], ORPHANING))
    with closing(open_owned(path)) as connection:
        assert connection.execute("SELECT count(*) FROM inbox").fetchone()[0] == 3


def test_the_new_number_is_in_the_file_itself(tmp_path: Path) -> None:
    """After a migration the file's header tells its schema, so that an older p2pbot refuses it without opening it."""
    path = kept_since(1, tmp_path)
    with closing(open_owned(path, (*STEPS[:1], SECOND))):
        assert int.from_bytes(path.read_bytes()[60:64], "big") == 2


@pytest.mark.parametrize("readonly", [True, False])
def test_commands_do_not_migrate(tmp_path: Path, *, readonly: bool) -> None:
    """A command that meets an older schema says what to do and leaves the file to the daemon."""
    path = kept_since(1, tmp_path)
    before = path.read_bytes()
    with pytest.raises(StateError, match="of an older p2pbot"):
        open_beside(path, readonly=readonly, steps=(*STEPS[:1], SECOND))
    assert path.read_bytes() == before
