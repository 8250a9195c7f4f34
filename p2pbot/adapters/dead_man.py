"""The dead man's handle, for where no systemd waits for food: a process that nobody feeds ends itself.

Promise: the C library's own thread holds it, so an event loop that stands still in one line is ended too: each thread's
line is written first, then the process ends with 1, at once, for its supervisor (a container's restart policy) to start
it again. Nothing is lost by that: what was decided is in the store.
Danger: a process that is stopped (SIGSTOP, a frozen container) for longer than the period ends when it is let go on.
Source: faulthandler of the standard library.
"""

from __future__ import annotations

import faulthandler
from contextlib import suppress
from io import UnsupportedOperation

PERIOD_S = 120.0


class DeadMansHandle:
    """Ends the process when ``alive`` was not called for ``period_s``; armed by the first call."""

    def __init__(self, period_s: float = PERIOD_S) -> None:
        self._period_s = period_s

    def alive(self) -> None:
        """Wait from now on; where standard error is no file the lines would have no place, and nothing is armed."""
        with suppress(AttributeError, UnsupportedOperation):
            faulthandler.dump_traceback_later(self._period_s, exit=True)

    def let_go(self) -> None:
        """End the wait: the process is about to end by itself."""
        faulthandler.cancel_dump_traceback_later()
