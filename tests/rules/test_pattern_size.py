"""How large a pattern is before the engine sees it."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.rules.pattern_size import is_tame, is_verbose, written_out


class Shape(NamedTuple):
    """A pattern and how many items it has when it is written out."""

    text: str
    items: int


def _many(children: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    counts = st.integers(0, 30)
    sequence = st.lists(children, min_size=1, max_size=3)
    return st.one_of(
        sequence.map(lambda parts: Shape("".join(p.text for p in parts), sum(p.items for p in parts))),
        st.tuples(sequence, counts).map(
            lambda made: Shape(
                f"(?:{'|'.join(p.text for p in made[0])}){{{made[1]}}}",
                (sum(p.items for p in made[0])) * max(1, made[1]),
            )
        ),
        st.tuples(children, counts).map(lambda it: Shape(f"({it[0].text}){{0,{it[1]}}}", it[0].items * it[1])),
    )


_SHAPES = st.recursive(
    st.sampled_from([Shape("a", 1), Shape(r"\d", 1), Shape("[a-z{9}]", 1), Shape(r"\{", 1), Shape("付", 1)]), _many
)


@given(_SHAPES)
def test_what_is_written_out_is_never_more_than_what_was_reckoned(shape: Shape) -> None:
    """However groups, branches and counts are nested."""
    assert written_out(shape.text) >= shape.items


@pytest.mark.parametrize(
    ("pattern", "items"),
    [
        ("paid", 4),
        (r"\d{16}|\d{18}|\d{19}|\d{20}", 76),
        ("(?:a{10}){10}", 100),
        ("(a{2,5}b)+", 6),
        ("a{3,}", 3),
        ("((a{10}){10}){10}", 1000),
        ("[{]{3}", 3),
    ],
)
def test_counts_multiply_as_they_nest(pattern: str, items: int) -> None:
    """Side by side they add up; a branch costs its bar."""
    assert items <= written_out(pattern) <= items + 3


@pytest.mark.parametrize(
    ("pattern", "verbose"),
    [
        ("(?x)a", True),
        ("(?ix:a)", True),
        ("(?-x:a)", True),
        ("(?i)x", False),
        ("(?P<x>a)", False),
        ("(?P=x)", False),
        ("(?:x)", False),
        ("(x)", False),
    ],
)
def test_a_pattern_with_blanks_that_do_not_count_is_known(pattern: str, verbose: bool) -> None:  # noqa: FBT001
    """There a count may be written as {1 000}."""
    assert is_verbose(pattern) is verbose


@pytest.mark.parametrize(
    ("pattern", "tame"),
    [
        ("付款|转账", True),
        (r"order \d{4,20}", True),
        (r"(?P<sum>\d{2,4}) ?(usd|eur)", True),
        ("colou?r", True),
        ("a+", False),
        ("a{2,}", False),
        (r"(?:a?){30}", False),
        ("(?:a|b){20}", False),
        (r"(a)\1", True),
        ("(?=a)b", False),
        ("(?R)?a", False),
    ],
)
def test_a_pattern_with_few_ways_to_match_needs_no_probe(pattern: str, tame: bool) -> None:  # noqa: FBT001
    """No text can keep the engine busy with it."""
    assert is_tame(pattern) is tame


_ATOMS = st.sampled_from(["a", r"\w", ".", "(a|b)", "(?:ab?)", "[ab]"])
_COUNTS = st.sampled_from(["", "?", "{3}", "{1,3}"])
_TAME = st.lists(st.tuples(_ATOMS, _COUNTS).map("".join), min_size=1, max_size=5).map("".join)


@given(_TAME)
def test_a_tame_pattern_stays_within_its_deadline(pattern: str) -> None:
    """The engine itself says so, on texts that it nearly matches everywhere."""
    if is_tame(pattern):
        engine = regex.compile(f"(?:{pattern})\x01", regex.IGNORECASE)
        assert engine.search("ab" * 1000, timeout=5.0) is None
