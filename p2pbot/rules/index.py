"""Which of many phrases a text holds, at a cost that does not grow with their number.

Promise: ``PhraseIndex.hits`` agrees with asking each phrase in turn. Each phrase hangs on one of its words (the one
that the fewest phrases share); a message's words are looked up whole, and as beginnings, endings and insides of the
few lengths that the wildcards have. A word that may have a typo hangs on itself and on what is left of it without any
one letter.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from p2pbot.rules.folding import Folded
from p2pbot.rules.phrases import Part, Phrase, without_one

_LONGEST_TYPO = 40  # letters: a longer word of a message is no word, and looking it up is dear


class PhraseIndex:
    """An immutable set of phrases, numbered as given."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._phrases = tuple(phrases)
        self._hooks: dict[tuple[bool, bool], dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
        self._near: dict[str, list[tuple[int, int]]] = defaultdict(list)
        shared = Counter(part for phrase in self._phrases for part in set(phrase.parts))
        for number, phrase in enumerate(self._phrases):
            at = min(range(len(phrase.parts)), key=lambda at: _cost(phrase.parts[at], shared))
            part = phrase.parts[at]
            if part.near:
                for piece in without_one(part.word):
                    self._near[piece].append((number, at))
                continue
            self._hooks[part.open_left, part.open_right][part.word].append((number, at))
        self._lengths = {shape: sorted({len(word) for word in hooks}) for shape, hooks in self._hooks.items()}

    def hits(self, text: Folded) -> frozenset[int]:
        """Return the numbers of the phrases that ``text`` holds."""
        found: set[int] = set()
        for place, word in enumerate(text.words):
            for number, at in self._hooked(word):
                if number not in found and self._phrases[number].matches_at(text.words, place - at):
                    found.add(number)
        return frozenset(found)

    def _hooked(self, word: str) -> Iterator[tuple[int, int]]:
        """Yield the phrases that may stand around ``word``, with its place in each."""
        for shape, hooks in self._hooks.items():
            for piece in set(_pieces(word, shape, self._lengths[shape])):
                yield from hooks.get(piece, ())
        if self._near and len(word) <= _LONGEST_TYPO:
            for piece in without_one(word):
                yield from self._near.get(piece, ())


def _cost(part: Part, shared: Counter[Part]) -> tuple[int, int]:
    """Rank a part as a hook: closed before open (an open one is looked up in pieces), rare before common."""
    return (part.open_left + part.open_right + part.near, shared[part])


def _pieces(word: str, shape: tuple[bool, bool], lengths: list[int]) -> Iterator[str]:
    """Yield what of ``word`` a part of this shape may be, for the lengths that exist."""
    if shape == (False, False):
        yield word
        return
    for length in lengths:
        if length > len(word):
            return
        match shape:
            case (False, True):
                yield word[:length]
            case (True, False):
                yield word[-length:]
            case _:
                yield from (word[start : start + length] for start in range(len(word) - length + 1))
