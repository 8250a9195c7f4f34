"""The dice of the simulated exchange, handed in from outside: one seed gives one world.

Promise: ``random.Random`` fits; nothing here owns randomness.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Chance(Protocol):
    """What the world asks of a random generator (``random.Random`` has it)."""

    def random(self) -> float:
        """Return a number in [0, 1)."""
        ...

    def uniform(self, a: float, b: float) -> float:
        """Return a number in [a, b]."""
        ...

    def randrange(self, start: int, stop: int) -> int:
        """Return an integer in [start, stop)."""
        ...

    def getrandbits(self, k: int, /) -> int:
        """Return an integer of ``k`` random bits."""
        ...


def pick(rng: Chance, choices: Sequence[T]) -> T:
    """Return one of ``choices``, all equally likely."""
    return choices[rng.randrange(0, len(choices))]


def happens(rng: Chance, probability: float) -> bool:
    """Whether an event of this probability happens now. Certain and impossible events use no dice."""
    if probability >= 1:
        return True
    return probability > 0 and rng.random() < probability


def hex_text(rng: Chance, digits: int) -> str:
    """Return ``digits`` random hexadecimal digits, lower case."""
    return f"{rng.getrandbits(4 * digits):0{digits}x}"


def uuid_text(rng: Chance) -> str:
    """Return a UUID4 as text."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
