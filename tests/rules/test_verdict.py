"""Traces: stored with every message, so bounded and readable by other versions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2pbot.rules.verdict import Firing, Outcome, RuleTrace
from tests.fakes.occasions import rules, some_facts

_TEXT = st.text(max_size=120)


@given(_TEXT, st.sampled_from(Outcome), _TEXT, _TEXT, _TEXT, _TEXT)
def test_a_trace_survives_json(
    rule_id: str, outcome: Outcome, check: str, wanted: str, actual: str, where: str
) -> None:
    """There and back."""
    trace = RuleTrace(rule_id, outcome, check, wanted, actual, where)
    assert RuleTrace.from_json(trace.to_json()) == trace


def test_a_trace_is_bounded() -> None:
    """Whatever a merchant writes into a rule."""
    assert all(len(value) <= 120 for value in RuleTrace("x" * 500, Outcome.NO, wanted="y" * 500).to_json().values())


def test_a_trace_of_a_newer_version_can_be_read() -> None:
    """An unknown outcome is a value."""
    assert RuleTrace.from_json({"rule_id": "a", "outcome": "postponed", "more": 1}) == RuleTrace("a", Outcome.UNKNOWN)


def test_a_firing_does_not_show_its_text() -> None:
    """Rendered texts hold names and bank data."""
    assert "Ivan" not in repr(Firing(rule_id="a", bubbles=("Hello Ivan",)))


def test_a_trace_holds_no_rendered_text_and_no_name() -> None:
    """Only rule ids, conditions and plain facts."""
    asked = rules(
        "  - {id: a, words: hi, reply: 'Hello {{ counterparty.first_name }}', continue: yes}\n"
        "  - {id: b, words: hi, when: {counterparty: {nickname: x}}, reply: y}"
    )
    stored = str([trace.to_json() for trace in asked.ask("hi", some_facts()).trace])
    assert not any(private in stored for private in ("Ivan", "IVAN", "PETROV", "buyer7", "Hello"))
