"""Read one JSON value as the thing it should be, or as None.

Promise: nothing here raises, whatever JSON holds; what comes out is bounded and can be stored and encoded.
Danger: a truncated identity would be another identity, so ``identity`` refuses what is too long, ``text`` cuts it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

MAX_IDENTITY_CHARS = 128  # the longest seen is a 36-character UUID; order numbers have 20 digits
_MAX_NUMBER_CHARS = 40  # money and times are far shorter; a longer one is an attack on arithmetic
_MAX_EXPONENT = 18  # amounts lie between 1e-18 (one wei) and 1e18
_LATEST_MS = 4_102_444_800_000  # the year 2100: a "time" beyond it is something else
_LONGEST_COUNT = 10**12


def clean(value: str) -> str:
    """Return ``value`` without lone surrogates and NUL, which no UTF-8 socket or database takes."""
    return value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "�")


def text(value: object, limit: int) -> str | None:
    """Return a string or a number as text of at most ``limit`` characters, else None."""
    if isinstance(value, str):
        return clean(value[:limit])
    written = _written(value)
    return None if written is None else written[:limit]


def _written(value: object) -> str | None:
    """Return a string or number as text; Python refuses to write integers of thousands of digits."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    try:
        return str(value)
    except ValueError:
        return None


def identity(value: object) -> str:
    """Return an id (string or integer) as text; '' when there is none or it is too long to be one."""
    found = "" if isinstance(value, (float, Decimal)) else clean(_written(value) or "").strip()
    return found if len(found) <= MAX_IDENTITY_CHARS else ""


def row_id(value: object) -> str:
    """Return a message's id as text; 0 is no id but what an unset number looks like, and all unset ones look alike."""
    found = identity(value)
    return "" if found.strip("0") == "" else found


def first_identity(row: Mapping[str, object], *keys: str) -> str:
    """Return the first of ``keys`` that holds an id, else ''."""
    return next((found for key in keys if (found := identity(row.get(key)))), "")


def decimal(value: object) -> Decimal | None:
    """Return a finite number of sane size, from a decimal string or a JSON number, else None."""
    written = (_written(value) or "").strip()
    if not written or len(written) > _MAX_NUMBER_CHARS or not written.isascii() or "_" in written:
        return None
    try:
        number = Decimal(written)
    except InvalidOperation:
        return None
    if not number.is_finite() or (number and abs(number.adjusted()) > _MAX_EXPONENT):
        return None
    return number or Decimal(0)


def count(value: object) -> int | None:
    """Return a whole number from 0 up, from an integer or its text, else None."""
    number = decimal(value)
    if number is None or number < 0 or number > _LONGEST_COUNT or number != number.to_integral_value():
        return None
    return int(number)


def millis(value: object) -> int | None:
    """Return a time in Unix milliseconds; 0, text dates and the far future are None."""
    number = decimal(value)
    return int(number) if number is not None and 0 < number < _LATEST_MS else None


def flag(value: object) -> bool | None:
    """Return a boolean, also from its JSON text, else None: 1 and 0 are not taken for an answer."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def mapping(value: object) -> Mapping[str, object] | None:
    """Return a JSON object, else None."""
    return value if isinstance(value, dict) else None


def json_object(raw: str) -> Mapping[str, object] | None:
    """Return the JSON object that ``raw`` holds, else None (also for nesting deeper than the parser can follow)."""
    if not raw.lstrip().startswith("{"):
        return None
    try:
        return mapping(json.loads(raw))
    except (ValueError, RecursionError):
        return None
