"""Keep the shape of a frame that was not understood, without anything a person wrote.

Promise: structure, keys, types and lengths stay; texts, names, tokens and URLs go; the result is bounded JSON text.
Danger: a value passes only under a key whose values are the protocol's own words, and only when it is such a word.
"""

from __future__ import annotations

import json
import re

MAX_KEPT_CHARS = 1000  # of one redacted frame: enough for the 30 fields of the longest known one
MAX_READ_CHARS = 256 * 1024  # what is longer is only measured
_MAX_DEPTH = 5
_MAX_ITEMS = 40  # of one object or list
_PROTOCOL_WORDS = frozenset(
    {"type", "subType", "sourceType", "topicType", "status", "clientType", "imageType", "event"}
)
_ORDER_NUMBERS = frozenset({"orderNo", "orderNumber", "topicId"})
_KEY = re.compile(r"[A-Za-z_]{1,32}")
_WORD = re.compile(r"[A-Za-z_]{1,64}")
_DIGITS = re.compile(r"\d{1,32}")


def redact_frame(raw: str | bytes) -> str:
    """Return one line that shows a frame's shape, at most 1000 characters."""
    if isinstance(raw, bytes):
        return f"<binary {len(raw)}>"
    if len(raw) > MAX_READ_CHARS:
        return f"<oversized {len(raw)}>"
    try:
        shape = json.dumps(_shape("", json.loads(raw), _MAX_DEPTH), ensure_ascii=False)
    except (ValueError, RecursionError):
        return f"<not json {len(raw)}>"
    return shape if len(shape) <= MAX_KEPT_CHARS else f"{shape[: MAX_KEPT_CHARS - 1]}…"


def _shape(key: str, value: object, depth: int) -> object:
    if isinstance(value, dict):
        return _shape_of_object(value, depth) if depth else f"<object {len(value)}>"
    if isinstance(value, list):
        return [_shape(key, item, depth - 1) for item in value[:_MAX_ITEMS]] if depth else f"<list {len(value)}>"
    if isinstance(value, str):
        return _shape_of_text(key, value, depth)
    if isinstance(value, bool) or value is None:
        return value
    return str(value) if key in _ORDER_NUMBERS and _DIGITS.fullmatch(str(value)) else f"<{type(value).__name__}>"


def _shape_of_object(value: dict[str, object], depth: int) -> dict[str, object]:
    kept = {_key(key): _shape(key, item, depth - 1) for key, item in list(value.items())[:_MAX_ITEMS]}
    return kept | {"…": len(value) - _MAX_ITEMS} if len(value) > _MAX_ITEMS else kept


def _key(key: str) -> str:
    return key if _KEY.fullmatch(key) else f"<key {len(key)}>"


def _shape_of_text(key: str, value: str, depth: int) -> object:
    if (key in _PROTOCOL_WORDS and _WORD.fullmatch(value)) or (key in _ORDER_NUMBERS and _DIGITS.fullmatch(value)):
        return value
    if depth and value.lstrip().startswith("{"):
        try:
            return {"<json text>": _shape(key, json.loads(value), depth - 1)}
        except (ValueError, RecursionError):
            pass
    return f"<text {len(value)}>"
