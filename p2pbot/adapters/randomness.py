"""The door to randomness, from the operating system: jitter that two daemons do not share, identities that are unique.

Promise: a fork or a restored snapshot does not repeat a message's uuid, which is its identity on the wire.
"""

from __future__ import annotations

import random
import uuid


class SystemRng:
    """The system's randomness (``ports.Rng``)."""

    def __init__(self) -> None:
        self._source = random.SystemRandom()

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high]."""
        return self._source.uniform(low, high)

    def uuid(self) -> str:
        """Return a new message identity (UUID4 text)."""
        return str(uuid.uuid4())
