"""Once a day shadow mode says what it would have sent."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.summary import Rehearsed, next_summary_ms, summaries
from p2pbot.model import Mode, Topic

ZONES = ["UTC", "Europe/Istanbul", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"]


def ms(text: str, zone: str = "UTC") -> int:
    """Return a local time as Unix ms."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "zone", "at"),
    [
        ("2026-01-05 10:00", "UTC", "2026-01-05 20:00"),
        ("2026-01-05 20:00", "UTC", "2026-01-06 20:00"),
        ("2026-01-05 21:00", "UTC", "2026-01-06 20:00"),
        ("2026-01-05 23:30", "Europe/Istanbul", "2026-01-06 20:00"),
        ("2026-03-28 21:00", "Europe/Berlin", "2026-03-29 20:00"),  # the night in which summer time begins
        ("2026-10-24 21:00", "Europe/Berlin", "2026-10-25 20:00"),  # and ends
    ],
)
def test_the_next_moment_is_by_the_wall_clock_of_the_zone(now: str, zone: str, at: str) -> None:
    """Twenty o'clock is twenty o'clock, also when the clocks were changed that night."""
    assert next_summary_ms(ms(now, zone), 20 * 60, ZoneInfo(zone)) == ms(at, zone)


@given(now_ms=st.integers(ms("2020-01-01"), ms("2035-01-01")), minute=st.integers(0, 1439), zone=st.sampled_from(ZONES))
def test_the_next_moment_is_ahead_and_within_a_long_day(now_ms: int, minute: int, zone: str) -> None:
    """It is never now or in the past, and at most a day and an hour or two away, whatever the zone does."""
    assert 0 < next_summary_ms(now_ms, minute, ZoneInfo(zone)) - now_ms <= 26 * 3_600_000


def test_a_day_in_shadow_is_told_by_rule() -> None:
    """How often, in how many orders, by which rules, and what met no rule; the most frequent rule first."""
    found = [
        Rehearsed(account="main", order_no="1", rule_id="paid", times=2),
        Rehearsed(account="main", order_no="2", rule_id="paid", times=1),
        Rehearsed(account="main", order_no="2", rule_id="hello", times=1),
        Rehearsed(account="main", order_no="3", times=4),
        Rehearsed(account="other", order_no="9", rule_id="hello", times=7),
    ]
    (word,) = summaries(found, {"main": Mode.SHADOW}, "2026-01-05")
    assert (word.topic, word.account, word.urgent, word.key) == (
        Topic.SUMMARY,
        "main",
        False,
        "summary:main:2026-01-05",
    )
    assert word.text == (
        "Shadow mode: in the last day p2pbot would have answered 4 times in 2 orders, by paid (3), hello (1). "
        "4 messages met no rule. Nothing of it was sent. Read it with: p2pbot rules stats, p2pbot why ORDER."
    )


def test_a_silent_day_in_shadow_is_told_too() -> None:
    """Whoever waits for the summary must not wonder whether p2pbot still runs."""
    (word,) = summaries([], {"main": Mode.SHADOW}, "d")
    assert word.text == "Shadow mode: nothing would have been sent in the last day."


def test_a_live_account_is_told_of_its_shadow_rules_alone() -> None:
    """In live mode there is a summary only if a rule of its own is in shadow."""
    missed = Rehearsed(account="main", order_no="3", times=4)
    assert list(summaries([missed], {"main": Mode.LIVE}, "d")) == []
    tried = Rehearsed(account="main", order_no="1", rule_id="new", times=1)
    (word,) = summaries([missed, tried], {"main": Mode.LIVE}, "d")
    assert word.text.startswith("Rules in shadow mode: in the last day p2pbot would have answered 1 time in 1 order")
    assert "no rule" not in word.text


def test_many_rules_are_counted() -> None:
    """A summary names eight rules and counts the rest: it is a message on a phone."""
    found = [Rehearsed(account="main", order_no="1", rule_id=f"rule-{n:02}", times=1) for n in range(20)]
    (word,) = summaries(found, {"main": Mode.SHADOW}, "d")
    assert "rule-07 (1), 12 other rules." in word.text
    assert "rule-08" not in word.text
