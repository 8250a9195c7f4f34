"""``p2pbot init``: a start that works as it is, and that overwrites nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from p2pbot.cli import main
from p2pbot.cli.init import pieces
from p2pbot.config import load_settings
from p2pbot.model import Mode


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory in which the command is called."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("P2PBOT_CONFIG", raising=False)
    return tmp_path


def test_the_start_passes_its_own_checks_and_tests(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rules without a warning, tests that pass."""
    assert main(["init", "bot"]) == 0
    monkeypatch.chdir(here / "bot")
    assert main(["rules", "check", "--strict"]) == 0
    assert main(["rules", "test"]) == 0
    assert "dialogues: all pass." in capsys.readouterr().out


def test_the_start_sends_nothing(here: Path) -> None:
    """Shadow, by a configuration without a warning."""
    assert main(["init", str(here)]) == 0
    settings = load_settings(here / "config.yaml", {})
    assert (settings.mode, settings.accounts[0].mode, settings.warnings) == (Mode.SHADOW, Mode.SHADOW, ())


def test_the_next_steps_are_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the new directory to the first answer."""
    assert here.exists()
    assert main(["init", "my bot"]) == 0
    shown = capsys.readouterr().out
    assert "1. cd 'my bot'" in shown
    for step in ("rules chat", "rules test", "secrets/main.key", "check --online", "p2pbot run", "mode: live"):
        assert step in shown


def test_what_is_there_is_left_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of the same name, byte for byte; the others are made."""
    (here / "config.yaml").write_text("mine\n", "utf-8")
    assert main(["init"]) == 0
    assert (here / "config.yaml").read_text("utf-8") == "mine\n"
    assert "kept  config.yaml" in capsys.readouterr().out
    assert (here / "rules" / "10-greeting.yaml").exists()


def test_a_second_call_does_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says so."""
    assert main(["init"]) == 0
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert main(["init"]) == 0
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before
    shown = capsys.readouterr().out
    assert "made" not in shown
    assert "Everything was there already." in shown


def test_a_link_is_not_followed(here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Even one that leads nowhere yet."""
    target = tmp_path_factory.mktemp("elsewhere") / "target"
    (here / "config.yaml").symlink_to(target)
    assert main(["init"]) == 0
    assert not target.exists()


def test_the_home_of_the_keys_is_closed_to_others(here: Path) -> None:
    """And no commit takes it along."""
    assert main(["init"]) == 0
    assert (here / "secrets").stat().st_mode & 0o077 == 0
    assert (here / "secrets" / "README.txt").stat().st_mode & 0o077 == 0
    assert "/secrets/" in (here / ".gitignore").read_text("utf-8").splitlines()


def test_every_rule_file_names_the_schema_beside_it(here: Path) -> None:
    """So that an editor helps at once."""
    assert main(["init"]) == 0
    assert json.loads((here / "rules.schema.json").read_text("utf-8"))["title"] == "p2pbot rule file"
    files = list((here / "rules").rglob("*.yaml"))
    assert files
    for path in files:
        first = path.read_text("utf-8").splitlines()[0]
        named = first.removeprefix("# yaml-language-server: $schema=")
        assert (path.parent / named).resolve() == (here / "rules.schema.json").resolve()


def test_a_place_that_cannot_be_written_is_a_sentence(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 78."""
    (here / "file").write_text("", "utf-8")
    assert main(["init", "file"]) == 78
    assert "file" in capsys.readouterr().err


def test_no_file_is_large_or_twice() -> None:
    """A start is something that a person reads."""
    made = list(pieces())
    assert len({piece.path for piece in made}) == len(made)
    assert all(len(piece.text) < 60_000 for piece in made)
