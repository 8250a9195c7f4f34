"""The bulkhead: what happens behind it stays there."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from p2pbot.daemon.bulkhead import Bulkhead
from tests.fakes.occasions import NOW_MS
from tests.fakes.world import StillClock, World

_STARTS = 12


async def held(failure: Exception | None, lasts_s: float = 0.0) -> tuple[World, list[float], int]:
    """Return the world, when the loop was begun, and how often its end was told, after some starts."""
    world, begun, told = World(StillClock(NOW_MS)), list[float](), list[int]()
    bulkhead = Bulkhead("main", world.doors())

    async def loop() -> None:
        begun.append(world.clock.monotonic_s())
        await asyncio.sleep(0)
        if len(begun) == _STARTS:
            await asyncio.Event().wait()
        await world.clock.sleep(lasts_s)
        if failure is not None:
            raise failure

    task = asyncio.create_task(bulkhead.hold("stream", loop, lambda: told.append(1)))
    while len(begun) < _STARTS:  # noqa: ASYNC110 - time stands still here
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bulkhead.failures == _STARTS - 1
    return world, begun, len(told)


@pytest.mark.parametrize("failure", [ValueError("a bug"), ExceptionGroup("bugs", [KeyError("x")]), None])
async def test_whatever_ends_a_loop_begins_it_anew(failure: Exception | None) -> None:
    """An error, a group of them, or a return; each is logged as an error, and its owner is told before it begins."""
    world, begun, told = await held(failure)
    assert (len(begun), told) == (_STARTS, _STARTS - 1)
    name, values = world.told.events[0]
    assert (name, values["loop"], values["exc_info"]) == ("bulkhead_failed", "stream", failure)


async def test_an_owner_that_fails_as_well_does_not_get_out() -> None:
    """What is told of the end stands behind the bulkhead too."""
    world = World(StillClock(NOW_MS))
    bulkhead, begun = Bulkhead("main", world.doors()), list[int]()

    async def loop() -> None:
        begun.append(1)
        await asyncio.sleep(0)

    def fails() -> None:
        raise KeyError("told")

    task = asyncio.create_task(bulkhead.hold("stream", loop, fails))
    while len(begun) < _STARTS:  # noqa: ASYNC110 - time stands still here
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.told.events[0][1]["what"] == "KeyError"


async def test_the_pauses_grow_to_five_minutes() -> None:
    """A loop that fails at once costs little, however long it goes on."""
    _, begun, _ = await held(ValueError("a bug"))
    pauses = [after - before for before, after in pairwise(begun)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 2
    assert 150 <= pauses[-1] <= 300


async def test_a_loop_that_worked_for_a_while_begins_soon() -> None:
    """Its former failures are forgotten."""
    _, begun, _ = await held(ValueError("a bug"), lasts_s=3_600.0)
    assert all(after - before < 3_602 for before, after in pairwise(begun))
