"""What a rule says: bubbles in the counterparty's language, one of several wordings, none longer than the chat takes.

Promise: the same occasion and the same chance give the same bubbles; a text of more than 1000 characters is split at a
sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import regex

from p2pbot.rules.templates import CannotSay, Text
from p2pbot.rules.variables import Value

T = TypeVar("T")
MAX_BUBBLE = 1000  # characters; the chat refuses longer texts
MAX_BUBBLES = 10  # per reply, after splitting: more is a flood
ANY = ""  # the language of a text that is the same for everybody
DEFAULT = "default"
_ENDS = (regex.compile(r".*[.!?。！？…؟।\n](?=\s|$|(?<=[。！？]))", regex.DOTALL), regex.compile(r".*\s", regex.DOTALL))
Wordings = tuple[Text, ...]
ByLanguage = tuple[tuple[str, T], ...]


class Chance(Protocol):
    """The randomness that a decision needs."""

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high]."""
        ...


@dataclass(frozen=True, slots=True)
class Bubble:
    """One text of the chat, by language; of several wordings one is taken."""

    wordings: ByLanguage[Wordings]

    def texts(self) -> Iterator[Text]:
        """Yield every text of every language."""
        for _, wordings in self.wordings:
            yield from wordings


@dataclass(frozen=True, slots=True)
class Reply:
    """Bubbles in order, by language."""

    bubbles: ByLanguage[tuple[Bubble, ...]]

    def texts(self) -> Iterator[Text]:
        """Yield every text of every language."""
        for _, bubbles in self.bubbles:
            for bubble in bubbles:
                yield from bubble.texts()

    def render(
        self, languages: Sequence[str | None], values: Mapping[str, Mapping[str, Value]], rng: Chance
    ) -> tuple[str, ...]:
        """Return what to send in the best of ``languages`` that is there, empty texts left out. Raises CannotSay."""
        said: list[str] = []
        for bubble in in_language(self.bubbles, languages):
            text = one_of(in_language(bubble.wordings, languages), rng).render(values).strip()
            said.extend(split_text(text))
        if len(said) > MAX_BUBBLES:
            raise CannotSay(f"the reply has more than {MAX_BUBBLES} parts")
        return tuple(said)


def in_language(choices: ByLanguage[T], languages: Sequence[str | None]) -> T:
    """Return what is meant for the first of ``languages`` that is there, else what is written first."""
    by_code = dict(choices)
    for code in languages:
        if code in by_code:
            return by_code[code]
    return choices[0][1]


def one_of(choices: Sequence[T], rng: Chance) -> T:
    """Return one of several by chance; a single one needs no chance."""
    if len(choices) == 1:
        return choices[0]
    return choices[min(int(rng.uniform(0, len(choices))), len(choices) - 1)]


def split_text(text: str) -> Iterator[str]:
    """Yield parts of at most 1000 characters, cut behind a sentence, else behind a word, else where it must be."""
    while len(text) > MAX_BUBBLE:
        window = text[:MAX_BUBBLE]
        cuts = (found.end() for end in _ENDS if (found := end.match(window)) and found[0].strip())
        cut = next(cuts, MAX_BUBBLE)
        yield text[:cut].strip()
        text = text[cut:].strip()
    if text:
        yield text
