"""Refusals: one error for each, total over every code and status, and nothing secret repeated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.errors import ExchangeError, LocationRefused, OperatorError, P2pbotError, RateLimited
from p2pbot.protocol.refusals import LONGEST_WAIT_S, Refusal, error_of, quoted


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Mandatory parameter 'orderNo' was not sent", "Mandatory parameter 'orderNo' was not sent"),
        ("see https://x.test/a?token=TOKEN and wait", "see … and wait"),
        ("key vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A is bad", "key … is bad"),
        ("two\nlines\x1b[31m", "two lines [31m"),
    ],
)
def test_quoted_words_hold_no_secrets(said: str, shown: str) -> None:
    """What we repeat of the exchange's words has no URL, nothing like a key, and no control characters."""
    assert quoted(said) == shown


@given(st.text())
def test_any_words_are_quoted_on_one_short_line(said: str) -> None:
    """Whatever the exchange says, what we repeat of it is one short printable line."""
    shown = quoted(said)
    assert len(shown) <= 160
    assert shown.isprintable()


CODES = ["", "-1000", "-1003", "-1021", "-1022", "-1102", "-2008", "-2014", "-2015", "-31002", "-9999", "000001"]


@given(
    st.integers(100, 599),
    st.sampled_from(CODES) | st.text(),
    st.text(),
    st.none() | st.floats(-(10.0**9), 10.0**12),
)
def test_every_refusal_is_one_error(status: int, code: str, message: str, wait_s: float | None) -> None:
    """Whatever status, code and words come together: one error of the exchange or the operator, on one line."""
    error: P2pbotError = error_of(Refusal(status=status, code=code, message=message, wait_s=wait_s))
    assert isinstance(error, (ExchangeError, OperatorError))
    assert "\n" not in str(error)
    if isinstance(error, RateLimited):
        assert 1 <= error.retry_after_s <= LONGEST_WAIT_S


@pytest.mark.parametrize("code", CODES)
def test_the_country_decides_before_any_code(code: str) -> None:
    """HTTP 451 means the country, whatever the body says."""
    assert isinstance(error_of(Refusal(status=451, code=code)), LocationRefused)


def test_the_cost_of_quoting_grows_with_the_words_alone() -> None:
    """A long word without a blank is looked at once: a quadratic search would take minutes for this one."""
    assert quoted("a" * 1_000_000 + "!" * 1_000_000) == "…" + "!" * 158 + "…"
