"""How late the event loop wakes while a large rule set is loaded, beside how late it does anyhow.

Messages are decided on the loop all the while, as in the daemon. Each value is the longest delay of one round: of one
reload, or of as long a time without one; and the most that this process itself computed between two beats, which
neighbours on the machine do not change. ``python -m bench.reload 1000 5`` measures one size in this process.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence

from bench.corpus import MESSAGES, Merchant
from bench.figures import Figure, Ratio
from bench.rules import decision
from p2pbot.daemon.rulebook import Rulebook
from p2pbot.model import Notice

_SHARE = 0.4
_BEAT_S = 0.001
_MESSAGE_S = 0.005
_AFTER_S = 0.5  # what a reload leaves to do behind it is its doing too
_DEADLINE_S = 1_800


def measure(*, quick: bool) -> tuple[list[Figure], list[Ratio]]:
    """Return the lags and what to compare."""
    figures, ratios = [], []
    for count, rounds in ((200, 2),) if quick else ((1_000, 7), (10_000, 3)):
        command = [sys.executable, "-m", "bench.reload", str(count), str(rounds)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_DEADLINE_S)  # noqa: S603
        taken = json.loads(done.stdout)
        names = {"idle": f"{count} rules, nothing loaded", "loading": f"{count} rules being loaded"}
        idle, loading = (
            Figure(f"{what}: longest lag of the loop", "ms", tuple(taken[key])) for key, what in names.items()
        )
        figures += [idle, loading, Figure(f"{count} rules: a reload takes", "s", tuple(taken["took"]))]
        for key, what in names.items():
            figures.append(Figure(f"{what}: most computed between two beats", "ms", tuple(taken[f"{key} cpu"])))
        ratios.append(Ratio(loading, idle))
    return figures, ratios


class _Nobody:
    """Who is told of things while the bench runs."""

    def info(self, event: str, **values: object) -> None:
        pass

    def warning(self, event: str, **values: object) -> None:
        pass

    def error(self, event: str, **values: object) -> None:
        pass

    async def notify(self, notice: Notice) -> None:
        pass


class _Loop:
    """What happens on the loop meanwhile: a beat whose delays are noted, and messages that are decided."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook
        self._longest_s = self._busiest_s = 0.0

    def longest_ms(self) -> tuple[float, float]:
        """Return the longest lag and the most that was computed between two beats, and begin anew."""
        longest_ms = self._longest_s * 1000, self._busiest_s * 1000
        self._longest_s = self._busiest_s = 0.0
        return longest_ms

    async def beat(self) -> None:
        while True:
            began_s, spent_s = time.perf_counter(), time.process_time()
            await asyncio.sleep(_BEAT_S)
            self._longest_s = max(self._longest_s, time.perf_counter() - began_s - _BEAT_S)
            self._busiest_s = max(self._busiest_s, time.process_time() - spent_s)

    async def talk(self) -> None:
        for text in itertools.cycle(MESSAGES):
            decision(self._rulebook())(text)
            await asyncio.sleep(_MESSAGE_S)


async def _rounds(count: int, rounds: int) -> dict[str, list[float]]:
    files, nobody = Merchant(count, _SHARE).files(), _Nobody()
    rulebook = Rulebook("bench", lambda: files, nobody, nobody)
    await rulebook.start()
    loop = _Loop(rulebook)
    taken: dict[str, list[float]] = defaultdict(list)
    tasks = [asyncio.create_task(loop.beat()), asyncio.create_task(loop.talk())]
    for _ in range(rounds):
        loop.longest_ms()
        began_s = time.perf_counter()
        assert await rulebook.reload()
        taken["took"].append(time.perf_counter() - began_s)
        for state in ("loading", "idle"):
            await asyncio.sleep(_AFTER_S if state == "loading" else taken["took"][-1])
            for key, value in zip((state, f"{state} cpu"), loop.longest_ms(), strict=True):
                taken[key].append(value)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return taken


def main(arguments: Sequence[str]) -> None:
    """Measure one size."""
    count, rounds = map(int, arguments)
    sys.stdout.write(json.dumps(asyncio.run(_rounds(count, rounds))))


if __name__ == "__main__":
    main(sys.argv[1:])
