"""The tables of ``docs/sandbox.md``, made from the registries: faults, actions, views.

Promise: what the document shows is what the code has; a test compares them, and this module prints them anew:
``python -m p2pbot.sandbox.tables FILE`` replaces what stands between the markers of FILE.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from p2pbot.sandbox.actions import ACTIONS, VIEWS
from p2pbot.sandbox.arguments import Action
from p2pbot.sandbox.registry import FAULTS, Parameter

_MARKED = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _parameter(parameter: Parameter) -> str:
    shown = f"“{parameter.default}”" if isinstance(parameter.default, str) else str(parameter.default)
    return f"`{parameter.name}` = {shown}: {parameter.meaning}"


def fault_table() -> str:
    """Return all faults as a Markdown table."""
    rows = (
        (f"`{kind.name}`", kind.meaning, kind.scope.value, "<br>".join(map(_parameter, kind.parameters)))
        for kind in FAULTS.values()
    )
    return _table(("fault", "what happens", "can be bound to", "parameters and defaults"), rows)


def action_table(actions: Mapping[str, Action]) -> str:
    """Return actions or views as a Markdown table."""
    rows = (
        (f"`{action.name}`", action.meaning, ", ".join(f"`{name}`" for name in action.arguments if name))
        for action in actions.values()
    )
    return _table(("name", "what it does", "arguments"), rows)


def with_tables(document: str) -> str:
    """Return the document with every marked table made anew. Raises KeyError for a table that is not known."""
    made = {
        "faults": fault_table(),
        "actions": action_table(ACTIONS),
        "views": action_table(VIEWS),
    }
    return _MARKED.sub(lambda found: f"<!-- table: {found[1]} -->\n{made[found[1]]}\n<!-- end -->", document)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_tables(path.read_text("utf-8")), "utf-8")
