"""Which of many phrases a text holds, at a cost that does not grow with their number.

Promise: ``PhraseIndex.hits`` agrees with asking each phrase in turn. Each phrase hangs on two neighbouring words of its
own, or on one (the rarest that it has); a word with a wildcard on its four letters beside the closed end, or anywhere.
A message's pairs and words are looked up whole, and its words as beginnings, endings and insides of up to four letters.
A word that may have a typo hangs on itself and on what is left of it without any one letter.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import chain, pairwise
from typing import TypeAlias

from p2pbot.rules.folding import Folded
from p2pbot.rules.phrases import Part, Phrase, without_one

_STEM = 4  # letters of a word with a wildcard: fewer are shared by too many, more are too many to look up
_LONGEST_TYPO = 40  # letters: a longer word of a message is no word, and looking it up is dear
_Hooked: TypeAlias = list[tuple[int, int]]  # phrases by number, with the place in each of what it hangs on
_Found: TypeAlias = tuple[_Hooked, list[int]]  # those that may stand in a text, with the places where


class PhraseIndex:
    """An immutable set of phrases, numbered as given."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._phrases = tuple(phrases)
        self._pairs: dict[tuple[str, str], _Hooked] = defaultdict(list)
        self._hooks: dict[tuple[bool, bool], dict[str, _Hooked]] = defaultdict(lambda: defaultdict(list))
        self._near: dict[str, _Hooked] = defaultdict(list)
        shared = Counter(stem for phrase in self._phrases for stem in {_stem(part) for part in phrase.parts})
        for number, phrase in enumerate(self._phrases):
            self._hang(number, phrase.parts, shared)
        self._lengths = {shape: sorted({len(stem) for stem in hooks}) for shape, hooks in self._hooks.items()}

    def _hang(self, number: int, parts: tuple[Part, ...], shared: Counter[str]) -> None:
        pairs = [at for at, (part, other) in enumerate(pairwise(parts)) if _is_closed(part) and _is_closed(other)]
        if pairs:
            at = min(pairs, key=lambda at: shared[parts[at].word] * shared[parts[at + 1].word])
            self._pairs[parts[at].word, parts[at + 1].word].append((number, at))
            return
        at = min(range(len(parts)), key=lambda at: _cost(parts[at], shared))
        part = parts[at]
        if part.near:
            for piece in without_one(part.word):
                self._near[piece].append((number, at))
        else:
            self._hooks[part.open_left, part.open_right][_stem(part)].append((number, at))

    def hits(self, text: Folded) -> frozenset[int]:
        """Return the numbers of the phrases that ``text`` holds."""
        found: set[int] = set()
        words = text.words
        for hooked, places in chain(self._by_pair(words), self._by_stem(words), self._by_likeness(words)):
            for number, at in hooked:
                phrase = self._phrases[number]
                if number not in found and any(phrase.matches_at(words, place - at) for place in places):
                    found.add(number)
        return frozenset(found)

    def _by_pair(self, words: tuple[str, ...]) -> Iterator[_Found]:
        for pair in self._pairs.keys() & set(pairwise(words)):
            yield self._pairs[pair], [place for place, other in enumerate(pairwise(words)) if other == pair]

    def _by_stem(self, words: tuple[str, ...]) -> Iterator[_Found]:
        once = frozenset(words)
        for shape, hooks in self._hooks.items():
            for stem in hooks.keys() & _pieces(once, shape, self._lengths[shape]):
                part = Part(stem, *shape)
                yield hooks[stem], [place for place, word in enumerate(words) if part.matches(word)]

    def _by_likeness(self, words: tuple[str, ...]) -> Iterator[_Found]:
        for place, word in enumerate(words if self._near else ()):
            for piece in without_one(word) if len(word) <= _LONGEST_TYPO else ():
                if piece in self._near:
                    yield self._near[piece], [place]


def _is_closed(part: Part) -> bool:
    return not (part.open_left or part.open_right or part.near)


def _stem(part: Part) -> str:
    if part.open_left and not part.open_right:
        return part.word[-_STEM:]
    return part.word[:_STEM] if part.open_right else part.word


def _cost(part: Part, shared: Counter[str]) -> tuple[int, int]:
    """Rank a part as a hook: closed before open (an open one is looked up in pieces), rare before common."""
    return (part.open_left + part.open_right + part.near, shared[_stem(part)])


def _pieces(words: frozenset[str], shape: tuple[bool, bool], lengths: list[int]) -> AbstractSet[str]:
    """Return what of the words a part of this shape may be, for the lengths that exist."""
    match shape:
        case (False, False):
            return words
        case (False, True):
            return {word[:length] for word in words for length in lengths}
        case (True, False):
            return {word[-length:] for word in words for length in lengths}
        case _:
            return {word[at : at + size] for word in words for size in lengths for at in range(len(word) - size + 1)}
