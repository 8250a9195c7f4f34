"""A soak's verdict: a real rise is found, noise and outliers are not taken for one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.soak_trend import FEWEST_SAMPLES, MOST_SAMPLES, Sample, Verdict, slope_of, thinned

VALUES = st.lists(st.integers(0, 1000).map(float), min_size=FEWEST_SAMPLES, max_size=60)


def timed(values: list[float]) -> list[Sample]:
    """Return samples taken each hundredth of an hour."""
    return [(number / 100, value) for number, value in enumerate(values)]


def noisy(per_hour: float, *, count: int = 300, spread: float = 1.0) -> list[Sample]:
    """Return a quantity that rises by so much an hour, with noise."""
    rng = random.Random(4)  # noqa: S311 - a test's chance
    return timed([70 + per_hour * number / 100 + rng.gauss(0, spread) for number in range(count)])


def test_a_straight_rise_is_its_own_slope() -> None:
    """Without noise the slope and both ends of its interval are exact."""
    slope = slope_of(timed([5 + 2.5 * number for number in range(100)]))
    assert (slope.per_hour, slope.low, slope.high) == pytest.approx((250.0, 250.0, 250.0))


@pytest.mark.parametrize(("per_hour", "verdict"), [(0.0, Verdict.LEVEL), (8.0, Verdict.RISES), (-8.0, Verdict.LEVEL)])
def test_a_rise_above_the_bound_is_found_in_noise(per_hour: float, verdict: Verdict) -> None:
    """Three hours of samples that differ by a MiB tell a rise of 8 MiB an hour from none."""
    assert slope_of(noisy(per_hour)).against(4.0) is verdict


def test_a_short_noisy_run_is_not_sure() -> None:
    """What too few samples cannot tell is called unsure, neither level nor a rise."""
    assert slope_of(noisy(0.0, count=25, spread=3.0)).against(1.0) is Verdict.UNSURE


def test_outliers_move_nothing() -> None:
    """A tenth of wild samples, as another program's load makes them, is no rise."""
    samples = [(at, value * 50 if number % 10 == 3 else value) for number, (at, value) in enumerate(noisy(0.0))]
    assert slope_of(samples).against(1.0) is Verdict.LEVEL


@given(VALUES, st.integers(-50, 50), st.integers(1, 9))
def test_adding_a_ramp_adds_its_slope(values: list[float], ramp: int, factor: int) -> None:
    """The slope of a scaled quantity on a ramp is the scaled slope and the ramp's."""
    plain = slope_of(timed(values))
    tilted = slope_of([(at, value * factor + ramp * at) for at, value in timed(values)])
    assert tilted.per_hour == pytest.approx(plain.per_hour * factor + ramp, abs=1e-6)
    assert tilted.low <= tilted.per_hour + 1e-9
    assert tilted.per_hour <= tilted.high + 1e-9


def test_too_few_samples_are_refused() -> None:
    """Nothing is said of what was hardly measured."""
    with pytest.raises(ValueError, match="say nothing"):
        slope_of(timed([1.0] * (FEWEST_SAMPLES - 1)))


@given(st.integers(1, 5 * MOST_SAMPLES))
def test_thinning_keeps_the_span_and_the_order(count: int) -> None:
    """A long run is judged by at most so many medians, in time order."""
    thin = thinned(timed([float(number) for number in range(count)]), MOST_SAMPLES)
    assert len(thin) == min(count, MOST_SAMPLES)
    assert thin == sorted(thin)
