"""The rules' bench compares like with like."""

from __future__ import annotations

import pytest

from bench.corpus import MESSAGES, Merchant
from bench.figures import Figure, Ratio
from bench.rules import agree, measure_one, table


def test_the_engines_find_the_same_rules() -> None:
    """On every message; the whole of what one size measures is there."""
    taken = measure_one(60, 0.4)
    assert {"p2pbot", "re", "folding alone", "whole decision"} <= taken.keys()
    assert len(taken["p2pbot"][1]) == len(MESSAGES)


def test_an_engine_that_finds_something_else_ends_the_bench() -> None:
    """A figure of another job is worse than none."""
    with pytest.raises(AssertionError, match="re and p2pbot disagree about 'Hello': "):
        agree(Merchant(10, 0.0), {"p2pbot": lambda _: [], "re": lambda text: ["w0"] if text == "Hello" else []})


@pytest.mark.parametrize(("count", "share", "patterns"), [(10, 0.0, 0), (10, 0.4, 4), (1000, 0.4, 400)])
def test_a_merchant_has_as_many_rules_as_said(count: int, share: float, patterns: int) -> None:
    """With their share of patterns, and the same in every run."""
    merchant = Merchant(count, share)
    assert (len(merchant.rules), sum(bool(rule.pattern) for rule in merchant.rules)) == (count, patterns)
    assert merchant.files() == Merchant(count, share).files()


def test_the_table_has_a_row_for_each_size() -> None:
    """What was not measured is a dash."""
    ours, theirs = Figure("10 rules, words: p2pbot", "µs", (2.0,)), Figure("10 rules, words: re", "µs", (8.0,))
    head, _, row, *_, ratio = table([ours, theirs], [Ratio(theirs, ours)]).splitlines()
    assert head.startswith("| medians | p2pbot µs |")
    assert row.startswith("| 10 rules, words | 2 | – | 8 | – |")
    assert ratio.endswith("| 4 |")
