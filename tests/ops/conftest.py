"""Figures that the real boots measure: said at the end of the run, to be copied into systemd/README.md."""

from __future__ import annotations

from collections.abc import Callable

import pytest

_FIGURES: list[tuple[str, str]] = []


@pytest.fixture
def record_figure() -> Callable[[str, str], None]:
    """Note what was measured, in its unit."""
    return lambda what, figure: _FIGURES.append((what, figure))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was measured."""
    if _FIGURES:
        terminalreporter.section("figures")
        for what, figure in _FIGURES:
            terminalreporter.write_line(f"{what}: {figure}")
