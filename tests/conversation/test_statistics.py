"""Counting decisions: rules that spoke, texts that nobody took."""

from __future__ import annotations

import json

import pytest

from p2pbot.conversation.statistics import rule_counts, untaken
from p2pbot.model import EventKind, MessageKind, Reason
from p2pbot.rules.verdict import Outcome, RuleTrace
from tests.fakes.records import NOW_MS, entry


def traced(*outcomes: tuple[str, Outcome]) -> str:
    """Return a stored trace."""
    return json.dumps([RuleTrace(rule_id, outcome).to_json() for rule_id, outcome in outcomes])


def test_each_rule_is_counted_by_how_it_met_what_came() -> None:
    """Rules that never met anything are there with nothing."""
    entries = [
        entry("1", trace=traced(("a", Outcome.FIRED), ("b", Outcome.NO)), at_ms=NOW_MS),
        entry("2", trace=traced(("a", Outcome.LIMITED), ("b", Outcome.UNKNOWN)), at_ms=NOW_MS + 1),
        entry("3", trace=traced(("a", Outcome.FIRED)), at_ms=NOW_MS - 1),
    ]
    counts = rule_counts(entries, ["c", "a"])
    assert {count.rule_id: (count.spoke, count.limited, count.unknown, count.last_ms) for count in counts.values()} == {
        "c": (0, 0, 0, 0),
        "a": (2, 1, 0, NOW_MS),
        "b": (0, 0, 1, 0),
    }


@pytest.mark.parametrize("trace", ["", "{", "3", "[3, {}]", '{"rule_id": "a"}', "[" * 100_000])
def test_a_trace_that_cannot_be_read_counts_nothing(trace: str) -> None:
    """Whoever wrote it."""
    assert rule_counts([entry("1", trace=trace)]) == {}


def test_texts_that_no_rule_took_are_grouped_whatever_their_spelling() -> None:
    """The most frequent first, shown as it was written last."""
    entries = [
        entry("1", text="Refund?", reason=Reason.NO_RULE, at_ms=NOW_MS),
        entry("2", text="REFUND!!", reason=Reason.NO_RULE, at_ms=NOW_MS + 5),
        entry("3", text="ok", reason=Reason.NO_RULE),
        entry("4", text="👍", reason=Reason.NO_RULE),
        entry("5", text="I paid", reason=Reason.ANSWERED),
        entry("6", text="", kind=MessageKind.IMAGE, reason=Reason.NO_RULE),
        entry("7", text="", kind=EventKind.ORDER_PAID, reason=Reason.NO_RULE),
    ]
    found = [(one.text, one.count, one.last_ms) for one in untaken(entries)]
    assert found[0] == ("REFUND!!", 2, NOW_MS + 5)
    assert sorted(found[1:]) == [("ok", 1, NOW_MS), ("👍", 1, NOW_MS)]
