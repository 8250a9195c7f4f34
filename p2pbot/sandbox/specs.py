"""Specifications from JSON: a mapping becomes the frozen value that it describes.

Promise: an unknown key or a value of the wrong kind is a ``ValueError`` that names it; nothing is ignored in silence.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")


def build(kind: type[T], data: Mapping[str, Any]) -> T:
    """Return a ``kind`` (a dataclass) made of ``data``; missing keys take their defaults. Raises ValueError."""
    hints = typing.get_type_hints(kind)
    unknown = [key for key in data if key not in hints]
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}; known: {', '.join(hints)}")
    try:
        return kind(**{key: _value(hints[key], value, key) for key, value in data.items()})
    except TypeError as error:
        raise ValueError(str(error)) from None


def _value(hint: Any, value: Any, key: str) -> Any:
    """Return ``value`` as the type hint wants it."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _value(typing.get_args(hint)[0], value, key)
    if origin is tuple:
        return _row(hint, value, key)
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ValueError(f"{key} is a mapping, not {value!r}")
        return build(typing.cast("type[Any]", hint), value)
    return _plain(hint, value, key)


def _row(hint: Any, value: Any, key: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{key} is a list, not {value!r}")  # noqa: TRY004 – a wrong value of the input
    inner = typing.get_args(hint)
    if inner[-1] is Ellipsis:
        return tuple(_value(inner[0], part, key) for part in value)
    if len(inner) != len(value):
        raise ValueError(f"{key} has rows of {len(inner)}, not {value!r}")
    return tuple(_value(one, part, key) for one, part in zip(inner, value, strict=True))


def _plain(hint: Any, value: Any, key: str) -> Any:
    if hint is Decimal:
        try:
            return Decimal(str(value))
        except InvalidOperation:
            raise ValueError(f"{key} is a decimal number, not {value!r}") from None
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ValueError(f"{key} is of the kind {hint.__name__}, not {value!r}")
    return value
