"""The garbage collector, held back while something large is built that will stay.

Promise: while ``held`` the collector does not run, and what was built meanwhile is never looked at by it again: a full
collection over ten thousand rules stops every thread for a second or more, a thread that builds them does not.
Danger: what is put aside is freed by its last reference alone. Rules have no cycles (``tests/rules`` hold that); the
garbage of others is collected before.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_loads: list[bool] = []  # under way in this process, which has one collector: whether each found it switched on


@contextmanager
def held() -> Iterator[None]:
    """Hold the collector back; the last to leave puts all that lives now aside and lets it go on, if it was on."""
    _loads.append(gc.isenabled())
    if len(_loads) == 1:
        gc.collect()
        gc.disable()
    try:
        yield
    finally:
        was_on = _loads[0]  # only the first found it as it was
        _loads.pop()
        if not _loads and was_on:
            gc.freeze()
            gc.enable()
