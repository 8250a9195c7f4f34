"""Nesting, repetition and numbers without end: each ends in a value or a finding, at a cost that grows with its size.

The steps are counted, not timed: a busy machine changes nothing. ``python -m tests.fuzz --bombs`` measures time.
"""

from __future__ import annotations

import pytest

from tests.fuzz.bombs import DOORS, calls_of

_SMALL, _LARGE = 1_024, 8_192  # characters; a cost in proportion grows by 8, a quadratic one by 64
_ALLOWANCE = 3_000  # calls whatever the size


@pytest.mark.parametrize("name", list(DOORS))
def test_the_cost_of_a_bomb_grows_with_its_size(name: str) -> None:
    """Eight times the input makes at most 24 times the calls."""
    door, bombs = DOORS[name]
    for kind, bomb in bombs.items():
        door(bomb(_SMALL))  # what is made once and kept is not counted
        few, many = calls_of(door, bomb(_SMALL)), calls_of(door, bomb(_LARGE))
        assert many <= 24 * few + _ALLOWANCE, f"{kind}: {few} calls for {_SMALL} characters, {many} for {_LARGE}"


@pytest.mark.parametrize("name", ["frame", "redaction", "card", "answer", "retry-after", "text"])
def test_more_than_the_largest_frame_is_survived(name: str) -> None:
    """What an exchange may send in one piece ends in a value, whatever it holds."""
    door, bombs = DOORS[name]
    for bomb in bombs.values():
        door(bomb(300_000))
