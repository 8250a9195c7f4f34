"""The simulation is worth something only if it finds faults: known ones are planted, each must be found."""

from __future__ import annotations

import pytest

from tests.sim.mutants import MUTANTS, Mutant
from tests.sim.run import run_seed

_SEEDS = 60  # a fault that hides longer from so many worlds would need another checker


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_planted_fault_is_found_by_its_checker(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fault that was reported of such bots is noticed within a few seeds, by the promise that it breaks."""
    mutant.plant(monkeypatch)
    noticed: dict[str, int] = {}
    for seed in range(_SEEDS):
        for violation in run_seed(seed).violations:
            noticed.setdefault(violation.checker, seed)
        if mutant.checker in noticed:
            return
    pytest.fail(f"{mutant.name} was not found by {mutant.checker} in {_SEEDS} seeds; found: {noticed}")
