"""``p2pbot rules replay``: only what changes is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from p2pbot.cli import main

_OLD = "version: 1\nrules:\n  - {id: paid, words: paid, reply: Thanks}\n  - {id: hi, words: hi, reply: Hello}\n"
_CHATS = [
    {"chat": [{"counterparty": "hi"}, {"wait": "5m"}, {"image": "a.png"}]},
    {
        "name": "a claim",
        "order": {"side": "sell"},
        "chat": [{"counterparty": "I paid 😀"}, {"bot": "x"}, {"none": None}],
    },
    {"chat": [{"operator": "hi"}, {"event": "order_paid"}, {"order": {"order_status": "completed"}}]},
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place with old rules, new rules and chats."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("P2PBOT_CONFIG", raising=False)
    (tmp_path / "rules").mkdir()
    (tmp_path / "old.yaml").write_text(_OLD, "utf-8")
    (tmp_path / "rules" / "new.yaml").write_text(_OLD.replace("Thanks", "Thank you"), "utf-8")
    (tmp_path / "chats.jsonl").write_text("\n".join(map(json.dumps, _CHATS)) + "\n\n", "utf-8")
    return tmp_path


def replay(*arguments: str) -> int:
    """Call the command."""
    return main(["rules", "replay", "chats.jsonl", "--against", "old.yaml", *arguments])


def test_a_reply_that_changes_is_shown(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, as diff does; the other chats are not mentioned."""
    assert here.exists()
    assert replay() == 1
    assert capsys.readouterr().out.splitlines() == [
        "a claim",
        "  counterparty: I paid 😀",
        "    - Thanks",
        "    + Thank you",
        "3 chats: 1 with other replies.",
    ]


def test_the_same_rules_change_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0."""
    assert here.exists()
    assert replay("--rules", "old.yaml") == 0
    assert capsys.readouterr().out == "3 chats: none with other replies.\n"


def test_a_reply_that_is_gone_is_silence(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And another id alone is no change."""
    (here / "new.yaml").write_text("version: 1\nrules:\n  - {id: other, words: paid, reply: Thanks}\n", "utf-8")
    assert replay("--rules", "new.yaml") == 1
    assert "    - Hello\n    + (silent)\n" in capsys.readouterr().out


def test_changes_are_json_for_programs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the step."""
    assert here.exists()
    assert replay("--json") == 1
    assert json.loads(capsys.readouterr().out) == [
        {"chat": "a claim", "changes": [{"step": "counterparty: I paid 😀", "old": ["Thanks"], "new": ["Thank you"]}]}
    ]


def test_tests_are_chats_too(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What they expect is not asked."""
    test = "version: 1\ntests:\n  - {name: it, chat: [{counterparty: paid}, {bot: {text: nonsense}}]}\n"
    (here / "chats.yaml").write_text(test, "utf-8")
    assert main(["rules", "replay", "chats.yaml", "--against", "old.yaml"]) == 1
    assert "1 chat: 1 with other replies." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "chats.jsonl:1:1: this line is not JSON"),
        ("[]", "chats.jsonl:1:1: expected keys with values"),
        ('{"chat": [{"counterparti": "a"}]}', "did you mean `counterparty`?"),
        ('{"chat": []}', "chats.jsonl:1:1: "),
    ],
)
def test_a_chat_that_cannot_be_read_is_named(
    here: Path, capsys: pytest.CaptureFixture[str], line: str, fault: str
) -> None:
    """Exit 78, with its line."""
    (here / "chats.jsonl").write_text(line + "\n", "utf-8")
    assert replay() == 78
    assert fault in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["chats.jsonl"], 2), (["none.jsonl", "--against", "old.yaml"], 78), (["chats.jsonl", "--against", "none"], 78)],
)
def test_a_wrong_call_has_its_exit_code(here: Path, arguments: list[str], code: int) -> None:
    """Usage 2, files 78."""
    assert here.exists()
    assert main(["rules", "replay", *arguments]) == code
