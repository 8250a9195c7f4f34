"""The document of the sandbox and what the code has."""

from __future__ import annotations

from pathlib import Path

from p2pbot.sandbox import FAULTS
from p2pbot.sandbox.actions import ACTIONS, VIEWS
from p2pbot.sandbox.tables import with_tables

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"


def test_the_document_shows_the_tables_of_the_code() -> None:
    """Made anew, docs/sandbox.md is as it is: `python -m p2pbot.sandbox.tables docs/sandbox.md` mends it."""
    text = DOCUMENT.read_text("utf-8")
    assert with_tables(text) == text


def test_every_fault_and_action_is_in_the_document() -> None:
    """No table is missing."""
    text = DOCUMENT.read_text("utf-8")
    assert [name for name in (*FAULTS, *ACTIONS, *VIEWS) if f"| `{name}` |" not in text] == []


def test_a_table_is_replaced_between_its_markers() -> None:
    """What stands around the markers stays."""
    made = with_tables("before\n<!-- table: faults -->\nstale words\n<!-- end -->\nafter")
    assert made.startswith("before\n<!-- table: faults -->\n| fault |")
    assert made.endswith("<!-- end -->\nafter")
    assert "stale words" not in made
