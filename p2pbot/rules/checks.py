"""One condition of a rule: its name, what it wants, and an answer of three.

Promise: a fact that is not known makes a condition unknown, and unknown never fires.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from p2pbot.rules.facts import Facts

Path = tuple[str | int, ...]
Places = Callable[[Path], str]


class Truth(StrEnum):
    """The three answers."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


class Answer(NamedTuple):
    """An answer and what was found, for the trace."""

    truth: Truth
    actual: str


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of one rule."""

    name: str
    wanted: str
    where: str
    judge: Callable[[Facts], Answer] = field(repr=False)


def truth(*, holds: bool) -> Truth:
    """Return the answer of a condition that is never unknown."""
    return Truth.TRUE if holds else Truth.FALSE
