"""Times, columns and colours that a person can read, and texts that cannot harm."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.cli.output import Paint, clock_time, columns, print_json, shown, span, wrapped
from p2pbot.secret import Secret


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.mark.parametrize(
    ("ms", "words"),
    [(0, "0 s"), (999, "0 s"), (1_000, "1 s"), (119_999, "1 min"), (7_200_000, "2 h"), (90_000_000, "1 d")],
)
def test_a_span_has_one_unit(ms: int, words: str) -> None:
    """The largest that fits, rounded down."""
    assert span(ms) == words


@pytest.mark.parametrize(("at_ms", "words"), [(0, "-"), (-5, "-"), (10**18, "?")])
def test_a_time_that_is_none(at_ms: int, words: str) -> None:
    """No time, and a time beyond the calendar."""
    assert clock_time(at_ms) == words


def test_a_time_is_to_the_second() -> None:
    """In the machine's own time zone."""
    assert len(clock_time(1_767_600_000_000)) == len("2026-01-05 08:00:00")


def test_columns_are_aligned_by_what_a_terminal_shows() -> None:
    """Chinese is twice as wide, marks and colours have no width; the last column is free."""
    paint = Paint(Terminal())
    red = paint("red", "no")
    assert columns([("付款", "x"), ("e\u0301e", "x"), (red, "x"), ("long", "y z")]) == [
        "付款  x",
        "e\u0301e    x",
        f"{red}    x",
        "long  y z",
    ]


def test_columns_of_nothing() -> None:
    """An empty table has no lines."""
    assert columns([]) == []


@pytest.mark.parametrize(
    ("environ", "on"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)]
)
def test_colour_is_for_terminals_that_want_it(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], *, on: bool
) -> None:
    """A pipe gets none, nor whoever said NO_COLOR."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert (Paint(Terminal())("red", "x") != "x") is on
    assert Paint(io.StringIO())("red", "x") == "x"


@given(st.text())
def test_a_text_from_outside_is_one_harmless_line(text: str) -> None:
    """No control character, no second line, no unbounded length."""
    line = shown(text, 50)
    assert len(line.splitlines()) <= 1
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two three", ["one two", "three"]),
        ("付款信息，谢谢", ["付款信", "息，谢谢"]),
        ("averylongword is kept", ["averylongword", "is kept"]),
        ("go to 付款", ["go to 付", "款"]),
    ],
)
def test_a_text_is_wrapped_where_people_break_lines(text: str, lines: list[str]) -> None:
    """At blanks and between Chinese characters, never before their punctuation."""
    assert list(wrapped(text, 8)) == lines


@given(st.text())
def test_wrapping_loses_nothing_but_blanks(text: str) -> None:
    """However narrow."""
    line = shown(text)
    assert "".join("".join(wrapped(line, 5)).split()) == "".join(line.split())


def test_json_holds_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    """The last net holds for documents too, and they stay documents."""
    secret = Secret('with "quotes" and more')
    print_json({"a": secret.reveal(), "b": "付\x1b"})
    assert json.loads(capsys.readouterr().out) == {"a": "<secret>", "b": "付\x1b"}
