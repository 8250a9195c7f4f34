"""The worst patterns there are neither hold up the daemon nor go unnoticed: shown by the engine's own deadline."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
import regex

from p2pbot.document import Severity
from p2pbot.model import EventKind, Reason
from p2pbot.rules.leash import DEADLINE_S, TOTAL_S, Leash
from p2pbot.rules.matching import Matcher, PatternCheck
from p2pbot.rules.regexes import Found, Pattern, PatternFault, compile_pattern
from p2pbot.rules.rule import Rule
from p2pbot.rules.ruleset import RuleSet, load_rules
from p2pbot.rules.verdict import Outcome
from tests.fakes.occasions import Rules
from tests.rules.redos import BOMBS, EVIL, MILD, Evil

_SLOW = [evil for evil in EVIL if evil.name not in MILD]


@dataclass
class Watched:
    """An engine that notes how long it was allowed to take."""

    engine: regex.Pattern[str]
    allowed_s: list[float] = field(default_factory=list)

    @property
    def groupindex(self) -> Any:
        """The named groups."""
        return self.engine.groupindex

    def search(self, text: str, *, timeout: float) -> Any:
        """Search as it does."""
        self.allowed_s.append(timeout)
        return self.engine.search(text, timeout=timeout)


@dataclass
class Clock:
    """Seconds that only the engines below spend."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@dataclass
class Busy:
    """An engine that takes as long as it is told, on a clock that stands still otherwise, and finds nothing."""

    clock: Clock
    takes_s: float
    groupindex: dict[str, int] = field(default_factory=dict)

    def search(self, _: str, *, timeout: float) -> None:
        """Take its time, or what it is allowed of it."""
        self.clock.now_s += min(self.takes_s, timeout)
        if self.takes_s > timeout:
            raise TimeoutError


def a_rule(rule_id: str, engine: Any, literals: frozenset[str] | None = None) -> Rule:
    """Return a rule of one pattern."""
    check = PatternCheck("regex", (Pattern("x", engine, literals),), "a.yaml:3:5")
    return Rule(
        id=rule_id,
        group=rule_id,
        where="a.yaml:2:5",
        events=frozenset({EventKind.MESSAGE}),
        matcher=Matcher(patterns=(check,)),
    )


def rule_set(engines: Iterable[Any]) -> Rules:
    """Return as many rules as engines: r0, r1 and so on."""
    return Rules(RuleSet(a_rule(f"r{number}", engine) for number, engine in enumerate(engines)))


def test_the_table_is_as_large_as_it_says() -> None:
    """Fifty at least, each once."""
    assert len({evil.name for evil in EVIL}) == len({evil.pattern for evil in EVIL}) == len(EVIL) >= 50
    assert all(evil.source for evil in EVIL)
    assert {evil.name for evil in EVIL} > MILD


@pytest.mark.parametrize("evil", EVIL, ids=[evil.name for evil in EVIL])
def test_an_evil_pattern_is_asked_once_and_within_its_deadline(evil: Evil) -> None:
    """Even if it came past the loader: the engine ends it, the rule stays silent and is named for quarantine."""
    watched = Watched(compile_pattern(evil.pattern).engine)
    verdict = rule_set([watched]).ask(evil.text)
    assert watched.allowed_s == [DEADLINE_S]
    if verdict.timed_out:
        assert (verdict.timed_out, verdict.firings, verdict.reason) == (("r0",), (), Reason.NO_RULE)
        assert verdict.trace[0].outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("evil", _SLOW, ids=[evil.name for evil in _SLOW])
