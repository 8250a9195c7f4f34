"""``why`` tells what was decided about each message of an order, and what became of the replies."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.cli.output import clock_time
from p2pbot.cli.words import OUTCOMES, REASONS, STATES, reason_words, rule_words
from p2pbot.conversation.account_events import ACCOUNT_TALK
from p2pbot.conversation.records import OutboxState
from p2pbot.model import EventKind, Reason
from p2pbot.rules.verdict import Outcome, RuleTrace
from tests.cli.conftest import Place
from tests.fakes.records import NOW_MS, ORDER, claim, entry, event, reply

CLI = Callable[..., int]
TRACE = [
    RuleTrace("paid-claim", Outcome.FIRED, where="rules/10.yaml:4:5"),
    RuleTrace("greeting", Outcome.NO, "when.side", "sell", "buy", "rules/00.yaml:8:22"),
]


@pytest.fixture
def known(place: Place) -> Place:
    """Return a place whose store knows an order: a message with a reply, one without, and an event."""
    trace = json.dumps([line.to_json() for line in TRACE])

    async def fill(store: SqliteStore) -> None:
        answered = entry("1", text="I paid \x1b[2J", trace=trace)
        await store.claim(claim(answered, reply("u-1", text="Card 4111 of Maria")))
        (row,) = await store.pending("main")
        sending = replace(row, state=OutboxState.SENDING, attempts=1, sending_at_ms=row.created_at_ms)
        assert await store.advance(sending, OutboxState.CLAIMED)
        sent = replace(sending, state=OutboxState.SENT, reason=Reason.ECHOED, attempts=2)
        assert await store.advance(sent, OutboxState.SENDING)
        await store.claim(claim(entry("2", text="thanks " * 50, reason=Reason.NO_RULE)))
        await store.claim(claim(event(EventKind.ORDER_PAID)))

    place.with_store(fill)
    return place


@pytest.mark.usefixtures("known")
def test_every_message_has_its_reason(p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Messages and events in order, each with its reason by name and in words."""
    assert p2pbot("why", ORDER) == 0
    shown = capsys.readouterr().out
    wanted = [f"order {ORDER} · account main", "answered: answered", "no_rule: no rule wanted to answer", "order_paid"]
    places = [shown.index(text) for text in wanted]
    assert places == sorted(places)


