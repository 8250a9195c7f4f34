"""What shadow mode would have sent, told once a day.

Promise: an account in shadow mode is told of every day, also when it would have said nothing; a live one only if a rule
of its own is in shadow. Pure: what the store counted goes in, words come out. No text of a chat is among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from p2pbot.model import Mode, Notice, Topic
from p2pbot.rules.variables import moment

_RULES = 8  # that a summary names; the others are counted
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """How often a rule would have answered in an order; without a ``rule_id``: messages that no rule took."""

    account: str
    order_no: str
    times: int
    rule_id: str = ""


def next_summary_ms(now_ms: int, minute: int, zone: tzinfo) -> int:
    """Return the next moment (Unix ms, after ``now_ms``) at which it is ``minute`` of the day in ``zone``."""
    today = moment(now_ms, zone).date()
    days = (today + timedelta(days=ahead) for ahead in range(3))
    at = (datetime.combine(day, time(*divmod(minute % _DAY_MINUTES, 60)), zone) for day in days)
    return next(ms for ms in (int(when.timestamp() * 1000) for when in at) if ms > now_ms)


def summaries(found: Iterable[Rehearsed], modes: Mapping[str, Mode], day: str) -> Iterator[Notice]:
    """Yield a word for each account that has something to tell. ``day`` tells the words of different days apart."""
    rows = tuple(found)
    for account, mode in modes.items():
        own = [row for row in rows if row.account == account]
        answers = [row for row in own if row.rule_id]
        if mode is Mode.SHADOW or answers:
            missed = sum(row.times for row in own if not row.rule_id)
            key = f"summary:{account}:{day}"
            yield Notice(key=key, text=_text(answers, missed, mode), account=account, topic=Topic.SUMMARY)


def _text(answers: list[Rehearsed], missed: int, mode: Mode) -> str:
    whose = "Shadow mode" if mode is Mode.SHADOW else "Rules in shadow mode"
    unanswered = f" {_count(missed, 'message')} met no rule." if missed and mode is Mode.SHADOW else ""
    if not answers:
        return f"{whose}: nothing would have been sent in the last day.{unanswered}"
    times = sum(row.times for row in answers)
    orders = len({row.order_no for row in answers})
    return (
        f"{whose}: in the last day p2pbot would have answered {_count(times, 'time')} in {_count(orders, 'order')}, by "
        f"{_rules(answers)}.{unanswered} Nothing of it was sent. Read it with: p2pbot rules stats, p2pbot why ORDER."
    )


def _rules(answers: list[Rehearsed]) -> str:
    counts: Counter[str] = Counter()
    for row in answers:
        counts[row.rule_id] += row.times
    named = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    words = [f"{rule_id} ({times})" for rule_id, times in named[:_RULES]]
    more = len(named) - _RULES
    return ", ".join([*words, *([f"{more} other rules"] if more > 0 else [])])


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
