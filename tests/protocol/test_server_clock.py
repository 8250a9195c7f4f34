"""The exchange's clock: never dangerously ahead, whatever the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.protocol.server_clock import BIAS_MS, learnt

FATAL_LEAD_MS = 1000


def test_half_the_way_back_is_added() -> None:
    """An answer that took 200 ms is 100 ms old, less the bias."""
    assert learnt(1_000_000, 5.0, 5.2).now_ms(5.2) == pytest.approx(1_000_100 - BIAS_MS, abs=1)


def test_it_counts_on() -> None:
    """Time goes on by our clock."""
    clock = learnt(1_000_000, 5.0, 5.0)
    assert clock.now_ms(65.0) == 1_060_000 - BIAS_MS
    assert clock.age_s(65.0) == 60.0


@given(st.floats(0, 30), st.floats(0, 30), st.integers(0, 2**41), st.floats(0, 10**7))
def test_never_dangerously_ahead(way_there_s: float, way_back_s: float, server_ms: int, asked_s: float) -> None:
    """However lopsided the way, our time is not 1 s ahead, and behind by no more than the way itself."""
    received_s = asked_s + way_there_s + way_back_s
    true_now_ms = server_ms + way_back_s * 1000
    lead_ms = learnt(server_ms, asked_s, received_s).now_ms(received_s) - true_now_ms
    assert -(way_back_s * 1000) - BIAS_MS - 1 <= lead_ms < FATAL_LEAD_MS


def test_a_way_that_seems_negative_is_none() -> None:
    """A clock that stood still or stepped back adds nothing."""
    assert learnt(1000, 9.0, 5.0).now_ms(5.0) == 1000 - BIAS_MS
