"""``p2pbot rules list``, ``preview`` and ``schema``: looking at the rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from p2pbot.cli import main
from p2pbot.cli.output import cells
from p2pbot.rules.schema import rule_schema

_RULES = """\
version: 1
rules:
  - id: late
    priority: -5
    words: late
    reply: Soon.
    mode: shadow
  - id: paid
    words: [paid, sent]
    not_words: not paid
    regex: "tx (?P<number>\\\\d+)"
    when: {side: sell, order_status: unpaid}
    limit: [{every: 10m}, {at_most: 3, per: order}]
    group: claims
    delay: 2s..4s
    notify: "look at {{ order.number }}"
    handover: {for: 2h, reason: a claim}
    continue: yes
    reply:
      en: ["Thanks {{ counterparty.first_name }}!", "Number {{ match.number }}"]
      ru: ["Спасибо {{ counterparty.first_name }}!", "Номер {{ match.number }}"]
"""


@pytest.fixture(autouse=True)
def _rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is called beside a directory with rules."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("P2PBOT_CONFIG", raising=False)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(_RULES, "utf-8")


def test_rules_are_listed_in_the_order_of_asking(capsys: pytest.CaptureFixture[str]) -> None:
    """Not in that of the file."""
    assert main(["rules", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:4] for line in lines] == [
        ["0", "paid", "message", "live"],
        ["-5", "late", "message", "shadow"],
    ]
    assert lines[0].endswith("rules/a.yaml:8:5")


def test_the_list_says_in_which_orders(capsys: pytest.CaptureFixture[str]) -> None:
    """In few words, without what every rule has; the place is told from here."""
    assert main(["rules", "list"]) == 0
    paid, late = capsys.readouterr().out.splitlines()
    assert "live    sell, unpaid  any of paid, sent" in paid
    assert paid.endswith("  rules/a.yaml:8:5")
    assert "operator_idle" not in late


def test_on_a_narrow_terminal_a_rule_has_two_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """None is longer than the terminal."""
    words = ", ".join(["word0", "word1", *(f"付款{number}" for number in range(60))])
    Path("rules/a.yaml").write_text(f"version: 1\nrules:\n  - {{id: many, words: [{words}], reply: x}}\n", "utf-8")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(["rules", "list"]) == 0
    head, below = capsys.readouterr().out.splitlines()
    assert head.split() == ["0", "many", "message", "rules/a.yaml:3:6"]
    assert below.startswith("     live  any order: any of word0, word1")
    assert 70 < cells(below) < 80


def test_a_rule_tells_what_it_does_and_when(capsys: pytest.CaptureFixture[str]) -> None:
    """Every key has its line."""
    Path("rules/a.yaml").write_text(
        "version: 1\nrules:\n"
        "  - {id: soon, on: payment_expiring, before: 5m, delay: {typing: 12cps}, expires: 1m, reply: Soon}\n"
        "  - {id: tag, words: vip, debounce: 3s, set: {vip: 'yes'}}\n"
        "  - {id: back, on: operator_message, words: go on, unmute: yes}\n"
        "  - {id: quiet, words: ok, stop: yes}\n",
        "utf-8",
    )
    told = {}
    for rule in ("soon", "tag", "back", "quiet"):
        assert main(["rules", "list", rule]) == 0
        told[rule] = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert told["soon"]["before"] == "5m"
    assert told["soon"]["delay"] == "as long as typing takes, at 12 characters a second"
    assert told["soon"]["expires"] == "60s"
    assert (told["tag"]["debounce"], told["tag"]["set"]) == ("3s", "vip: yes")
    assert told["back"]["unmute"].startswith("yes")
    assert told["quiet"]["stop"].startswith("yes")


def test_one_rule_is_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """With its defaults."""
    assert main(["rules", "list", "paid"]) == 0
    told = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert told["words"] == "any of paid, sent"
    assert told["when.order_status"] == "unpaid"
    assert told["when.operator_idle"] == "no person of ours wrote for 10m"
    assert told["limit"] == "every 10m per order, at most 3 per order"
    assert told["group"] == "claims"
    assert told["delay"] == "2s..4s"
    assert told["handover"] == "for 120m a claim"
    assert told["notify"] == "look at {{ order.number }}"
    assert told["reply"].startswith("en, ru")
    assert told["continue"].startswith("yes")


def test_the_list_is_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """In the same order."""
    assert main(["rules", "list", "--json"]) == 0
    assert [rule["id"] for rule in json.loads(capsys.readouterr().out)] == ["paid", "late"]


def test_a_preview_fills_the_texts_in(capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be filled in is shown as it is written."""
    assert main(["rules", "preview", "paid", "--order", "counterparty.name=Ivan Petrov"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "    Thanks Ivan!" in lines
    assert "    Спасибо Ivan!" in lines
    assert "    Number {{ match.number }}" in lines
    assert "    look at 20000000000000000000" in lines
    assert any(line.startswith("  en      1. [12, at most ") for line in lines)


def test_a_preview_of_all_has_every_rule_with_a_text(capsys: pytest.CaptureFixture[str]) -> None:
    """In order."""
    assert main(["rules", "preview"]) == 0
    heads = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line and not line.startswith(" ")]
    assert heads == ["paid", "late"]


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON."""
    assert main(["rules", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == rule_schema()


@pytest.mark.parametrize("command", ["list", "preview"])
def test_a_rule_that_is_not_there_is_a_wrong_command_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2."""
    assert main(["rules", command, "nobody"]) == 2
    assert "there is no rule `nobody`" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["list", "preview", "chat"])
def test_rules_that_do_not_load_are_shown_by_nobody(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 78, with the findings."""
    Path("rules/a.yaml").write_text(_RULES.replace("words: late", "wrds: late"), "utf-8")
    assert main(["rules", command]) == 78
    assert "unknown key `wrds`" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["test", "chat", "list", "preview", "schema"])
def test_each_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With its exit codes."""
    assert main(["rules", command, "--help"]) == 0
    assert "exit codes:" in capsys.readouterr().out
