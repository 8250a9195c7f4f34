"""Is a value what its type says, and may it be kept: a check made once for each type, from its annotations.

Promise: exact: a bool is no int, a list no tuple; texts can be encoded as UTF-8 and are bounded, whole numbers fit
into 64 bits, decimals are finite and of a size that can be written out.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Union

from p2pbot.secret import Secret

LONGEST_TEXT = 20_000  # characters: the longest that is kept of anything
_INT64 = 2**63
Check = Callable[[Any, str], None]


class Wrong(AssertionError):
    """A value that is not what its type says."""


def check(value: object, declared: Any, place: str = "value") -> None:
    """Raise Wrong unless ``value`` is a ``declared`` that may be kept."""
    _checker(declared)(value, place)


def text_ok(value: str, place: str, longest: int = LONGEST_TEXT) -> None:
    """Raise Wrong unless a text can be stored and sent."""
    if len(value) > longest:
        raise Wrong(f"{place}: {len(value)} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Wrong(f"{place}: cannot be encoded: {value[:40]!a}") from None


@cache
def _checker(declared: Any) -> Check:  # noqa: PLR0911 - one line, one kind of type
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if declared is Any or declared is object:
        return lambda _value, _place: None
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is tuple:
        return _tuple(arguments)
    if origin is frozenset:
        return _frozenset(arguments[0])
    if declared in _PLAIN:
        return _PLAIN[declared]
    if isinstance(declared, type) and issubclass(declared, Enum):
        return _instance(declared)
    if is_dataclass(declared) and isinstance(declared, type):
        return _record(declared)
    return _instance(declared)


def _instance(declared: Any) -> Check:
    def judge(value: Any, place: str) -> None:
        if not isinstance(value, declared):
            raise Wrong(f"{place}: {type(value).__name__} is no {declared.__name__}")

    return judge


def _union(choices: tuple[Any, ...]) -> Check:
    checks = [(choice, _checker(choice)) for choice in choices if choice is not type(None)]
    empty = type(None) in choices

    def judge(value: Any, place: str) -> None:
        if value is None and empty:
            return
        fitting = [one for choice, one in checks if type(value) is (typing.get_origin(choice) or choice)]
        for one in fitting or [one for _, one in checks]:
            one(value, place)
            return

    return judge


def _tuple(arguments: tuple[Any, ...]) -> Check:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        inner = _checker(arguments[0])

        def judge_all(value: Any, place: str) -> None:
            _exactly(value, tuple, place)
            for item in value:
                inner(item, place)

        return judge_all
    checks = [_checker(argument) for argument in arguments]

    def judge(value: Any, place: str) -> None:
        _exactly(value, tuple, place)
        if len(value) != len(checks):
            raise Wrong(f"{place}: {len(value)} items")
        for item, one in zip(value, checks, strict=True):
            one(item, place)

    return judge


def _frozenset(inner: Any) -> Check:
    one = _checker(inner)

    def judge(value: Any, place: str) -> None:
        _exactly(value, frozenset, place)
        for item in value:
            one(item, place)

    return judge


def _record(declared: Any) -> Check:
    hints = typing.get_type_hints(declared)
    checks = [(item.name, _checker(hints[item.name])) for item in fields(declared)]

    def judge(value: Any, place: str) -> None:
        _exactly(value, declared, place)
        for name, one in checks:
            one(getattr(value, name), name)

    return judge


def _exactly(value: Any, declared: Any, place: str) -> None:
    if type(value) is not declared:
        raise Wrong(f"{place}: {type(value).__name__} is no {declared.__name__}")


def _text(value: Any, place: str) -> None:
    _exactly(value, str, place)
    text_ok(value, place)


def _int(value: Any, place: str) -> None:
    _exactly(value, int, place)
    if not -_INT64 <= value < _INT64:
        raise Wrong(f"{place}: does not fit into 64 bits")


def _decimal(value: Any, place: str) -> None:
    _exactly(value, Decimal, place)
    if not value.is_finite() or len(f"{value:f}") > 100:
        raise Wrong(f"{place}: {value!r} cannot be written out")


def _bool(value: Any, place: str) -> None:
    _exactly(value, bool, place)


def _secret(value: Any, place: str) -> None:
    _exactly(value, Secret, place)
    text_ok(value.reveal(), place)


def _none(value: Any, place: str) -> None:
    _exactly(value, type(None), place)


_PLAIN: dict[Any, Check] = {
    str: _text,
    int: _int,
    bool: _bool,
    Decimal: _decimal,
    Secret: _secret,
    type(None): _none,
}
