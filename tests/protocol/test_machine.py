"""A machine is its table: what the table does not say is an error that names machine, state and event."""

from __future__ import annotations

from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.errors import Fault, IllegalTransition
from p2pbot.protocol.machine import Machine


class Door(StrEnum):
    """States of a door."""

    OPEN = "open"
    SHUT = "shut"
    LOCKED = "locked"


class Hand(StrEnum):
    """What a hand does to it."""

    PUSH = "push"
    TURN_KEY = "turn_key"


TABLE = {
    Door.OPEN: {Hand.PUSH: Door.SHUT},
    Door.SHUT: {Hand.PUSH: Door.OPEN, Hand.TURN_KEY: Door.LOCKED},
}
DOOR = Machine[Door, Hand]("door", TABLE)


@given(st.sampled_from(Door), st.sampled_from(Hand))
def test_a_machine_does_what_its_table_says_and_nothing_else(state: Door, event: Hand) -> None:
    """Every pair of the table leads to its next state; every other pair raises."""
    following = TABLE.get(state, {}).get(event)
    assert DOOR.allows(state, event) is (following is not None)
    if following is not None:
        assert DOOR.next(state, event) is following
        return
    with pytest.raises(IllegalTransition):
        DOOR.next(state, event)


def test_an_illegal_pair_is_our_fault_and_says_where() -> None:
    """The error carries machine, state and event, and is never worth a retry."""
    with pytest.raises(IllegalTransition, match="door: event 'turn_key' is not possible in state 'open'") as caught:
        DOOR.next(Door.OPEN, Hand.TURN_KEY)
    assert (caught.value.machine, caught.value.state, caught.value.event) == ("door", Door.OPEN, Hand.TURN_KEY)
    assert caught.value.fault is Fault.OURS


def test_the_diagram_has_one_line_for_each_pair_of_the_table() -> None:
    """The documents show the table itself, in its order."""
    assert DOOR.diagram() == (
        "stateDiagram-v2\n    open --> shut: push\n    shut --> open: push\n    shut --> locked: turn_key"
    )
