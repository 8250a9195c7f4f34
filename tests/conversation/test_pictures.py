"""The budget of uploads against the exchange's own count, and what every failure leads to."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from p2pbot.conversation.pictures import Again, GiveUp, PresignBudget, UploadPolicy, after_failure
from p2pbot.errors import (
    AnswerMalformed,
    ConnectionLost,
    ExchangeUnavailable,
    KeyRefused,
    P2pbotError,
    RateLimited,
    RequestRefused,
    TimedOut,
    UploadExpired,
    UploadForbidden,
    UploadRefused,
)

LIMIT, MINUTE_MS, LONGEST_MS = 3, 60_000, 15_000
POLICY = UploadPolicy()
FRESH = PresignBudget(limit=LIMIT)


@dataclass
class Call:
    """A call for a place. The exchange counts it at some moment before its end, whether its caller lives or not."""

    begun_ms: int
    counted: bool = False


class Uploads(RuleBasedStateMachine):
    """Calls of any length, deaths and restarts: the exchange never counts too many."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 1_000_000
        self.budget = FRESH
        self.noted: list[int] = []  # as the store has them, of all processes
        self.ours: list[Call] = []
        self.orphans: list[Call] = []
        self.counted: list[int] = []

    @rule(passes_ms=st.integers(1, 40_000))
    def time_passes(self, passes_ms: int) -> None:
        """Time passes; a call that takes the longest time has timed out then."""
        first_ms = min((call.begun_ms for call in self.ours), default=self.now_ms) + LONGEST_MS
        self.now_ms = min(self.now_ms + passes_ms, first_ms) if self.ours else self.now_ms + passes_ms
        self.orphans = [call for call in self.orphans if self.now_ms <= call.begun_ms + LONGEST_MS]
        for call in [call for call in self.ours if self.now_ms >= call.begun_ms + LONGEST_MS]:
            self.end(call)

    @precondition(lambda self: self.budget.wait_ms(self.now_ms) == 0)
    @rule()
    def call_begins(self) -> None:
        """The daemon asks for a place, whenever the budget allows it."""
        self.budget = self.budget.begun()
        self.noted.append(self.now_ms)
        self.ours.append(Call(self.now_ms))

    @precondition(lambda self: self.ours or self.orphans)
    @rule(at=st.integers(0, 20))
    def exchange_counts(self, at: int) -> None:
        """A call arrives."""
        on_the_way = [call for call in (*self.ours, *self.orphans) if not call.counted]
        if on_the_way:
            on_the_way[at % len(on_the_way)].counted = True
            self.counted.append(self.now_ms)

    @precondition(lambda self: self.ours)
    @rule(at=st.integers(0, 10))
    def call_ends(self, at: int) -> None:
        """A call is answered, or fails."""
        self.end(self.ours[at % len(self.ours)])

    def end(self, call: Call) -> None:
        """Let a call be over for both sides."""
        self.ours.remove(call)
        self.budget = self.budget.ended(self.now_ms)

    @rule()
    def process_dies(self) -> None:
        """A new one starts and remembers what the store has; what was sent may still arrive."""
        self.orphans += self.ours
        self.ours = []
        ages_ms = [self.now_ms - at_ms for at_ms in self.noted]
        self.budget = FRESH.remembering(ages_ms, self.now_ms, LONGEST_MS)

    @invariant()
    def no_minute_has_more_than_the_limit(self) -> None:
        """In no window of the exchange's own, wherever it begins."""
        for first in self.counted:
            assert sum(first <= at_ms < first + MINUTE_MS for at_ms in self.counted) <= LIMIT

    @invariant()
    def nobody_waits_for_ever(self) -> None:
        """With nothing under way there is a time at which the next call may begin, within a window and a call."""
        wait_ms = self.budget.wait_ms(self.now_ms)
        if wait_ms is None:
            assert self.ours
        else:
            assert 0 <= wait_ms <= FRESH.window_ms + LONGEST_MS
            assert self.budget.wait_ms(self.now_ms + wait_ms) == 0


TestUploads = Uploads.TestCase
TestUploads.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)


def test_the_36th_call_goes_out_and_the_37th_waits_for_the_first_to_be_a_minute_old() -> None:
    """As the exchange allows it, with a second more for two clocks."""
    budget = PresignBudget()
    for _ in range(36):
        assert budget.wait_ms(0) == 0
        budget = budget.begun()
    assert budget.wait_ms(0) is None
    for _ in range(36):
        budget = budget.ended(400)
    assert budget.wait_ms(400) == 61_000
    assert budget.wait_ms(61_400) == 0


def test_a_dead_processs_calls_count_as_long_ones() -> None:
    """What was on its way at its death may still arrive; one that is old enough is forgotten."""
    one = PresignBudget(limit=1)
    assert one.remembering([1_000], 500_000, LONGEST_MS).wait_ms(500_000) == 61_000 + LONGEST_MS - 1_000
    assert one.remembering([61_000 + LONGEST_MS], 500_000, LONGEST_MS).wait_ms(500_000) == 0
    assert one.remembering([-5_000], 500_000, LONGEST_MS).wait_ms(500_000) == 61_000 + LONGEST_MS


@pytest.mark.parametrize(
    ("error", "failures", "expected"),
    [
        (UploadExpired("x", status=403), 1, Again(0)),
        (UploadExpired("x", status=403), 5, GiveUp()),
        (UploadRefused("x", status=403, code="SignatureDoesNotMatch"), 2, GiveUp()),
        (UploadRefused("x", status=413), 1, GiveUp()),
        (UploadRefused("x", status=400, code="EntityTooLarge"), 1, GiveUp()),
        (UploadForbidden("x"), 1, GiveUp()),
        (RequestRefused("x"), 1, GiveUp()),
        (RateLimited("x", retry_after_s=7.5), 4, Again(7_500, counts=False)),
        (KeyRefused("x"), 1, Again(30_000)),
        (TimedOut("x"), 5, GiveUp()),
    ],
)
def test_each_failure_has_its_answer(error: P2pbotError, failures: int, expected: Again | GiveUp) -> None:
    """Bounded, each by its kind."""
    assert after_failure(error, failures, POLICY, random.Random(1)) == expected  # noqa: S311 - a test's chance


@pytest.mark.parametrize(
    ("error", "fresh"),
    [
        (TimedOut("x"), False),
        (ConnectionLost("x"), False),
        (ExchangeUnavailable("x", status=503), False),
        (UploadRefused("x", status=400), True),
        (AnswerMalformed("x"), True),
    ],
)
def test_a_passing_failure_is_tried_again_ever_later(error: P2pbotError, *, fresh: bool) -> None:
    """With the same address where that is not to blame: each new one is one of 36."""
    rng = random.Random(1)  # noqa: S311 - a test's chance
    first = after_failure(error, 1, POLICY, rng)
    assert isinstance(first, Again)
    assert first.fresh is fresh
    assert 500 <= first.delay_ms <= 1_000
    if not isinstance(error, UploadRefused):
        later = after_failure(error, 4, POLICY, rng)
        assert isinstance(later, Again)
        assert 4_000 <= later.delay_ms <= 8_000
