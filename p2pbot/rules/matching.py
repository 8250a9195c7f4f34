"""Whether a text is meant: the text checks of one rule, over phrases found once for all rules.

Promise: all checks of a rule must hold; within one check any of its phrases will do (``all_words``: all of them).
Blocks (``any``, ``all``, ``not``) hold checks again; a pattern that took too long, or was not asked any more because
others had, makes unknown what hangs on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from p2pbot.rules.checks import Answer, Truth
from p2pbot.rules.folding import Folded, fold, visible
from p2pbot.rules.index import PhraseIndex
from p2pbot.rules.leash import Leash
from p2pbot.rules.literals import plain_form
from p2pbot.rules.prefilter import LiteralIndex
from p2pbot.rules.regexes import Found, NotAsked, Pattern, TimedOut

_SHOWN = 8  # words of a check that a trace names
_SLOW, _LATE = "took too long", "not asked: the patterns before it took too long together"
Call: TypeAlias = int | str  # what a rule may need of a text: a phrase's number in the index, or a pattern's literal


class Heard:
    """An inbound text, folded and looked up once for all rules; its patterns share one leash."""

    def __init__(
        self, text: str, index: PhraseIndex, literals: LiteralIndex | None = None, leash: Leash | None = None
    ) -> None:
        self.text = text
        self.folded: Folded = fold(text)
        self.hits = index.hits(self.folded)
        self.leash = leash or Leash()
        self._literals = literals

    @cached_property
    def held(self) -> frozenset[str]:
        """The literals of patterns that the text holds."""
        return self._literals.held(plain_form(self.visible)) if self._literals else frozenset()

    @property
    def calls(self) -> frozenset[Call]:
        """Everything in the text that may call a rule."""
        return self.hits | self.held

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

    def called_by(self) -> frozenset[str] | None:
        """Return literals of which a text must hold one for the check to hold; None: any text may do."""
        needs = [pattern.literals for pattern in self.patterns]
        known = [need for need in needs if need is not None]
        return None if self.negative or len(known) < len(needs) else frozenset().union(*known)

    def search(self, heard: Heard) -> Searched:
        """Ask the patterns until one is found; ``check`` is set when the check does not hold."""
        results = []
        for pattern in self.patterns:
            if pattern.literals is None or not pattern.literals.isdisjoint(heard.held):
                results.append(pattern.search(heard.visible, heard.leash))
            if results and isinstance(results[-1], Found):
                break
        found = next((result for result in results if isinstance(result, Found)), None)
        timed_out = any(isinstance(result, TimedOut) for result in results)
        not_asked = any(isinstance(result, NotAsked) for result in results)
        if found is None and (timed_out or not_asked):
            answer = Answer(Truth.UNKNOWN, _SLOW if timed_out else _LATE)
            return Searched(answer, self, timed_out=timed_out, not_asked=not_asked)
        if (found is not None) == self.negative:
            return Searched(Answer(Truth.FALSE, "found" if found else "not found"), self)
        return Searched(Answer(Truth.TRUE, "found"), groups=found.groups if found else ())


@dataclass(frozen=True, slots=True)
class BlockCheck:
    """``any``, ``all`` or ``not``: matchers of which one, each, or none must hold."""

    name: str
    matchers: tuple[Matcher, ...]
    where: str

    @property
    def wanted(self) -> str:
        """The check in words."""
        quantity = {"any": "one", "all": "each", "not": "none"}[self.name]
        return f"{quantity} of {len(self.matchers)} blocks"

    def called_by(self) -> list[frozenset[Call]]:
        """Return sets of phrases and literals; a text must hold one of each set."""
        needs = [matcher.called_by() for matcher in self.matchers]
        known = [need for need in needs if need is not None]
        if self.name == "all":
            return known
        return [frozenset().union(*known)] if self.name == "any" and len(known) == len(needs) else []

    def search(self, heard: Heard) -> Searched:
        """Ask every block."""
        asked = [matcher.judge(heard) for matcher in self.matchers]
        truths = [one.answer.truth for one in asked]
        timed_out, not_asked = (any(one.timed_out for one in asked), any(one.not_asked for one in asked))
        good, bad = (Truth.FALSE, Truth.TRUE) if self.name == "not" else (Truth.TRUE, Truth.FALSE)
        enough = any(one is good for one in truths) if self.name == "any" else all(one is good for one in truths)
        if enough:
            held = [one for one in asked if one.answer.truth is Truth.TRUE]
            groups = tuple(group for one in (held[:1] if self.name == "any" else held) for group in one.groups)
            return Searched(Answer(Truth.TRUE, "holds"), groups=groups)
        failed = all(one is bad for one in truths) if self.name == "any" else any(one is bad for one in truths)
        if failed:
            return Searched(Answer(Truth.FALSE, "does not hold"), self)
        answer = Answer(Truth.UNKNOWN, _SLOW if timed_out else _LATE)
        return Searched(answer, self, timed_out=timed_out, not_asked=not_asked)


@dataclass(frozen=True, slots=True)
class Searched:
    """What a rule's checks said together: an answer and the named groups.

    ``timed_out``: a pattern ran into its deadline; ``not_asked``: one was not asked, for others had taken all the time.
    """

    answer: Answer
    check: PhraseCheck | PatternCheck | BlockCheck | None = None
    groups: tuple[tuple[str, str], ...] = ()
    timed_out: bool = False
    not_asked: bool = False


@dataclass(frozen=True, slots=True)
class Matcher:
    """The text checks of one rule or block; none at all means any text."""

    phrases: tuple[PhraseCheck, ...] = ()
    patterns: tuple[PatternCheck, ...] = ()
    blocks: tuple[BlockCheck, ...] = ()

    @property
    def needs_text(self) -> bool:
        """Whether there is anything to check."""
        return bool(self.phrases or self.patterns or self.blocks)

    @property
    def names(self) -> frozenset[str]:
        """The named groups that ``match`` may have in this rule's texts."""
        positive = [check for check in self.patterns if not check.negative]
        own = {name for check in positive for pattern in check.patterns for name in pattern.names}
        inner = (matcher.names for block in self.blocks if block.name != "not" for matcher in block.matchers)
        return frozenset(own).union(*inner)

    def missing(self, hits: frozenset[int]) -> PhraseCheck | None:
        """Return the first phrase check that does not hold, or None."""
        return next((check for check in self.phrases if not check.holds(hits)), None)

    def called_by(self) -> frozenset[Call] | None:
        """Return phrases or literals of which a text must hold at least one; None: any text may do.

        Of several such sets the smallest, phrases before literals: a word is rarer than letters.
        """
        positive = [check for check in self.phrases if not check.negative]
        needs: list[frozenset[Call]] = []
        needs += [frozenset(n for n, _ in (c.phrases[:1] if c.every else c.phrases)) for c in positive]
        needs += [need for check in self.patterns if (need := check.called_by()) is not None]
        needs += [need for block in self.blocks for need in block.called_by()]
        return min(needs, key=len, default=None)

    def literals(self) -> Iterator[str]:
        """Yield what the patterns require, those of blocks too."""
        for check in self.patterns:
            for pattern in check.patterns:
                yield from pattern.literals or ()
        for block in self.blocks:
            for matcher in block.matchers:
                yield from matcher.literals()

    def search(self, heard: Heard) -> Searched:
        """Ask patterns and blocks, in order; the first that does not hold decides."""
        groups: tuple[tuple[str, str], ...] = ()
        checks: tuple[PatternCheck | BlockCheck, ...] = (*self.patterns, *self.blocks)
        for check in checks:
            searched = check.search(heard)
            if searched.check is not None:
                return searched
            groups = (*groups, *searched.groups)
        return Searched(Answer(Truth.TRUE, "found"), groups=groups)

    def judge(self, heard: Heard) -> Searched:
        """Ask everything."""
        missing = self.missing(heard.hits)
        if missing is not None:
            return Searched(Answer(Truth.FALSE, missing.actual(heard.hits)), missing)
        return self.search(heard)

    def matches(self, heard: Heard) -> bool:
        """Whether the text is meant, whatever the order."""
        return self.judge(heard).answer.truth is Truth.TRUE
