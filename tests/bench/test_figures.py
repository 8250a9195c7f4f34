"""The arithmetic behind the bench: a wrong figure is worse than none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Figure, Ratio, as_json, table


def test_middle_and_end_of_a_hundred() -> None:
    """The 99th percentile of 1 to 100 is 99, the median lies between 50 and 51."""
    figure = Figure("x", "ms", tuple(float(value) for value in range(100, 0, -1)))
    assert (figure.median, figure.p99) == (50.5, 99.0)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300))
def test_percentile_is_a_measurement(values: list[float]) -> None:
    """The 99th percentile is one of the measurements, and at most one in a hundred lies above it."""
    figure = Figure("x", "ms", tuple(values))
    assert figure.p99 in values
    assert sum(value > figure.p99 for value in values) * 100 <= len(values)


def test_nothing_measured_is_an_error() -> None:
    """An empty figure is a fault of the bench, never a zero."""
    with pytest.raises(ValueError, match="nothing was measured"):
        Figure("x", "ms", ())


def test_ratio_is_of_medians() -> None:
    """One outlier moves no ratio."""
    slow, fast = Figure("slow", "ms", (4.0, 4.0, 400.0)), Figure("fast", "ms", (2.0, 2.0, 2.0))
    assert Ratio(slow, fast).value == 2.0


def test_table_and_json_tell_the_same() -> None:
    """What is pasted into the README and what a script reads have the same numbers."""
    slow, fast = Figure("slow", "ms", (4.0,)), Figure("fast", "ms", (2.0,))
    data = json.loads(as_json({"cores": 2}, [slow, fast], [Ratio(slow, fast)]))
    assert data["ratios"] == [{"of": "slow", "to": "fast", "ratio": 2.0}]
    assert [figure["median"] for figure in data["figures"]] == [4.0, 2.0]
    assert "| slow | 1 | 4 | 4 | 4 | 4 | ms |" in table([slow, fast], [Ratio(slow, fast)])
    assert "| slow | fast | 2 |" in table([slow, fast], [Ratio(slow, fast)])
