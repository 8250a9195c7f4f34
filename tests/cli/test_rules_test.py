"""``p2pbot rules test``: what a merchant sees."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from p2pbot.cli import main

_RULES = """\
version: 1
rules:
  - id: paid
    words: paid
    reply: Press the button
    examples: [I paid]
    not_examples: [hello]
"""
_TEST = """\
version: 1
tests:
  - name: asks twice
    chat:
      - counterparty: I paid
      - bot: {rule: paid, text: Press the button}
      - counterparty: paid!!
      - none: {because: limit}
"""


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with rules and a test below."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("P2PBOT_CONFIG", raising=False)
    directory = tmp_path / "rules"
    (directory / "tests").mkdir(parents=True)
    (directory / "a.yaml").write_text(_RULES, "utf-8")
    (directory / "tests" / "a.yaml").write_text(_TEST, "utf-8")
    return directory


def break_test(rules: Path) -> None:
    """Let the test want another text."""
    (rules / "tests" / "a.yaml").write_text(_TEST.replace("Press the button", "Press it"), "utf-8")


@pytest.mark.parametrize(
    "paths",
    [
        [],
        ["rules"],
        ["rules/a.yaml", "rules/tests"],
        ["rules/tests/a.yaml"],
        ["rules/tests", "--rules", "rules/a.yaml"],
    ],
)
def test_what_passes_is_counted(rules: Path, capsys: pytest.CaptureFixture[str], paths: list[str]) -> None:
    """Exit 0, however the files are named; a test file alone is played with the rules that are there."""
    assert rules.exists()
    assert main(["rules", "test", *paths]) == 0
    assert capsys.readouterr().out == "2 examples and 1 dialogue: all pass.\n"


def test_a_failure_shows_its_place_and_the_difference(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1."""
    break_test(rules)
    assert main(["rules", "test", "--diff"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "FAIL asks twice",
        "rules/tests/a.yaml:6:33: the reply is not as written: `Press the button`",
        "          - bot: {rule: paid, text: Press it}",
        "                                    ^",
        "    - Press it",
        "    + Press the button",
        "2 examples and 1 dialogue: 1 failed.",
    ]


def test_update_writes_what_the_rules_say(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And then it passes."""
    break_test(rules)
    assert main(["rules", "test", "--update"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "updated rules/tests/a.yaml",
        "2 examples and 1 dialogue: all pass.",
    ]
    assert 'text: "Press the button"}' in (rules / "tests" / "a.yaml").read_text("utf-8")


def test_update_touches_nothing_that_passes(rules: Path) -> None:
    """Not even a line's end."""
    before = (rules / "tests" / "a.yaml").read_bytes()
    assert main(["rules", "test", "--update"]) == 0
    assert (rules / "tests" / "a.yaml").read_bytes() == before


def test_an_example_that_fails_is_a_failure(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its place."""
    (rules / "a.yaml").write_text(_RULES.replace("[hello]", "[not paid]"), "utf-8")
    assert main(["rules", "test"]) == 1
    assert "rules/a.yaml:7:20: the rule `paid` matches this text" in capsys.readouterr().out


def test_the_results_are_written_for_other_programs(rules: Path, tmp_path: Path) -> None:
    """JUnit: one case for each test."""
    break_test(rules)
    report = tmp_path / "report.xml"
    assert main(["rules", "test", "--junit", str(report)]) == 1
    suite = ET.fromstring(report.read_text("utf-8"))  # noqa: S314 - our own file
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    (case,) = suite
    assert (case.get("classname"), case.get("name")) == ("rules/tests/a.yaml", "asks twice")
    assert [failure.get("message") for failure in case] == [
        "rules/tests/a.yaml:6:33: the reply is not as written: `Press the button`"
    ]


def test_rules_that_do_not_load_are_in_the_report_too(rules: Path, tmp_path: Path) -> None:
    """A failure, not a missing file."""
    (rules / "a.yaml").write_text(_RULES.replace("words", "wrds"), "utf-8")
    report = tmp_path / "report.xml"
    assert main(["rules", "test", "--junit", str(report)]) == 1
    assert "unknown key" in report.read_text("utf-8")


@pytest.mark.parametrize(("arguments", "code"), [(["rules", "--what"], 2), (["nowhere"], 78)])
def test_a_wrong_call_has_its_exit_code(rules: Path, arguments: list[str], code: int) -> None:
    """Usage 2, files 78."""
    assert rules.exists()
    assert main(["rules", "test", *arguments]) == code


def test_the_help_shows_a_dialogue(capsys: pytest.CaptureFixture[str]) -> None:
    """It suffices to write one."""
    assert main(["rules", "test", "--help"]) == 0
    assert "- counterparty: I paid" in capsys.readouterr().out
