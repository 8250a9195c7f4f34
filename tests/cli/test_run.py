"""``run`` refuses what cannot work before it changes anything, and stops when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from p2pbot.adapters.lease import FileLease
from tests.cli.conftest import API_KEY, API_SECRET, Place

CLI = Callable[..., int]
STARTED = '"event": "started"'


def spoil_rules(place: Place) -> None:
    """Misspell a key of a rule."""
    (place.path / "rules" / "10-hello.yaml").write_text("version: 1\nrules:\n  - {id: a, wrods: [x], reply: y}\n")


def spoil_key(place: Place) -> None:
    """Let others read the key."""
    (place.path / "k").chmod(0o644)


def spoil_configuration(place: Place) -> None:
    """Break the YAML."""
    place.config.write_text("version: 1\naccounts: [")


def spoil_state(place: Place) -> None:
    """Put something else in the database's place."""
    place.state.mkdir()
    (place.state / "p2pbot.sqlite3").write_bytes(b"something else")


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        (spoil_rules, "10-hello.yaml:3:13: unknown key `wrods`; did you mean `words`?"),
        (spoil_key, "chmod 600"),
        (spoil_configuration, "config.yaml:"),
    ],
)
def test_what_cannot_work_is_refused_and_nothing_is_changed(
    place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str], spoil: Callable[[Place], None], wanted: str
) -> None:
    """Exit code 78, a sentence with its place or remedy, and every file as it was."""
    spoil(place)
    before = place.files()
    assert p2pbot("run") == 78
    told = capsys.readouterr().err
    assert wanted in told
    assert "Traceback" not in told
    assert place.files() == before


def test_a_foreign_database_is_refused_and_kept(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 78; the lock file beside it is all that is new."""
    spoil_state(place)
    assert p2pbot("run") == 78
    assert "not a SQLite database" in capsys.readouterr().err
    assert (place.state / "p2pbot.sqlite3").read_bytes() == b"something else"


def test_a_state_directory_in_use_is_refused(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 78; the holder's process is named."""
    with FileLease(place.state):
        assert p2pbot("run") == 78
    assert f"in use by another p2pbot (process {os.getpid()})" in capsys.readouterr().err


@pytest.fixture
def daemon(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """Return the real program, running; its exchange is a closed port of this machine."""
    with place.config.open("a") as file:
        file.write("exchange: {rest_url: 'http://127.0.0.1:9'}\nlog: {format: json}\n")
    with (
        (place.path / "log").open("wb") as log,
        subprocess.Popen([sys.executable, "-m", "p2pbot", "run"], cwd=place.path, stdout=log, stderr=log) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def until(path: Path, text: str) -> str:
    """Return the file's content once ``text`` is in it; AssertionError after thirty seconds."""
    deadline = time.monotonic() + 30
    while text not in (content := path.read_text()):
        assert time.monotonic() < deadline, content
        time.sleep(0.05)
    return content


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_it_is_told_to(daemon: subprocess.Popen[bytes], place: Place, number: signal.Signals) -> None:
    """Exit code 0, whatever the exchange does; the log says so and holds no key."""
    until(place.path / "log", STARTED)
    daemon.send_signal(number)
    assert daemon.wait(timeout=30) == 0
    log = until(place.path / "log", '"event": "stopped"')
    assert "Traceback" not in log
    assert API_KEY not in log
    assert API_SECRET not in log
