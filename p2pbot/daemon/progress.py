"""Progress: which loops of this process have come back when they said they would.

Promise: a loop that hangs – in a lock, in a door that never answers – is named, with the line at which it waits. Doors
speak for the loops (``daemon.watched``), so a loop says something itself only where it waits without a door.
Danger: only tasks inside ``watched`` count; in any other task every word is a no-op.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from p2pbot.conversation.progress import Promises

_DEEPEST = 20  # calls of which a hanging task's place is told


@dataclass(frozen=True, slots=True)
class Hung:
    """A loop that did not come back: silent for ``silent_s`` seconds, waiting at ``where``, the innermost call last."""

    loop: str
    silent_s: float
    where: tuple[str, ...]


class Progress:
    """The words of this process's loops. ``now_s`` is monotonic."""

    def __init__(self, now_s: Callable[[], float] = lambda: 0.0) -> None:
        self._now_s = now_s
        self._promises = Promises[asyncio.Task[Any]]()
        self._loops: dict[asyncio.Task[Any], str] = {}

    @contextmanager
    def watched(self, loop: str) -> Iterator[None]:
        """Watch the task that enters this until the block ends."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be watched")
        self._loops[task] = loop
        self.step()
        try:
            yield
        finally:
            del self._loops[task]
            self._promises.end(task)

    def step(self, after_s: float = 0.0) -> None:
        """Promise to be back soon after a wait of at most ``after_s`` seconds."""
        task = asyncio.current_task()
        if task in self._loops:
            self._promises.promise(task, self._loops[task], self._now_s(), after_s)

    def rest(self) -> None:
        """Say that there is nothing to do until another loop of ours wakes this one."""
        task = asyncio.current_task()
        if task in self._loops:
            self._promises.rest(task, self._loops[task], self._now_s())

    def hung(self, stood_still_s: float = 0.0) -> tuple[Hung, ...]:
        """Return the loops that are late, when nobody could run for ``stood_still_s`` since the last question."""
        if stood_still_s > 0:
            self._promises.stood_still(stood_still_s)
        now_s = self._now_s()
        return tuple(
            Hung(word.loop, now_s - word.said_s, where_of(task)) for task, word in self._promises.broken(now_s).items()
        )

    def loops(self) -> tuple[str, ...]:
        """Return the names of all loops that are watched, sorted."""
        return tuple(sorted(self._loops.values()))


def where_of(task: asyncio.Task[Any]) -> tuple[str, ...]:
    """Return where a task waits: ``module:line function`` of each call it is in, the innermost last."""
    places: list[str] = []
    work: Any = task.get_coro()
    while len(places) < _DEEPEST:
        frame = getattr(work, "cr_frame", None) or getattr(work, "gi_frame", None)
        if frame is None:
            break
        places.append(f"{frame.f_globals.get('__name__', '?')}:{frame.f_lineno} {frame.f_code.co_name}")
        work = getattr(work, "cr_await", None) or getattr(work, "gi_yieldfrom", None)
    return tuple(places)
