"""Durations as merchants write them: ``200ms``, ``1s``, ``50m``, ``1h30m``. A bare number is refused, never guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from p2pbot.document import complaint

_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_WHOLE = re.compile(r"(?:[0-9]{1,9}(?:ms|s|m|h|d) ?){1,5}")
_PART = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A span of time in whole milliseconds; as text it is what a merchant would write."""

    ms: int

    @property
    def s(self) -> float:
        """The span in seconds."""
        return self.ms / 1000

    def __str__(self) -> str:
        left, text = self.ms, ""
        for unit, size in _UNITS_MS.items():
            count, left = divmod(left, size)
            text += f"{count}{unit}" if count else ""
        return text or "0s"


def parse_duration(text: str) -> Duration:
    """Return the duration that ``text`` says. Raises a complaint (a ValueError) that shows how to write one."""
    if not _WHOLE.fullmatch(text.strip()):
        hint = f"did you mean `{text.strip()}s`?" if text.strip().isdecimal() else ""
        raise complaint("a duration is a number with its unit: 200ms, 10s, 5m, 2h, 1d or 1h30m", hint=hint)
    return Duration(sum(int(count) * _UNITS_MS[unit] for count, unit in _PART.findall(text)))


def between(lowest: str, highest: str) -> AfterValidator:
    """Return a check that a duration lies in the closed range."""
    low, high = parse_duration(lowest), parse_duration(highest)

    def check(value: Duration) -> Duration:
        if not low <= value <= high:
            raise complaint(f"must be between {low} and {high}, is {value}")
        return value

    return AfterValidator(check)


def _from_yaml(value: object) -> Duration:
    if isinstance(value, Duration):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise complaint("expected a duration such as 10s or 5m")


DurationText = Annotated[Duration, BeforeValidator(_from_yaml)]
