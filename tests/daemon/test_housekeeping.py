"""Housekeeping forgets by the configured spans, again and again."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from p2pbot.adapters.logs import make_log
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.daemon.housekeeping import Housekeeping
from p2pbot.ports import DAY_MS
from tests.fakes.records import NOW_MS, ORDER, claim, entry
from tests.fakes.store import SwitchedLease


class Over(Exception):
    """The days of the test are over."""


class Calendar:
    """A clock of which each nap is a day; after so many it is over."""

    def __init__(self, days: int) -> None:
        self.day = 0
        self.days = days

    def now_ms(self) -> int:
        """Return the time of this day."""
        return NOW_MS + self.day * DAY_MS

    def monotonic_s(self) -> float:
        """Return seconds of no importance."""
        return 0.0

    boottime_s = computed_s = monotonic_s

    async def sleep(self, delay_s: float) -> None:  # noqa: ARG002 - a day is a day
        """Let a day pass."""
        self.day += 1
        if self.day > self.days:
            raise Over


@pytest.mark.parametrize(("days", "entries", "traces"), [(2, 1, 1), (4, 1, 0), (9, 0, 0)])
async def test_what_is_older_than_its_span_is_forgotten(tmp_path: Path, days: int, entries: int, traces: int) -> None:
    """Traces go after three days here, messages after eight; before that they are there."""
    store = await SqliteStore.open(tmp_path / "state.db", SwitchedLease())
    await store.claim(claim(entry("1", trace='[{"rule": "a"}]')))
    log = make_log(io.StringIO(), output="json")
    keeper = Housekeeping(store, Calendar(days), log, messages_ms=8 * DAY_MS, traces_ms=3 * DAY_MS)
    with pytest.raises(Over):
        await keeper.run()
    left = await store.inbox(ORDER)
    await store.close()
    assert (len(left), sum(one.trace != "[]" for one in left)) == (entries, traces)
