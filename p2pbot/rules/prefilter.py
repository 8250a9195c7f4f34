"""Which of many literals a text holds, at a cost that hardly grows with their number.

Promise: ``LiteralIndex.held`` agrees with asking ``literal in text`` for each. Each literal hangs on one of its pieces
of three letters (a shorter one on itself), that which the fewest literals share; the pieces of a text are looked up
all at once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

_PIECE = 3  # letters: two hang too many on one piece, four find no more than three


class LiteralIndex:
    """An immutable set of literals in ``literals.plain_form``."""

    def __init__(self, literals: Iterable[str]) -> None:
        pieces = {literal: _pieces(literal, min(len(literal), _PIECE)) for literal in literals}
        shared = Counter(piece for parts in pieces.values() for piece in parts)
        self._hooks: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for literal, parts in pieces.items():
            piece = min(parts, key=lambda part: (shared[part], part))
            self._hooks[len(piece)][piece].append(literal)

    def __bool__(self) -> bool:
        return bool(self._hooks)

    def held(self, text: str) -> frozenset[str]:
        """Return the literals that ``text`` (in ``plain_form``) holds."""
        found: set[str] = set()
        for length, hooks in self._hooks.items():
            for piece in hooks.keys() & _pieces(text, length):
                found.update(literal for literal in hooks[piece] if literal in text)
        return frozenset(found)


def _pieces(text: str, length: int) -> set[str]:
    return {text[at : at + length] for at in range(len(text) - length + 1)}
