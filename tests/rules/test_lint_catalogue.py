"""Every lint has rules that trigger it and rules that do not, and its place on the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from p2pbot.document import Severity
from p2pbot.rules.lint_catalogue import LINTS, Lint, as_file, page
from p2pbot.rules.ruleset import load_rules

_ROOT = Path(__file__).parents[2]


def found(rules: str) -> list[tuple[str, Severity]]:
    """Return the codes of what is wrong with rules."""
    return [(finding.code, finding.severity) for finding in load_rules({"a.yaml": as_file(rules)}).findings]


@pytest.mark.parametrize("lint", LINTS, ids=lambda lint: lint.code)
def test_the_bad_rules_have_it(lint: Lint) -> None:
    """With the severity that the page tells."""
    assert (lint.code, Severity.ERROR if lint.fatal else Severity.WARNING) in found(lint.bad)


@pytest.mark.parametrize("lint", LINTS, ids=lambda lint: lint.code)
def test_the_good_rules_have_nothing(lint: Lint) -> None:
    """Neither this nor another one."""
    assert found(lint.good) == []


def test_the_page_is_made_of_the_catalogue() -> None:
    """``python -m p2pbot.rules.lint_catalogue > docs/lints.md`` mends it."""
    assert (_ROOT / "docs" / "lints.md").read_text("utf-8") == page()


def test_every_code_that_the_program_uses_is_told() -> None:
    """And no other."""
    sources = [*(_ROOT / "p2pbot" / "rules").glob("*.py"), *(_ROOT / "p2pbot" / "document").glob("*.py")]
    text = "\n".join(path.read_text("utf-8") for path in sources if path.name != "lint_catalogue.py")
    assert set(re.findall(r'"(P0\d\d)"', text)) == {lint.code for lint in LINTS}
