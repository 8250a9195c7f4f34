"""For the whole suite: whatever a daemon prints is looked through for the secrets that the simulated exchange made."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.fakes.canary import secrets_in

_WATCHED = ("tests/e2e/", "tests/faults/", "tests/console/", "tests/daemon/")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test of a whole daemon whose captured output (stdout, stderr, logging) shows a secret."""
    report = yield
    if report.passed and item.nodeid.startswith(_WATCHED):
        shown = secrets_in(report.capstdout + report.capstderr + report.caplog)
        if shown:
            report.outcome = "failed"
            report.longrepr = "\n".join(("a secret was printed:", *shown))
    return report
