"""JSON as a tree that can hold what JSON libraries do not write: keys twice, NaN, numbers of thousands of digits.

Promise: ``render(parse(text))`` means the same as ``text``; a changed copy shares what did not change.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from random import Random


@dataclass(frozen=True)
class Leaf:
    """A text, number or word, as JSON text; it need not be sound."""

    text: str


@dataclass(frozen=True)
class Pairs:
    """An object: (key, value) in order. A key may stand there twice."""

    items: tuple[tuple[str, Tree], ...]

    @cached_property
    def text(self) -> str:
        """The object as JSON text."""
        return "{" + ",".join(f"{_quoted(key)}:{value.text}" for key, value in self.items) + "}"


@dataclass(frozen=True)
class Row:
    """A list."""

    items: tuple[Tree, ...]

    @cached_property
    def text(self) -> str:
        """The list as JSON text."""
        return "[" + ",".join(item.text for item in self.items) + "]"


Tree = Leaf | Pairs | Row
_KEYS: dict[str, str] = {}


def _quoted(key: str) -> str:
    if key not in _KEYS:
        if len(_KEYS) > 10_000:
            _KEYS.clear()
        _KEYS[key] = json.dumps(key)
    return _KEYS[key]


def tree(value: object) -> Tree:
    """Return plain JSON data as a tree."""
    if isinstance(value, dict):
        return Pairs(tuple((str(key), tree(item)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return Row(tuple(tree(item) for item in value))
    return Leaf(json.dumps(value))


def changed(root: Tree, rng: Random, change: Callable[[Tree, Random], Tree | None]) -> Tree:
    """Return a copy in which ``change`` has replaced one node, chosen by chance; None takes the node out."""
    found = _changed(root, rng, change)
    return Leaf("") if found is None else found


def _changed(node: Tree, rng: Random, change: Callable[[Tree, Random], Tree | None]) -> Tree | None:
    count = 0 if isinstance(node, Leaf) else len(node.items)
    if not count or rng.random() < 0.12:
        return change(node, rng)
    at = int(rng.random() * count)
    if isinstance(node, Pairs):
        key, value = node.items[at]
        inner = _changed(value, rng, change)
        return Pairs(node.items[:at] + (() if inner is None else ((key, inner),)) + node.items[at + 1 :])
    assert isinstance(node, Row)
    inner = _changed(node.items[at], rng, change)
    return Row(node.items[:at] + (() if inner is None else (inner,)) + node.items[at + 1 :])
