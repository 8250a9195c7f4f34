"""SECURITY.md is believed by people who cannot check it: what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_test_that_it_names_exists() -> None:
    """A renamed test leaves a claim that nothing holds."""
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", PAGE))
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []
    assert len(named) >= 30


def test_every_claim_of_a_table_names_its_test() -> None:
    """A line without one is a wish."""
    rows = [row for row in PAGE.splitlines() if row.startswith("| ") and not row.startswith(("| what ", "|---"))]
    assert rows
    assert [row for row in rows if "`test_" not in row.rpartition("|")[0].rpartition("|")[2]] == []
