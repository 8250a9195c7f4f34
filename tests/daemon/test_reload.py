"""The watch: a change is loaded once it has settled, and nothing is loaded without one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from p2pbot.daemon.reload import RulesWatch, Stamp
from p2pbot.daemon.rulebook import Rulebook
from tests.fakes.world import Recorder

A, B, C = ((("a.yaml", 1, 10),), (("a.yaml", 2, 10),), (("b.yaml", 2, 10),))


class Over(Exception):
    """The script has come to its end."""


@dataclass
class Scene:
    """A clock that only counts, files as a script has them, and what was read when."""

    script: Iterator[Stamp]
    slept_s: float = 0.0
    read_at_s: list[float] = field(default_factory=list)

    def now_ms(self) -> int:
        """Return the time."""
        return round(self.slept_s * 1000)

    def monotonic_s(self) -> float:
        """Return the time."""
        return self.slept_s

    boottime_s = computed_s = monotonic_s

    async def sleep(self, delay_s: float) -> None:
        """Count."""
        self.slept_s += delay_s
        await asyncio.sleep(0)

    def look(self) -> Stamp:
        """Return the next look of the script."""
        stamp = next(self.script, None)
        if stamp is None:
            raise Over
        return stamp

    def read(self) -> dict[str, str]:
        """Note when the rules were read."""
        self.read_at_s.append(self.slept_s)
        return {"a.yaml": "version: 1\nrules: [{id: a, words: hello, reply: Welcome}]"}


async def watched(*looks: Stamp) -> list[float]:
    """Return when the rules were loaded, in seconds from the beginning."""
    scene, told = Scene(iter(looks)), Recorder()
    watch = RulesWatch(Rulebook("main", scene.read, told, told), scene.look, scene)
    with pytest.raises(Over):
        await watch.run()
    return scene.read_at_s


async def test_without_a_change_nothing_is_loaded() -> None:
    """Looking costs next to nothing."""
    assert await watched(A, A, A, A) == []


async def test_a_change_is_loaded_when_it_has_rested_for_a_second() -> None:
    """Two seconds to see it, one to be sure."""
    assert await watched(A, B, B, B, B) == [3.0]


async def test_a_change_that_goes_on_is_waited_for() -> None:
    """An editor writes, renames and writes again."""
    assert await watched(A, B, (), C, C, C) == [5.0]


async def test_a_file_that_is_gone_and_another_that_came_are_changes() -> None:
    """A rename is seen by its names."""
    assert await watched(A, C, C, A, A, A) == [3.0, 6.0]


async def test_files_that_never_rest_are_loaded_all_the_same() -> None:
    """After half a minute."""
    restless = [(("a.yaml", at, 10),) for at in range(40)]
    assert len(await watched(A, *restless)) == 1