@pytest.mark.usefixtures("known")
def test_the_rules_are_told(p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Which rule spoke, and of the others the first check that failed, with its place."""
    p2pbot("why", ORDER)
    shown = capsys.readouterr().out
    assert "greeting    no – when.side: wanted sell, is buy  rules/00.yaml:8:22" in shown
    assert "paid-claim  spoke" in shown


@pytest.mark.usefixtures("known")
def test_the_reply_is_told_without_its_text(p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """What became of it and why; its text may hold names and bank data."""
    p2pbot("why", ORDER)
    shown = capsys.readouterr().out
    assert "→ reply of greeting: sent – the chat showed it" in shown
    assert "2 tries" in shown
    assert "4111" not in shown


@pytest.mark.usefixtures("known")
def test_text_shows_the_texts(p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks for them sees them, whole, and no control character."""
    p2pbot("why", ORDER, "--text")
    shown = capsys.readouterr().out
    assert "«Card 4111 of Maria»" in shown
    assert "thanks " * 50 in shown
    assert "\\x1b[2J" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("which", ["2", "m:2"])
@pytest.mark.usefixtures("known")
def test_one_message(p2pbot: CLI, capsys: pytest.CaptureFixture[str], which: str) -> None:
    """By its id, its key or its number in the list; the others and their replies are left out."""
    assert p2pbot("why", ORDER, which) == 0
    shown = capsys.readouterr().out
    assert "no_rule" in shown
    assert "→ reply" not in shown
    assert "order_paid" not in shown


@pytest.mark.usefixtures("known")
def test_the_event_by_its_number(p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """A number that is no id is the number in the list."""
    assert p2pbot("why", ORDER, "3") == 0
    assert "order_paid" in capsys.readouterr().out


@pytest.mark.usefixtures("known")
def test_an_unknown_message_is_told(p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """With the way to the list."""
    assert p2pbot("why", ORDER, "99") == 2
    assert f"has no message 99 – p2pbot why {ORDER} lists them" in capsys.readouterr().err


@pytest.mark.usefixtures("known")
def test_an_unknown_order_is_told(p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1."""
    assert p2pbot("why", "123") == 1
    assert "Nothing is known of the order 123" in capsys.readouterr().out


@pytest.mark.usefixtures("known")
def test_json_holds_all_but_the_replies_texts(p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """For other programs; ``--text`` adds the texts of the replies."""
    assert p2pbot("why", ORDER, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [message["reason"] for message in told["messages"]] == ["answered", "no_rule", "answered"]
    assert told["messages"][0]["trace"][1]["actual"] == "buy"
    assert (told["replies"][0]["state"], "text" in told["replies"][0]) == ("sent", False)
    p2pbot("why", ORDER, "--json", "--text")
    assert json.loads(capsys.readouterr().out)["replies"][0]["text"] == "Card 4111 of Maria"


@pytest.mark.parametrize("trace", ["", "{", "3", "[1, null]", '[{"outcome": "of tomorrow", "rule_id": 7}]'])
def test_a_trace_that_cannot_be_read_is_no_trouble(place: Place, p2pbot: CLI, trace: str) -> None:
    """What another version wrote costs its lines, not the answer."""

    async def fill(store: SqliteStore) -> None:
        await store.claim(claim(entry("1", trace=trace)))

    place.with_store(fill)
    assert p2pbot("why", ORDER) == 0
    assert p2pbot("why", ORDER, "--json") == 0


def test_without_a_database_the_way_is_told(place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 78, and nothing is made."""
    assert p2pbot("why", ORDER) == 78
    assert "start p2pbot run once" in capsys.readouterr().err
    assert not place.state.exists()


def test_every_reason_state_and_outcome_has_words() -> None:
    """No record is shown by its bare name."""
    assert set(REASONS) == set(Reason)
    assert set(STATES) == set(OutboxState)
    assert set(OUTCOMES) == set(Outcome)
    assert reason_words(None) == ""


@pytest.mark.parametrize(
    ("trace", "words"),
    [
        (RuleTrace("r", Outcome.FIRED), "spoke"),
        (RuleTrace("r", Outcome.LIMITED, "limit", "once per order"), "at its limit – limit: wanted once per order"),
        (RuleTrace("r", Outcome.UNKNOWN, "when.side", "sell"), "a fact was not known – when.side: wanted sell"),
        (RuleTrace("r", Outcome.NO, "words"), "no – words"),
    ],
)
def test_a_rules_line_is_words(trace: RuleTrace, words: str) -> None:
    """What was not met is told as far as it is known."""
    assert rule_words(trace) == words


@pytest.mark.parametrize(("early_ms", "shown_early_ms"), [(0, 0), (100, 0), (1_900, 0), (60_000, 60_000)])
def test_a_decision_is_not_told_to_come_before_its_message(
    place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str], early_ms: int, shown_early_ms: int
) -> None:
    """We reckon the exchange's time a little early; a clock that is truly wrong is not hidden."""
    decided = replace(entry("1"), decided_at_ms=NOW_MS - early_ms)

    async def fill(store: SqliteStore) -> None:
        await store.claim(claim(decided))

    place.with_store(fill)
    assert p2pbot("why", ORDER) == 0
    assert f"decided {clock_time(NOW_MS - shown_early_ms)}," in capsys.readouterr().out


def test_what_happened_to_the_account_is_asked_for_by_that_word(
    place: Place, p2pbot: CLI, capsys: pytest.CaptureFixture[str]
) -> None:
    """``why account``: which limit a balance fell below, and whether you were told."""
    key = "e:balance_below:balance.USDT <100:1767596400000"

    async def fill(store: SqliteStore) -> None:
        await store.claim(claim(entry(key=key, kind=EventKind.BALANCE_BELOW, order_no=ACCOUNT_TALK, text="")))

    place.with_store(fill)
    assert p2pbot("why", "account") == 0
    shown = capsys.readouterr().out
    assert "balance_below  balance.USDT <100\n" in shown
    assert "answered" in shown
