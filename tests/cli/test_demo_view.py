"""What is told of an order: each thing once, in its order, with its reason."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from p2pbot.cli.demo_stage import OrderView
from p2pbot.cli.demo_view import Teller, Who, why_table
from p2pbot.conversation.records import InboxEntry, OutboxRow, OutboxState
from p2pbot.model import EventKind, Path, Reason
from p2pbot.rules.ruleset import RuleSet, load_rules
from p2pbot.rules.verdict import Outcome, RuleTrace
from p2pbot.sandbox import Life, SeenLine, Speaker
from tests.fakes.records import NOW_MS, ORDER, entry, event, reply

RULES = """
version: 1
rules:
  - id: greeting
    words: [hello, hi there]
    when: {side: sell}
    reply: Hello!
  - id: later
    words: [later]
    reply: Later.
"""
FIRED = RuleTrace("greeting", Outcome.FIRED, where="somewhere/rules/a.yaml:4:5")


@pytest.fixture
def rules() -> RuleSet:
    """The two rules."""
    loaded = load_rules({"a.yaml": RULES})
    assert loaded.ruleset is not None
    return loaded.ruleset


def line(message_id: int, by: Speaker, text: str, *, uuid: str = "", kind: str = "text", at_ms: int = 0) -> SeenLine:
    """Return a line of the chat."""
    return SeenLine(message_id=message_id, by=by, kind=kind, text=text, at_ms=NOW_MS + at_ms, uuid=uuid)


def view(
    *chat: SeenLine,
    inbox: tuple[InboxEntry, ...] = (),
    outbox: tuple[OutboxRow, ...] = (),
    life: Life = Life.TRADING,
) -> OrderView:
    """Return a look at the order."""
    return OrderView(number=ORDER, life=life, chat=chat, inbox=inbox, outbox=outbox)


def decided(reason: Reason, *traces: RuleTrace, text: str = "hello") -> InboxEntry:
    """Return the decision about message 1."""
    return entry("1", text=text, reason=reason, trace=json.dumps([trace.to_json() for trace in traces]))


def told(teller: Teller, look: OrderView, rules: RuleSet) -> list[tuple[Who, str]]:
    """Return what is told, without times."""
    return [(line.who, line.text) for line in teller.news(look, rules)]


def test_a_message_its_decision_its_reply_and_its_delivery_are_told_in_this_order(rules: RuleSet) -> None:
    """Also when the exchange's clock is behind ours by some milliseconds."""
    chat = (line(1, Speaker.COUNTERPARTY, "hello", at_ms=30), line(2, Speaker.BOT, "Hello!", uuid="u", at_ms=60))
    question = replace(decided(Reason.ANSWERED, FIRED), created_at_ms=NOW_MS + 30, decided_at_ms=NOW_MS + 10)
    answer = replace(reply("u", state=OutboxState.SENT), settled_at_ms=NOW_MS + 40, reason=Reason.ECHOED, attempts=1)
    assert told(Teller(), view(*chat, inbox=(question,), outbox=(answer,)), rules) == [
        (Who.CUSTOMER, "hello"),
        (Who.SPOKE, "greeting speaks, for it has hello, side sell (a.yaml:4:5)"),
        (Who.BOT, "Hello!"),
        (Who.DELIVERY, "sent: the chat showed it (greeting)"),
    ]


def test_nothing_is_told_twice(rules: RuleSet) -> None:
    """A second look at the same tells nothing; what is new is told."""
    teller, first = Teller(), line(1, Speaker.COUNTERPARTY, "hello")
    look = view(first, inbox=(decided(Reason.NO_RULE),), outbox=(reply("u"),))
    assert told(teller, look, rules)
    assert told(teller, look, rules) == []
    assert told(teller, replace(look, chat=(first, line(2, Speaker.COUNTERPARTY, "well?"))), rules) == [
        (Who.CUSTOMER, "well?")
    ]


def test_a_delay_is_announced(rules: RuleSet) -> None:
    """Or it would look as if nothing happened."""
    answer = replace(reply("u"), not_before_ms=NOW_MS + 2500)
    ((who, text),) = told(Teller(), view(inbox=(decided(Reason.ANSWERED, FIRED),), outbox=(answer,)), rules)
    assert who is Who.SPOKE
    assert text.startswith("greeting speaks in 2.5 s, for ")


