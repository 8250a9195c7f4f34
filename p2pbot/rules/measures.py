"""Numbers, times and ranges as a merchant writes them: ``">1000"``, ``500-2000``, ``"<7d"``, ``10m``, ``2s..4s``.

Promise: pure parsing; what cannot be read is a ValueError whose text says what is accepted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_NUMBER = r"\d{1,18}(?:\.\d{1,18})?"
_SIGNED = rf"[-−]?{_NUMBER}"
_UNIT_WORDS = r"ms|s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:ours?)?|d(?:ays?)?"  # `10 min` is what people type
_DURATION = re.compile(rf"(\d{{1,9}}(?:\.\d{{1,3}})?)\s?({_UNIT_WORDS})(?![a-z])")
_COMPARISON = re.compile(r"(?P<sign><=|>=|<|>|!=|=)\s*(?P<value>\S.*)")
_DASHED = re.compile(r"(?P<low>[^-–]+)[-–](?P<high>[^-–]+)")
_RANGE = re.compile(r"(?P<low>\S+?)\s*(?:-|\.\.|–)\s*(?P<high>\S+)")

Sign = Literal["<", "<=", ">", ">=", "!=", "=", "between"]
Kind = Literal["number", "signed", "percent", "days", "duration"]
_EXAMPLES = {
    "number": '">1000", "<=50000", 500-2000 or 900',
    "signed": '"!=0", "<-5" or ">1000"',
    "percent": '">=95%" or "<0.9"',
    "days": '"<7d" or ">=90d"',
    "duration": "10m or 2h",
}


@dataclass(frozen=True, slots=True)
class Bound:
    """A comparison. ``between`` includes both ends; ``text`` is how it was written."""

    sign: Sign
    low: Decimal
    high: Decimal
    text: str

    def __str__(self) -> str:
        return self.text

    def holds(self, value: Decimal) -> bool:
        """Whether ``value`` meets the comparison."""
        return {
            "<": value < self.low,
            "<=": value <= self.low,
            ">": value > self.low,
            ">=": value >= self.low,
            "=": value == self.low,
            "!=": value != self.low,
            "between": self.low <= value <= self.high,
        }[self.sign]


def duration_ms(text: str) -> int:
    """Return ``90s``, ``10m``, ``1h30m``, ``2d`` in milliseconds; a bare 0 is 0. Raises ValueError."""
    compact = text.strip().lower()
    if compact == "0":
        return 0
    parts = list(_DURATION.finditer(compact))
    if not parts or "".join(part[0] for part in parts).replace(" ", "") != compact.replace(" ", ""):
        raise ValueError(f"`{text[:40]}` is not a time: write a number with ms, s, m, h or d, as in 90s, 10m, 1h30m")
    return int(sum(Decimal(part[1]) * _UNIT_MS["ms" if part[2] == "ms" else part[2][0]] for part in parts))


def duration_range_ms(text: str) -> tuple[int, int]:
    """Return ``2s..4s``, ``2s-4s`` (or one duration, twice) in milliseconds. Raises ValueError."""
    low, dots, high = text.partition("..")
    if not dots and (parts := _DASHED.fullmatch(text.strip())):
        low, high, dots = parts["low"], parts["high"], "-"
    try:
        span = (duration_ms(low), duration_ms(high if dots else low))
    except ValueError:
        raise ValueError(f"`{text[:40]}` is not a time; write 3s, 2s..4s or 1m") from None
    if span[0] > span[1]:
        raise ValueError(f"`{text[:40]}`: the first time is longer than the second")
    return span


def moment_ms(text: str) -> int:
    """Return ``2026-01-05T10:00+03:00`` in Unix ms. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"`{text[:40]}` is not a moment; write 2026-01-05T10:00+03:00") from None
    if moment.tzinfo is None:
        raise ValueError(f"`{text[:40]}` lacks its offset from UTC; write 2026-01-05T10:00+03:00, or …Z")
    return round(moment.timestamp() * 1000)


def parse_bound(text: str, kind: Kind) -> Bound:
    """Return the comparison that ``text`` writes. Raises ValueError."""
    clean = text.strip()
    if not clean:
        raise ValueError(f"there is no number; a text that starts with > needs quotes: {_EXAMPLES[kind]}")
    compared = _COMPARISON.fullmatch(clean)
    ranged = _RANGE.fullmatch(clean)
    try:
        if compared:
            value = _value(compared["value"], kind)
            return Bound(_sign(compared["sign"]), value, value, clean)
        if ranged:
            low, high = _value(ranged["low"], kind), _value(ranged["high"], kind)
            if low > high:
                raise ValueError(f"`{clean[:40]}`: the first number is larger than the second")
            return Bound("between", low, high, clean)
        value = _value(clean, kind)
    except LookupError:
        commas = ", without commas" if "," in clean else ""
        raise ValueError(f"`{clean[:40]}` is not understood; write {_EXAMPLES[kind]}{commas}") from None
    return Bound("=", value, value, clean)


def _sign(text: str) -> Sign:
    signs: dict[str, Sign] = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "!=": "!=", "=": "="}
    return signs[text]


def _value(text: str, kind: Kind) -> Decimal:
    """Return the number in the unit of ``kind``. Raises LookupError when it is none."""
    if kind in {"days", "duration"}:
        try:
            whole = Decimal(duration_ms(text))
        except ValueError:
            raise LookupError(text) from None
        return whole / _UNIT_MS["d"] if kind == "days" else whole
    number = text.removesuffix("%").strip() if kind == "percent" else text
    if not re.fullmatch(_SIGNED if kind == "signed" else _NUMBER, number):
        raise LookupError(text)
    value = Decimal(number.replace("−", "-"))
    return value / 100 if kind == "percent" and (text.endswith("%") or value > 1) else value
