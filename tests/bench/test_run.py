"""Where the figures are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.run import with_figures

PAGE = Path(__file__).parents[2] / "bench/README.md"


def test_the_page_has_a_place_for_the_figures() -> None:
    """What stands there is replaced, what stands around it stays, however often."""
    page = PAGE.read_text("utf-8")
    once = with_figures(page, "| new |\n")
    assert "| new |" in once
    assert once.startswith("# Bench")
    assert once.endswith(page[-200:])
    assert with_figures(once, "| new |\n") == once


def test_a_page_without_a_place_is_left_alone() -> None:
    """Nothing is written at random."""
    with pytest.raises(ValueError, match="no <!-- figures"):
        with_figures("# Bench", "x")
