"""The text of one file, able to say where an index lies and to show a line without giving a secret away.

Promise: whatever a snippet shows, the value of a key that looks secret is not in it, nor any line of a block under
such a key, nor who logs on with what in an address (``https://user:password@host``).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from p2pbot.document.findings import Finding, Position, Severity

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what YAML calls a line break
_SECRET_NAME = re.compile(
    "secret|token|passw|passphrase|api_?key|private_?key|listen_?key|credential|pem|signature|^key$|^url$",
    re.IGNORECASE,
)
_KEY = re.compile(r"(?<![\w-])(?P<name>[\w-]{1,64})[\"']?[ \t]{0,9}[:=]")
_LONGEST_SNIPPET = 2000  # a longer line is not one that a person reads
_HIDDEN = " <hidden>"
# The part of an address that logs on; of one that was cut in the middle, what follows a colon and is no port.
_LOGIN = re.compile(r"(?<=://)(?:[^\s`'\"]{0,300}@|[^\s`'\"/:@\[]*:(?!\d{0,5}(?![^\s`'\"/?#,}\]]))[^\s`'\"]*)")
# An address as messengers' services have them: what stands behind the scheme, or behind `webhooks/`, is a password.
_SERVICE = re.compile(
    r"(?:(?<![\w+.-])(?!(?:https?|wss?|file)://)[A-Za-z][A-Za-z0-9+-]{1,20}://|(?<=://)[^\s`'\"]{0,200}?webhooks?/)"
    r"(?P<rest>[^\s`'\"]+)"
)


def looks_secret(name: object) -> bool:
    """Whether a key of this name is likely to hold a secret (``api_key``, ``token``, ``password`` …)."""
    return isinstance(name, str) and _SECRET_NAME.search(name.strip()) is not None


def gives_away(value: str) -> bool:
    """Whether a text may have swallowed a line with a secret: a quote or a ``|`` too many makes one text of many."""
    return "\n" in value.strip() or _secret_key_end(value) is not None


def without_login(text: str) -> str:
    """Return ``text`` without what logs on in the addresses that it holds."""
    if "://" not in text:
        return text
    return _LOGIN.sub("<hidden>", _SERVICE.sub(lambda found: found[0][: -len(found["rest"])] + "<hidden>", text))


def _secret_key_end(line: str) -> int | None:
    """Return the index behind ``api_key:`` or its like in a line, or None."""
    ends = (key.end() for key in _KEY.finditer(line[:_LONGEST_SNIPPET]) if looks_secret(key["name"]))
    return next(ends, None)


class Source:
    """One file's text. Indices count characters from 0."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text.removeprefix("\ufeff")
        self.file = file

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _LINE_BREAK.finditer(self.text))]

    @cached_property
    def _lines(self) -> list[str]:
        return _LINE_BREAK.split(self.text)

    def position(self, index: int) -> Position:
        """Return the place of the character at ``index``."""
        line = bisect_right(self._starts, index)
        return Position(self.file, line, index - self._starts[line - 1] + 1)

    def line_at(self, index: int) -> str:
        """Return the whole line that holds ``index``, as it stands."""
        return self._lines[bisect_right(self._starts, index) - 1]

    def echo(self, index: int) -> str:
        """Return the line from ``index`` on if the whole line may be shown, else an empty text."""
        line, position = self.line_at(index), self.position(index)
        return line[position.column - 1 :] if self.snippet(position.line) == line else ""

    def follows_secret(self, index: int) -> bool:
        """Whether the nearest key above is one that looks secret: the line may be the rest of its value."""
        keyed = next((line for _, line in self.lines_above(index) if _KEY.search(line[:_LONGEST_SNIPPET])), "")
        return _secret_key_end(keyed) is not None

    def line_above(self, index: int) -> str:
        """Return the nearest line above that is not empty; an empty text when there is none."""
        return next((line for _, line in self.lines_above(index) if line.strip()), "")

    def lines_above(self, index: int) -> Iterator[tuple[int, str]]:
        """Yield the lines above the one that holds ``index``, the nearest first, each with the index of its start."""
        for row in reversed(range(bisect_right(self._starts, index) - 1)):
            yield self._starts[row], self._lines[row]

    def finding(
        self,
        index: int,
        message: str,
        hint: str = "",
        code: str = "",
        severity: Severity = Severity.ERROR,
    ) -> Finding:
        """Return a finding at ``index``, without its line (see ``with_snippet``)."""
        return Finding(self.position(index), without_login(message), hint, code, severity)

    def with_snippet(self, finding: Finding) -> Finding:
        """Return the finding with its line as it may be shown."""
        return replace(finding, snippet_line=self.snippet(finding.position.line))

    def snippet(self, line: int) -> str:
        """Return a line for showing: what a secret-looking key holds is hidden, a line inside such a value is empty."""
        text = self._lines[line - 1]
        if len(text) > _LONGEST_SNIPPET or self._inside_secret[line - 1]:
            return ""
        login = _LOGIN.search(text)
        service = _SERVICE.search(text)
        found = (_secret_key_end(text), login.start() if login else None, service.start("rest") if service else None)
        ends = [end for end in found if end is not None]
        end = min(ends, default=None)
        return text if end is None or not text[end:].strip() else text[:end] + _HIDDEN

    @cached_property
    def _inside_secret(self) -> list[bool]:
        """Of each line: whether an enclosing one (less indented, above) opens the value of a secret-looking key."""
        found: list[bool] = []
        enclosing: list[tuple[int, bool]] = []  # indents, growing, and whether a secret begins there or further out
        for line in self._lines:
            indent = _indent(line) + line.lstrip().startswith("- ")
            around = next((secret for outer, secret in reversed(enclosing) if outer < indent), False)
            found.append(around or "-----BEGIN" in line)
            if line.strip():
                while enclosing and enclosing[-1][0] >= _indent(line):
                    enclosing.pop()
                outside = bool(enclosing) and enclosing[-1][1]
                enclosing.append((_indent(line), outside or _secret_key_end(line) is not None))
        return found


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
