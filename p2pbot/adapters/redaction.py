"""Text made fit to be shown: known secrets taken out, control characters escaped, length bounded – in that order.

Promise: whatever produced a text, after ``scrub`` it holds no value of ``p2pbot.secret.known_values()``: raw, as Python
or JSON would escape it, URL-quoted, or in base64; of a secret with several lines (a PEM key) no single line either.
Danger: cut first and scrub afterwards, and half a key slips through. ``shorten`` is for text that is scrubbed already.
"""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, quote_plus

from p2pbot.secret import known_values, made

REPLACEMENT = "<secret>"
_SHORTEST_LINE = 16  # of a PEM key: its last line may be this short, an ordinary line of a text file shorter
_PERCENT = re.compile("%[0-9A-F]{2}")
# C0, DEL and C1 move the cursor or start a line; U+2028/2029 start one for some readers; the bidi marks reorder what a
# person sees; a lone surrogate cannot be written at all.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def scrub(text: str) -> str:
    """Return ``text`` with every known secret replaced by ``<secret>``."""
    needles = _needles(made())
    for needle in needles.longest_first[bisect_left(needles.shrinking, -len(text)) :]:
        if needle in text:
            text = text.replace(needle, REPLACEMENT)
    return text


def escape(text: str) -> str:
    r"""Return ``text`` as one line that cannot move a cursor: a newline becomes ``\n``, ESC ``\x1b``."""
    return _CONTROL.sub(_escaped, text)


def shorten(text: str, width: int) -> str:
    """Return at most ``width`` characters and a note of what is missing."""
    return text if len(text) <= width else f"{text[:width]}…[+{len(text) - width}]"


def shorten_middle(text: str, width: int) -> str:
    """Return the first third and the last two thirds of ``width``: a traceback says the most at its end."""
    if len(text) <= width:
        return text
    head = width // 3
    return f"{text[:head]}\n…[+{len(text) - width}]…\n{text[len(text) - (width - head) :]}"


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    return _NAMED.get(char) or (f"\\x{ord(char):02x}" if ord(char) <= 0xFF else f"\\u{ord(char):04x}")  # noqa: PLR2004 - the last code point that two hex digits write


@dataclass(frozen=True, slots=True)
class _Needles:
    """All that must go. ``shrinking`` holds the negative lengths, so that needles longer than a text are skipped."""

    longest_first: tuple[str, ...]
    shrinking: tuple[int, ...]


@lru_cache(maxsize=2)  # changes with each new secret; the one before serves a thread that is still writing
def _needles(_made: int) -> _Needles:
    """Return what must go; a secret that contains another is removed first, so that it goes whole."""
    found = sorted({needle for value in known_values() for needle in _variants(value)}, key=len, reverse=True)
    return _Needles(tuple(found), tuple(-len(needle) for needle in found))


@lru_cache(maxsize=256)  # 128 recent secrets and the living ones; older ones are computed again
def _variants(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(form for piece in _pieces(value) for form in _forms(piece) if form))


def _pieces(value: str) -> Iterator[str]:
    """Yield the value and, of several lines, each that is no PEM header."""
    yield value
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        yield value.strip()
        yield from (line for line in lines if len(line) >= _SHORTEST_LINE and not line.startswith("-----"))


def _forms(piece: str) -> Iterator[str]:
    """Yield every spelling in which a library might print ``piece``."""
    yield piece
    yield escape(piece)
    yield repr(piece)[1:-1]
    yield json.dumps(piece)[1:-1]
    yield json.dumps(piece, ensure_ascii=False)[1:-1]
    data = piece.encode("utf-8", "surrogatepass")
    for quoted in (quote(data, safe=""), quote(data), quote_plus(data)):
        yield quoted
        yield _PERCENT.sub(lambda match: match[0].lower(), quoted)
    yield base64.b64encode(data).decode().rstrip("=")
    yield base64.urlsafe_b64encode(data).decode().rstrip("=")
