"""Supervision: nothing ends in silence, and what is stuck at the end is named."""

from __future__ import annotations

import asyncio

import pytest

from p2pbot.daemon.supervisor import end, guarded
from p2pbot.errors import OurError
from tests.fakes.world import Recorder


async def _returns() -> None:
    return


async def _stubborn(gate: asyncio.Event) -> None:
    while not gate.is_set():
        try:
            await gate.wait()
        except asyncio.CancelledError:
            continue


async def test_a_loop_that_returns_is_a_bug() -> None:
    """A root task that ends by itself says which one it was."""
    with pytest.raises(OurError, match="'orders' returned"):
        await guarded(_returns(), "orders")


async def test_what_ends_in_time_is_not_named() -> None:
    """A task that lets itself be cancelled is nothing to talk of."""
    events, task = Recorder(), asyncio.create_task(asyncio.Event().wait())
    await end(task, 10.0, events)
    assert task.cancelled()
    assert events.events == []


@pytest.mark.parametrize(("given", "told"), [("account main", "account main"), (None, "_stubborn")])
async def test_what_is_stuck_is_named(given: str | None, told: str) -> None:
    """A stuck task is told by its name, or by what it runs if it has none."""
    events, gate = Recorder(), asyncio.Event()
    task = asyncio.create_task(_stubborn(gate), name=given)
    await asyncio.sleep(0)
    await end(task, 0.01, events)
    assert [(event, values["tasks"]) for event, values in events.events] == [("tasks_stuck", [told])]
    gate.set()
    await task
