"""The state check ends the daemon for damage, and for nothing else."""

from __future__ import annotations

import pytest

from p2pbot.daemon.state_check import StateCheck
from p2pbot.errors import StateDamaged, StateError, StateLocked
from tests.fakes.occasions import NOW_MS
from tests.fakes.world import Recorder, StillClock


class Looks:
    """Answers each look with what comes next; after the last it says that the file is damaged."""

    def __init__(self, clock: StillClock, *answers: StateError | None) -> None:
        self.clock = clock
        self.answers = [*answers, StateDamaged("the file is damaged")]
        self.at_s: list[float] = []

    async def __call__(self) -> None:
        """Note the time and answer."""
        self.at_s.append((self.clock.at_ms - NOW_MS) / 1000)
        answer = self.answers.pop(0)
        if answer is not None:
            raise answer


@pytest.mark.parametrize("harmless", [None, StateLocked("another program has it"), StateError("no handles left")])
async def test_only_damage_ends_it(harmless: StateError | None) -> None:
    """A look that cannot be made proves nothing: the next one comes an interval later."""
    clock = StillClock(NOW_MS)
    looks = Looks(clock, harmless)
    with pytest.raises(StateDamaged):
        await StateCheck(looks, clock, Recorder(), every_s=3600).run()
    assert looks.at_s == [3600, 7200]
