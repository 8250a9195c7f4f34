"""The pace of calls: a crowd waits its turn, nobody waits without need, and no minute holds more than was said."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.pace import Pace

PACE = Pace(burst=10, per_s=2.0)
ARRIVALS = st.lists(st.floats(0, 20), max_size=120).map(lambda gaps: list(accumulate(gaps)))
CROWDS = st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.1, 1.0, 30.0]), max_size=200).map(lambda gaps: [*accumulate(gaps)])


def leaving(arrivals: list[float], pace: Pace = PACE) -> list[float]:
    """Return when the calls that were asked for at these times leave."""
    times = []
    for at_s in arrivals:
        wait_s, pace = pace.reserved(at_s)
        times.append(at_s + wait_s)
    return times


@given(ARRIVALS | CROWDS, st.sampled_from([1.0, 10.0, 60.0]))
def test_no_span_of_time_holds_more_calls_than_the_pace_allows(arrivals: list[float], span_s: float) -> None:
    """Wherever the span begins."""
    times = leaving(arrivals)
    for begin_s in times:
        held = sum(begin_s <= at_s < begin_s + span_s - 1e-6 for at_s in times)
        assert held <= PACE.most_in(span_s)


@given(ARRIVALS | CROWDS)
def test_who_asks_first_leaves_first(arrivals: list[float]) -> None:
    """A call that waits is not overtaken."""
    assert all(earlier <= later + 1e-9 for earlier, later in pairwise(leaving(arrivals)))


@given(st.integers(0, 10), st.floats(0, 1e6))
def test_a_burst_within_the_bound_waits_for_nothing(calls: int, at_s: float) -> None:
    """A pace that nobody used has its whole burst."""
    assert leaving([at_s] * calls) == [at_s] * calls


def test_what_exceeds_the_burst_leaves_at_the_steady_rate() -> None:
    """Two a second: every half second one."""
    assert leaving([100.0] * 14)[10:] == pytest.approx([100.5, 101.0, 101.5, 102.0])


def test_time_gives_the_burst_back() -> None:
    """After five seconds of rest ten calls may leave at once again."""
    _, *rest = leaving([0.0] * 10 + [5.0] * 10)
    assert rest[9:] == [5.0] * 10


def test_a_clock_that_stands_gives_nothing_back_and_takes_nothing() -> None:
    """An earlier time than before counts as the same time."""
    pace = PACE
    for at_s in [50.0] * 10 + [40.0]:
        wait_s, pace = pace.reserved(at_s)
    assert wait_s == pytest.approx(0.5)


def test_the_bound_of_a_minute_is_told() -> None:
    """So that the documents and the checks have it from one place."""
    assert PACE.most_in(60) == 130
