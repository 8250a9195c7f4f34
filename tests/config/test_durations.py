"""Durations are read as written and written as read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.config.durations import Duration, parse_duration


@pytest.mark.parametrize(
    ("text", "ms"),
    [("200ms", 200), ("1s", 1_000), ("50m", 3_000_000), ("2h", 7_200_000), ("1d", 86_400_000), ("1h30m", 5_400_000)],
)
def test_a_duration_is_a_number_with_its_unit(text: str, ms: int) -> None:
    """Each unit means what people take it for."""
    assert parse_duration(text) == Duration(ms)


@pytest.mark.parametrize(
    "text", ["", "10", "5 minutes", "-1s", "1.5h", "1w", "s", "1s2", "٣s", "9999999999s", "1s " * 9]
)
def test_anything_else_is_refused(text: str) -> None:
    """A duration is never guessed."""
    with pytest.raises(ValueError, match="a number with its unit"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**12))
def test_a_duration_is_written_as_it_is_read(ms: int) -> None:
    """Text and value say the same."""
    assert parse_duration(str(Duration(ms))) == Duration(ms)


@given(st.text(max_size=30))
def test_no_text_is_too_odd(text: str) -> None:
    """Any text gives a duration or a complaint."""
    try:
        read = parse_duration(text).ms >= 0
    except ValueError as error:
        read = "200ms" in str(error)
    assert read


def test_seconds_are_exact() -> None:
    """Waiting is in seconds."""
    assert Duration(1_500).s == 1.5
