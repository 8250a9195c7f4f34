"""docs/rules.md is executed: every rule in it loads, every wrong one is refused, every shown command shows that."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from p2pbot.cli import main
from p2pbot.rules.ruleset import load_rules
from p2pbot.rules.spec import RuleSpec, WhenSpec

ROOT = Path(__file__).parents[2]
_TEXT = (ROOT / "docs" / "rules.md").read_text("utf-8")
_BLOCKS = re.findall(r"^```(yaml|yaml wrong|console)\n(.*?)^```", _TEXT, re.DOTALL | re.MULTILINE)


def blocks(kind: str) -> list[str]:
    """Return the fenced blocks of one kind."""
    return [text for found, text in _BLOCKS if found == kind]


def _file(text: str) -> dict[str, str]:
    return {"docs.yaml": text if text.startswith("version") else f"version: 1\n{text}"}


@pytest.mark.parametrize("text", blocks("yaml"))
def test_every_example_loads_without_a_finding(text: str) -> None:
    """What is shown works."""
    loaded = load_rules(_file(text))
    assert [finding.render() for finding in loaded.findings] == []


@pytest.mark.parametrize("text", blocks("yaml wrong"))
def test_every_wrong_example_is_refused(text: str) -> None:
    """What is shown as wrong is found."""
    assert load_rules(_file(text)).ruleset is None


@pytest.mark.parametrize("text", blocks("console"))
def test_every_shown_command_prints_what_is_shown(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The output is the real one."""
    monkeypatch.chdir(ROOT)
    command, _, expected = text.partition("\n")
    assert main(shlex.split(command)[2:]) == 0
    assert capsys.readouterr().out.strip() == expected.strip()


def test_every_key_of_a_rule_and_of_its_conditions_is_told() -> None:
    """Nothing is left for the reader to guess."""
    keys = {field.alias or name for model in (RuleSpec, WhenSpec) for name, field in model.model_fields.items()}
    told = {key for key in keys if re.search(rf"`?\b{key}\b", _TEXT)}
    assert {key for key in keys - told if not key.startswith("not_")} == set()
