"""Whether a text is meant: the text checks of one rule, over phrases found once for all rules.

Promise: all checks of a rule must hold; within one check any of its phrases will do (``all_words``: all of them).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from p2pbot.rules.conditions import Answer, Truth
from p2pbot.rules.folding import Folded, fold, visible
from p2pbot.rules.index import PhraseIndex
from p2pbot.rules.regexes import Found, Pattern, TimedOut

_SHOWN = 8  # words of a check that a trace names


class Heard:
    """An inbound text, folded and looked up once for all rules."""

    def __init__(self, text: str, index: PhraseIndex) -> None:
        self.text = text
        self.folded: Folded = fold(text)
        self.hits = index.hits(self.folded)

    @cached_property
    def visible(self) -> str:
        """The text as regular expressions see it."""
        return visible(self.text)


@dataclass(frozen=True, slots=True)
class PhraseCheck:
    """``words`` and its kin. ``phrases`` are (number in the index, as written)."""

    name: str
    phrases: tuple[tuple[int, str], ...]
    where: str
    every: bool = False
    negative: bool = False

    @property
    def wanted(self) -> str:
        """The check in words."""
        words = ", ".join(written for _, written in self.phrases[:_SHOWN])
        more = ", …" if len(self.phrases) > _SHOWN else ""
        quantity = "all of" if self.every else "any of" if len(self.phrases) > 1 else ""
        return " ".join(part for part in ("not" if self.negative else "", quantity, words + more) if part)

    def holds(self, hits: frozenset[int]) -> bool:
        """Whether the check is met by the phrases that the text holds."""
        found = (number in hits for number, _ in self.phrases)
        return (all(found) if self.every else any(found)) != self.negative

    def actual(self, hits: frozenset[int]) -> str:
        """Return which of the check's own words the text holds."""
        found = [written for number, written in self.phrases if number in hits]
        return "has " + ", ".join(found[:_SHOWN]) if found else "none of them"


@dataclass(frozen=True, slots=True)
class PatternCheck:
    """``regex`` or ``not_regex``."""

    name: str
    patterns: tuple[Pattern, ...]
    where: str
    negative: bool = False

    @property
    def wanted(self) -> str:
        """The check in words."""
        return ("not " if self.negative else "") + " or ".join(pattern.text for pattern in self.patterns[:_SHOWN])


@dataclass(frozen=True, slots=True)
class Searched:
    """What a rule's patterns said together: an answer, the named groups, whether one ran into its deadline."""

    answer: Answer
    check: PatternCheck | None = None
    groups: tuple[tuple[str, str], ...] = ()
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class Matcher:
    """The text checks of one rule; none at all means any text."""

    phrases: tuple[PhraseCheck, ...] = ()
    patterns: tuple[PatternCheck, ...] = ()

    @property
    def needs_text(self) -> bool:
        """Whether there is anything to check."""
        return bool(self.phrases or self.patterns)

    @property
    def names(self) -> frozenset[str]:
        """The named groups that ``match`` has in this rule's texts."""
        positive = [check for check in self.patterns if not check.negative]
        return frozenset(name for check in positive for pattern in check.patterns for name in pattern.names)

    def missing(self, hits: frozenset[int]) -> PhraseCheck | None:
        """Return the first phrase check that does not hold, or None."""
        return next((check for check in self.phrases if not check.holds(hits)), None)

    def search(self, text: str) -> Searched:
        """Ask the patterns, in order; the first check that does not hold decides."""
        groups: tuple[tuple[str, str], ...] = ()
        for check in self.patterns:
            results = [pattern.search(text) for pattern in check.patterns]
            found = next((result for result in results if isinstance(result, Found)), None)
            if found is None and any(isinstance(result, TimedOut) for result in results):
                return Searched(Answer(Truth.UNKNOWN, "took too long"), check, timed_out=True)
            if (found is not None) == check.negative:
                return Searched(Answer(Truth.FALSE, "found" if found else "not found"), check)
            if found is not None:
                groups = (*groups, *found.groups)
        return Searched(Answer(Truth.TRUE, "found"), groups=groups)

    def matches(self, heard: Heard) -> bool:
        """Whether the text is meant, whatever the order."""
        return self.missing(heard.hits) is None and self.search(heard.visible).answer.truth is Truth.TRUE
