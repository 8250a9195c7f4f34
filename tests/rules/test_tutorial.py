"""docs/rules.md is executed: the tutorial from its first file to its last command, every rule and every mistake."""

from __future__ import annotations

import io
import re
import shlex
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from p2pbot.cli import main
from p2pbot.rules.ruleset import load_rules
from p2pbot.rules.spec import RuleSpec, WhenSpec

_TEXT = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
_FENCED = re.compile(r"^```([a-z]+)(?: ([^\n]*))?\n(.*?)^```", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: its language, what stands behind it, and its text."""

    kind: str
    about: str
    text: str


BLOCKS = [Block(*found.groups(default="")) for found in _FENCED.finditer(_TEXT)]
_MISTAKES = [at for at, block in enumerate(BLOCKS) if block.about == "mistake"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory without a configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("P2PBOT_CONFIG", raising=False)
    (tmp_path / "rules" / "tests").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("text", [block.text for block in BLOCKS if (block.kind, block.about) == ("yaml", "")])
def test_every_example_loads_without_a_finding(text: str) -> None:
    """What is shown works."""
    loaded = load_rules({"docs.yaml": text if text.startswith("version") else f"version: 1\n{text}"})
    assert [finding.render() for finding in loaded.findings] == []


def test_the_tutorial_does_what_it_shows(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files are written, commands called; their output is the one that is shown, to the letter."""
    for block in BLOCKS:
        if block.kind == "yaml" and "/" in block.about:
            (here / block.about).write_text(block.text, "utf-8")
        elif block.kind == "console":
            command, *lines = block.text.splitlines()
            typed = [line.removeprefix("< ") for line in lines if line.startswith("< ")]
            monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
            assert _run(command) == (1 if "changes" in block.about else 0)
            assert capsys.readouterr().out.splitlines() == [line for line in lines if not line.startswith("< ")]


def _run(command: str) -> int:
    """Call what stands behind the prompt."""
    _, program, *arguments = shlex.split(command)
    if program == "cp":
        _, old, new = arguments
        shutil.copytree(old, new)
        return 0
    return main(arguments)


def test_there_are_ten_mistakes() -> None:
    """Each with what p2pbot says."""
    assert [BLOCKS[at + 1].kind for at in _MISTAKES] == ["text"] * 10


@pytest.mark.parametrize("at", _MISTAKES)
def test_a_mistake_is_answered_as_it_is_shown(here: Path, capsys: pytest.CaptureFixture[str], at: int) -> None:
    """Place, sentence, remedy, line and caret; an error or at least a warning."""
    (here / "rules" / "10-pay.yaml").write_text(BLOCKS[at].text, "utf-8")
    assert main(["rules", "check", "--strict", "rules/10-pay.yaml"]) == 1
    assert capsys.readouterr().out == BLOCKS[at + 1].text


def test_every_key_of_a_rule_and_of_its_conditions_is_told() -> None:
    """Nothing is left for the reader to guess."""
    taught = _TEXT[: _TEXT.index("\n## Reference\n")]
    keys = {field.alias or name for model in (RuleSpec, WhenSpec) for name, field in model.model_fields.items()}
    told = {key for key in keys if re.search(rf"\b{key}\b", taught)}
    assert {key for key in keys - told if not key.startswith("not_")} == set()
