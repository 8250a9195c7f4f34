"""The weight of a minute: never exceeded by us, whoever asks and whenever; others behind the address count too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.protocol.weights import FUTURES_WEIGHTS, MINUTE_MS, SPOT_WEIGHTS, Weights

ASKS = st.lists(st.tuples(st.integers(0, 90_000), st.integers(0, 50)), max_size=120)


@given(ASKS, st.integers(50, 300))
def test_no_minute_costs_more_than_our_share(asks: list[tuple[int, int]], share: int) -> None:
    """Calls that wait as they are told spend at most the share in any 60 seconds, wherever those begin."""
    weights, now_ms = Weights(share=share), 0
    spent: list[tuple[int, int]] = []
    for pause_ms, weight in asks:
        now_ms += pause_ms
        now_ms += weights.wait_ms(weight, now_ms)
        assert weights.wait_ms(weight, now_ms) == 0
        weights = weights.spend(weight, now_ms)
        spent.append((now_ms, weight))
    for start_ms, _ in spent:
        assert sum(weight for at_ms, weight in spent if start_ms <= at_ms < start_ms + MINUTE_MS) <= share


@given(ASKS)
def test_what_is_remembered_is_bounded(asks: list[tuple[int, int]]) -> None:
    """However many calls are made, one number a second of the last minute is kept."""
    weights, now_ms = Weights(), 0
    for pause_ms, weight in asks * 3:
        now_ms += pause_ms % 50
        weights = weights.spend(weight, now_ms)
        assert len(weights.spent) <= 62


@given(ASKS, st.integers(0, 5000), st.integers(0, 5000))
def test_nobody_waits_longer_than_a_minute(asks: list[tuple[int, int]], used: int, limit: int) -> None:
    """Whatever was spent and told, a call leaves within 62 seconds."""
    weights, now_ms = Weights(), 0
    for pause_ms, weight in asks:
        now_ms += pause_ms
        weights = weights.spend(weight * 100, now_ms)
    weights = weights.counted(used, limit, now_ms)
    wait_ms = weights.wait_ms(5, now_ms)
    assert 0 <= wait_ms <= 62_000
    assert weights.wait_ms(5, now_ms + wait_ms) == 0


def test_a_call_waits_until_enough_is_forgotten() -> None:
    """A call waits exactly for the seconds that must leave the minute, not for the whole minute."""
    weights = Weights(share=10).spend(6, 0).spend(4, 30_000)
    assert weights.wait_ms(1, 31_000) == 61_000 - 31_000
    assert weights.wait_ms(6, 31_000) == 61_000 - 31_000
    assert weights.wait_ms(7, 31_000) == 91_000 - 31_000
    assert weights.wait_ms(0, 31_000) == 0


@pytest.mark.parametrize(("used", "weight", "waits"), [(2155, 5, False), (2156, 5, True), (2400, 1, True)])
def test_what_others_spend_counts(used: int, weight: int, waits: bool) -> None:  # noqa: FBT001 - a column of the table
    """The exchange's own count leaves a tenth of the limit alone, for a minute."""
    weights = Weights().counted(used, 2400, 1000)
    assert (weights.wait_ms(weight, 2000) > 0) is waits
    assert weights.wait_ms(weight, 1000 + MINUTE_MS) == 0


def test_what_we_spend_after_the_count_is_added_to_it() -> None:
    """Between two counts our own calls go on top of the last."""
    weights = Weights().counted(2100, 2400, 0).spend(50, 10)
    assert weights.used(20) == 2150
    assert weights.wait_ms(20, 20) > 0
    assert weights.counted(0, 2400, 30).used(40) == 50


def test_a_limit_that_the_exchange_names_is_believed() -> None:
    """The limit may change; one that is nothing is a broken answer."""
    assert Weights().counted(0, 1200, 0).limit == 1200
    assert Weights().counted(0, 0, 0).limit == 2400


def test_half_of_each_limit_is_left_to_others() -> None:
    """Futures and spot have budgets of their own."""
    assert (FUTURES_WEIGHTS.limit, FUTURES_WEIGHTS.share) == (2400, 1200)
    assert (SPOT_WEIGHTS.limit, SPOT_WEIGHTS.share) == (6000, 3000)
