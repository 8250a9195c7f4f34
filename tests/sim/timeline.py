"""Virtual time: a heap of what the outside world will do, and an asyncio loop whose clock jumps from event to event.

Promise: nothing here waits and nothing here asks the machine's clock; the same calls give the same order of events.
The world's time runs on while the daemon is suspended, the loop's time (the daemon's monotonic clock) does not.
Danger: ``VirtualLoop`` has no selector and no threads; code that wants a socket or ``to_thread`` fails at once.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import base_events
from collections.abc import Callable
from typing import Any

EPOCH_MS = 1_760_000_000_000  # where the world's time begins: October 2025
_ROUNDING_MS = 1e-4  # seconds are floats: 0.3 * 1000 must be 300
_MOST_ROUNDS = 20_000  # of the loop without time passing: far above any burst, a loop that spins needs no more


class StandStill(Exception):
    """Time cannot pass any more: nothing is planned, or the daemon spins without waiting for anything."""


class Timeline:
    """What will happen outside the daemon, in the world's time (seconds since the simulation began)."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.suspended_s = 0.0
        self.frozen = False
        self._thawing: list[Callable[[], None]] = []
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._made = 0

    @property
    def now_ms(self) -> int:
        """The world's Unix time in milliseconds."""
        return EPOCH_MS + int(self.now_s * 1000 + _ROUNDING_MS)

    @property
    def next_s(self) -> float | None:
        """When the next event happens."""
        return self._heap[0][0] if self._heap else None

    def at(self, at_s: float, deed: Callable[[], None]) -> None:
        """Plan ``deed``; what is planned for the past happens now, equal times keep their order."""
        self._made += 1
        heapq.heappush(self._heap, (max(at_s, self.now_s), self._made, deed))

    def after(self, delay_s: float, deed: Callable[[], None]) -> None:
        """Plan ``deed`` for ``delay_s`` from now."""
        self.at(self.now_s + delay_s, deed)

    def run_until(self, at_s: float) -> None:
        """Let happen what is due until ``at_s``, and be there."""
        while self._heap and self._heap[0][0] <= at_s:
            when_s, _, deed = heapq.heappop(self._heap)
            self.now_s = max(self.now_s, when_s)
            deed()
        self.now_s = max(self.now_s, at_s)

    def suspend(self, for_s: float) -> None:
        """Let the world go on while the daemon's machine sleeps; then what waited for the machine happens."""
        self.frozen = True
        self.run_until(self.now_s + for_s)
        self.frozen = False
        self.suspended_s += for_s
        thawing, self._thawing = self._thawing, []
        for deed in thawing:
            deed()

    def awake(self, deed: Callable[[], None]) -> None:
        """Do ``deed`` now, or when the machine wakes up: it is the machine's own doing."""
        if self.frozen:
            self._thawing.append(deed)
        else:
            deed()


class NumberedTask(asyncio.Task[Any]):
    """A task that hashes by its number: the library keeps tasks in sets, whose order would differ from run to run."""

    def __init__(self, number: int, coro: Any, **options: Any) -> None:
        self.number = number  # first: the library puts the task into a set while it is made
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other


class VirtualLoop(base_events.BaseEventLoop):
    """An event loop that jumps to whatever comes next: its own timer or an event of the timeline."""

    _scheduled: list[asyncio.TimerHandle]  # the base class's heap of timers

    def __init__(self, timeline: Timeline) -> None:
        super().__init__()
        self._selector = self
        self._timeline = timeline
        self._now = 0.0
        self._rounds = 0
        self._made = 0
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.on_round: Callable[[], None] = lambda: None
        self.set_task_factory(self._make_task)

    def time(self) -> float:
        """Return the daemon's monotonic clock."""
        return self._now

    def select(self, timeout: float | None) -> list[object]:
        """Let time pass instead of waiting for sockets. Raises StandStill."""
        self._rounds += 1
        if timeout == 0:
            if self._rounds > _MOST_ROUNDS:
                self._rounds = 0
                raise StandStill(f"{_MOST_ROUNDS} rounds of the loop at {self._now:.3f} s")
            self._timeline.run_until(self._timeline.now_s)
        else:
            self._jump()
        self.on_round()
        return []

    def _jump(self) -> None:
        """Go to the next timer or the next event, whichever comes first."""
        self._rounds = 0
        suspended_s, next_s = self._timeline.suspended_s, self._timeline.next_s
        timer_s = self._scheduled[0].when() if self._scheduled else None
        if timer_s is None and next_s is None:
            raise StandStill("nothing will ever happen again")
        if next_s is None or (timer_s is not None and timer_s + suspended_s < next_s):
            self._now = max(self._now, timer_s or 0.0)
            self._timeline.run_until(self._now + suspended_s)
        else:  # the event's own time: a sum of floats may lie before it for ever
            self._now = max(self._now, next_s - suspended_s)
            self._timeline.run_until(next_s)

    def _make_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """Make a task and note it, in the order of making: the library's own register has none."""
        self._made += 1
        task = NumberedTask(self._made, coro, loop=loop, **options)
        self.tasks[task] = None
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.tasks.pop(task, None)

    # What the base class asks of a loop with a selector

    def _process_events(self, event_list: list[object]) -> None:
        """Nothing comes from a selector here."""

    def _write_to_self(self) -> None:
        """No other thread wakes this loop."""
