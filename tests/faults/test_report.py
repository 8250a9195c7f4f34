"""``docs/faults.md`` and the fault tests are kept together: names, not times."""

from __future__ import annotations

import re

import pytest

from tests.faults.report import ROOT, Row, document, fault_tests, named_in, plain, rows_of, seen_by_operator

# Said at the level of information, by a function of the same name.
NO_TROUBLE = {"picture_presigned", "picture_uploaded"}
PAGE = ROOT / "docs" / "faults.md"


def test_the_page_names_exactly_the_fault_tests_that_exist() -> None:
    """A test that is added, renamed or removed asks for a new measurement: ``make faults``."""
    assert named_in(PAGE.read_text(encoding="utf-8")) == fault_tests()


def test_the_page_opens_with_the_reading_guide() -> None:
    """The guide is written by hand, in its own file, and stands on the page word for word."""
    guide = (ROOT / "tests" / "faults" / "guide.md").read_text(encoding="utf-8").rstrip()
    assert PAGE.read_text(encoding="utf-8").startswith(guide)


SAID = re.compile(r"""\b(?:warning|error|say)\(\s*"([a-z_]+(?:\.[a-z_]+)?)\"""", re.DOTALL)


def words_said() -> set[str]:
    """Return the names of what the sources log as a warning or an error."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "p2pbot").rglob("*.py")]
    return {word for source in sources for word in SAID.findall(source)} - NO_TROUBLE


def words_explained() -> set[str]:
    """Return the names that the guide's last table explains."""
    guide = (ROOT / "tests" / "faults" / "guide.md").read_text(encoding="utf-8")
    rows = [row for row in guide.partition("## The words of the log")[2].splitlines() if row.startswith("| `")]
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row.split("|")[1])}


@pytest.mark.long
def test_the_guide_explains_every_warning_and_error() -> None:
    """Whoever meets a word in the log finds what it means and what to do; no word is explained that is never said."""
    assert words_explained() == words_said()


def test_a_test_that_was_not_run_says_so() -> None:
    """A page made on a machine without root keeps the names and invents no figures."""
    page = document(("test_a.py::test_x[y]",), {})
    assert "not run in this measurement" in page
    assert named_in(page) == ("test_a.py::test_x[y]",)


def test_what_an_operator_sees_is_told_without_what_differs_from_run_to_run() -> None:
    """Ports, seconds, order numbers and folders are left out; repetitions too; information is not trouble."""
    lines = [
        {"level": "info", "event": "chat_open"},
        {"level": "warning", "event": "chat_down", "what": "127.0.0.1:40123 closed the chat (code 1001)"},
        {"level": "warning", "event": "chat_down", "what": "127.0.0.1:40124 closed the chat (code 1001)"},
        {"level": "error", "event": "operator.notice", "text": "order 20476365073825144832 in /tmp/x/state"},
    ]
    assert seen_by_operator(lines) == (
        "chat_down: 127.0.0.1 closed the chat (code 1001)",
        "operator.notice: order … in …/state",
    )
    assert plain("did not answer within 2 s") == "did not answer within … s"


def test_of_several_rows_of_a_test_the_last_counts() -> None:
    """A run that repeats a test tells of its last outcome."""
    rows = rows_of('{"test": "a", "asked": 1}\n{"test": "a", "asked": 2}\n')
    assert rows == {"a": Row(test="a", asked=2)}
