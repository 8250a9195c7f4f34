"""Supervision: first exit stops all, and nothing ends in silence.

Promise: a root task that raises or *returns* is a bug that ends the daemon with exit code 1; the supervisor outside
starts a clean process with the truth in the store. Stopping has a budget and names what is stuck.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import NoReturn

from p2pbot.daemon.progress import Progress
from p2pbot.errors import OurError
from p2pbot.ports import Events


async def guarded(loop: Coroutine[object, object, object], name: str, progress: Progress | None = None) -> NoReturn:
    """Run a loop that must never return, watched if ``progress`` is given (``daemon.progress``).

    Raises OurError when it returns, and whatever it raises.
    """
    if progress is None:
        await loop
    else:
        with progress.watched(name):
            await loop
    raise OurError(f"the loop {name!r} returned")


async def end(task: asyncio.Task[object], budget_s: float, events: Events) -> None:
    """Cancel ``task`` and wait at most ``budget_s`` seconds; then say which tasks are stuck and go on."""
    task.cancel()
    _, stuck = await asyncio.wait({task}, timeout=budget_s)
    if stuck:
        names = sorted(name_of(other) for other in asyncio.all_tasks() if other is not asyncio.current_task())
        events.error("tasks_stuck", tasks=names[:20], budget_s=budget_s)


def name_of(task: asyncio.Task[object]) -> str:
    """Return a task's name, or what it runs if nobody named it (a library's task)."""
    name, work = task.get_name(), task.get_coro()
    nameless = name.startswith("Task-") and name.removeprefix("Task-").isdecimal()
    return getattr(work, "__qualname__", name) if nameless else name
