"""Catching up after a gap: its cost in calls is bounded and known, and nobody who writes meanwhile waits for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from p2pbot.adapters.rate_gate import ALL_CALLS, PATIENT_CALLS
from tests.sim.crowd import Figures, crowd

_LIST_PAGES = 11  # of 500 orders, and one page more that shows the end


@pytest.fixture(scope="module")
def figures() -> Figures:
    """Return the figures of a merchant with five hundred open orders."""
    return crowd(500)


def test_five_hundred_orders_are_caught_up_without_a_fault(figures: Figures) -> None:
    """Each of the simulation's checkers is content: nothing lost, nothing doubled, all decided."""
    assert figures.violations == ()


def test_no_minute_holds_more_calls_than_the_stated_bound(figures: Figures) -> None:
    """Neither after a start with all orders open, nor after a gap with live talk beside it."""
    assert figures.start_calls <= ALL_CALLS.most_in(60)
    assert figures.gap_calls <= ALL_CALLS.most_in(60)


def test_a_gap_costs_one_look_an_order_and_one_for_each_person_who_waits(figures: Figures) -> None:
    """500 orders, 50 people who wrote during the gap, and those who write live before their order was looked at.

    So do the orders whose turn for the look of every five minutes had come when the chat went.
    """
    live, turns = len(figures.live_s), 500 // 10 + 1
    assert 500 <= figures.looks_per_gap <= 500 + 50 + 2 * live + turns


def test_all_is_caught_up_as_soon_as_the_pace_allows(figures: Figures) -> None:
    """The history's lag first, then the burst at once, then the steady rate."""
    paced_s = (500 - PATIENT_CALLS.burst) / PATIENT_CALLS.per_s
    assert figures.caught_up_s <= 10 + paced_s + 30


def test_who_writes_while_the_daemon_catches_up_is_answered_as_always(figures: Figures) -> None:
    """Their calls find the pace unspent."""
    assert figures.live_s[len(figures.live_s) // 2] < 2
    assert figures.live_s[-1] < 10


def test_a_steady_minute_costs_the_list_and_each_order_s_look_every_five_minutes(figures: Figures) -> None:
    """Two rounds a minute over the pages of the list, and with each of them a tenth of the orders."""
    rounds = 2 + 1  # whatever minute is taken
    assert figures.steady_calls <= rounds * (_LIST_PAGES + 500 // 10 + 1)


def test_the_document_names_the_bounds_and_tests_that_exist() -> None:
    """docs/catch-up.md is read by people who must believe it."""
    tests = Path(__file__).parents[1]
    document = (tests.parent / "docs" / "catch-up.md").read_text("utf-8")
    sources = "\n".join(path.read_text("utf-8") for path in tests.rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", document))
    assert len(named) > 10
    assert named <= set(re.findall(r"def (test_\w+)", sources))
    assert f"**{ALL_CALLS.most_in(60):,} requests in any minute**" in document
    assert f"**{PATIENT_CALLS.most_in(60)} of them in any minute**" in document
