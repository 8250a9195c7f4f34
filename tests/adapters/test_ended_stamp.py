"""A daemon that ends again and again says so once in a while."""

from __future__ import annotations

import os
from pathlib import Path

from p2pbot.adapters.clock import SystemClock
from p2pbot.adapters.ended_stamp import NAME, EndedStamp

HOUR_MS = 3_600_000


def test_the_second_end_within_the_span_is_not_the_first(tmp_path: Path) -> None:
    """The next process knows what the one before has said; the file is for p2pbot's user alone."""
    assert EndedStamp(tmp_path, SystemClock()).first_within(HOUR_MS)
    assert not EndedStamp(tmp_path, SystemClock()).first_within(HOUR_MS)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_after_the_span_it_is_said_again(tmp_path: Path) -> None:
    """An hour later the word is new; and a stamp from the future, by a clock that was set back, hinders nothing."""
    stamp = EndedStamp(tmp_path, SystemClock())
    assert stamp.first_within(HOUR_MS)
    for shift_s in (-3601, 3600):
        at_s = SystemClock().now_ms() / 1000 + shift_s
        os.utime(tmp_path / NAME, (at_s, at_s))
        assert stamp.first_within(HOUR_MS)


def test_where_nothing_can_be_noted_it_is_said(tmp_path: Path) -> None:
    """A word too many is better than none."""
    stamp = EndedStamp(tmp_path / "not there", SystemClock())
    assert stamp.first_within(HOUR_MS)
    assert stamp.first_within(HOUR_MS)
