"""``health`` is one line and an exit code, for a container's health check."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable

import pytest

from p2pbot.cli.status import STALE_MS
from tests.cli.conftest import Place

CLI = Callable[..., int]


def tell(place: Place, *, chat: str = "open", pid: int | None = None, age_ms: int = 0) -> None:
    """Write the daemon's file."""
    status = {
        "written_at_ms": time.time_ns() // 1_000_000 - age_ms,
        "pid": os.getpid() if pid is None else pid,
        "accounts": {"main": {"chat": chat}},
    }
    place.state.mkdir(exist_ok=True)
    (place.state / "status.json").write_text(json.dumps(status))


def test_a_daemon_that_works_is_healthy(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Even while its chat is not open: starting it again would not help."""
    tell(place, chat="waiting")
    assert p2pbot("health") == 0
    assert capsys.readouterr().out == "healthy\n"


def test_ready_asks_for_the_chats_too(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """With --ready a chat that is not open is told, and is a failure."""
    tell(place, chat="waiting")
    assert p2pbot("health", "--ready") == 1
    assert capsys.readouterr().out == "not healthy: main: the chat is not open (waiting)\n"
    tell(place)
    assert p2pbot("health", "--ready") == 0


def test_a_daemon_that_is_silent_is_not_healthy(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """A status that has grown old means that nothing goes on in it."""
    tell(place, age_ms=STALE_MS + 1000)
    assert p2pbot("health") == 1
    assert "has told nothing of itself" in capsys.readouterr().out


def test_no_daemon_is_not_healthy(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither one that has ended nor one that never was."""
    assert p2pbot("health") == 1
    assert "has never run" in capsys.readouterr().out
    tell(place, pid=2**22 + 1)
    assert p2pbot("health") == 1
    assert "does not run" in capsys.readouterr().out
