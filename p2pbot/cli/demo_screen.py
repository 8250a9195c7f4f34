"""The demo's screen: lines with time, speaker and text, wrapped under each other; on a terminal, a prompt below them.

Promise: what comes from outside is shown by ``shown``: it cannot move the cursor, and no known secret is in it. The
text that a person is typing is never torn apart by a line that comes meanwhile.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TextIO

from p2pbot.cli.demo_line import Typed
from p2pbot.cli.demo_view import Line, Who
from p2pbot.cli.output import Paint, cells, shown

_COLOURS = {
    Who.CUSTOMER: "blue",
    Who.BOT: "green",
    Who.PERSON: "bold",
    Who.EXCHANGE: "yellow",
    Who.SPOKE: "dim",
    Who.SILENT: "dim",
    Who.DELIVERY: "dim",
    Who.DOUBT: "red",
}
_MARKS = {Who.SPOKE: "→", Who.SILENT: "·", Who.DELIVERY: "✓", Who.DOUBT: "?"}
_SAID = (Who.CUSTOMER, Who.BOT, Who.PERSON)
_WHO_CELLS = max(len(who.value) for who in _SAID) + 2
_NARROWEST = 40  # cells for a wrapped text, however narrow the terminal
_NARROWEST_CUT = 12
_PROMPT = "you> "


class Screen:
    """Writes to ``stream``. With ``typed`` it keeps a prompt with that text below everything."""

    def __init__(self, stream: TextIO, *, typed: Typed | None = None) -> None:
        self.paint = Paint(stream)
        self._stream = stream
        self._terminal = stream.isatty()
        self._typed = typed if self._terminal else None

    def say(self, text: str = "") -> None:
        """Show a line of ours (it may hold colours)."""
        self._put([text])

    def note(self, text: str) -> None:
        """Show a remark about the demo itself."""
        self._put([self.paint("dim", f"  {part}") for part in self._wrapped(shown(text), 2)])

    def row(self, head: str, text: str, tail: str) -> None:
        """Show one row of a table; on a terminal ``text`` is cut so that ``tail`` still fits."""
        room = self._width() - cells(head) - cells(tail) - 1
        self._put([head + (head_cells(text, max(_NARROWEST_CUT, room)) if self._terminal else text) + tail])

    def tell(self, lines: Iterable[Line]) -> None:
        """Show what happened."""
        rows = [row for line in lines for row in self._rows(line)]
        if rows:
            self._put(rows)

    def prompt(self) -> None:
        """Show the prompt with what is typed so far."""
        if self._typed is not None:
            room = self._width() - len(_PROMPT) - 1
            self._write(f"\r\x1b[K{self.paint('bold', _PROMPT)}{tail_cells(shown(self._typed.text), room)}")

    def leave(self) -> None:
        """Take the prompt away for good."""
        if self._typed is not None:
            self._write("\r\x1b[K")
        self._typed = None

    def _rows(self, line: Line) -> Iterator[str]:
        at = datetime.fromtimestamp(line.at_ms / 1000, UTC).astimezone().strftime("%H:%M:%S")
        colour, said = _COLOURS[line.who], line.who in _SAID
        mark = line.who.value if said or line.who is Who.EXCHANGE else f"  {_MARKS[line.who]}"
        indent = len(at) + 2 + _WHO_CELLS
        parts = [part for row in line.text.split("\n") for part in self._wrapped(shown(row), indent)]
        head = f"{self.paint('dim', at)}  {self.paint(colour, mark)}{' ' * (_WHO_CELLS - cells(mark))}"
        for number, part in enumerate(parts):
            text = part if said else self.paint(colour, part)
            yield (head if number == 0 else " " * indent) + text

    def _wrapped(self, text: str, indent: int) -> list[str]:
        """Return the text in pieces that fit beside ``indent`` cells on a terminal; elsewhere it stays whole."""
        if not self._terminal:
            return [text]
        return wrap_cells(text, max(_NARROWEST, self._width() - indent - 1))

    def _width(self) -> int:
        return shutil.get_terminal_size((100, 24)).columns

    def _put(self, rows: list[str]) -> None:
        above = "\r\x1b[K" if self._typed is not None else ""
        self._write(above + "\n".join(rows) + "\n")
        self.prompt()

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def wrap_cells(text: str, width: int) -> list[str]:
    """Return ``text`` in rows of at most ``width`` terminal cells, broken between words where there are any."""
    rows, row = [], ""
    for word in _words(text, width):
        if row and cells(row) + cells(word.rstrip()) > width:
            rows.append(row.rstrip())
            row = ""
        row += word if row else word.lstrip()
    return [*rows, row.rstrip()]


def head_cells(text: str, width: int) -> str:
    """Return ``text``, cut to ``width`` terminal cells with an ellipsis."""
    if cells(text) <= width:
        return text
    while cells(text) > width - 1:
        text = text[:-1]
    return text + "…"


def tail_cells(text: str, width: int) -> str:
    """Return the end of ``text`` that fits into ``width`` terminal cells."""
    while cells(text) > width:
        text = text[1:]
    return text


def _words(text: str, width: int) -> Iterator[str]:
    """Yield the pieces between which a row may end: words with the blanks after them; else single characters."""
    for word in re.findall(r"\S+\s*|\s+", text):
        if cells(word.rstrip()) <= width and cells(word) == len(word):
            yield word
        else:  # a long word, or a script that is written without blanks
            yield from re.findall(r".[\u0300-\u036f\u064b-\u065f\u0900-\u0903\u093a-\u094f\u200d]*\s*", word)