@pytest.mark.parametrize(
    ("reason", "trace", "wanted"),
    [
        (
            Reason.LIMITED,
            RuleTrace("greeting", Outcome.LIMITED, "limit", "once per order", "spoke 1 times"),
            "its limit allows (greeting: once per order, spoke 1 times)",
        ),
        (
            Reason.NO_RULE,
            RuleTrace("greeting", Outcome.NO, "when.side", "sell", "buy"),
            "no rule wanted to answer (greeting: no – when.side: wanted sell, is buy)",
        ),
        (
            Reason.NO_RULE,
            RuleTrace("greeting", Outcome.NO, "words", "hello", "none of them"),
            "no rule wanted to answer",
        ),
        (Reason.TAKEN_OVER, FIRED, "a person has taken the order over"),
    ],
)
def test_silence_has_its_reason_and_the_rule_that_came_nearest(
    rules: RuleSet, reason: Reason, trace: RuleTrace, wanted: str
) -> None:
    """A rule at its limit, or one that failed by a condition alone; words that were not said explain nothing."""
    ((who, text),) = told(Teller(), view(inbox=(decided(reason, trace),)), rules)
    assert who is Who.SILENT
    assert text.endswith(wanted)


def test_an_event_names_itself(rules: RuleSet) -> None:
    """It has no words of the customer."""
    spoke = replace(event(EventKind.ORDER_CREATED), trace=json.dumps([FIRED.to_json()]))
    silent = replace(event(EventKind.ORDER_PAID), reason=Reason.NO_RULE)
    texts = [text for _, text in told(Teller(), view(inbox=(spoke, silent)), rules)]
    assert texts[0].startswith("greeting speaks, for the event order_created, ")
    assert texts[1] == "on order_paid, no rule wanted to answer"


def test_a_message_that_was_missed_says_how_it_was_found(rules: RuleSet) -> None:
    """The socket did not bring it."""
    missed = replace(decided(Reason.NO_RULE), path=Path.HISTORY)
    ((_, text),) = told(Teller(), view(inbox=(missed,)), rules)
    assert text == "found in the history: no rule wanted to answer"


@pytest.mark.parametrize("text", ['{"type": "seller_payed"}', "[]", "not JSON"])
def test_a_card_tells_the_orders_new_state_and_is_no_decision(rules: RuleSet, text: str) -> None:
    """Whatever the card holds."""
    card = line(1, Speaker.SYSTEM, text, kind="system")
    look = view(card, inbox=(decided(Reason.SYSTEM_MESSAGE),), life=Life.PAID)
    ((who, words),) = told(Teller(), look, rules)
    assert who is Who.EXCHANGE
    assert words.startswith("the order is PAID (card ")


def test_doubt_and_its_end_are_told(rules: RuleSet) -> None:
    """A reply without echo is in doubt until the history or a second attempt settles it."""
    teller, question = Teller(), decided(Reason.ANSWERED, FIRED)
    doubtful = replace(reply("u", state=OutboxState.UNKNOWN), reason=Reason.NO_ECHO, attempts=1)
    settled = replace(doubtful, state=OutboxState.SENT, reason=Reason.FOUND_IN_HISTORY, attempts=2)
    first = told(teller, view(inbox=(question,), outbox=(doubtful,)), rules)
    assert (Who.DOUBT, "the chat did not confirm it in time; the chat's history will tell") in first
    assert told(teller, view(inbox=(question,), outbox=(settled,)), rules) == [
        (Who.DELIVERY, "sent: the chat's history shows it (greeting, attempt 2)")
    ]


def test_why_shows_the_rules_that_came_nearest_first(rules: RuleSet) -> None:
    """Who spoke, who was at a limit, who failed by a condition; the rest is counted."""
    traces = (
        RuleTrace("c", Outcome.NO, "words", "x", "none"),
        RuleTrace("b", Outcome.NO, "when.side", "sell", "buy", "r/b.yaml:1:1"),
        RuleTrace("greeting", Outcome.FIRED, where="r/a.yaml:4:5"),
    )
    rows, more = why_table(decided(Reason.ANSWERED, *traces), rules, most=2)
    assert rows == [
        ("greeting", "spoke, for it has hello, side sell", "a.yaml:4:5"),
        ("b", "no – when.side: wanted sell, is buy", "b.yaml:1:1"),
    ]
    assert more == 1
