"""Fuzzing by hand: many inputs with a count and a table, or one find again.

make fuzz N=100000                                    so many inputs for each target
python -m tests.fuzz --replay frame:123               the input of a seed, what is wrong with it, a smaller one
python -m tests.fuzz --replay frame:123 --keep NAME   … which is kept in tests/fuzz/finds
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.fuzz.bombs import report
from tests.fuzz.finds import FINDS, as_json
from tests.fuzz.minimise import minimised
from tests.fuzz.registry import TARGETS
from tests.fuzz.target import Find, Input, Target, finds, kind_of

_TURN_S = 1.0  # CPU time of one target before it is the next one's turn: each gets as much as the others
_CHUNK = 100
_OUTCOMES = 20_000  # distinct outcomes that are remembered of a target
_SHOWN = 3  # seeds of one kind of find


@dataclass
class Tally:
    """What became of one target so far."""

    target: Target
    inputs: int = 0
    seconds: float = 0.0
    slowest_s: float = 0.0
    slowest_seed: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    found: dict[str, list[Find]] = field(default_factory=dict)

    def turn(self, first: int, count: int) -> None:
        """Judge inputs for as long as a turn lasts, at most up to ``count``; its seeds follow one another."""
        until_s = self.seconds + _TURN_S
        while self.seconds < until_s and self.inputs < count:
            start = first + self.inputs
            self.run(range(start, min(start + _CHUNK, first + count)))

    def run(self, seeds: range) -> None:
        """Judge the inputs of ``seeds``; a new kind of find is said at once."""
        began = mark = time.thread_time()

        def seen(seed: int, outcome: str) -> None:
            nonlocal mark
            now = time.thread_time()
            if now - mark > self.slowest_s:
                self.slowest_s, self.slowest_seed = now - mark, seed
            mark = now
            if len(self.outcomes) < _OUTCOMES or outcome in self.outcomes:
                self.outcomes[outcome] += 1

        for find in finds(self.target, seeds, seen):
            kind = self.found.setdefault(kind_of(find.trouble), [])
            if len(kind) < _SHOWN:
                _say(f"FIND --replay {find.target}:{find.seed}  {find.trouble}")
                kind.append(find)
        self.inputs += len(seeds)
        self.seconds += time.thread_time() - began

    def row(self) -> str:
        """Return the target's line of the table."""
        rate = self.inputs / self.seconds if self.seconds else 0.0
        slowest = f"{self.slowest_s * 1000:.0f} ms (seed {self.slowest_seed})"
        outcomes = len(self.outcomes)
        return f"{self.target.name:14}{self.inputs:>11,}{rate:>10,.0f}{outcomes:>10,}{len(self.found):>7}  {slowest}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def table(tallies: list[Tally]) -> str:
    """Return what was done as a table."""
    head = f"{'target':14}{'inputs':>11}{'per CPU s':>10}{'outcomes':>10}{'finds':>7}  slowest input"
    total = f"{'all':14}{sum(tally.inputs for tally in tallies):>11,}"
    return "\n".join((head, *(tally.row() for tally in tallies), total))


def many(names: list[str], first: int, count: int, progress_s: float) -> int:
    """Judge ``count`` inputs of each target, turn by turn: a stop at any time leaves each with a share."""
    tallies = [Tally(TARGETS[name]) for name in names]
    due = time.monotonic() + progress_s
    try:
        while unfinished := [tally for tally in tallies if tally.inputs < count]:
            for tally in unfinished:
                tally.turn(first, count)
                if time.monotonic() >= due:
                    _say(f"{table(tallies)}\n")
                    due = time.monotonic() + progress_s
    except KeyboardInterrupt:
        _say("stopped by hand")
    _say(table(tallies))
    return 1 if any(tally.found for tally in tallies) else 0


def replay(target: Target, seed: int, keep: str = "") -> int:
    """Show the input of a seed and what is wrong with it; then a small one, which ``keep`` names if it is to stay."""
    given = target.input_of(seed)
    trouble = target.trouble(given)
    _show(given)
    _say(trouble or f"nothing is wrong: {target.judge(given)}")
    if not trouble:
        return 0
    less = minimised(target, given)
    _say("made small:")
    _show(less)
    _say(target.trouble(less))
    if keep:
        (FINDS / f"{target.name}-{keep}.json").write_text(as_json(target.name, less, trouble), "utf-8")
    return 1


def bombs() -> int:
    """Say what costs much, and whether the cost grows faster than the size."""
    grown = 0
    for line in report():
        _say(line)
        grown += "QUADRATIC" in line
    return 1 if grown else 0


def _show(given: Input) -> None:
    for part in given:
        _say(f"  {part!a}")


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="harmed inputs for every outer door")
    parser.add_argument("--inputs", type=int, default=20_000, help="for each target")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--target", action="append", choices=sorted(TARGETS), help="this one alone; may be repeated")
    parser.add_argument("--progress", type=float, default=60.0, metavar="SECONDS", help="between two tables")
    parser.add_argument(
        "--bombs", action="store_true", help="what costs more than in proportion to its size, up to 1 MB"
    )
    parser.add_argument("--replay", metavar="TARGET:SEED", help="show the input of a seed and make it smaller")
    parser.add_argument("--keep", default="", metavar="NAME", help="with --replay: keep the find in tests/fuzz/finds")
    given = parser.parse_args(arguments)
    if given.bombs:
        return bombs()
    if given.replay:
        name, _, seed = given.replay.rpartition(":")
        return replay(TARGETS[name], int(seed), given.keep)
    return many(given.target or list(TARGETS), given.first, given.inputs, given.progress)