def test_what_is_slow_on_its_text_is_found_out_when_it_is_loaded(evil: Evil) -> None:
    """By pump strings: refused, or said to be slow, at the place of the pattern."""
    text = f"version: 1\nrules:\n  - id: a\n    regex: {json.dumps(evil.pattern)}\n    reply: x\n"
    found = [finding for finding in load_rules({"a.yaml": text}).findings if finding.code == "P012"]
    assert [(finding.position.line, finding.position.column) for finding in found] == [(4, 12)]


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_the_engine_unfolds_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a finding at the pattern's place; the engine is not even asked."""
    text = f"version: 1\nrules:\n  - id: a\n    regex: {json.dumps(BOMBS[name])}\n    reply: x\n"

    def unfold(*_: Any, **__: Any) -> None:
        pytest.fail("the engine was asked")

    monkeypatch.setattr(regex, "compile", unfold)
    loaded = load_rules({"a.yaml": text})
    assert loaded.ruleset is None
    assert [(one.severity, one.position.line, one.message) for one in loaded.findings] == [
        (Severity.ERROR, 4, "this pattern cannot be used")
    ]


def test_a_hundred_slow_patterns_have_together_what_two_may_take() -> None:
    """Two are found out and named, the others are not asked about this message and are not to blame."""
    clock = Clock()
    asked = rule_set([Busy(clock, takes_s=60.0) for _ in range(100)])
    began_s = clock()
    verdict = asked.ask("hello", computed_s=clock)
    assert clock() - began_s == pytest.approx(TOTAL_S)
    assert verdict.timed_out == ("r0", "r1")
    assert len(verdict.not_asked) == 98
    assert verdict.trace[2].actual == "not asked: the patterns before it took too long together"


def test_a_hundred_patterns_that_are_just_quick_enough_have_the_same_time() -> None:
    """None of them ran into its deadline, so none is left out; what was cut short is not called slow either."""
    clock = Clock()
    asked = rule_set([Busy(clock, takes_s=DEADLINE_S * 0.9) for _ in range(100)])
    began_s = clock()
    verdict = asked.ask("hello", computed_s=clock)
    assert clock() - began_s == pytest.approx(TOTAL_S)
    assert (verdict.timed_out, len(verdict.not_asked)) == ((), 98)


def test_message_by_message_every_slow_pattern_is_found_out() -> None:
    """With those in quarantine that were named, the next two are asked, until the time is nobody's any more."""
    clock = Clock()
    asked = rule_set([*(Busy(clock, takes_s=60.0) for _ in range(5)), Busy(clock, takes_s=0.0)])
    left_out: frozenset[str] = frozenset()
    for _ in range(3):
        verdict = asked.ask("hello", computed_s=clock, left_out=left_out)
        left_out |= frozenset(verdict.timed_out)
    assert left_out == {f"r{number}" for number in range(5)}
    assert asked.ask("hello", computed_s=clock, left_out=left_out).not_asked == ()


def test_without_a_clock_what_ran_out_counts() -> None:
    """Whoever tries rules has no clock, and is not held up for long either."""
    slow: Any = Busy(Clock(), takes_s=60.0)
    leash = Leash()
    outcomes = [type(Pattern("x", slow, None).search("x", leash)).__name__ for _ in range(4)]
    assert outcomes == ["TimedOut", "TimedOut", "NotAsked", "NotAsked"]


def test_whoever_explains_rules_asks_all_of_them() -> None:
    """A person may wait; every rule of a thorough trace has its own answer."""
    clock = Clock()
    verdict = rule_set([Busy(clock, takes_s=60.0) for _ in range(5)]).ask("hello", thorough=True, computed_s=clock)
    assert len(verdict.timed_out) == 5


def test_a_pattern_that_is_slow_even_on_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loader asks every engine about an empty text, with a deadline."""
    monkeypatch.setattr(regex, "compile", lambda *_, **__: Busy(Clock(), takes_s=60.0))
    with pytest.raises(PatternFault, match="even on an empty text"):
        compile_pattern("abc")


def test_a_text_is_looked_at_no_further_than_its_bound() -> None:
    """What is behind 2000 characters costs nothing."""
    pattern = compile_pattern("needle")
    assert pattern.search("x" * 2000 + "needle") is None
    assert isinstance(pattern.search("x" * 1994 + "needle"), Found)
