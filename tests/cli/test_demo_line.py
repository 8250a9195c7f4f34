"""What is typed becomes lines, whatever the keyboard sends."""

from __future__ import annotations

import asyncio
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.cli.demo_line import Keyboard, Typed


@pytest.mark.parametrize(
    ("keys", "lines", "rest"),
    [
        ("hello\n", ["hello"], ""),
        ("a\rb\n", ["a", "b"], ""),
        ("helpp\x7f\n", ["help"], ""),
        ("\x7f\x08x\n", ["x"], ""),
        ("e\u0301\x7fx", [], "x"),
        ("我付款了\x7f\n", ["我付款"], ""),
        ("all of it\x15none\n", ["none"], ""),
        ("two words\x17", [], "two"),
        ("a\x1b[Ab\x1b[3~c\x1bOPd\x1bxe", [], "abcde"),
        ("tab\tbell\x07nul\x00", [], "tabbellnul"),
        ("x" * 3000, [], "x" * 2000),
    ],
)
def test_keys_become_text(keys: str, lines: list[str], rest: str) -> None:
    """Editing keys edit, function keys and control characters leave no trace, a line has a bound."""
    typed = Typed()
    assert typed.feed(keys) == lines
    assert typed.text == rest


@pytest.mark.parametrize(("keys", "ended"), [("\x04", True), ("x\x04", False), ("x\n\x04", True)])
def test_ctrl_d_ends_on_an_empty_line_only(keys: str, ended: bool) -> None:  # noqa: FBT001 - a table's column
    """As in a shell."""
    typed = Typed()
    typed.feed(keys)
    assert typed.ended is ended


@given(st.text(max_size=200), st.integers(0, 200))
def test_it_does_not_matter_how_the_keys_are_cut_into_pieces(keys: str, cut: int) -> None:
    """A terminal hands over keys in pieces of any size."""
    whole, pieces = Typed(), Typed()
    lines = whole.feed(keys)
    assert pieces.feed(keys[:cut]) + pieces.feed(keys[cut:]) == lines
    assert pieces.text == whole.text
    assert all(line.isprintable() or "\u200d" in line for line in lines)


async def test_a_pipe_is_read_to_its_end_with_the_last_line_unfinished() -> None:
    """Lines come as they are; a text that is cut inside a letter is put together; the end ends."""
    reading, writing = os.pipe()
    try:
        text = "första\nlast"
        keyboard = Keyboard(Typed(), lambda: None, descriptor=reading)
        lines = keyboard.lines()
        os.write(writing, text.encode()[:2])
        first = asyncio.ensure_future(anext(lines))
        os.write(writing, text.encode()[2:])
        os.close(writing)
        async with asyncio.timeout(10):
            assert await first == "första"
            assert [line async for line in lines] == ["last"]
    finally:
        os.close(reading)


async def test_an_input_that_cannot_be_waited_for_is_read_too() -> None:
    """Nothing comes from /dev/null, which no event loop can watch."""
    descriptor = os.open(os.devnull, os.O_RDONLY)
    try:
        async with asyncio.timeout(10):
            assert [line async for line in Keyboard(Typed(), lambda: None, descriptor=descriptor).lines()] == []
    finally:
        os.close(descriptor)
