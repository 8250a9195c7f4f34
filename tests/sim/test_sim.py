"""Seeded worlds in which everything goes wrong, and the daemon keeps its promises in each of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sim.command import main
from tests.sim.run import Outcome, run_seed

_SEEDS = int(os.environ.get("P2PBOT_SIM_SEEDS", "300"))
_BATCH = 10
_REGRESSIONS = Path(__file__).with_name("seeds.txt")


def _regressions() -> list[int]:
    lines = (line.partition("#")[0].strip() for line in _REGRESSIONS.read_text("utf-8").splitlines())
    return [int(line) for line in lines if line]


def _failures(seeds: list[int]) -> list[Outcome]:
    return [outcome for seed in seeds if (outcome := run_seed(seed)).violations]


@pytest.mark.parametrize("first", range(0, _SEEDS, _BATCH))
def test_every_promise_is_kept_in_every_world(first: int) -> None:
    """Nothing doubled, nothing lost, order kept, no word where silence is due, in bounds, and calm after the faults."""
    failed = _failures(list(range(first, min(first + _BATCH, _SEEDS))))
    assert not failed, "\n".join(outcome.report() for outcome in failed)


def test_seeds_that_once_failed_are_well() -> None:
    """Every seed that ever found a fault is run again for ever."""
    failed = _failures(_regressions())
    assert not failed, "\n".join(outcome.report() for outcome in failed)


def test_the_same_seed_is_the_same_run_bit_by_bit() -> None:
    """Two runs of one seed have the same record of events, down to the last line."""
    for seed in (1, 2, 3):
        one, other = run_seed(seed, keep_trace=True), run_seed(seed)
        assert len(one.lines) > 50  # a record of nothing would be equal to any other
        assert one.digest == other.digest


def test_the_run_does_not_depend_on_the_hash_seed() -> None:
    """Texts hash differently in every process; the record is the same in each."""
    code = "from tests.sim.run import run_seed; print([run_seed(seed).digest for seed in range(4, 10)])"
    digests = {
        subprocess.run(  # noqa: S603 - our own interpreter, a fixed text
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("0", "1", "4242")
    }
    assert len(digests) == 1


def test_a_seed_can_be_replayed_with_all_that_happened(capsys: pytest.CaptureFixture[str]) -> None:
    """The command that a failing seed names shows its plan, its record and its end."""
    assert main(["--seed", "1", "--trace"]) == 0
    shown = capsys.readouterr().out
    assert "deed calm" in shown
    assert "life 1 begins" in shown
    assert "seed 1 is well" in shown
