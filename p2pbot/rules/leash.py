"""How long merchants' patterns may take: each one, and all of them together on one message.

Promise: after ``TOTAL_S`` no further pattern is asked about a message, however many there are: what they would have
said is unknown. Danger: only time of the processor counts, as for the engine's own deadline, or a busy neighbour on the
machine would silence a good rule; without a clock only what ran into a deadline is counted.
"""

from __future__ import annotations

from collections.abc import Callable

DEADLINE_S = 0.020  # of one pattern on one text: a good one takes a thousandth of that
TOTAL_S = 0.040  # of all patterns on one message: the daemon's other chats wait meanwhile, and may wait 50 ms


class Leash:
    """The time that patterns have on one message. ``computed_s``: seconds of the processor that were used up to now."""

    def __init__(self, computed_s: Callable[[], float] | None = None, total_s: float = TOTAL_S) -> None:
        self._computed_s = computed_s
        self._began_s = computed_s() if computed_s else 0.0
        self._total_s = total_s
        self._lost_s = 0.0

    @property
    def deadline_s(self) -> float:
        """How long the next pattern may take; 0 when the time is up."""
        computed_s = self._computed_s() - self._began_s if self._computed_s else 0.0
        return max(0.0, min(DEADLINE_S, self._total_s - max(computed_s, self._lost_s)))

    def ran_out(self, deadline_s: float) -> None:
        """Note that a pattern took all that it was given."""
        self._lost_s += deadline_s
