"""What a person types, character by character, and the lines that come of it.

Promise: ``Typed`` is pure. ``read_lines`` takes no more than it is asked for, never blocks the loop, and gives the
terminal back as it was.
Danger: the terminal does not echo while it is ours; whoever shows the prompt shows ``Typed.text`` too.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import signal
import sys
import termios
import tty
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unicodedata import combining

_LONGEST = 2000  # characters of a line: what p2pbot matches of a message
_CHUNK = 4096
_DELETE, _KILL_LINE, _KILL_WORD, _END, _ESCAPE = "\x7f\b", "\x15", "\x17", "\x04", "\x1b"


@dataclass(slots=True)
class Typed:
    """The line that is being typed. ``ended``: Ctrl-D on an empty line."""

    text: str = ""
    ended: bool = False
    _escape: str = ""

    def feed(self, characters: str) -> list[str]:
        """Take what came from the keyboard; return the lines that were finished by it."""
        finished = []
        for character in characters:
            if self._escape:
                self._skip(character)
            elif character in "\r\n":
                finished.append(self.text)
                self.text = ""
            else:
                self._edit(character)
        return finished

    def rest(self) -> list[str]:
        """Return the unfinished line at the end of the input, if there is one."""
        text, self.text = self.text, ""
        return [text] if text else []

    def _edit(self, character: str) -> None:
        if character in _DELETE:
            self.text = _without_last(self.text)
        elif character == _KILL_LINE:
            self.text = ""
        elif character == _KILL_WORD:
            self.text = self.text.rstrip().rpartition(" ")[0]
        elif character == _END:
            self.ended = not self.text
        elif character == _ESCAPE:
            self._escape = character
        elif (character.isprintable() or character == "\u200d") and len(self.text) < _LONGEST:
            self.text += character

    def _skip(self, character: str) -> None:
        """Leave out what arrow and function keys send: ESC [ … a letter or ~; ESC and one character."""
        first = self._escape == _ESCAPE
        self._escape += character
        if (first and character not in "[O") or (not first and (character.isalpha() or character == "~")):
            self._escape = ""


def _without_last(text: str) -> str:
    while text and combining(text[-1]):
        text = text[:-1]
    return text[:-1]


@dataclass(slots=True)
class Keyboard:
    """Standard input as lines. ``changed`` is called when the typed text has changed and should be shown again."""

    typed: Typed
    changed: Callable[[], None]
    descriptor: int = 0
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )

    async def lines(self) -> AsyncGenerator[str]:
        """Yield each line until the input ends."""
        waiting: deque[str] = deque()
        while not self.typed.ended:
            data = await self._data()
            waiting.extend(self.typed.feed(self._decoder.decode(data, final=not data)))
            if not data:
                waiting.extend(self.typed.rest())
            self.changed()
            while waiting:
                yield waiting.popleft()
            if not data:
                return

    async def _data(self) -> bytes:
        """Return what is there to read, at least a byte; nothing at the end."""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        try:
            loop.add_reader(self.descriptor, ready.set)
        except PermissionError:  # a regular file or /dev/null: such a read never waits
            return os.read(self.descriptor, _CHUNK)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self.descriptor)
        try:
            return os.read(self.descriptor, _CHUNK)
        except OSError:  # the terminal was closed
            return b""


@contextmanager
def keys_at_once(changed: Callable[[], None]) -> Iterator[None]:
    """Have a terminal hand over each key as it is pressed, without showing it; give it back as it was."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    loop = asyncio.get_running_loop()

    def ours() -> None:
        tty.setcbreak(descriptor, termios.TCSANOW)
        changed()

    ours()
    loop.add_signal_handler(signal.SIGCONT, ours)  # after Ctrl-Z the shell has set it its own way
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGCONT)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
