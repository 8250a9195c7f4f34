"""Windows of hours: half open, over midnight, by the wall clock of the zone that is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.rules.hours import DAYS, Window, WindowSpec, compile_window
from tests.fakes.occasions import headlines, rules, some_facts

DAY_MS = 86_400_000


def window(hours: str | list[str], weekday: str | None = None, zone: str = "Europe/Istanbul") -> Window:
    """Return a compiled window."""
    return compile_window(
        "open", WindowSpec.model_validate({"zone": zone, "hours": hours, "weekday": weekday or "mon-sun"})
    )


def at(text: str) -> int:
    """Return Unix ms of an ISO moment."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("hours", "moment", "is_open"),
    [
        ("09:00-18:00", "2026-01-05T09:00+03:00", True),
        ("09:00-18:00", "2026-01-05T08:59:59.999+03:00", False),
        ("09:00-18:00", "2026-01-05T17:59:59.999+03:00", True),
        ("09:00-18:00", "2026-01-05T18:00+03:00", False),
        ("09:00-18:00", "2026-01-05T06:30+00:00", True),
        ("22:00-06:00", "2026-01-05T23:00+03:00", True),
        ("22:00-06:00", "2026-01-05T05:59+03:00", True),
        ("22:00-06:00", "2026-01-05T06:00+03:00", False),
        ("00:00-24:00", "2026-01-05T23:59:59+03:00", True),
        (["09:00-12:00", "13:00-18:00"], "2026-01-05T12:30+03:00", False),
        (["09:00-12:00", "13:00-18:00"], "2026-01-05T13:00+03:00", True),
    ],
)
def test_a_window_is_half_open_in_its_zone(hours: str | list[str], moment: str, is_open: bool) -> None:  # noqa: FBT001 - a column
    """It holds from its first minute and no longer at its last."""
    assert window(hours).holds(at(moment)) is is_open


@pytest.mark.parametrize(
    ("weekday", "moment", "is_open"),
    [
        ("fri", "2026-01-09T23:00+03:00", True),  # a Friday
        ("fri", "2026-01-10T05:00+03:00", True),
        ("fri", "2026-01-09T05:00+03:00", False),
        ("sat-mon", "2026-01-05T23:00+03:00", True),
        ("sat-mon", "2026-01-06T23:00+03:00", False),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_begins_on(weekday: str, moment: str, is_open: bool) -> None:  # noqa: FBT001 - a column
    """A Friday night goes on into Saturday."""
    assert window("22:00-06:00", weekday).holds(at(moment)) is is_open


def test_summer_time_moves_nothing() -> None:
    """Nine o'clock is nine o'clock on both sides of the change."""
    berlin = window("09:00-10:00", zone="Europe/Berlin")
    assert berlin.holds(at("2026-03-28T08:30+00:00"))
    assert berlin.holds(at("2026-03-29T07:30+00:00"))
    assert not berlin.holds(at("2026-03-29T08:30+00:00"))


@given(
    start=st.integers(0, 1439),
    length=st.integers(1, 1439),
    minute=st.integers(0, 7 * 1440 - 1),
    first=st.sampled_from(DAYS),
)
def test_a_window_holds_for_exactly_its_length_each_day(start: int, length: int, minute: int, first: str) -> None:
    """Whatever the hours, it is open ``length`` minutes from its beginning, on its day only."""
    end = (start + length) % 1440
    text = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    one = window(text, first, zone="UTC")
    monday = datetime(2026, 1, 5, tzinfo=UTC)
    begins = DAYS.index(first) * 1440 + start
    since = (minute - begins) % (7 * 1440)
    moment = monday + timedelta(minutes=minute)
    assert one.holds(round(moment.timestamp() * 1000)) is (since < length)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{hours: 09:00-18:00}", "the key `zone` is missing"),
        ("{zone: Europe/Istambul, hours: 09:00-18:00}", "did you mean `Europe/Istanbul`?"),
        ("{zone: europe/istanbul, hours: 09:00-18:00}", "did you mean `Europe/Istanbul`?"),
        ("{zone: UTC, hours: 9-18}", "`9-18` is not a time of day; write 09:00-18:00"),
        ("{zone: UTC, hours: 09:00-25:00}", "a day has the times 00:00 to 24:00"),
        ("{zone: UTC, hours: 09:00-09:00}", "is never; for the whole day write 00:00-24:00"),
        ("{zone: UTC, hours: 09:00-18:00, weekday: fryday}", "`fryday` is not a day"),
    ],
)
def test_a_window_that_is_wrong_says_so(written: str, message: str) -> None:
    """At its place, with the way out."""
    found = headlines(f"version: 1\nwindows:\n  open: {written}\nrules:\n  - {{id: a, words: hi, reply: x}}")
    assert any(message in line for line in found), found


def test_a_rule_speaks_in_any_of_its_windows() -> None:
    """A list means any; the trace shows the local time."""
    asked = rules(
        "version: 1\nwindows:\n"
        "  day: {zone: Asia/Dubai, hours: 09:00-18:00}\n"
        "  late: {zone: Asia/Dubai, hours: 20:00-22:00}\n"
        "rules:\n  - {id: a, words: hi, when: {hours: [day, late]}, reply: Hello}"
    )
    assert asked.winners("hi", some_facts(now_ms=at("2026-01-05T21:00+04:00"))) == ["a"]
    (trace,) = asked.ask("hi", some_facts(now_ms=at("2026-01-05T19:00+04:00"))).trace
    assert (trace.check, trace.wanted, trace.actual) == ("when.hours", "day or late", "mon 19:00 Asia/Dubai")


def test_a_weekday_is_that_of_its_zone() -> None:
    """It may be Saturday there while it is Friday here."""
    asked = rules("  - {id: a, words: hi, when: {weekday: sat-sun, zone: Asia/Tokyo}, reply: Hello}")
    assert asked.winners("hi", some_facts(now_ms=at("2026-01-09T16:00+00:00"))) == ["a"]
    assert asked.winners("hi", some_facts(now_ms=at("2026-01-09T14:00+00:00"))) == []


ZONED = "version: 1\ntimezone: Asia/Tokyo\n"


def test_the_merchants_zone_is_for_days_without_one_and_for_times_in_texts() -> None:
    """It is said once, in any file."""
    days = "  - {id: a, words: hi, when: {weekday: sat}, reply: 'It is {{ bot.now|time }}'}"
    asked = rules(days, ZONED)
    (firing,) = asked.ask("hi", some_facts(now_ms=at("2026-01-09T16:00+00:00"))).firings
    assert firing.bubbles == ("It is 01:00",)
    assert asked.winners("hi", some_facts(now_ms=at("2026-01-09T14:00+00:00"))) == []


def test_a_day_ends_in_the_merchants_zone() -> None:
    """For ``once_per: day`` too."""
    asked = rules("  - {id: a, words: hi, limit: {once_per: day}, reply: Hello}", ZONED)
    (firing,) = asked.ask("hi", some_facts(now_ms=at("2026-01-09T16:00+00:00"))).firings
    assert "2026-01-10/person" in {mark.scope_id for mark in firing.marks}


def test_two_zones_of_one_merchant_are_an_error() -> None:
    """Nobody could tell which one is meant; the same one twice is none."""
    rule = "  - {id: a, words: hi, reply: Hello}"
    (only,) = headlines(rule, ZONED, "version: 1\ntimezone: UTC\n")
    assert "c.yaml:2:11: another file says `Asia/Tokyo`" in only
    assert headlines(rule, ZONED, ZONED) == []
