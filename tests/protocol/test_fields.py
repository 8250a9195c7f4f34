"""Single JSON values: what they should be, or nothing."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.protocol import fields


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("42", "42"),
        (42, "42"),
        (" 42 ", "42"),
        ("", ""),
        (None, ""),
        (True, ""),
        (1.5, ""),
        ("x" * 129, ""),
        (10**200, ""),
    ],
)
def test_identity(value: object, found: str) -> None:
    """An id is text or a whole number; what is too long is none, because a cut id is another id."""
    assert fields.identity(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [("abcdef", "abc"), (12345, "123"), (True, None), (None, None), ([], None), ("\ud800x", "?x")],
)
def test_text(value: object, found: str | None) -> None:
    """Text is cut to its bound and can be encoded; numbers are written out."""
    assert fields.text(value, 3) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("1.50", Decimal("1.5")),
        (2, Decimal(2)),
        ("-0", Decimal(0)),
        ("1e3", Decimal(1000)),
        ("1e19", None),
        ("1e-19", None),
        ("nan", None),
        ("1,5", None),
        ("", None),
        (False, None),
    ],
)
def test_decimal(value: object, found: Decimal | None) -> None:
    """A number is finite and of sane size."""
    assert fields.decimal(value) == found


@pytest.mark.parametrize(
    ("value", "found"), [(0, 0), ("7", 7), (7.0, 7), (7.5, None), (-1, None), (10**13, None), (True, None), ("x", None)]
)
def test_count(value: object, found: int | None) -> None:
    """A count is whole and not negative."""
    assert fields.count(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (1682102167020, 1682102167020),
        ("1682102167020", 1682102167020),
        (1682102167020.0, 1682102167020),
        (0, None),
        (-5, None),
        (10**15, None),
        ("2026-01-05", None),
        (None, None),
    ],
)
def test_millis(value: object, found: int | None) -> None:
    """A time is milliseconds after 1970 and before 2100."""
    assert fields.millis(value) == found


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ('{"a": 1}', {"a": 1}),
        (' {"a": 1}', {"a": 1}),
        ("[1]", None),
        ("1", None),
        ("{", None),
        ("", None),
        ("{" * 99999, None),
    ],
)
def test_json_object(raw: str, found: object) -> None:
    """Only a whole JSON object is one."""
    assert fields.json_object(raw) == found


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(json_values)
def test_any_value_is_read_by_every_reader(value: object) -> None:
    """Whatever JSON value stands in a field, every reader answers, within its bounds."""
    assert len(fields.identity(value)) <= fields.MAX_IDENTITY_CHARS
    assert len(fields.text(value, 5) or "") <= 5
    assert (fields.count(value) or 0) >= 0
    assert (fields.millis(value) or 1) > 0
    assert fields.flag(value) in (True, False, None)
    assert (fields.decimal(value) or Decimal(0)).is_finite()
    fields.json_object(json.dumps(value))


def test_a_number_of_thousands_of_digits_is_none() -> None:
    """Python refuses to write such a number; here it is simply not known."""
    huge = 10**5000
    assert (fields.identity(huge), fields.text(huge, 9), fields.decimal(huge)) == ("", None, None)
