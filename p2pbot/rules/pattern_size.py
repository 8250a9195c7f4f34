"""How large the engine makes a pattern: it writes out what ``{…}`` repeats, so a short text can ask for gigabytes.

Promise: upper bounds, reckoned from the pattern's text before the engine sees it. ``written_out``: of the items that
it comes to when all its counts are written out; where the text's shape is not certain all counts are taken as nested in
one another. ``is_tame``: at each place of a text there are so few ways to match that no text can be slow.
"""

from __future__ import annotations

import re
from math import inf, prod

from p2pbot.rules.literals import TOKEN, is_plain

_COUNT = re.compile(r"\{(\d*),?(\d*)\}")
_OPEN = re.compile(r"\{\d*,\}")
_SETS = re.compile(r"\[\^?\[|--|&&|\|\||~~|V1")  # sets within sets, of which the tokens know nothing
_FEW = 1_000  # steps at one place of a text: at each of 2000 places that is two million, a few milliseconds
_VERBOSE = re.compile(r"\(\?[A-Za-wyz0-9-]*x[A-Za-z0-9-]*[:)]")  # here blanks may stand within a count


def is_verbose(pattern: str) -> bool:
    """Whether blanks and comments may be meant as such somewhere in the pattern."""
    return _VERBOSE.search(pattern) is not None


def written_out(pattern: str) -> int:
    """Return how many items the pattern has at most when its counts are written out."""
    if _SETS.search(pattern):
        return len(pattern) * prod(map(_times, _COUNT.findall(pattern)))
    outer, size, last = [], 0, 0
    for piece in (found[0] for found in TOKEN.finditer(pattern)):
        if piece.startswith("(") and not piece.startswith("(?#"):
            outer.append(size)
            size = last = 0
        elif piece == ")" and outer:
            last = size
            size += outer.pop()
        elif counted := _COUNT.fullmatch(piece):
            times = _times(counted.groups())
            size += last * (times - 1)
            last *= times
        else:
            last = 1
            size += 1
    return size + sum(outer)


def is_tame(pattern: str) -> bool:
    """Whether the pattern repeats nothing without end and chooses so seldom that the engine cannot be kept busy."""
    return is_plain(pattern) and not _SETS.search(pattern) and _ways(pattern) * written_out(pattern) <= _FEW


def _ways(pattern: str) -> float:
    """Return in how many ways at most the pattern matches at one place; infinite for a repeat without end."""
    outer: list[float] = []
    ways = last = 1.0
    for piece in (found[0] for found in TOKEN.finditer(pattern)):
        if piece.startswith("(") and not piece.startswith("(?#"):
            outer.append(ways)
            ways = last = 1.0
        elif piece == ")" and outer:
            last, ways = ways, ways * outer.pop()
        elif piece in {"*", "+"} or _OPEN.fullmatch(piece):
            return inf
        elif piece in {"?", "|"}:
            ways *= 2
            last *= 2
        elif counted := _COUNT.fullmatch(piece):
            low, high = int(counted[1] or 0), int(counted[2] or counted[1])
            times = (high - low + 1) * min(last, _FEW) ** min(high, _FEW)
            ways *= times
            last *= times
        else:
            last = 1.0
    return min(ways * prod(outer), inf)


def _times(count: tuple[str | None, ...]) -> int:
    return max(1, *(int(number or 1) for number in count))
