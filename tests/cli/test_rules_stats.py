"""``p2pbot rules stats`` and ``unanswered``: from the state directory alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.model import Reason
from p2pbot.rules.verdict import Outcome, RuleTrace
from tests.cli.conftest import Place
from tests.fakes.records import claim, entry

CLI = Callable[..., int]
DAY_MS = 86_400_000


@pytest.fixture
def known(place: Place) -> Place:
    """Return a place where ``hello`` spoke a week ago, a rule that is gone spoke too, and two texts were not taken."""
    now_ms = time.time_ns() // 1_000_000
    trace = json.dumps([RuleTrace("hello", Outcome.FIRED).to_json(), RuleTrace("old", Outcome.LIMITED).to_json()])

    async def fill(store: SqliteStore) -> None:
        await store.claim(claim(entry("1", text="hello", trace=trace, at_ms=now_ms - 7 * DAY_MS)))
        for number, text in (("2", "Refund?"), ("3", "refund\x1b!"), ("4", "thanks")):
            await store.claim(claim(entry(number, text=text, reason=Reason.NO_RULE, at_ms=now_ms - DAY_MS)))

    place.with_store(fill)
    return place


@pytest.mark.usefixtures("known")
def test_every_rule_has_its_counts(p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that are gone are marked."""
    assert p2pbot("rules", "stats") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["rule", "spoke", "limited", "fact", "unknown", "last"]
    assert lines[1].split()[:4] == ["hello", "1", "0", "0"]
    assert lines[2].split()[:6] == ["old", "(no", "longer", "there)", "0", "1"]


@pytest.mark.usefixtures("known")
def test_rules_that_did_not_speak_for_long_are_named(p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Only those that are there."""
    assert p2pbot("rules", "stats", "--never-fired", "3d", "--json") == 0
    assert [count["rule"] for count in json.loads(capsys.readouterr().out)] == ["hello"]
    assert p2pbot("rules", "stats", "--never-fired", "30d") == 0
    assert capsys.readouterr().out == "Every rule spoke within 30d.\n"


@pytest.mark.usefixtures("known")
def test_what_no_rule_took_is_grouped(p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """And cannot command the terminal."""
    assert p2pbot("rules", "unanswered", "--limit", "1") == 0
    shown = capsys.readouterr().out
    assert "thanks" not in shown
    assert "\x1b" not in shown
    assert p2pbot("rules", "unanswered", "--json") == 0
    assert sum(one["count"] for one in json.loads(capsys.readouterr().out)) == 3


@pytest.mark.usefixtures("known")
def test_a_quiet_time_is_a_sentence(p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Not an empty page."""
    assert p2pbot("rules", "unanswered", "--since", "1h") == 0
    assert capsys.readouterr().out == "No text was left without a rule within 1h.\n"


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("command", ["stats", "unanswered"])
@pytest.mark.parametrize("span", ["long", "90d"])
def test_a_span_is_a_time_within_the_record(p2pbot: CLI, command: str, span: str) -> None:
    """Exit 2."""
    assert p2pbot("rules", command, "--since", span) == 2


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("command", ["stats", "unanswered"])
def test_without_a_state_there_is_nothing_to_count(p2pbot: CLI, command: str) -> None:
    """Exit 78."""
    assert p2pbot("rules", command) == 78
