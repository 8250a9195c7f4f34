"""``status`` tells at a glance whether it runs, is connected, and what it has done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.cli.status import STALE_MS, Life, life_of, pid_lives, read_status, waiting
from p2pbot.model import Reason
from tests.cli.conftest import Place
from tests.fakes.records import claim, entry, reply

CLI = Callable[..., int]
NOW_MS = 1_767_600_000_000


def account(**changed: object) -> dict[str, object]:
    """Return an account's part of the status, as the daemon writes it."""
    told: dict[str, object] = {
        "chat": "open",
        "since_ms": time.time_ns() // 1_000_000 - 7_200_000,
        "mode": "live",
        "rules": "0123456789abcdef",
        "open_orders": 12,
        "pending": {"claimed": 2, "sending": 1, "unknown": 1},
        "unknown": 1,
        "last_message_at_ms": time.time_ns() // 1_000_000 - 180_000,
        "deaf_since_ms": None,
        "paused": False,
        "notes": [],
    }
    return told | changed


def told(place: Place, process: object = None, pid: int | None = None, age_ms: int = 0, **accounts: object) -> None:
    """Write the daemon's file."""
    now_ms = time.time_ns() // 1_000_000
    status: dict[str, object] = {
        "written_at_ms": now_ms - age_ms,
        "started_at_ms": now_ms - 3_600_000,
        "pid": os.getpid() if pid is None else pid,
        "version": "0.1.0",
        "process": process or {},
        "accounts": accounts,
    }
    place.state.mkdir(exist_ok=True)
    (place.state / "status.json").write_text(json.dumps(status))


async def two_answers(store: SqliteStore) -> None:
    """Decide three messages."""
    await store.claim(claim(entry("1"), reply("u-1")))
    await store.claim(claim(entry("2", text="x")))
    await store.claim(claim(entry("3", text="y", reason=Reason.NO_RULE)))


def gone() -> int:
    """Return the number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("age_ms", "lives", "life"),
    [
        (0, True, Life.RUNNING),
        (STALE_MS, True, Life.RUNNING),
        (-STALE_MS, True, Life.RUNNING),
        (STALE_MS + 1, True, Life.STUCK),
        (0, False, Life.STOPPED),
        (STALE_MS + 1, False, Life.STOPPED),
    ],
)
def test_life_is_the_files_age_and_the_process(age_ms: int, *, lives: bool, life: Life) -> None:
    """A fresh file of a living process is a running daemon; a clock that is off a little changes nothing."""
    assert life_of({"written_at_ms": NOW_MS - age_ms}, NOW_MS, lives=lives) is life


def test_no_file_is_no_daemon() -> None:
    """It never ran with this directory."""
    assert life_of({}, NOW_MS, lives=False) is Life.NEVER


def test_a_process_lives_or_not() -> None:
    """Ours does; one that ended does not; zero and below are no processes."""
    assert pid_lives(os.getpid())
    assert pid_lives(1)
    assert not any(pid_lives(pid) for pid in (gone(), 0, -1, 10**30))


def test_all_is_well(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Running, connected, with its counts: exit code 0."""
    place.with_store(two_answers)
    told(place, main=account())
    assert p2pbot("status") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("p2pbot 0.1.0 is running, for 1 h (process ")
    row = next(line for line in lines if line.startswith("main"))
    for part in ("live", "open for 2 h", "12", "3 min ago", "0123456789"):
        assert part in row
    assert "decided: 2 answered, 1 no_rule" in lines
    assert "replies: 1 claimed" in lines


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"chat": "waiting"}, "waiting for 2 h"),
        ({"chat": "waiting", "deaf_since_ms": 1}, "main: hears nothing for"),
        ({"chat": "connecting", "notes": ["the exchange refuses the key \x1b[2J"]}, "refuses the key \\x1b[2J"),
    ],
)
def test_a_chat_that_is_not_open_is_told(
    place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str], changed: dict[str, object], wanted: str
) -> None:
    """Exit code 1, and what the daemon notes about it."""
    place.with_store(two_answers)
    told(place, main=account(**changed))
    assert p2pbot("status") == 1
    shown = capsys.readouterr().out
    assert wanted in shown
    assert "\x1b" not in shown


