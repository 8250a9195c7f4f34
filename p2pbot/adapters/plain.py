"""Any value as plain data for a log line: bounded in depth and number, each text scrubbed, control characters escaped.

Promise: never raises, whatever ``__repr__`` or ``__str__`` does; bytes are shown by their length alone.
Danger: a text that is cut before it is scrubbed shows half a secret: ``plain`` scrubs, and only ``narrowed`` cuts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any

from p2pbot.adapters.redaction import escape, scrub, shorten, shorten_middle

MAX_ITEMS = 32  # of one mapping or list: a log line is no dump
MAX_DEPTH = 4
_MAX_INT_BITS = 64  # what readers of JSON understand; a longer one becomes text
_TRACES = ("exception", "stack")


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event's values as JSON data; the texts of tracebacks keep their line breaks."""
    return {_text(key): _trace(value) if key in _TRACES else _plain(value, 0) for key, value in values.items()}


def narrowed(values: dict[str, Any], width: int) -> dict[str, Any]:
    """Return plain data with every text cut to ``width`` characters."""
    return {key: _cut_trace(value, width) if key in _TRACES else _cut(value, width) for key, value in values.items()}


def _plain(value: object, depth: int) -> Any:
    if value is None or isinstance(value, int | float):
        return _number(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if depth < MAX_DEPTH and isinstance(value, Mapping):
        return _mapping(value, depth)
    if depth < MAX_DEPTH and isinstance(value, list | tuple | AbstractSet):
        return _items(value, depth)
    return _text(value)


def _number(value: object) -> Any:
    """Return the number where readers of JSON know it, else its text: no NaN, no infinity, nothing beyond 64 bits."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return _text(value) if isinstance(value, int) and value.bit_length() > _MAX_INT_BITS else value


def _mapping(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    shown = {_text(key): _plain(item, depth + 1) for key, item in islice(value.items(), MAX_ITEMS)}
    return shown if len(value) <= MAX_ITEMS else shown | {"…": f"+{len(value) - MAX_ITEMS}"}


def _items(value: Iterable[Any], depth: int) -> list[Any]:
    items = list(value)
    shown = [_plain(item, depth + 1) for item in items[:MAX_ITEMS]]
    return shown if len(items) <= MAX_ITEMS else [*shown, f"…+{len(items) - MAX_ITEMS}"]


def _text(value: object) -> str:
    return escape(scrub(_said(value)))


def _trace(value: object) -> str:
    return "\n".join(escape(line) for line in scrub(_said(value)).split("\n"))


def _said(value: object) -> str:
    """Return what a person would call the value; an object that cannot say it is named by its type."""
    try:
        if isinstance(value, str):
            return str(value)
        return f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else _spoken(value)
    except Exception:  # noqa: BLE001 - __repr__ is anybody's code
        return f"<{type(value).__name__}>"


def _spoken(value: object) -> str:
    """Return ``str`` where a class defines one (Decimal, Path, our errors), else ``repr``."""
    return repr(value) if type(value).__str__ is object.__str__ else str(value)


def _cut(value: Any, width: int) -> Any:
    if isinstance(value, str):
        return shorten(value, width)
    if isinstance(value, dict):
        return {shorten(key, width): _cut(item, width) for key, item in value.items()}
    return [_cut(item, width) for item in value] if isinstance(value, list) else value


def _cut_trace(value: Any, width: int) -> Any:
    return shorten_middle(value, width) if isinstance(value, str) else value
