"""The network between the daemon and the exchange: how long things take and what gets lost.

Promise: one seeded source of chance; a frame either arrives within the climate's longest flight or never, unless the
seed is wild. After ``heal`` nothing is lost and nothing is slow.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from tests.sim.climate import Climate
from tests.sim.timeline import Timeline


class Fate(StrEnum):
    """What becomes of a REST call on its way."""

    FINE = "fine"
    LOST_BEFORE = "lost_before"  # reset before the exchange saw it
    LOST_AFTER = "lost_after"  # carried out, then reset
    SILENT_BEFORE = "silent_before"  # never arrives, never answered
    SILENT_AFTER = "silent_after"  # carried out, never answered


@dataclass(slots=True)
class Window:
    """A time in which calls are lost with some probability."""

    until_s: float = 0.0
    probability: float = 0.0


class Weather:
    """The network's state."""

    def __init__(self, timeline: Timeline, climate: Climate) -> None:
        self._timeline = timeline
        self._climate = climate
        self._rng = random.Random(f"weather {climate.seed}")  # noqa: S311 - a repeatable world, not a secret
        self.dark_until_s = 0.0
        self.slow_until_s = 0.0
        self.calls = Window()

    @property
    def is_dark(self) -> bool:
        """Whether nothing gets through now."""
        return self._timeline.now_s < self.dark_until_s

    def chance(self, probability: float) -> bool:
        """Throw the dice."""
        return self._rng.random() < probability

    def between(self, low: float, high: float) -> float:
        """Return a number in [low, high]."""
        return self._rng.uniform(low, high)

    def trip_s(self) -> float:
        """Return how long one way takes now, the end of a blackout included."""
        base_s = self._climate.latency_s
        slow = self._timeline.now_s < self.slow_until_s
        most_s = max(base_s, self._climate.flight_s * 0.9) if slow else base_s * 1.5
        return max(0.0, self.dark_until_s - self._timeline.now_s) + self._rng.uniform(base_s * 0.5, most_s)

    def flight_s(self) -> float | None:
        """Return how long a chat frame of ours takes, or None if it never arrives."""
        trip_s = self.trip_s()
        if trip_s <= self._climate.flight_s or self._climate.wild:
            return trip_s
        return None

    def fate(self) -> Fate:
        """Return what becomes of a REST call that leaves now."""
        if self._timeline.now_s >= self.calls.until_s or not self.chance(self.calls.probability):
            return Fate.FINE
        return self._rng.choice([fate for fate in Fate if fate is not Fate.FINE])

    def heal(self) -> None:
        """End all faults of the network."""
        self.dark_until_s = self.slow_until_s = 0.0
        self.calls = Window()
