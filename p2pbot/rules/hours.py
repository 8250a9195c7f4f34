"""Opening hours: named windows of a week in a zone that the merchant names.

Promise: half open (``09:00-18:00`` holds at 09:00 and no longer at 18:00), by the zone's own wall clock, so that a
change to summer time moves nothing. A window that spans midnight belongs to the day on which it begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

from p2pbot.document import complaint, did_you_mean
from p2pbot.rules.fields import Many, Strict, worded
from p2pbot.rules.variables import moment

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT = dict(zip(_LONG, DAYS, strict=True))
_RANGE = re.compile(r"(\d{1,2}):(\d{2})\s*(?:-|–|\.\.)\s*(\d{1,2}):(\d{2})")
_DAY_MINUTES = 24 * 60
_HOUR_MINUTES = 60


def _range(text: str) -> tuple[int, int]:
    found = _RANGE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"`{text[:40]}` is not a time of day; write 09:00-18:00")
    hours, minutes = (int(found[1]), int(found[3])), (int(found[2]), int(found[4]))
    start, end = (hour * _HOUR_MINUTES + minute for hour, minute in zip(hours, minutes, strict=True))
    if max(minutes) >= _HOUR_MINUTES or start >= _DAY_MINUTES or end > _DAY_MINUTES:
        raise ValueError(f"`{text[:40]}`: a day has the times 00:00 to 24:00")
    if start == end:
        raise ValueError(f"`{text[:40]}` is never; for the whole day write 00:00-24:00")
    return start, end


def _days(text: str) -> tuple[int, ...]:
    first, dash, last = (_SHORT.get(part.strip(), part.strip()) for part in text.lower().partition("-"))
    for word in (first, last) if dash else (first,):
        if word not in DAYS:
            raise ValueError(f"`{word[:40]}` is not a day; write mon, tue, wed, thu, fri, sat, sun or mon-fri")
    start, end = DAYS.index(first), DAYS.index(last if dash else first)
    return tuple(day % 7 for day in range(start, end + 1 if end >= start else end + 8))


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise complaint(f"`{name[:40]}` is not a time zone", hint=_zone_hint(name)) from None
    return name


@lru_cache(maxsize=64)  # the same mistake in every rule of a file; each look reads six hundred files' names
def _zone_hint(name: str) -> str:
    known = available_timezones()
    near = next((f"did you mean `{zone}`?" for zone in known if zone.lower() == name.lower()), "")
    return near or did_you_mean(name, known) or "write a zone such as Europe/Istanbul or Asia/Dubai"


TimeRange = Annotated[tuple[int, int], BeforeValidator(worded(_range), json_schema_input_type=str)]
DayRange = Annotated[tuple[int, ...], BeforeValidator(worded(_days), json_schema_input_type=str)]
Zone = Annotated[str, AfterValidator(_zone)]


class WindowSpec(Strict):
    """``windows.open: {zone: Europe/Istanbul, hours: 09:00-18:00, weekday: mon-fri}``."""

    MISSING_HINTS: ClassVar = {
        "zone": "write zone: Europe/Istanbul",
        "hours": "write hours: 09:00-18:00",
    }

    zone: Zone
    hours: Annotated[Many[TimeRange], Field(max_length=20)]
    weekday: Many[DayRange] | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """When something is open.

    ``ranges`` are minutes of the day, the end behind the last; ``days`` count from Monday 0.
    """

    name: str
    zone: tzinfo
    ranges: tuple[tuple[int, int], ...]
    days: frozenset[int]

    def holds(self, at_ms: int) -> bool:
        """Whether the window is open at ``at_ms`` (Unix ms)."""
        local = moment(at_ms, self.zone)
        minute = local.hour * _HOUR_MINUTES + local.minute
        return any(self._open(start, end, minute, local.weekday()) for start, end in self.ranges)

    def _open(self, start: int, end: int, minute: int, day: int) -> bool:
        if start < end:
            return start <= minute < end and day in self.days
        return (minute >= start and day in self.days) or (minute < end and (day - 1) % 7 in self.days)


def compile_window(name: str, spec: WindowSpec) -> Window:
    """Return the window that is written."""
    return Window(name, ZoneInfo(spec.zone), spec.hours, frozenset(_all_days(spec.weekday)))


def local_day(at_ms: int, zone: str) -> int:
    """Return the day of the week in ``zone``, Monday 0."""
    return moment(at_ms, ZoneInfo(zone)).weekday()


def shown(at_ms: int, zone: tzinfo) -> str:
    """Return a time as a trace shows it: ``mon 09:05 Europe/Istanbul``."""
    local: datetime = moment(at_ms, zone)
    return f"{DAYS[local.weekday()]} {local:%H:%M} {zone}"


def _all_days(written: tuple[tuple[int, ...], ...] | None) -> Iterator[int]:
    if written is None:
        yield from range(7)
    for days in written or ():
        yield from days
