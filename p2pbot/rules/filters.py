"""The filters of reply texts: pure functions from a value to a text.

Promise: a filter given what it cannot use raises ValueError, which the renderer takes as "this text cannot be said".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from p2pbot.rules.variables import Moment, first_name

_CENTS = 2
_SHOWN = 4
_LARGEST_EXPONENT = 30  # of a number that is money


def money(value: object) -> str:
    """Return an amount without exponent or grouping, so that it can be copied: ``900``, ``900.50``, ``0.00012``."""
    number = _decimal(value)
    text = plain_number(number)
    whole, _, cents = text.partition(".")
    return f"{whole}.{cents.ljust(_CENTS, '0')}" if cents else whole


def plain_number(number: Decimal) -> str:
    """Return a number without exponent and without zeros at its end."""
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError("not a number that can be shown")
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def date(value: object) -> str:
    """Return a time's date: ``2026-01-05``."""
    return f"{_moment(value).at:%Y-%m-%d}"


def time(value: object) -> str:
    """Return a time's hour and minute: ``09:30``."""
    return f"{_moment(value).at:%H:%M}"


def mask(value: object) -> str:
    """Return a text with all but its last four characters hidden; a short one is hidden whole."""
    text = str(value)
    return "•" * 4 + (text[-_SHOWN:] if len(text) >= 2 * _SHOWN else "")


def _decimal(value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError("not a number") from None


def _moment(value: object) -> Moment:
    if not isinstance(value, Moment):
        raise ValueError("not a time")  # noqa: TRY004 - one error for all that a filter cannot use
    return value


FILTERS: Mapping[str, Callable[..., str]] = {
    "money": money,
    "first_name": lambda value: first_name(str(value)),
    "date": date,
    "time": time,
    "mask": mask,
    "upper": lambda value: str(value).upper(),
    "lower": lambda value: str(value).lower(),
}
DEFAULT = "default"  # Jinja's own: the one filter that accepts an unknown value
