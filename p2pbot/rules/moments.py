"""Conditions on the moment and on what the talk has been through: hours, days, rules that spoke, tags.

Promise: a figure of the account that nobody has told is unknown, so a rule that asks for it is silent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from p2pbot.rules.checks import Answer, Check, Places, Truth, truth
from p2pbot.rules.facts import Facts
from p2pbot.rules.figures import Asked, Figure, accepts, found
from p2pbot.rules.figures import shown as shown_figure
from p2pbot.rules.hours import DAYS, Window, local_day, shown
from p2pbot.rules.shared import Shared
from p2pbot.rules.spec import WhenSpec

UNSET = "no"  # how a tag reads that was never set


def moment_checks(when: WhenSpec, where: Places, shared: Shared) -> Iterator[Check]:
    """Yield the checks that are written. Raises UnknownName, with nothing but the name at fault."""
    if when.hours:
        windows = tuple(shared.window(name) for name in when.hours)
        yield _hours(windows, where(("hours",)))
    zone = when.zone or shared.timezone
    if when.weekday and zone:
        yield _weekday({day for days in when.weekday for day in days}, zone, where(("weekday",)))
    if when.after_rule:
        keys = tuple((name, shared.key_of(name)) for name in when.after_rule)
        yield _after(keys, where(("after_rule",)))
    for name, values in (when.tag or {}).items():
        yield _tag(name, values, where(("tag", name)))
    for group, asked in when.figures.items():
        for name, tests in asked.items():
            yield _figure(group, name, tests, where((group, name)))


def _hours(windows: tuple[Window, ...], where: str) -> Check:
    def judge(facts: Facts) -> Answer:
        is_open = any(window.holds(facts.now_ms) for window in windows)
        return Answer(truth(holds=is_open), shown(facts.now_ms, windows[0].zone))

    return Check("when.hours", " or ".join(window.name for window in windows), where, judge)


def _weekday(days: set[int], zone: str, where: str) -> Check:
    def judge(facts: Facts) -> Answer:
        return Answer(truth(holds=local_day(facts.now_ms, zone) in days), shown(facts.now_ms, ZoneInfo(zone)))

    return Check("when.weekday", ", ".join(DAYS[day] for day in sorted(days)), where, judge)


def _after(keys: tuple[tuple[str, str], ...], where: str) -> Check:
    def judge(facts: Facts) -> Answer:
        spoke = [name for name, key in keys if key in facts.spoken]
        return Answer(truth(holds=bool(spoke)), f"{spoke[0]} spoke" if spoke else "none of them spoke")

    return Check("when.after_rule", " or ".join(name for name, _ in keys), where, judge)


def _tag(name: str, values: tuple[str, ...], where: str) -> Check:
    wanted = {value.casefold() for value in values}

    def judge(facts: Facts) -> Answer:
        value = dict(facts.tags).get(name, UNSET)
        return Answer(truth(holds=value.casefold() in wanted), value)

    return Check(f"when.tag.{name}", " or ".join(values), where, judge)


def _figure(group: str, name: str, tests: tuple[Asked, ...], where: str) -> Check:
    def judge(facts: Facts) -> Answer:
        figures: Mapping[str, Figure] = getattr(facts.figures, group)
        note = facts.figures.notes.get(group, "")
        known = found(figures, name)
        if known is None:
            return Answer(Truth.UNKNOWN, f"not known: {note}" if note else "not known")
        actual = f"{shown_figure(known)} ({note})" if note else shown_figure(known)
        return Answer(truth(holds=any(accepts(test, known) for test in tests)), actual)

    return Check(f"when.{group}.{name}", " or ".join(map(shown_figure, tests)), where, judge)
