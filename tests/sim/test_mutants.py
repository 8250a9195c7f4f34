"""The simulation is worth something only if it finds faults: known ones are planted, each must be found."""

from __future__ import annotations

import pytest

from tests.sim.mutants import MUTANTS, Mutant
from tests.sim.run import run_seed


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_planted_fault_is_found_by_its_checker(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fault that was reported of such bots is noticed by the promise that it breaks, in worlds that are well."""
    assert [seed for seed in mutant.seeds if run_seed(seed).violations] == []
    mutant.plant(monkeypatch)
    found = {seed: {violation.checker for violation in run_seed(seed).violations} for seed in mutant.seeds}
    assert any(mutant.checker in checkers for checkers in found.values()), found
