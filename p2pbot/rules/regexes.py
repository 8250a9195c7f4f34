r"""Merchants' regular expressions, with a leash: a literal that must be there first, and 20 ms at most.

Promise: no pattern holds the daemon for longer than its deadline, and all of them no longer than the leash; one that
runs into its deadline is reported, and whoever runs the rules leaves it out from then on. Patterns are probed with
pump strings when they are loaded; the probe lets other threads run.
Danger: Python's ``re`` is not for patterns that we did not write: it takes 23 s for ``(?:\w+\s?)+:`` on 28
characters and cannot be interrupted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import regex

from p2pbot.rules.folding import MAX_TEXT
from p2pbot.rules.leash import DEADLINE_S, Leash
from p2pbot.rules.literals import required_literals, skeleton
from p2pbot.rules.pattern_size import is_tame, is_verbose, written_out

MAX_PATTERN = 500  # characters; a longer one is a list of words
_MAX_GROUP = 200  # characters of a named group that a reply may repeat
_PROBES = 3  # a machine that stalls once must not condemn a pattern
_PROBED_LENGTHS = (100, 400)  # beside the longest: where even these are slow, merchants get such texts
_MAX_SEEDS = 12
_STOP = "\x00\n"  # two that hardly any repeat takes both
_SYNTAX = frozenset("()[]{}?*+|^$\\.")
_MAX_ITEMS = 2_500  # with its counts written out: more than the longest text that is looked at


class PatternFault(ValueError):
    """The pattern cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The engine gave up at its deadline: nobody knows whether the pattern matches."""


@dataclass(frozen=True, slots=True)
class NotAsked:
    """The time of all patterns on this message was over: this one is not to blame, and nobody knows what it says."""


@dataclass(frozen=True, slots=True)
class Found:
    """The pattern matched; its named groups, empty ones left out."""

    groups: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. ``literals`` is None when any text must be tried."""

    text: str
    engine: regex.Pattern[str]
    literals: frozenset[str] | None

    @property
    def names(self) -> frozenset[str]:
        """The named groups, which become ``match.<name>``."""
        return frozenset(self.engine.groupindex)

    def search(self, text: str, leash: Leash | None = None) -> Found | TimedOut | NotAsked | None:
        """Look for the pattern in ``visible`` text."""
        leash = leash or Leash()
        deadline_s = leash.deadline_s
        if not deadline_s:
            return NotAsked()
        try:
            found = self.engine.search(text[:MAX_TEXT], timeout=deadline_s)
        except TimeoutError:
            leash.ran_out(deadline_s)
            return TimedOut() if deadline_s == DEADLINE_S else NotAsked()
        if found is None:
            return None
        groups = ((name, value[:_MAX_GROUP]) for name, value in found.groupdict().items() if value)
        return Found(tuple(sorted(groups)))

    def slowest_length(self) -> int | None:
        """Return the shortest text (of 100, 400, 2000 characters) that drives the engine into its deadline, or None."""
        if is_tame(self.text) or not (self._is_slow(_PROBED_LENGTHS[0]) or self._is_slow(MAX_TEXT)):
            return None
        return next(length for length in (*_PROBED_LENGTHS, MAX_TEXT) if length == MAX_TEXT or self._is_slow(length))

    def _is_slow(self, length: int) -> bool:
        return any(all(self._stalls(pump) for _ in range(_PROBES)) for pump in self._pumps(length))

    def _stalls(self, pump: str) -> bool:
        """Whether the engine runs into its deadline; meanwhile other threads run."""
        try:
            self.engine.search(pump, timeout=DEADLINE_S, concurrent=True)
        except TimeoutError:
            return True
        return False

    def _pumps(self, length: int) -> Iterator[str]:
        """Yield strings that repeat what the pattern seems to like, ended by what it does not."""
        shape = skeleton(self.text)
        chars = dict.fromkeys(char for char in self.text if char not in _SYNTAX)
        pieces = [*filter(None, [shape]), *dict.fromkeys(self.literals or ()), *chars][:_MAX_SEEDS]
        seeds = chain(("a", "0", "a ", "a0", "0 ", " ", "付", "я "), pieces, (piece + " " for piece in pieces))
        literal = next(iter(sorted(self.literals or ())), "")  # without it the engine would not be asked
        opening, end = shape[:1], literal + shape[-1:]
        for seed in seeds:
            repeated = (seed * length)[: length - len(literal) - 5]
            yield repeated + _STOP + end
            if opening:
                yield opening + repeated + _STOP + end
            yield (literal or opening) + repeated + _STOP


def compile_pattern(text: str) -> Pattern:
    """Return the pattern that a rule writes; letters match in either case. Raises PatternFault."""
    if len(text) > MAX_PATTERN:
        raise PatternFault(f"it has {len(text)} characters, more than {MAX_PATTERN}")
    if is_verbose(text):
        raise PatternFault("the flag x is not used here; write the pattern without blanks and comments")
    if written_out(text) > _MAX_ITEMS:
        raise PatternFault("its counts in {} are too large together")
    try:
        engine = regex.compile(text, regex.IGNORECASE | regex.V0, cache_pattern=False)
        matches_nothing = engine.search("", timeout=DEADLINE_S) is not None
    except TimeoutError:
        raise PatternFault("it takes too long even on an empty text") from None
    except (regex.error, OverflowError, RecursionError, MemoryError, ValueError, TypeError, IndexError) as error:
        raise PatternFault(f"it is not a regular expression: {str(error)[:120]}") from None
    if matches_nothing:
        raise PatternFault("it matches an empty text, so it would match everything")
    return Pattern(text, engine, required_literals(text))
