"""From the words and patterns of a rule, or of a block in it, to a matcher.

Promise: what can never match is an ERROR at its word; what is slow or must be tried on every message is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import regex

from p2pbot.document import Position
from p2pbot.rules.checks import Path
from p2pbot.rules.fields import ListRef
from p2pbot.rules.matching import BlockCheck, Matcher, PatternCheck, PhraseCheck
from p2pbot.rules.phrases import Phrase, PhraseFault, parse_phrase
from p2pbot.rules.regexes import Pattern, PatternFault, compile_pattern
from p2pbot.rules.shared import Shared, UnknownName
from p2pbot.rules.spec import MatchSpec

_PHRASE_KEYS = ("words", "all_words", "exact", "starts")
_SLOW_LENGTH = 1000  # a text that a merchant may really get; slower than that is refused
_DEEPEST = 4  # blocks within blocks; more is not read by anybody
_PATTERN = regex.compile(r"\w\)?\|\(?\w|\\[bdsw]|\.\*|\(\?")  # what a pattern has and a phrase has not
_COMMAS = ",;،，、；"
_BLOCKS = {"any": "any_", "all": "all_", "not": "not_"}


class Reporter(Protocol):
    """Places of a rule, and what is wrong there (``RuleCompiler``)."""

    def at(self, *path: str | int) -> Position:
        """Return the place of a value."""
        ...

    def key(self, *path: str | int) -> Position:
        """Return the place of a key."""
        ...

    def complain(self, place: Position, message: str, hint: str = "", code: str = "") -> None:
        """Report an ERROR."""
        ...

    def warn(self, place: Position, message: str, hint: str = "", code: str = "") -> None:
        """Report a WARNING."""
        ...

    def unknown(self, place: Position, error: UnknownName) -> None:
        """Report a name that nothing has."""
        ...


class Phrases:
    """Phrases numbered once for all rules."""

    def __init__(self) -> None:
        self.numbers: dict[Phrase, int] = {}

    def number(self, phrase: Phrase) -> int:
        """Return the phrase's number, a new one for a new phrase."""
        return self.numbers.setdefault(phrase, len(self.numbers))


class TextCompiler:
    """Compiles the text checks of one rule."""

    def __init__(self, reporter: Reporter, phrases: Phrases, shared: Shared, *, typos: bool) -> None:
        self._reporter = reporter
        self._phrases = phrases
        self._shared = shared
        self._typos = typos

    def matcher(self, spec: MatchSpec, base: Path = ()) -> Matcher:
        """Return the matcher of a rule, or of the block at ``base``."""
        keys = [prefix + key for key in _PHRASE_KEYS for prefix in ("", "not_")]
        phrases = [self._phrase_check(spec, base, key) for key in keys if getattr(spec, key)]
        patterns = [self._pattern_check(spec, base, key) for key in ("regex", "not_regex") if getattr(spec, key)]
        blocks = [self._block(spec, base, name) for name, field in _BLOCKS.items() if getattr(spec, field)]
        return Matcher(tuple(phrases), tuple(patterns), tuple(blocks))

    def _block(self, spec: MatchSpec, base: Path, name: str) -> BlockCheck:
        place = (*base, name)
        blocks = getattr(spec, _BLOCKS[name])
        if len(base) >= 2 * _DEEPEST:
            self._reporter.complain(self._reporter.key(*place), "the blocks are too deeply nested")
            blocks = ()
        matchers = (self.matcher(block, (*place, at)) for at, block in enumerate(blocks))
        return BlockCheck(name, tuple(matchers), str(self._reporter.at(*place)))

    def _phrase_check(self, spec: MatchSpec, base: Path, key: str) -> PhraseCheck:
        name, negative = key.removeprefix("not_"), key.startswith("not_")
        numbered: list[tuple[int, str]] = []
        for at, written in self._items(getattr(spec, key), (*base, key)):
            try:
                phrase = parse_phrase(
                    written,
                    at_start=name in {"starts", "exact"},
                    at_end=name == "exact",
                    typos=self._typos and not negative,
                )
            except PhraseFault as fault:
                self._reporter.complain(
                    self._reporter.at(*base, key, at), f"`{written[:40]}` can never match", str(fault), "P011"
                )
            else:
                numbered.append((self._phrases.number(phrase), written))
                self._one_phrase(written, key, (*base, key, at))
        where = str(self._reporter.at(*base, key))
        return PhraseCheck(key, tuple(numbered), where, every=name == "all_words", negative=negative)

    def _one_phrase(self, written: str, key: str, path: Path) -> None:
        """Warn of a list that lacks its brackets: all of its words in a row would have to be there."""
        message, hint = f"`{written[:40]}` is one phrase: a message must hold all of it in a row", ""
        if _PATTERN.search(written):
            hint = "only letters and digits count here; write a list [one, two], or a pattern under `regex`"
        elif "exact" not in key and any(comma in written for comma in _COMMAS):
            hint = "write a list: [one, two]"
        if hint:
            self._reporter.warn(self._reporter.at(*path), message, hint, "P014")

    def _items(self, written: tuple[str, ...], place: Path) -> Iterator[tuple[int, str]]:
        for at, item in enumerate(written):
            try:
                for _, one in self._shared.items([item]):
                    yield at, one
            except UnknownName as error:
                assert isinstance(item, ListRef)  # noqa: S101 - nothing else names a list
                self._reporter.unknown(self._reporter.at(*place, at), error)

    def _pattern_check(self, spec: MatchSpec, base: Path, key: str) -> PatternCheck:
        written = getattr(spec, key)
        patterns = [self._pattern(self._reporter.at(*base, key, at), one) for at, one in enumerate(written)]
        usable = tuple(pattern for pattern in patterns if pattern)
        return PatternCheck(key, usable, str(self._reporter.at(*base, key)), negative=key.startswith("not_"))

    def _pattern(self, place: Position, written: str) -> Pattern | None:
        try:
            pattern = compile_pattern(written)
        except PatternFault as fault:
            self._reporter.complain(place, "this pattern cannot be used", str(fault))
            return None
        length = pattern.slowest_length()
        if length is not None and length < _SLOW_LENGTH:
            hint = "two repeats that can take the same letters are the usual cause"
            message = f"this pattern takes too long on a text of {length} characters"
            self._reporter.complain(place, message, hint, "P012")
        elif length is not None:
            self._reporter.warn(place, f"this pattern takes too long on a text of {length} characters", code="P012")
        if pattern.literals is None:
            hint = "a pattern with some fixed letters is asked only when a message has them"
            self._reporter.warn(place, "this pattern must be tried on every message", hint, "P013")
        return pattern


def text_keys(spec: MatchSpec) -> Iterator[str]:
    """Yield the keys of a rule that look at a message's text, as they are written."""
    for name in (*(p + k for k in (*_PHRASE_KEYS, "regex") for p in ("", "not_")), *_BLOCKS):
        if getattr(spec, _BLOCKS.get(name, name)):
            yield name
