"""Merchants' patterns on a leash."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.rules.literals import plain_form, required_literals
from p2pbot.rules.regexes import Found, PatternFault, TimedOut, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        ("paid", {"paid"}),
        (r"оплат\w*", {"оплат"}),
        ("付款|转账", {"付款", "转账"}),
        (r"(?P<sum>\d+) ?(usd|eur)", {"usd", "eur"}),
        ("colou?r", {"colo"}),
        ("ab{2,}c", {"ab"}),
        ("ab{0,2}cde", {"cde"}),
        ("ab{0}cde", {"cde"}),
        ("[pq]aid", {"aid"}),
        (r"\bpaid\b", {"paid"}),
        (r"a\.b", {"a.b"}),
        (r"\p{L}{3}id", {"id"}),
        ("(?:foo)+bar", {"foo"}),
        ("PAID İ", {"paid i"}),
        ("a*b*", None),
        (r"\d{16}", None),
        ("x|", None),
        ("(a|b*)", None),
        ("(?=foo)", None),
        ("(?i)x", None),
        ("x{e<=1}abc", None),
        (r"(?(1)a|b)", None),
        ("[[a]--[b]]c", None),
        (r"a\Kb", {"a"}),
    ],
)
def test_a_pattern_tells_what_a_text_must_hold(pattern: str, literals: set[str] | None) -> None:
    """Read from the pattern; None when it is not certain."""
    found = required_literals(pattern)
    assert found == (None if literals is None else frozenset(literals))


_ATOMS = st.sampled_from(
    ["a", "b", "I", "ı", "ß", "付", ".", r"\d", r"\.", "[ab]", "[^a]", "(a)", "(?:ab)", "(a|b)", r"\w"]
)
_QUANTIFIERS = st.sampled_from(["", "", "?", "*", "+", "{2}", "{0,2}", "{1,}", "+?", "*+", "|"])
_PATTERNS = st.lists(st.tuples(_ATOMS, _QUANTIFIERS).map("".join), min_size=1, max_size=6).map("".join)


@given(_PATTERNS, st.text(alphabet="abAIıİißs付.1x ", max_size=12))
def test_the_prefilter_never_hides_a_match(pattern: str, text: str) -> None:
    """Whatever the engine finds, one of the literals is there."""
    try:
        engine = regex.compile(pattern, regex.IGNORECASE)
    except regex.error:
        return
    literals = required_literals(pattern)
    if literals is not None and engine.search(text):
        assert any(literal in plain_form(text) for literal in literals)


@pytest.mark.parametrize(
    "pattern", [r"(?:\w+\s?)+:", "(a+)+$", "(a|aa)+$", r"(.*,){20}z", "(?:x+x+)+y", r"(\d+[.,]?)+ ?usd", r"^(\w+\s?)*$"]
)
def test_a_pattern_that_explodes_is_found_out_by_pump_strings(pattern: str) -> None:
    """The engine's own deadline says so, on a text that a merchant may get."""
    if pattern.endswith(r"*$"):
        with pytest.raises(PatternFault):
            compile_pattern(pattern)
        return
    length = compile_pattern(pattern).slowest_length()
    assert length is not None
    assert length <= 400


@pytest.mark.parametrize(
    "pattern", ["paid", r"оплат\w*", r"\b\d{16}\b", r"\bплат(ил|еж)а?\b", "付款|转账", r"order (\d+)"]
)
def test_an_ordinary_pattern_passes_the_probe(pattern: str) -> None:
    """No pump string troubles it."""
    assert compile_pattern(pattern).slowest_length() is None


def test_a_search_that_takes_too_long_is_a_value() -> None:
    """Nobody waits longer than the deadline, and nobody gets an exception."""
    assert isinstance(compile_pattern(r"(a|aa)+$").search("a" * 100 + "b"), TimedOut)


def test_a_match_carries_its_named_groups_bounded_and_without_empty_ones() -> None:
    """They become ``match.name``."""
    found = compile_pattern(r"(?P<a>x+)(?P<b>y)?z").search("XXz")
    assert found == Found((("a", "XX"),))
    long = compile_pattern(r"(?P<a>x+)z").search("x" * 900 + "z")
    assert isinstance(long, Found)
    assert len(long.groups[0][1]) == 200


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "not a regular expression"),
        ("[[", "not a regular expression"),
        ("a*", "matches an empty text"),
        ("x" * 501, "more than 500"),
        ("(?:(?:a{1000}){1000}){1000}", "too large together"),
        ("a{99999999999}", "too large together"),
    ],
)
def test_a_pattern_that_cannot_be_used_says_why(pattern: str, reason: str) -> None:
    """Before the engine is asked to unroll it."""
    with pytest.raises(PatternFault, match=reason):
        compile_pattern(pattern)


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_a_fault(text: str) -> None:
    """No other exception leaves."""
    try:
        compile_pattern(text).search("I paid 900 USD")
    except PatternFault:
        return
