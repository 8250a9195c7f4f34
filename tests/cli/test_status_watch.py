"""``status --watch`` draws in place, fits the window and leaves the terminal as it was."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.cli.output import cells
from p2pbot.cli.status_watch import cropped, frame
from tests.cli.conftest import Place

ENTER, LEAVE, HOME = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[H"
DEADLINE_S = 30.0


@dataclass
class Terminal:
    """A pseudo terminal with the command in it."""

    process: subprocess.Popen[bytes]
    ours: int
    seen: bytes = b""

    def until(self, is_seen: Callable[[bytes], bool]) -> None:
        """Read until what was shown satisfies a condition. Raises AssertionError after the deadline."""
        deadline_s = time.monotonic() + DEADLINE_S
        while not is_seen(self.seen):
            assert time.monotonic() < deadline_s, self.seen[-2000:]
            if select.select([self.ours], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self.ours, 65536)
                except OSError:  # the other end is closed: all is read
                    assert is_seen(self.seen), self.seen[-2000:]

    def resize(self, lines: int, columns: int) -> None:
        """Change the window."""
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


@contextmanager
def watching(place: Place) -> Iterator[Terminal]:
    """Run ``status --watch`` in a terminal of 24 by 80; killed at the end if it is still there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "p2pbot", "status", "--watch", "--config", str(place.config)]
    environ = os.environ | {"TERM": "xterm"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ)  # noqa: S603 - ours
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_draws_again_and_leaves_the_screen_as_it_was(place: Place, end: signal.Signals) -> None:
    """Each page begins at the top; Ctrl-C and SIGTERM are proper ends, after which the last page stays to be read."""
    with watching(place) as terminal:
        terminal.until(lambda seen: seen.count(HOME) >= 2)
        assert terminal.seen.startswith(ENTER)
        assert LEAVE not in terminal.seen
        terminal.process.send_signal(end)
        terminal.until(lambda seen: seen.rstrip().endswith(str(place.state).encode()) and LEAVE in seen)
        assert b"\x1b[?25h" in terminal.seen, "the cursor is back"
        assert terminal.process.wait(DEADLINE_S) == 0
    assert b"Traceback" not in terminal.seen


def test_it_fits_a_window_that_becomes_smaller(place: Place) -> None:
    """The next page is drawn for the window as it is then."""
    with watching(place) as terminal:
        terminal.until(lambda seen: seen.count(HOME) >= 1)
        terminal.resize(5, 20)
        before = len(terminal.seen)
        terminal.until(lambda seen: seen[before:].count(HOME) >= 1 and "…".encode() in seen[before:])


def test_without_a_terminal_it_prints_one_page_below_the_other_until_nobody_reads(place: Place) -> None:
    """``status --watch | head`` ends when head does, without a complaint."""
    command = [sys.executable, "-m", "p2pbot", "status", "--watch", "--config", str(place.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 - ours
        assert process.stdout is not None
        assert process.stderr is not None
        pages = [process.stdout.readline() for _ in range(4)]
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(DEADLINE_S) == 1
    assert b"is not running" in pages[1]
    assert b"\x1b" not in b"".join(pages)
    assert said == b""


@given(st.text(st.sampled_from("ab é漢字́ "), max_size=60), st.integers(1, 30))
def test_a_line_takes_no_more_cells_than_there_are(line: str, room: int) -> None:
    """Wide letters and marks are counted as the terminal does."""
    assert cells(cropped(line, room)) <= room
    assert cropped(line, 1000) == line


def test_a_colour_that_is_cut_off_is_ended() -> None:
    """Else the rest of the screen would be red."""
    assert cropped("\x1b[31mp2pbot is not running\x1b[0m", 8) == "\x1b[31mp2pbot \x1b[0m…"


def test_what_has_no_room_is_counted() -> None:
    """Nobody takes the last line that fits for the last that there is."""
    drawn = frame([f"line {number}" for number in range(30)], os.terminal_size((80, 10)))
    assert "line 8" in drawn
    assert "line 9" not in drawn
    assert "… 21 more lines" in drawn
