"""Chance that is none: a test says where in the range each draw falls, and identities are counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from uuid import UUID


@dataclass
class FixedChance:
    """Draws the point at ``share`` (0–1) of every range."""

    share: float = 0.5
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def uniform(self, low: float, high: float) -> float:
        """Return the point of [low, high] that this chance always draws."""
        return low + self.share * (high - low)

    def uuid(self) -> str:
        """Return the next identity, in the shape of a UUID4."""
        return str(UUID(int=next(self._numbers), version=4))