def test_a_loop_that_hangs_is_told(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """However open the chats look: exit code 1, and the loop by its name."""
    place.with_store(two_answers)
    told(place, {"hanging": ["main: sender\x1b"]}, main=account())
    assert p2pbot("status") == 1
    assert "a part of the process hangs: main: sender\\x1b" in capsys.readouterr().out


def test_a_stuck_daemon_is_told(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """It lives and writes nothing; what it said of its chats is not believed."""
    place.with_store(two_answers)
    told(place, age_ms=120_000, main=account())
    assert p2pbot("status") == 1
    shown = capsys.readouterr().out
    assert "is stuck: it lives, and has written nothing for 2 min" in shown
    assert "open for" not in shown


def test_a_daemon_that_ended_is_told(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """With the time since it was last heard of."""
    place.with_store(two_answers)
    told(place, pid=gone(), age_ms=3_600_000, main=account())
    assert p2pbot("status") == 1
    assert "is not running; it was last heard of 1 h ago" in capsys.readouterr().out


def test_a_daemon_that_never_ran_is_told(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, and nothing is made."""
    assert p2pbot("status") == 1
    assert f"it has never run with the state directory {place.state}" in capsys.readouterr().out
    assert not place.state.exists()


def test_a_damaged_database_is_told(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """The rest is shown all the same."""
    told(place, main=account())
    (place.state / "p2pbot.sqlite3").write_bytes(b"no database")
    assert p2pbot("status") == 1
    shown = capsys.readouterr().out
    assert "not a SQLite database" in shown
    assert "main" in shown


def test_pauses_are_told(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """A silent daemon is explained."""
    place.with_store(two_answers)
    told(place, main=account(paused=True))
    p2pbot("pause", "204")
    capsys.readouterr()
    p2pbot("status")
    shown = capsys.readouterr().out
    assert "paused: order 204 (p2pbot resume 204)" in shown
    assert "main: paused by a file PAUSE" in shown


def test_json_is_for_programs(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """The daemon's own file, the counts by account, and one word for all."""
    place.with_store(two_answers)
    told(place, main=account())
    assert p2pbot("status", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["life"], shown["healthy"]) == ("running", True)
    assert shown["status"]["accounts"]["main"]["open_orders"] == 12
    assert shown["tally"] == {"main": {"inbox": {"answered": 2, "no_rule": 1}, "outbox": {"claimed": 1}}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "3",
        '{"accounts": 3}',
        '{"accounts": {"main": 1}}',
        '{"pid": "x", "written_at_ms": true}',
        "[" * 10**5,
    ],
)
def test_a_file_that_is_not_understood_is_no_trouble(place: Place, p2pbot: CLI, text: str) -> None:
    """What another version wrote, or half of it, costs its lines."""
    place.state.mkdir()
    (place.state / "status.json").write_text(text)
    assert p2pbot("status") == 1
    assert p2pbot("status", "--json") == 1


def test_odd_values_are_shown_as_far_as_they_go(place: Place, p2pbot: CLI) -> None:
    """An account that says nothing useful still has its line."""
    place.with_store(two_answers)
    told(place, main={"chat": 3, "since_ms": "x", "notes": "x", "pending": {"a": "b"}, "open_orders": None})
    assert p2pbot("status") == 1


@pytest.mark.parametrize(
    ("pending", "count"), [(3, 3), ({"claimed": 1, "unknown": 2}, 3), (None, 0), ({"claimed": "x"}, 0), ("x", 0)]
)
def test_waiting_is_a_number_or_one_for_each_state(pending: Any, count: int) -> None:
    """Both forms are understood."""
    assert waiting({"pending": pending}) == count


def test_a_missing_file_is_nothing(place: Place) -> None:
    """No status is an empty one."""
    assert read_status(place.path / "nowhere") == {}


@pytest.mark.parametrize("chat", [[], {}, ["open"], None, 1])
def test_a_chat_that_is_no_word_is_not_open(place: Place, p2pbot: CLI, chat: Any) -> None:
    """Whatever stands there."""
    place.with_store(two_answers)
    told(place, main={"chat": chat})
    assert p2pbot("status") == 1


def test_a_number_that_cannot_be_written_out_is_none(place: Place, p2pbot: CLI) -> None:
    """Python reads whole numbers that it refuses to write; two of them may even be added."""
    place.with_store(two_answers)
    huge = int("9" * 4300)
    told(place, main={"chat": "open", "open_orders": huge, "pending": {"claimed": huge, "unknown": huge}})
    assert p2pbot("status") == 0


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({"scans_waiting": 120, "open_orders": 500}, "main: catching up [##################......] 380/500 orders"),
        ({"scans_waiting": 600, "open_orders": 500}, "main: catching up [........................] 0/600 orders"),
        ({"scans_waiting": 9, "open_orders": 500}, ""),
        ({"scans_waiting": 120, "open_orders": 500, "chat": "waiting"}, ""),
    ],
)
def test_catching_up_has_a_bar(
    changed: dict[str, object], shown: str, place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a gap it is seen how many orders' histories are read; the few of every minute are not told."""
    told(place, main=account(**changed))
    p2pbot("status")
    out = capsys.readouterr().out
    assert shown in out
    assert bool(shown) is ("catching up" in out)
