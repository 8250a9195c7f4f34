"""docs/testing-rules.md is executed, from its first file to its last command."""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path

import pytest

from p2pbot.cli import main
from p2pbot.conversation.replay import read_chat
from p2pbot.rules.dialogue import BotSpec, DialogueSpec, StepSpec

_TEXT = (Path(__file__).parents[2] / "docs" / "testing-rules.md").read_text("utf-8")
_BLOCKS = re.findall(r"^```(yaml|console)(?: (\S+))?\n(.*?)^```", _TEXT, re.DOTALL | re.MULTILINE)


def test_the_page_does_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files are written, commands called, their output is the one that is shown."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("P2PBOT_CONFIG", raising=False)
    for kind, file, text in _BLOCKS:
        if kind == "yaml":
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text(text, "utf-8")
            continue
        command, *lines = text.splitlines()
        typed = [line.removeprefix("< ") for line in lines if line.startswith("< ")]
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
        assert main(shlex.split(command)[2:]) == 0
        assert capsys.readouterr().out.splitlines() == [line for line in lines if not line.startswith("< ")]


def test_every_step_and_expectation_is_told() -> None:
    """Nothing is left for the reader to guess."""
    for name in StepSpec.model_fields:
        assert f"`{name}: " in _TEXT
    for name in BotSpec.model_fields:
        assert re.search(rf"\b{name}\b", _TEXT)


def test_the_recorded_chat_is_one_that_is_read() -> None:
    """The format that the page tells."""
    (line,) = re.findall(r"^```json\n(.*?)\n```", _TEXT, re.DOTALL | re.MULTILINE)
    chat = read_chat(line, "chats.jsonl", 1)
    assert isinstance(chat, DialogueSpec), chat
    assert {step.key for step in chat.chat} == {"event", "wait", "counterparty", "bot", "image", "operator"}
