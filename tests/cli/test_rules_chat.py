"""``p2pbot rules chat``: a talk with the rules, and the test that it becomes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from p2pbot.cli import main
from p2pbot.cli.rules_chat import completions

_RULES = """\
version: 1
rules:
  - {id: paid, words: paid, when: {side: sell, order_status: unpaid}, reply: "Thanks {{ counterparty.first_name }}!"}
  - {id: seen, on: order_paid, reply: [We check., One moment.], delay: 3s}
  - {id: picture, on: image, reply: Nice., mode: shadow}
  - {id: person, words: human, notify: "look at {{ order.number }}", handover: yes}
"""

Talk = Callable[..., list[str]]


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Talk:
    """Pipe lines into the command and return what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("P2PBOT_CONFIG", raising=False)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(_RULES, "utf-8")

    def run(*lines: str, order: str = "", clock: str = "") -> list[str]:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        assert main(["rules", "chat", "--order", order, "--clock", clock]) == 0
        return capsys.readouterr().out.splitlines()

    return run


def test_the_rules_answer(talk: Talk) -> None:
    """With the rule's name."""
    assert talk("I paid") == ["bot> Thanks Ann!", "     [paid]"]


def test_silence_has_its_reason(talk: Talk) -> None:
    """And /why tells of each rule."""
    lines = talk("hello", "/why")
    assert lines[0] == "(silent: no rule wanted to answer; /why tells more)"
    assert "paid    NO  words: wanted paid, is none of them  (rules/a.yaml:3:23)" in lines


def test_the_order_changes_and_its_event_is_answered(talk: Talk) -> None:
    """``status`` is short for ``order_status``."""
    assert talk("/order status=paid") == ["bot> We check.", "bot> One moment.", "     [seen]"]


def test_the_first_order_is_as_the_command_line_says(talk: Talk) -> None:
    """And a new one as ``/new`` does."""
    lines = talk("I paid", "/new side=sell,counterparty.name=Ivan", "I paid", order="side=buy")
    assert lines[0].startswith("(silent:")
    assert "bot> Thanks Ivan!" in lines


def test_a_picture_of_a_shadow_rule_is_marked(talk: Talk) -> None:
    """It would not be sent."""
    assert talk("/image") == ["bot> Nice.", "     [picture (shadow)]"]


def test_what_the_operator_hears_is_shown(talk: Talk) -> None:
    """Notices and handovers."""
    assert talk("a human please") == [
        "     [person]",
        "     notify: look at 20000000000000000000",
        "     handover: the order is yours",
    ]


def test_a_person_silences_the_bot(talk: Talk) -> None:
    """``/operator``."""
    assert talk("/operator hi", "I paid")[-1].startswith("(silent: a person has taken the order over")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("/dance", "there is no command /dance"),
        ("/wait long", "long"),
        ("/order side", "`side` is not name=value"),
        ("/order sid=sell", "did you mean `side`?"),
        ("/order message_no=2", "`message_no` follows from the chat itself"),
        ("/event dance", "`dance` is no event"),
        ("/why", "nothing was said yet"),
        ("/save", "where to?"),
        ("/save rules/x.yaml", "nothing was said yet"),
    ],
)
def test_a_wrong_command_is_a_sentence(talk: Talk, line: str, fault: str) -> None:
    """And the talk goes on."""
    lines = talk(line, "I paid")
    assert fault in lines[0]
    assert lines[-2:] == ["bot> Thanks Ann!", "     [paid]"]


def test_a_saved_talk_is_a_test_that_passes(talk: Talk, capsys: pytest.CaptureFixture[str]) -> None:
    """Every kind of line in it, and a second talk in the same file."""
    steps = [
        "I paid",
        "paid!",
        "/wait 5m",
        "/image",
        "/order status=paid",
        'say "no": # 1',
        "human",
        "/event order_paid",
    ]
    lines = talk(
        *steps, "/operator hi", "hm", "/save rules/tests/x.yaml it: all", "/new", "paid", "/save rules/tests/x.yaml"
    )
    assert [line for line in lines if line.startswith("saved")] == [
        "saved rules/tests/x.yaml; it passes (p2pbot rules test)"
    ] * 2
    assert main(["rules", "test"]) == 0
    assert capsys.readouterr().out == "0 examples and 2 dialogues: all pass.\n"


def test_a_file_of_something_else_is_not_touched(talk: Talk) -> None:
    """Rules stay rules."""
    lines = talk("I paid", "/save rules/a.yaml")
    assert lines[-1].startswith("not saved:")
    assert Path("rules/a.yaml").read_text("utf-8") == _RULES


def test_quit_ends_and_help_helps(talk: Talk) -> None:
    """What comes after is not heard."""
    lines = talk("/help", "/quit", "I paid")
    assert any(line.startswith("/save") for line in lines)
    assert "bot> Thanks Ann!" not in lines


def test_a_talk_has_its_time_and_the_saved_test_too(talk: Talk, capsys: pytest.CaptureFixture[str]) -> None:
    """``--clock``."""
    windows = "windows: {night: {zone: UTC, hours: 23:00-07:00}}\n"
    rule = "  - {id: late, words: hello, when: {hours: night}, reply: Good night}\n"
    Path("rules/b.yaml").write_text(f"version: 1\n{windows}rules:\n{rule}", "utf-8")
    assert talk("hello", "/save rules/tests/x.yaml", clock="2026-01-05T23:30Z")[0] == "bot> Good night"
    assert 'clock: "2026-01-05T23:30Z"' in Path("rules/tests/x.yaml").read_text("utf-8")
    assert main(["rules", "test"]) == 0
    assert "1 dialogue: all pass." in capsys.readouterr().out
    assert talk("hello", clock="2026-01-05T12:00Z")[0].startswith("(silent: no rule")


@pytest.mark.parametrize(
    ("line", "word", "found"),
    [
        ("/or", "/or", ["/order "]),
        ("I paid /or", "/or", []),
        ("/order si", "si", ["side="]),
        ("/order side=sell,order_status=u", "order_status=u", ["order_status=unpaid"]),
        ("/order status=", "status=a", ["status=appeal"]),
        ("/new counterparty.or", "counterparty.or", ["counterparty.orders="]),
        ("/order mess", "mess", []),
        ("/event order_p", "order_p", ["order_paid "]),
        ("/wait 1", "1", ["10m", "1h", "1d"]),
        ("/save ru", "ru", ["rules/"]),
        ("/save rules/", "rules/", ["rules/a.yaml"]),
        ("/save none/", "none/", []),
        ("/why ", "", []),
    ],
)
def test_tab_completes_what_is_known(talk: Talk, line: str, word: str, found: list[str]) -> None:
    """Commands, facts and their values, events, files."""
    assert talk("/quit") == []
    assert completions(line, word) == found


def test_why_shows_the_rules_that_came_near(talk: Talk) -> None:
    """Those whose words were met, or that spoke; ``/why all`` the others too."""
    lines = talk("/order status=paid", "I paid", "/why", "/why all")
    assert sum("paid    " in line or line.startswith("paid  ") for line in lines) == 2
    assert "(not meant: 1 other rule; /why all tells of all)" in lines
    assert [line.split()[0] for line in lines[-2:]] == ["paid", "person"]
