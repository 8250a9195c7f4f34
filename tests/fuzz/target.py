"""What is fuzzed: a way from a seed to an input, and a judge of what the program makes of it.

Promise: the same target and seed give the same input, in every process. An input is a tuple of texts, so that it can
be written down, minimised and played again without the code that made it.
Danger: a judge that asserts little finds little; docs/fuzzing.md says of each what it would miss.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from zlib import crc32

Input = tuple[str, ...]
Generate = Callable[[Random], Input]
Judge = Callable[[Input], str]


@dataclass(frozen=True)
class Target:
    """One door to the outside. ``judge`` returns the outcome's name, or raises what is wrong."""

    name: str
    generate: Generate
    judge: Judge

    def input_of(self, seed: int) -> Input:
        """Return the input that ``seed`` means."""
        return self.generate(Random(crc32(self.name.encode()) << 40 | seed))  # noqa: S311 - repeatable on purpose

    def trouble(self, given: Input) -> str:
        """Return what is wrong with what the program makes of ``given``: kind, place, words; '' if nothing is."""
        try:
            self.judge(given)
        except Exception as error:  # noqa: BLE001 - every exception is a find
            return trouble_of(error)
        return ""


@dataclass(frozen=True)
class Find:
    """A seed whose input broke a promise."""

    target: str
    seed: int
    trouble: str


def trouble_of(error: Exception) -> str:
    """Return an error as one line whose first part tells finds apart: its kind and the innermost place of ours."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/p2pbot/" in frame.filename or "/tests/fuzz/" in frame.filename] or frames
    last = ours[-1]
    place = f"{last.filename.rpartition('/')[2]}:{last.name}:{last.lineno}"
    words = " ".join(ascii(str(error)).split())
    return f"{type(error).__name__} in {place}: {words[:300]}"


def kind_of(trouble: str) -> str:
    """Return the part of ``trouble_of`` that stays the same while an input is made smaller."""
    return trouble.partition(": ")[0]


def finds(target: Target, seeds: range, seen: Callable[[int, str], None]) -> Iterator[Find]:
    """Yield what breaks in ``seeds``; ``seen`` is told each seed's outcome ('' of a find)."""
    for seed in seeds:
        given = target.input_of(seed)
        try:
            outcome = target.judge(given)
        except Exception as error:  # noqa: BLE001 - every exception is a find
            yield Find(target.name, seed, trouble_of(error))
            outcome = ""
        seen(seed, outcome)
