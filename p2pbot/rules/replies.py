"""What a rule says: bubbles in the counterparty's language, one of several wordings, none longer than the chat takes.

Promise: the same occasion and the same chance give the same bubbles; a text of more than 1000 characters is split at a
sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

import regex

from p2pbot.model import Picture
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
class Shown:
    """A picture, and what is written below it."""

    picture: Picture
    caption: Bubble | None = None


@dataclass(frozen=True, slots=True)
class Bubble:
    """One text of the chat or one picture, by language; of several wordings one is taken."""

    wordings: ByLanguage[Wordings | Shown]

    def texts(self) -> Iterator[Text]:
        """Yield every text of every language."""
        for _, line in self.wordings:
            yield from texts_of(line)

    def pictures(self) -> Iterator[Picture]:
        """Yield every picture of every language."""
        yield from (line.picture for _, line in self.wordings if isinstance(line, Shown))

    def render(
        self, languages: Sequence[str | None], values: Mapping[str, Mapping[str, Value]], rng: Chance
    ) -> Iterator[str | Picture]:
        """Yield what to send: the parts of a text, or a picture and the parts of its caption. Raises CannotSay."""
        line = in_language(self.wordings, languages)
        if isinstance(line, Shown):
            yield line.picture
            if line.caption is not None:
                yield from line.caption.render(languages, values, rng)
        else:
            yield from split_text(one_of(line, rng).render(values).strip())


@dataclass(frozen=True, slots=True)
class Reply:
    """Bubbles in order, by language."""

    bubbles: ByLanguage[tuple[Bubble, ...]]

    def texts(self) -> Iterator[Text]:
        """Yield every text of every language."""
        for _, bubbles in self.bubbles:
            for bubble in bubbles:
                yield from bubble.texts()

    def pictures(self) -> Iterator[Picture]:
        """Yield every picture of every language."""
        for _, bubbles in self.bubbles:
            for bubble in bubbles:
                yield from bubble.pictures()

    def render(
        self, languages: Sequence[str | None], values: Mapping[str, Mapping[str, Value]], rng: Chance
    ) -> tuple[str | Picture, ...]:
        """Return what to send in the best of ``languages`` that is there, empty texts left out. Raises CannotSay."""
        parts = (
            part for bubble in in_language(self.bubbles, languages) for part in bubble.render(languages, values, rng)
        )
        said = list(islice(parts, MAX_BUBBLES + 1))  # a text that repeats a long message would be cut for minutes
        if len(said) > MAX_BUBBLES:
            raise CannotSay(f"the reply has more than {MAX_BUBBLES} parts")
        return tuple(said)


def texts_of(line: Wordings | Shown) -> Iterator[Text]:
    """Yield the texts of a line: its wordings, or a picture's caption."""
    if isinstance(line, Shown):
        yield from line.caption.texts() if line.caption else ()
    else:
        yield from line


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
