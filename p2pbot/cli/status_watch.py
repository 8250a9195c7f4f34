"""``p2pbot status --watch``: the page again and again, in place, without flicker.

Promise: on a terminal each page is one write over the page before, cut to the window as it is now; the cursor and what
stood on the screen come back however it ends. Without a terminal each page is printed below the one before.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TextIO

from p2pbot.cli.output import cells

EVERY_S = 2.0  # as often as the daemon tells of itself
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"  # another screen without cursor, and back
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
_PART = re.compile("(\x1b\\[[0-9]+m)")
_PLAIN = "\x1b[0m"

Page = Callable[[], Sequence[str]]


def watch(page: Page, *, every_s: float = EVERY_S, stream: TextIO | None = None) -> int:
    """Show ``page`` until Ctrl-C or SIGTERM, which are its proper end. Raises BrokenPipeError when nobody reads."""
    target = stream or sys.stdout
    last: Sequence[str] = ()
    try:
        with _interrupted_by_sigterm(), _screen(target) as in_place:
            while True:
                last = page()
                target.write(frame(last, os.get_terminal_size(target.fileno())) if in_place else _block(last))
                target.flush()
                time.sleep(every_s)
    except KeyboardInterrupt:
        if target.isatty():
            target.write("\n".join(last) + "\n")
    return 0


def frame(lines: Sequence[str], size: os.terminal_size) -> str:
    """Return what draws ``lines`` over whatever stands on the screen; what has no room is counted in the last line."""
    room = max(1, size.lines)
    if len(lines) > room:
        lines = [*lines[: room - 1], f"… {len(lines) - room + 1} more lines: make the window higher"]
    drawn = f"{_REST_OF_LINE}\r\n".join(cropped(line, size.columns) for line in lines)
    return f"{_HOME}{drawn}{_REST_OF_LINE}{_REST_OF_SCREEN}"


def cropped(line: str, room: int) -> str:
    """Return ``line`` in at most ``room`` cells, its colours ended."""
    if cells(line) <= room:
        return line
    kept, left = [], room - 1
    for part in _PART.split(line):
        if _PART.fullmatch(part):
            kept.append(part)
            continue
        fits = 0
        while fits < len(part) and cells(part[: fits + 1]) <= left:
            fits += 1
        kept.append(part[:fits])
        left -= cells(part[:fits])
        if fits < len(part):
            break
    ended = _PLAIN if _PART.search(line) else ""
    return "".join(kept) + ended + "…"


def _block(lines: Sequence[str]) -> str:
    return f"{datetime.now().astimezone():%H:%M:%S}\n" + "\n".join(lines) + "\n\n"


@contextmanager
def _screen(stream: TextIO) -> Iterator[bool]:
    """Give a screen of our own, if there is one to be had; yield whether there is."""
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield False
        return
    stream.write(_ENTER)
    try:
        yield True
    finally:
        stream.write(_LEAVE)
        stream.flush()


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the page as Ctrl-C does, so that the screen comes back."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
