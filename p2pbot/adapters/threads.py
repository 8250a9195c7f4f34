"""Threads that the process need not wait for when it ends.

Promise: a name server that does not answer, or a disk that hangs, holds up no shutdown: Python's own executor would be
waited for, by the loop without a deadline and by the interpreter once more.
Danger: what still runs when the process ends is abandoned half-way. So only reads run here, and writes that replace a
file whole.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

_MOST = 32  # hanging lookups of 50 accounts are made a few at a time; beyond this, jobs wait for each other


class AbandonableThreads(ThreadPoolExecutor):
    """An event loop's default executor (which must be of this class), with daemon threads that end when idle."""

    def __init__(self, most: int = _MOST) -> None:
        super().__init__(max_workers=most)  # whose own threads are never started
        self._most = most
        self._jobs: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._busy = 0
        self._changing = threading.Lock()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``fn`` on a thread, at once unless all are busy."""
        future: Future[T] = Future()
        with self._changing:
            self._jobs.append((future, partial(fn, *args, **kwargs)))
            if self._busy < self._most:
                threading.Thread(target=self._work, name="abandonable", daemon=True).start()
                self._busy += 1
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the library's signature; waiting is what must not happen
        """Return at once: what runs is left to its end, or to the process's."""
        super().shutdown(wait=False, cancel_futures=cancel_futures)

    def _work(self) -> None:
        while True:
            with self._changing:
                if not self._jobs:
                    self._busy -= 1
                    return
                future, job = self._jobs.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = job()
            except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to whoever waits for the job
                future.set_exception(error)
            else:
                future.set_result(result)
