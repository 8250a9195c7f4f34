"""Make before break: given up on evidence, tried again in time, and never held against the exchange by coincidence."""

from __future__ import annotations

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.overlap import Overlap

MOST_SKIPPED = 24


def test_a_fresh_session_opens_the_next_socket_beside_the_old_one() -> None:
    """Others report that two survive."""
    assert Overlap().allowed


def test_a_clear_refusal_lets_the_next_renewal_break_first_and_the_one_after_it_try_again() -> None:
    """The exchange may have changed its mind, or a person's own client was in the way."""
    refused = Overlap().refused()
    assert (refused.allowed, refused.skipped().allowed) == (False, True)


def test_refusals_in_a_row_are_asked_for_ever_more_seldom() -> None:
    """1, 2, 4 … renewals break first, up to a day of them."""
    overlap, skips = Overlap(), []
    for _ in range(7):
        overlap = overlap.refused()
        skips.append(overlap.skip)
        while not overlap.allowed:
            overlap = overlap.skipped()
    assert skips == [1, 2, 4, 8, 16, MOST_SKIPPED, MOST_SKIPPED]


def test_one_socket_that_breaks_right_after_its_renewal_is_a_coincidence_and_two_in_a_row_are_not() -> None:
    """Networks break at any moment."""
    once = Overlap().doubted()
    assert (once.allowed, once.doubted().allowed) == (True, False)


def test_a_renewed_socket_that_lives_on_clears_every_doubt() -> None:
    """What counts is what was seen last."""
    assert Overlap().doubted().kept().doubted().allowed
    assert Overlap().refused().skipped().refused().skipped().skipped().kept().refused().skip == 1


@given(st.lists(st.sampled_from(["refused", "doubted", "kept"]), max_size=60))
def test_whatever_is_seen_it_is_tried_again(seen: list[str]) -> None:
    """Over any course of renewals: no more than 24 in a row break first, and each skip has its evidence."""
    overlap, course, evidence = Overlap(), list[bool](), iter(seen)
    while len(course) < 2_000:
        course.append(overlap.allowed)
        if not overlap.allowed:
            overlap = overlap.skipped()
            continue
        event = next(evidence, None)
        if event is None:
            break
        overlap = {"refused": overlap.refused, "doubted": overlap.doubted, "kept": overlap.kept}[event]()
    assert course[-1]
    assert all(len(list(run)) <= MOST_SKIPPED for allowed, run in groupby(course) if not allowed)
    assert "refused" in seen or seen.count("doubted") > 1 or all(course)
