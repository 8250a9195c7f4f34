"""``kill -9`` while many orders wait for pictures: each is shown once, and texts do not wait for them."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.stage import QUICK
from tests.faults import report
from tests.faults.picture_flood import SCRIPT, flood, most_within

ORDERS = int(os.environ.get("P2PBOT_PICTURE_ORDERS", "8"))
KILLS = int(os.environ.get("P2PBOT_PICTURE_KILLS", "2"))


async def test_pictures_arrive_once_however_often_the_daemon_is_killed(tmp_path: Path) -> None:
    """And the exchange never counts more calls in a minute than it allows."""
    script = replace(SCRIPT, timings=QUICK)  # so that what is in doubt is settled after two seconds, not ten
    figures = await flood(tmp_path, orders=ORDERS, kills=KILLS, within_s=max(2.0, ORDERS / 4), script=script)
    sys.stdout.write(f"\n{figures.line()}\n")
    name = "test_picture_flood.py::test_pictures_arrive_once_however_often_the_daemon_is_killed"
    report.append(report.Row(test=name, note=f"{ORDERS} orders, killed {KILLS} times: {figures.line()}"))
    assert figures.pictures == {1: ORDERS}
    assert figures.wrong == []
    assert figures.most_presigns <= 36
    assert figures.unanswered == 0


@pytest.mark.parametrize(
    ("times", "most"), [([], 0), ([5], 1), ([0, 59_999], 2), ([0, 60_000], 1), ([3, 1, 2, 60_002], 3)]
)
def test_the_busiest_minute_is_found(times: list[int], most: int) -> None:
    """Wherever it begins; half open."""
    assert most_within(times, 60_000) == most
