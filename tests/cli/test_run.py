"""``run`` refuses what cannot work before it changes anything, and stops when it is told to."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable

import pytest

from p2pbot.adapters.lease import FileLease
from tests.cli.conftest import API_KEY, API_SECRET, Place

CLI = Callable[..., int]


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
async def daemon(place: Place) -> AsyncIterator[Process]:
    """Return the real program, running; its exchange is a closed port of this machine."""
    with place.config.open("a") as file:
        file.write("exchange: {rest_url: 'http://127.0.0.1:9'}\nlog: {format: json}\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "p2pbot", "run", cwd=place.path, stdout=PIPE, stderr=STDOUT
    )
    yield process
    if process.returncode is None:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_when_it_is_told_to(daemon: Process, number: signal.Signals) -> None:
    """Exit code 0, whatever the exchange does; the log says so and holds no key."""
    assert daemon.stdout is not None
    log = ""
    async with asyncio.timeout(30):
        async for line in daemon.stdout:
            log += line.decode()
            if '"event": "started"' in log.splitlines()[-1]:
                daemon.send_signal(number)
        assert await daemon.wait() == 0
    assert '"event": "stopped"' in log
    assert "Traceback" not in log
    assert API_KEY not in log
    assert API_SECRET not in log
