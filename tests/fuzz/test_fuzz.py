"""The short run: some thousand harmed inputs for each outer door, the same ones every time, and every old find."""

from __future__ import annotations

import pytest

from tests.fuzz.finds import Kept, kept
from tests.fuzz.registry import TARGETS
from tests.fuzz.target import Find, finds

FIRST = 10_000_000  # seeds that no long run uses
_DEAR = {"rules": 100, "talk": 150, "history-walk": 250, "orders": 500, "history-pages": 500}
_USUAL = 1_000


@pytest.mark.parametrize("name", list(TARGETS))
def test_no_harmed_input_breaks_a_promise(name: str) -> None:
    """Each ends in a value of its type or an error of ours; ``python -m tests.fuzz --replay TARGET:SEED`` shows one."""
    outcomes = set[str]()
    seeds = range(FIRST, FIRST + _DEAR.get(name, _USUAL))
    broken = list(finds(TARGETS[name], seeds, lambda _seed, outcome: outcomes.add(outcome)))
    assert not broken, _told(broken)
    assert len(outcomes) > 3, "the inputs are all alike"


@pytest.mark.parametrize("find", kept(), ids=lambda find: find.name)
def test_what_was_found_once_stays_mended(find: Kept) -> None:
    """Every find of the long runs, made small, is played again."""
    trouble = TARGETS[find.target].trouble(find.given)
    assert not trouble, f"{find.was}; now: {trouble}"


def _told(broken: list[Find]) -> str:
    return "\n".join(f"--replay {find.target}:{find.seed}  {find.trouble}" for find in broken[:5])
