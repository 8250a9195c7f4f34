"""docs/connections.md draws every machine of the code as it is, and tells the bounds that the simulation judges by."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import p2pbot.conversation
import p2pbot.protocol
from p2pbot.conversation.connections import MACHINES, section
from p2pbot.protocol.machine import Machine
from tests.sim.account_judge import LONGEST_DEAF_S, LONGEST_DOWN_S, LONGEST_REFUSED_S

DOCUMENT = (Path(__file__).parents[2] / "docs" / "connections.md").read_text("utf-8")
MARK = "<!-- What stands below is made from the code: make pages -->\n"


def machines() -> set[str]:
    """Return the names of all machines that the cores have."""
    modules = (
        importlib.import_module(found.name)
        for package in (p2pbot.protocol, p2pbot.conversation)
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    )
    return {value.name for module in modules for value in vars(module).values() if isinstance(value, Machine)}


def test_the_page_is_as_the_code_is() -> None:
    """Made anew, the part below the mark is as it is: `make pages` mends it."""
    assert DOCUMENT.partition(MARK)[2] == f"{section()}\n"


def test_every_machine_is_drawn() -> None:
    """A new machine has its place in the page."""
    assert {shown.machine.name for shown in MACHINES} == machines()


def test_the_bounds_are_those_that_the_simulation_judges_by() -> None:
    """What the page promises is what ninety days are measured against."""
    assert f"At most {LONGEST_DEAF_S / 60:.0f} minutes deaf" in DOCUMENT
    assert f"At most {LONGEST_DOWN_S / 60:.0f} minutes down" in DOCUMENT
    assert f"At most {LONGEST_REFUSED_S / 60:.0f} minutes down" in DOCUMENT
