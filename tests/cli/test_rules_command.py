"""``p2pbot rules check`` and ``explain``: what a merchant sees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from p2pbot.cli import main

_RULES = """\
version: 1
rules:
  - id: paid-claim
    words: [paid, "оплат*"]
    when: {side: sell, order_status: unpaid}
    reply: "Thanks {{ counterparty.first_name }}!\\nPlease press the button."
    delay: 2s..4s
  - id: large
    words: hello
    when: {amount: ">1000"}
    notify: "large order"
    handover: {for: 2h, reason: it is large}
  - {id: thanks, on: order_completed, reply: Thank you}
"""
_BAD = _RULES.replace("side: sell", "side: sel").replace("words: hello", "word: hello")


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with one file of rules, beside which the command is called."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("P2PBOT_CONFIG", raising=False)
    directory = tmp_path / "rules"
    directory.mkdir()
    (directory / "a.yaml").write_text(_RULES, "utf-8")
    return directory


def explain(*arguments: str) -> int:
    """Call the command."""
    return main(["rules", "explain", *arguments])


def test_clean_rules_are_counted(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0."""
    assert main(["rules", "check", str(rules)]) == 0
    assert capsys.readouterr().out == "3 rules, 0 warnings.\n"


def test_without_a_path_or_configuration_the_directory_rules_is_checked(
    rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one beside."""
    assert rules.name == "rules"
    assert main(["rules", "check"]) == 0
    assert "3 rules" in capsys.readouterr().out


def test_findings_come_with_their_line_and_a_caret(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, all of them at once."""
    (rules / "a.yaml").write_text(_BAD, "utf-8")
    assert main(["rules", "check", "rules"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "rules/a.yaml:5:18: expected one of buy, sell, found `sel`; did you mean `sell`? [P001]",
        "        when: {side: sel, order_status: unpaid}",
        "                     ^",
        "rules/a.yaml:9:5: unknown key `word`; did you mean `words`? [P001]",
        "        word: hello",
        "        ^",
        "2 errors, 0 warnings: the rules do not load.",
    ]


def test_findings_are_json_for_programs(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the same exit code."""
    (rules / "a.yaml").write_text(_BAD, "utf-8")
    assert main(["rules", "check", "rules", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["rules"] is None
    assert [(found["line"], found["column"], found["code"]) for found in told["findings"]] == [
        (5, 18, "P001"),
        (9, 5, "P001"),
    ]


def test_the_set_is_named_by_its_content(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As in the state, in traces and in the log, so that one can tell which rules decided."""
    assert main(["rules", "check", "rules", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)["ruleset"]
    (rules / "a.yaml").write_text(_RULES.replace("Thank you", "Thank you!"), "utf-8")
    assert main(["rules", "check", "rules", "--json"]) == 0
    assert first != json.loads(capsys.readouterr().out)["ruleset"]


def test_a_warning_fails_only_when_that_is_asked_for(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--strict``."""
    (rules / "a.yaml").write_text(_RULES.replace("Thank you", "see www.x"), "utf-8")
    assert main(["rules", "check", "rules"]) == 0
    assert main(["rules", "check", "rules", "--strict"]) == 1
    assert "3 rules, 1 warning." in capsys.readouterr().out


def test_a_path_that_is_not_there_is_a_matter_of_configuration(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 78, as for the daemon."""
    assert main(["rules", "check", str(rules / "none")]) == 78
    assert "No such file" in capsys.readouterr().err


def test_explain_shows_the_reply_and_why_each_other_rule_is_silent(
    rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Readable at a glance."""
    assert rules.exists()
    assert explain("I paid", "--order", "side=sell,order_status=unpaid,counterparty.name=ann lee") == 0
    assert capsys.readouterr().out.splitlines() == [
        "answered",
        "",
        "paid-claim after 3 s:",
        "  > Thanks Ann!",
        "    Please press the button.",
        "",
        "paid-claim  YES    (rules/a.yaml:3:5)",
        "large       later  (rules/a.yaml:8:5)",
    ]


@pytest.mark.parametrize(
    ("text", "order", "line"),
    [
        (
            "I paid",
            "side=sell,order_status=completed",
            "paid-claim  NO  when.order_status: wanted unpaid, is completed  (rules/a.yaml:5:38)",
        ),
        (
            "I paid",
            "order_status=unpaid",
            "paid-claim  UNKNOWN  when.side: wanted sell, is not known  (rules/a.yaml:5:18)",
        ),
        (
            "I paid",
            "side=sell,order_status=unpaid",
            "reply: wanted all that the text needs, is not known: counterparty.first_name  (rules/a.yaml:6:12)",
        ),
        ("bye", "side=sell", "paid-claim  NO  words: wanted any of paid, оплат*, is none of them  (rules/a.yaml:4:12)"),
        ("hello", "amount=900", "large       NO  when.amount: wanted >1000, is 900  (rules/a.yaml:10:20)"),
        (
            "I paid",
            "side=sell,order_status=unpaid,operator_idle=3m",
            "when.operator_idle: wanted no person of ours wrote for 10m, is one wrote 3m ago",
        ),
    ],
)
def test_explain_names_the_first_check_that_failed(
    rules: Path, capsys: pytest.CaptureFixture[str], text: str, order: str, line: str
) -> None:
    """Wanted, actual and the place in the file."""
    assert rules.exists()
    assert explain(text, "--order", order) == 0
    assert line in capsys.readouterr().out


def test_explain_shows_what_is_said_to_the_operator(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Notices and handovers."""
    assert explain("hello", "--order", "amount=5000", "--rules", str(rules)) == 0
    shown = capsys.readouterr().out
    assert "  notify: large order\n" in shown
    assert "  handover for 120m: it is large\n" in shown


def test_explain_asks_about_events_too(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--event``."""
    assert explain("--event", "order_completed", "--rules", str(rules)) == 0
    assert "> Thank you" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("clock", "order", "told"),
    [
        ("2026-01-05T23:30+03:00", "balance.USDT=5", "> It is 20:30"),
        ("", "now=2026-01-05T23:30+03:00,balance.USDT=5", "> It is 20:30"),
        ("2026-01-05T12:30+03:00", "", "when.hours: wanted night, is mon 12:30 Europe/Istanbul"),
        ("2026-01-05T23:30Z", "balance.USDT=200", "when.balance.USDT: wanted <100, is 200"),
        ("2026-01-05T23:30Z", "", "when.balance.USDT: wanted <100, is not known"),
    ],
)
def test_explain_asks_at_a_time(
    rules: Path, capsys: pytest.CaptureFixture[str], clock: str, order: str, told: str
) -> None:
    """``--clock``, or ``now=`` among the facts; figures of the account are given like facts of the order."""
    window = "windows: {night: {zone: Europe/Istanbul, hours: 23:00-07:00}}\n"
    when = '{hours: night, balance: {USDT: "<100"}}'
    rule = f'  - {{id: n, words: hi, when: {when}, reply: "It is {{{{ bot.now|time }}}}"}}\n'
    rules.joinpath("10.yaml").write_text(f"version: 1\n{window}rules:\n{rule}", "utf-8")
    assert explain("hi", "--clock", clock, "--order", order) == 0
    assert told in capsys.readouterr().out


@pytest.mark.parametrize(("clock", "fault"), [("noon", "is not a moment"), ("2026-01-05T10:00", "lacks its offset")])
def test_a_clock_that_nobody_can_read_is_a_wrong_command_line(
    rules: Path, capsys: pytest.CaptureFixture[str], clock: str, fault: str
) -> None:
    """With the way to write it."""
    assert rules.is_dir()
    assert explain("hi", "--clock", clock) == 2
    assert fault in capsys.readouterr().err


def test_explain_as_json_is_for_programs(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The decision, the replies, the trace."""
    assert explain("--event", "order_completed", "--rules", str(rules), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["reason"] == "answered"
    assert told["replies"][0]["bubbles"] == ["Thank you"]
    assert told["rules"] == [{"rule_id": "thanks", "outcome": "fired", "where": f"{rules}/a.yaml:13:6"}]


@pytest.mark.parametrize(("expect", "code"), [("paid-claim", 0), ("large", 1), ("none", 1)])
def test_an_expectation_decides_the_exit_code(rules: Path, expect: str, code: int) -> None:
    """For scripts of merchants who test their rules."""
    order = "side=sell,order_status=unpaid,counterparty.name=Ann"
    assert explain("I paid", "--order", order, "--rules", str(rules), "--expect", expect) == code


def test_one_rule_can_be_asked_alone(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Though another would answer before it."""
    order = "side=sell,order_status=unpaid,counterparty.name=Ann,amount=1"
    assert explain("I paid, hello", "--order", order, "--rules", str(rules), "--rule", "large") == 0
    assert "large  NO  when.amount: wanted >1000, is 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "what does the counterparty write?"),
        (["hi", "--order", "sid=sell"], "--order: unknown key `sid` – did you mean `side`?"),
        (["hi", "--order", "side"], "--order: `side` is not name=value"),
        (["hi", "--order", "side=sel"], "--order: expected one of buy, sell, found `sel` – did you mean `sell`?"),
        (["hi", "--order", "amount=much"], "--order: expected a number, found `much`"),
        (["hi", "--rule", "nobody"], "there is no rule `nobody`"),
        (["hi", "--event", "dance"], "invalid choice"),
        (["hi", "--order", "a.b.c=x"], "--order:"),
        (["hi", "--order", "side=a,side.b=x"], "--order:"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(
    rules: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """Exit 2."""
    assert rules.exists()
    assert explain(*arguments) == 2
    assert message in capsys.readouterr().err


def test_rules_with_errors_explain_nothing(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 78, with the findings."""
    (rules / "a.yaml").write_text(_BAD, "utf-8")
    assert explain("hi") == 78
    assert "rules/a.yaml:9:5: unknown key `word`" in capsys.readouterr().err


def test_what_a_file_holds_cannot_command_the_terminal(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters are shown as text."""
    (rules / "a.yaml").write_text(_RULES.replace("Thank you", '"\\e[31mred\\e[0m"'), "utf-8")
    assert explain("--event", "order_completed") == 0
    assert "\x1b" not in capsys.readouterr().out
