"""Backoff never turns into a tight loop nor into silence; the budget of attempts holds whatever the clock does."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from p2pbot.protocol.backoff import AttemptBudget, Backoff
from tests.fakes.chance import FixedChance

SHARES = st.floats(0, 1)
BACKOFFS = st.builds(
    Backoff,
    base_s=st.floats(0.1, 10),
    cap_s=st.floats(10, 1000),
    useful_s=st.floats(1, 1000),
    failures=st.integers(0, 10_000),
)


@given(BACKOFFS, SHARES)
def test_a_delay_is_never_below_half_the_base_nor_above_the_cap(backoff: Backoff, share: float) -> None:
    """However the dice fall and however often it failed before."""
    delay_s, _ = backoff.failed(FixedChance(share))
    assert backoff.base_s / 2 <= delay_s <= backoff.cap_s


@given(SHARES)
def test_delays_double_until_the_cap(share: float) -> None:
    """With the dice always falling alike, each delay is twice the one before, and the cap ends it."""
    backoff, delays = Backoff(base_s=1, cap_s=60), []
    for _ in range(9):
        delay_s, backoff = backoff.failed(FixedChance(share))
        delays.append(delay_s)
    assert all(later == min(2 * earlier, delays[-1]) for earlier, later in pairwise(delays))
    assert delays[-1] == FixedChance(share).uniform(30, 60)


def test_jitter_spreads_over_half_of_the_delay() -> None:
    """Clients that failed together do not come back together."""
    backoff = Backoff(base_s=8, failures=0)
    assert (backoff.failed(FixedChance(0))[0], backoff.failed(FixedChance(1))[0]) == (4, 8)


@given(BACKOFFS, st.floats(0, 2000))
def test_only_useful_time_forgets_trouble(backoff: Backoff, open_s: float) -> None:
    """A connection that ended before it was useful counts for nothing."""
    assert backoff.lasted(open_s).failures == (0 if open_s >= backoff.useful_s else backoff.failures)


def test_a_server_that_accepts_and_closes_at_once_is_met_with_growing_delays() -> None:
    """The reset at each handshake is what hammered a server 2,328 times in 2 s."""
    backoff, delays = Backoff(), []
    for _ in range(7):
        delay_s, backoff = backoff.lasted(0.01).failed(FixedChance())
        delays.append(delay_s)
    assert delays == sorted(delays)
    assert delays[-1] > 40


def test_a_backoff_does_not_change() -> None:
    """It is a value: the failure is remembered by the next one."""
    backoff = Backoff()
    _, after = backoff.failed(FixedChance())
    assert (backoff.failures, after.failures) == (0, 1)


BUDGET = AttemptBudget(limit=3, window_ms=1_000)


def test_a_fresh_budget_allows_at_once_what_its_limit_says() -> None:
    """The limit itself is allowed, the next attempt is not."""
    budget = BUDGET
    for _ in range(3):
        assert budget.wait_ms(5_000) == 0
        budget = budget.spend(5_000)
    assert budget.wait_ms(5_000) == 1_000


def test_an_attempt_frees_its_place_when_its_window_is_over() -> None:
    """The wait counts from the attempt whose place becomes free, to the millisecond."""
    budget = BUDGET.spend(0).spend(400).spend(500)
    assert [budget.wait_ms(now_ms) for now_ms in (500, 999, 1_000)] == [500, 1, 0]


def test_a_full_budget_under_a_clock_that_was_set_back_waits_one_window_and_no_longer() -> None:
    """What seems to lie in the future counts as made now."""
    budget = BUDGET.spend(9_000).spend(9_000).spend(9_000)
    assert budget.wait_ms(100) == 1_000


STEPS = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 3_000)), max_size=40)


@given(STEPS)
def test_the_budget_is_never_exceeded_in_any_window_even_if_the_clock_is_set_back(steps: list[tuple[int, int]]) -> None:
    """In real time: attempts are made as soon as they are allowed, while the clock is set back at will."""
    budget, real_ms, behind_ms, attempts = BUDGET, 10_000_000, 0, []
    for passes_ms, set_back_ms in steps:
        real_ms += passes_ms
        behind_ms += set_back_ms
        if budget.wait_ms(real_ms - behind_ms) == 0:
            budget = budget.spend(real_ms - behind_ms)
            attempts.append(real_ms)
    for at_ms in attempts:
        assert sum(at_ms <= other < at_ms + BUDGET.window_ms for other in attempts) <= BUDGET.limit


@given(st.lists(st.integers(0, 5_000), max_size=30), st.integers(0, 100_000))
def test_waiting_as_long_as_asked_is_enough_with_a_steady_clock(passes: list[int], now_ms: int) -> None:
    """Whoever obeys the wait is let through, so nobody waits for ever."""
    budget = BUDGET
    for passes_ms in passes:
        now_ms += passes_ms
        now_ms += budget.wait_ms(now_ms)
        assert budget.wait_ms(now_ms) == 0
        budget = budget.spend(now_ms)
        assert len(budget.spent_at_ms) <= budget.limit
