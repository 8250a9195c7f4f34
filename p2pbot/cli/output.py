"""How the command line shows things: colour on a terminal, times a person can read, no text that moves the cursor.

Promise: what comes from outside (chat texts, file contents) is shown by ``shown`` alone.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TextIO
from unicodedata import combining, east_asian_width

from p2pbot.adapters.redaction import escape, scrub, shorten

_CODES = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "dim": "2", "bold": "1"}
_COLOUR = re.compile("\x1b\\[[0-9]+m")
# A word with the blanks behind it; a Chinese character may be parted from the next, but not from a mark behind it.
_PIECE = re.compile(r"[\u3040-\u9fff][\u3000-\u303f\uff00-\uff0f\uff1a-\uff1f”’]*\s*|[^\s\u3040-\u9fff]+\s*|\s+")
_SPANS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))


class Paint:
    """Colours words when ``stream`` is a terminal that wants it (https://no-color.org)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        target = stream or sys.stdout
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.on = bool(wanted and target and target.isatty())

    def __call__(self, colour: str, text: str) -> str:
        """Return ``text`` in ``colour``."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.on else text


def shown(text: str, width: int = 2000) -> str:
    """Return a text from outside as one harmless line."""
    return escape(shorten(scrub(text), width))


def clock_time(at_ms: int) -> str:
    """Return a moment in the machine's own time zone, to the second; ``-`` for none."""
    if at_ms <= 0:
        return "-"
    try:
        moment = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone()
    except (OverflowError, OSError, ValueError):
        return "?"
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def span(ms: int) -> str:
    """Return how long ``ms`` is, in its largest unit: ``5 min``."""
    for size, unit in _SPANS:
        if abs(ms) >= size:
            return f"{ms // size} {unit}"
    return "0 s"


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the rows with aligned columns, two blanks between them. The last column is as long as it is."""
    table = [list(row) for row in rows]
    count = max((len(row) for row in table), default=0)
    widths = [max((cells(row[at]) for row in table if at < len(row) - 1), default=0) for at in range(count)]
    return ["  ".join(_padded(row, widths)).rstrip() for row in table]


def _padded(row: list[str], widths: list[int]) -> list[str]:
    return [cell + " " * (widths[at] - cells(cell)) if at < len(row) - 1 else cell for at, cell in enumerate(row)]


def cells(text: str) -> int:
    """Return how many cells a terminal uses: two for a Chinese character, none for a combining mark or a colour."""
    bare = _COLOUR.sub("", text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in bare)


def wrapped(text: str, room: int) -> Iterator[str]:
    """Yield lines of at most ``room`` cells, broken at blanks and between Chinese characters; a longer word stays."""
    line = ""
    for piece in _PIECE.findall(text):
        if line.strip() and cells((line + piece).rstrip()) > room:
            yield line.rstrip()
            line = ""
        line += piece
    yield line.rstrip()


def print_json(value: object) -> None:
    """Print one JSON document; escapes keep it safe to look at."""
    print(scrub(json.dumps(value, indent=2, ensure_ascii=True)))
