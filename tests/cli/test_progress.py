"""A progress bar is drawn over on a terminal, and is nothing anywhere else."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from p2pbot.cli.progress import Progress, bar

RULES = "version: 1\nrules:\n  - {id: hello, words: hello, reply: TEXT}\n"


class Terminal(io.StringIO):
    """A stream that says that it is one."""

    def isatty(self) -> bool:
        """Return that it is."""
        return True


@pytest.mark.parametrize(
    ("done", "total", "drawn"),
    [
        (0, 4, "[........................] 0/4"),
        (1, 4, "[######..................] 1/4"),
        (4, 4, "[########################] 4/4"),
        (9, 4, "[########################] 9/4"),
        (-1, 4, "[........................] -1/4"),
    ],
)
def test_a_bar_is_filled_by_its_share(done: int, total: int, drawn: str) -> None:
    """Its cells are never more nor fewer, whatever the numbers."""
    assert bar(done, total) == drawn


def test_the_line_is_drawn_over_and_wiped_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the work was interrupted."""
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()

    def work() -> None:
        with Progress("fetching", 2, terminal) as progress:
            progress.show(1, "a.png")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert terminal.getvalue() == "\r\x1b[Kfetching [############............] 1/2 a.png\r\x1b[K"


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["no terminal", "a dumb one"])
def test_elsewhere_nothing_is_drawn(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither into a file nor on a terminal that cannot draw over a line."""
    monkeypatch.setenv("TERM", "dumb")
    with Progress("fetching", 2, stream) as progress:
        progress.show(1)
    assert stream.getvalue() == ""


def test_a_replay_shows_how_far_it_is(tmp_path: Path) -> None:
    """On a terminal `rules replay` draws its bar on standard error; standard output has the result alone."""
    for name, text in (("new", "Hello!"), ("old", "Hi!")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(RULES.replace("TEXT", text))
    chat = json.dumps({"order": {"side": "sell"}, "chat": [{"counterparty": "hello"}]})
    (tmp_path / "chats.jsonl").write_text(f"{chat}\n" * 120)
    command = ["rules", "replay", "chats.jsonl", "--against", "old", "--rules", "new", "--json"]
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    environ = os.environ | {"TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(  # noqa: S603 - ours
        [sys.executable, "-m", "p2pbot", *command], cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=follower
    ) as process:
        out, _ = process.communicate(timeout=60)
    drawn = os.read(leader, 65536).decode()
    os.close(follower)
    os.close(leader)
    assert process.returncode == 1
    assert len(json.loads(out)) == 120
    assert "replaying [####################....] 100/120" in drawn
    assert drawn.endswith("\x1b[K")
