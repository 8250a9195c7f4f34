"""What is wrong with a file, said so that a merchant can mend it: place, sentence, hint, the line and a caret.

Promise: a finding never shows the value of a key whose name looks secret, neither in its sentence nor in its snippet.
Danger: a snippet is a line of the merchant's own file; it may be shown to the merchant, never to a counterparty.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

_SNIPPET_WIDTH = 100  # a terminal's width less the margin; longer lines are shown around the fault


class Severity(StrEnum):
    """ERROR: the file is not used. WARNING: it is used, and probably not as meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file. Line and column count from 1; the column counts characters, not bytes."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``hint`` says what to do, ``code`` is the lint's number (``P001``) or empty."""

    position: Position
    message: str
    hint: str = ""
    code: str = ""
    severity: Severity = Severity.ERROR
    snippet_line: str = ""

    @property
    def headline(self) -> str:
        """The finding on one line, without the snippet."""
        kind = "warning: " if self.severity is Severity.WARNING else ""
        hint = f"; {self.hint}" if self.hint else ""
        code = f" [{self.code}]" if self.code else ""
        return f"{self.position}: {kind}{self.message}{hint}{code}"

    def render(self) -> str:
        """Return the headline, then the line with a caret under the place."""
        if not self.snippet_line.strip():
            return self.headline
        line, column = _window("".join(map(_visible, self.snippet_line)), self.position.column)
        if column > len(line) + 1:
            return f"{self.headline}\n    {line}"
        return f"{self.headline}\n    {line}\n    {_padding(line[: column - 1])}^"

    def to_json(self) -> dict[str, str | int]:
        """Return the finding as plain JSON data, without the snippet."""
        return {
            "file": self.position.file,
            "line": self.position.line,
            "column": self.position.column,
            "severity": self.severity.value,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
        }


def _window(line: str, column: int) -> tuple[str, int]:
    """Return the part of a long line around ``column``, and the column within that part."""
    if len(line) <= _SNIPPET_WIDTH:
        return line, column
    start = max(0, min(column - _SNIPPET_WIDTH // 2, len(line) - _SNIPPET_WIDTH))
    return line[start : start + _SNIPPET_WIDTH], column - start


def _visible(char: str) -> str:
    """Return the character, or a dot for one that could command the terminal or cannot be written."""
    return "·" if unicodedata.category(char) in {"Cc", "Cs"} and char != "\t" else char


def _padding(before: str) -> str:
    """Return blanks as wide as ``before`` on a terminal, where Chinese is twice as wide and a mark has no width."""
    return "".join(_blank(char) for char in before)


def _blank(char: str) -> str:
    if char == "\t":
        return char
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return ""
    return "  " if unicodedata.east_asian_width(char) in {"W", "F"} else " "
