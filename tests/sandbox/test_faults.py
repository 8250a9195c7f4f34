"""The registry of faults and the book of those that are on."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.sandbox import FAULTS, Fault
from p2pbot.sandbox.faults import FaultBook
from p2pbot.sandbox.registry import Scope

RNG = random.Random(1)  # noqa: S311 – dice of a test


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_made_with_its_defaults(name: str) -> None:
    """A name is enough: all parameters have defaults that pass their own check."""
    fault = Fault(name)
    assert set(fault.parameters) == {parameter.name for parameter in FAULTS[name].parameters}


@pytest.mark.parametrize(
    ("name", "settings", "word"),
    [
        ("dorp", {}, "did you mean 'drop'"),
        ("close", {"cod": 1001}, "did you mean 'code'"),
        ("close", {"code": "1001"}, "code is of the kind int"),
        ("close", {"code": True}, "code is of the kind int"),
        ("close", {"when": "later"}, "one of now, frame"),
        ("close", {"probability": 1.5}, "between 0 and 1"),
        ("reject", {"count": 0}, "at least 1"),
        ("reject", {"duration_ms": 0}, "at least 1"),
        ("rest_429", {"order": "1"}, "cannot be bound to one order"),
        ("drop", {"probability": 0.5}, "give another"),
        ("drop", {"count": 3}, "give another"),
        ("silence", {"count": 1}, "is a state"),
        ("half_open", {"probability": 0.5}, "is a state"),
        ("clock_skew", {"account": "main"}, "whole exchange"),
    ],
)
def test_what_the_registry_does_not_know_is_refused(name: str, settings: dict[str, Any], word: str) -> None:
    """A wrong name, parameter, scope or combination is a sentence, not a fault that does nothing."""
    with pytest.raises(ValueError, match=word):
        Fault(name, **settings)


@given(st.integers(1, 20), st.integers(0, 40))
def test_a_fault_strikes_at_most_count_times(count: int, tries: int) -> None:
    """``count`` bounds the strikes, however often it is tried."""
    book = FaultBook()
    book.add(Fault("swallow", count=count), 0)
    struck = sum(book.strike("swallow", 0, RNG, account="main") is not None for _ in range(tries))
    assert struck == min(count, tries)


@given(st.integers(1, 10_000), st.integers(0, 20_000))
def test_a_fault_stands_for_its_duration(duration_ms: int, later_ms: int) -> None:
    """``duration_ms`` after it was added a fault is over."""
    book = FaultBook()
    book.add(Fault("silence", duration_ms=duration_ms), 0)
    assert (book.find("silence", later_ms) is not None) == (later_ms < duration_ms)


@given(st.floats(0, 1), st.integers(0, 2**32))
def test_a_probability_is_kept_roughly(probability: float, seed: int) -> None:
    """Over a thousand tries the share of strikes is near the probability."""
    book = FaultBook()
    book.add(Fault("swallow", probability=probability), 0)
    rng = random.Random(seed)  # noqa: S311 – dice of a test
    struck = sum(book.strike("swallow", 0, rng, account="main") is not None for _ in range(1000))
    assert abs(struck / 1000 - probability) < 0.15


def test_scopes_keep_accounts_and_orders_apart() -> None:
    """A fault of one order or account leaves the others alone; without scope it is for all."""
    book = FaultBook()
    book.add(Fault("swallow", account="main", order="1"), 0)
    assert book.strike("swallow", 0, RNG, account="main", order="1")
    assert not book.strike("swallow", 0, RNG, account="main", order="2")
    assert not book.strike("swallow", 0, RNG, account="other", order="1")
    book.add(Fault("swallow"), 0)
    assert book.strike("swallow", 0, RNG, account="other", order="9")


def test_parameters_that_are_matched_must_agree() -> None:
    """A REST fault of one endpoint leaves the others alone; an empty endpoint takes all."""
    book = FaultBook()
    book.add(Fault("rest_429", endpoint="listOrders"), 0)
    assert book.strike("rest_429", 0, RNG, account="main", endpoint="listOrders")
    assert not book.strike("rest_429", 0, RNG, account="main", endpoint="getUserOrderDetail")
    book.add(Fault("rest_429"), 0)
    assert book.strike("rest_429", 0, RNG, account="main", endpoint="getUserOrderDetail")


def test_clearing_one_leaves_the_others() -> None:
    """A fault is cleared by its id, or all of them."""
    book = FaultBook()
    first = book.add(Fault("swallow"), 0)
    book.add(Fault("echo_lost"), 0)
    book.clear(first)
    assert [one.fault.name for one in book.standing(0)] == ["echo_lost"]
    book.clear()
    assert book.standing(0) == ()


def test_the_book_is_bounded() -> None:
    """A script that injects for ever is stopped."""
    book = FaultBook()
    for _ in range(1000):
        book.add(Fault("swallow"), 0)
    with pytest.raises(ValueError, match="clear some"):
        book.add(Fault("swallow"), 0)


def test_every_fault_has_a_meaning_and_a_scope() -> None:
    """The registry says in words what each fault and each parameter is."""
    for kind in FAULTS.values():
        assert kind.meaning
        assert kind.scope in Scope
        assert all(parameter.meaning for parameter in kind.parameters)
