"""What ``words:``, ``exact:`` and ``starts:`` hold: phrases of folded words, with ``*`` at a word's ends.

Promise: a phrase matches whole words only, never a part of one, unless a ``*`` says so: ``pay*``, ``*pay``, ``*pay*``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from p2pbot.rules.folding import fold

SHORTEST_WITH_TYPO = 5  # letters: in a shorter word one letter makes another word


class PhraseFault(ValueError):
    """The phrase cannot match anything; the text says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """One folded word of a phrase, open at the ends where ``*`` stands."""

    word: str
    open_left: bool = False
    open_right: bool = False
    near: bool = False

    def matches(self, word: str) -> bool:
        """Whether a folded word of a message is meant."""
        if self.near:
            return is_near(self.word, word)
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


def parse_phrase(text: str, *, at_start: bool = False, at_end: bool = False, typos: bool = False) -> Phrase:
    """Return the phrase that ``text`` writes; ``typos``: its longer words may have one. Raises PhraseFault."""
    parts = tuple(part for word in text.split() for part in _parts(word))
    if typos:
        parts = tuple(map(_forgiving, parts))
    if not parts:
        raise PhraseFault("nothing is left of it after folding (only letters and digits are compared)")
    return Phrase(parts, at_start, at_end)


def is_near(word: str, other: str) -> bool:
    """Whether two words differ by one letter at most: another, one more, one less, or two neighbours swapped."""
    if word == other:
        return True
    if abs(len(word) - len(other)) > 1:
        return False
    same = next((at for at, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))
    rest, others = word[same:], other[same:]
    swapped = rest[:2] == others[1::-1] and rest[2:] == others[2:] and len(rest) > 1
    return swapped or rest[1:] == others[1:] or rest[1:] == others or rest == others[1:]


def without_one(word: str) -> frozenset[str]:
    """Return the word and what is left of it without any one letter: near words have one of these in common."""
    return frozenset([word, *(word[:at] + word[at + 1 :] for at in range(len(word)))])


def _forgiving(part: Part) -> Part:
    is_long = len(part.word) >= SHORTEST_WITH_TYPO and not (part.open_left or part.open_right)
    return replace(part, near=True) if is_long and not part.word.isdigit() else part


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
