"""The door to randomness."""

from __future__ import annotations

import uuid

from p2pbot.adapters.randomness import SystemRng
from p2pbot.ports import Rng


def test_numbers_stay_within_their_bounds() -> None:
    """A number is never outside the interval that was asked for."""
    rng: Rng = SystemRng()
    assert all(2.0 <= rng.uniform(2.0, 4.0) <= 4.0 for _ in range(1000))
    assert rng.uniform(3.0, 3.0) == 3.0


def test_identities_are_unique_uuids() -> None:
    """Each identity is a UUID4 of its own."""
    rng = SystemRng()
    found = {rng.uuid() for _ in range(1000)}
    assert len(found) == 1000
    assert all(uuid.UUID(text).version == 4 and str(uuid.UUID(text)) == text for text in found)
