"""The screen's rows fit, and nothing from outside can move the cursor."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.cli.demo_line import Typed
from p2pbot.cli.demo_screen import Screen, head_cells, tail_cells, wrap_cells
from p2pbot.cli.demo_view import Line, Who
from p2pbot.cli.output import cells

TEXTS = st.text(st.sampled_from("ab .,我付é́م款"), max_size=120)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@given(TEXTS, st.integers(2, 40))
def test_wrapped_rows_fit_and_lose_nothing_but_blanks(text: str, width: int) -> None:
    """In every script, whether it is written with blanks or without."""
    rows = wrap_cells(text, width)
    assert all(cells(row) <= width for row in rows)
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")


@given(TEXTS, st.integers(1, 40))
def test_a_cut_text_fits(text: str, width: int) -> None:
    """At its head with an ellipsis, at its end without."""
    assert cells(head_cells(text, width)) <= width
    assert cells(tail_cells(text, width)) <= width
    assert text.endswith(tail_cells(text, width))


def test_words_are_kept_whole_where_they_fit() -> None:
    """A row ends between words."""
    assert wrap_cells("please pay the order", 10) == ["please pay", "the order"]


def test_what_comes_from_outside_cannot_move_the_cursor() -> None:
    """Escape sequences of a chat text are shown, not carried out; its line breaks are rows."""
    stream = io.StringIO()
    Screen(stream).tell([Line(1_795_000_000_000, Who.CUSTOMER, "one\ntwo \x1b[2J\r")])
    told = stream.getvalue()
    assert "\\x1b[2J\\r" in told
    assert "\x1b" not in told
    first, second = told.splitlines()
    assert first.endswith("customer    one")
    assert second.strip().startswith("two")


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """NO_COLOR and a dumb terminal are respected."""
    monkeypatch.setenv(variable, value)
    stream = Terminal()
    Screen(stream).tell([Line(1_795_000_000_000, Who.BOT, "hello")])
    assert "\x1b" not in stream.getvalue()


def test_what_is_being_typed_stays_below_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that comes meanwhile is put above the prompt, and the typed text is shown again."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    stream, typed = Terminal(), Typed()
    screen = Screen(stream, typed=typed)
    typed.feed("how do I")
    screen.say("something")
    assert stream.getvalue() == "\r\x1b[Ksomething\n\r\x1b[K\x1b[1myou> \x1b[0mhow do I"
    screen.leave()
    screen.say("end")
    assert stream.getvalue().endswith("\r\x1b[Kend\n")
