"""Backoff and attempt budget through whole lives of failures and successes, against the plainest model of each.

The named properties of the backoff: bounded below, bounded above, growing while trouble lasts, at its cap after
finitely many failures, forgetting only by useful time, spread by half, and a value.
"""

from __future__ import annotations

from bisect import bisect_left
from math import ceil, log2

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from p2pbot.protocol.backoff import AttemptBudget, Backoff
from tests.fakes.chance import FixedChance

SHARES = st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1)


class BackoffLife(RuleBasedStateMachine):
    """Tries fail, connections last for a while, in any order. The model is the number of failures in a row."""

    def __init__(self) -> None:
        super().__init__()
        self.backoff = Backoff()
        self.failures = 0
        self.delays: list[tuple[float, float]] = []  # (share of the dice, delay) since trouble was last forgotten

    @initialize(base_s=st.floats(0.1, 10), times=st.floats(1, 1000), useful_s=st.floats(1, 1000))
    def begin(self, base_s: float, times: float, useful_s: float) -> None:
        """Any configuration that makes sense."""
        self.backoff = Backoff(base_s=base_s, cap_s=base_s * times, useful_s=useful_s)

    @rule(share=SHARES)
    def fail(self, share: float) -> None:
        """A try fails."""
        before = self.backoff
        delay_s, self.backoff = before.failed(FixedChance(share))
        assert before.failures == self.failures, "a value: what was given out does not change"
        self.failures += 1
        self.delays.append((share, delay_s))

    @rule(times=st.integers(2, 100))
    def fail_for_long(self, times: int) -> None:
        """An outage of many tries."""
        for _ in range(times):
            self.fail(0.5)

    @rule(share=st.floats(0, 2))
    def last(self, share: float) -> None:
        """A connection lasts for a share of what is useful."""
        open_s = share * self.backoff.useful_s
        self.backoff = self.backoff.lasted(open_s)
        if open_s >= self.backoff.useful_s:
            self.failures, self.delays = 0, []

    @invariant()
    def only_useful_time_forgets(self) -> None:
        """However many short connections lie between the failures."""
        assert self.backoff.failures == self.failures

    @invariant()
    def bounded(self) -> None:
        """No tight loop, and no silence beyond the cap, however long the trouble lasts."""
        assert all(self.backoff.base_s / 2 <= delay_s <= self.backoff.cap_s for _, delay_s in self.delays)

    @invariant()
    def growing(self) -> None:
        """With the same dice no delay is shorter than an earlier one of the same trouble."""
        longest: dict[float, float] = {}
        for share, delay_s in self.delays:
            assert delay_s >= longest.get(share, 0.0)
            longest[share] = delay_s

    @invariant()
    def at_the_cap_in_time(self) -> None:
        """After as many doublings as the cap is away, only the dice make a difference."""
        doublings = ceil(log2(self.backoff.cap_s / self.backoff.base_s)) + 1
        cap_s = self.backoff.cap_s
        for share, delay_s in self.delays[doublings:]:
            assert delay_s == FixedChance(share).uniform(cap_s / 2, cap_s)

    @invariant()
    def spread_by_half(self) -> None:
        """Clients that failed together come back over half of the delay."""
        (shortest_s, _), (longest_s, _) = self.backoff.failed(FixedChance(0)), self.backoff.failed(FixedChance(1))
        assert abs(longest_s - 2 * shortest_s) < 1e-9 * longest_s


TestBackoffLife = BackoffLife.TestCase
TestBackoffLife.settings = settings(stateful_step_count=30, deadline=None)

LIMIT, WINDOW_MS = 5, 10_000


class BudgetLife(RuleBasedStateMachine):
    """Attempts as soon as they are allowed, time that passes, a clock that is set back. The model is a list of times.

    Real time is what the exchange counts by; the budget knows only our clock.
    """

    def __init__(self) -> None:
        super().__init__()
        self.budget = AttemptBudget(limit=LIMIT, window_ms=WINDOW_MS)
        self.real_ms = 1_000_000
        self.behind_ms = 0
        self.attempts: list[int] = []
        self.set_back = False

    @property
    def now_ms(self) -> int:
        """What our clock says."""
        return self.real_ms - self.behind_ms

    @rule()
    def attempt(self) -> None:
        """Try, if it is allowed."""
        if self.budget.wait_ms(self.now_ms) == 0:
            self.budget = self.budget.spend(self.now_ms)
            self.attempts.append(self.real_ms)

    @rule()
    def wait_and_attempt(self) -> None:
        """Wait as long as is asked for, and try: with a steady clock whoever obeys is let through."""
        self.real_ms += self.budget.wait_ms(self.now_ms)
        assert self.set_back or self.budget.wait_ms(self.now_ms) == 0
        self.attempt()

    @rule(passes_ms=st.integers(0, 3_000))
    def time_passes(self, passes_ms: int) -> None:
        """Time passes."""
        self.real_ms += passes_ms

    @rule(by_ms=st.integers(1, 20_000))
    def clock_is_set_back(self, by_ms: int) -> None:
        """Our clock is set back."""
        self.behind_ms += by_ms
        self.set_back = True

    @invariant()
    def never_exceeded(self) -> None:
        """No window of real time holds more attempts than the limit."""
        for last, at_ms in enumerate(self.attempts, 1):
            assert last - bisect_left(self.attempts, at_ms - WINDOW_MS + 1) <= LIMIT

    @invariant()
    def nobody_waits_without_need(self) -> None:
        """With a steady clock the wait is exactly what the model says, and never longer than a window."""
        wait_ms = self.budget.wait_ms(self.now_ms)
        assert 0 <= wait_ms <= WINDOW_MS
        if not self.set_back:
            recent = [at_ms for at_ms in self.attempts if at_ms > self.real_ms - WINDOW_MS]
            assert wait_ms == (recent[-LIMIT] + WINDOW_MS - self.real_ms if len(recent) >= LIMIT else 0)

    @invariant()
    def bounded(self) -> None:
        """It remembers no more than it needs."""
        assert len(self.budget.spent_at_ms) <= LIMIT


TestBudgetLife = BudgetLife.TestCase
TestBudgetLife.settings = settings(stateful_step_count=40, deadline=None)
