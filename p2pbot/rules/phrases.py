"""What ``words:``, ``exact:`` and ``starts:`` hold: phrases of folded words, with ``*`` at a word's ends.

Promise: a phrase matches whole words only, never a part of one, unless a ``*`` says so: ``pay*``, ``*pay``, ``*pay*``.
"""

from __future__ import annotations

from dataclasses import dataclass

from p2pbot.rules.folding import fold


class PhraseFault(ValueError):
    """The phrase cannot match anything; the text says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """One folded word of a phrase, open at the ends where ``*`` stands."""

    word: str
    open_left: bool = False
    open_right: bool = False

    def matches(self, word: str) -> bool:
        """Whether a folded word of a message is meant."""
        if self.open_left:
            return self.word in word if self.open_right else word.endswith(self.word)
        return word.startswith(self.word) if self.open_right else word == self.word


@dataclass(frozen=True, slots=True)
class Phrase:
    """Parts that follow one another, anywhere in a text or bound to its start or end."""

    parts: tuple[Part, ...]
    at_start: bool = False
    at_end: bool = False

    def matches_at(self, words: tuple[str, ...], start: int) -> bool:
        """Whether the phrase stands in ``words`` from ``start`` on."""
        end = start + len(self.parts)
        if start < 0 or end > len(words):
            return False
        if (self.at_start and start) or (self.at_end and end != len(words)):
            return False
        return all(part.matches(word) for part, word in zip(self.parts, words[start:end], strict=True))


def parse_phrase(text: str, *, at_start: bool = False, at_end: bool = False) -> Phrase:
    """Return the phrase that ``text`` writes. Raises PhraseFault."""
    parts = tuple(part for word in text.split() for part in _parts(word))
    if not parts:
        raise PhraseFault("nothing is left of it after folding (only letters and digits are compared)")
    return Phrase(parts, at_start, at_end)


def _parts(word: str) -> tuple[Part, ...]:
    """Return one written word as parts: ``付款*`` is two words of which the last is open."""
    core = word.strip("*")
    if "*" in core:
        raise PhraseFault("* may stand at the start or the end of a word only")
    words = fold(core).words
    if not words and "*" in word:
        raise PhraseFault("a * needs letters or digits beside it")
    last = len(words) - 1
    return tuple(
        Part(part, open_left=word.startswith("*") and at == 0, open_right=word.endswith("*") and at == last)
        for at, part in enumerate(words)
    )
