"""What a rule does beside replying, the events in which it may not reply, and messages answered as one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from p2pbot.conversation.decision import Decision, Policy, Situation, decide
from p2pbot.conversation.records import Mute, OrderMemory, OutboxState, Talk
from p2pbot.model import ChatMessage, EventKind, MessageKind, Mode, OrderStatus, Path, Reason, Stimulus
from p2pbot.rules.spec import MAX_TAGS
from tests.fakes.chance import FixedChance
from tests.fakes.occasions import NOW_MS, NUMBER, an_order, happened, rules

LIVE = Policy(mode=Mode.LIVE)
TAKEN_OVER = Mute(reason=Reason.TAKEN_OVER, since_ms=NOW_MS)
OPERATOR_SAYS = Stimulus(
    kind=EventKind.OPERATOR_MESSAGE,
    order_no=NUMBER,
    key="e:operator_message:m:9",
    at_ms=NOW_MS,
    message=ChatMessage(
        order_no=NUMBER, kind=MessageKind.TEXT, path=Path.SOCKET, message_id="9", text="go on, bot", from_us=True
    ),
)


def said(text: str) -> Stimulus:
    """Return what the counterparty writes now."""
    message = ChatMessage(
        order_no=NUMBER,
        kind=MessageKind.TEXT,
        path=Path.SOCKET,
        message_id="1",
        text=text,
        from_us=False,
        created_at_ms=NOW_MS,
    )
    return Stimulus(kind=EventKind.MESSAGE, order_no=NUMBER, key="m:1", at_ms=NOW_MS, message=message)


def memory(**known: Any) -> OrderMemory:
    """Return what is remembered of an unpaid order."""
    usual: dict[str, Any] = {"status": OrderStatus.UNPAID, "seen_at_ms": NOW_MS}
    return OrderMemory(account="main", order_no=NUMBER, **(usual | known))


def decided(rule: str, stimulus: Stimulus, policy: Policy = LIVE, **known: Any) -> Decision:
    """Decide by one rule."""
    usual: dict[str, Any] = {"memory": memory(), "talk": Talk(), "order": an_order(), "now_ms": NOW_MS}
    case = Situation(account="main", stimulus=stimulus, rules=rules(f"  - {rule}").ruleset, **(usual | known))
    return decide(case, policy, FixedChance())


@pytest.mark.parametrize("kind", [EventKind.APPEAL_OPENED, EventKind.APPEAL_CLOSED])
def test_an_appeal_is_told_to_the_operator_whatever_is_muted(kind: EventKind) -> None:
    """Nobody is answered, so neither a mute nor the appeal itself forbids it."""
    decision = decided(
        f"{{id: a, on: {kind.value}, notify: 'Look at {{{{ order.number }}}}'}}".replace("'", '"'),
        happened(kind),
        order=an_order(status=OrderStatus.APPEAL),
        memory=memory(status=OrderStatus.APPEAL, mute=TAKEN_OVER, last_operator_ms=NOW_MS),
    )
    assert [notice.text for notice in decision.notices] == [f"Look at {NUMBER}"]
    assert decision.claim.replies == ()
    assert decision.reason is Reason.ANSWERED


def test_a_pause_stops_even_notices() -> None:
    """The kill switch is for everything."""
    rule = "{id: a, on: appeal_opened, notify: Look}"
    assert decided(rule, happened(EventKind.APPEAL_OPENED), talk=Talk(paused=True)).reason is Reason.PAUSED


def test_an_operators_word_can_give_the_order_back() -> None:
    """It has an entry of its own, without the text, which stands in the message's."""
    rule = "{id: a, on: operator_message, words: go on, unmute: yes}"
    decision = decided(rule, OPERATOR_SAYS, memory=memory(mute=TAKEN_OVER, last_operator_ms=NOW_MS))
    assert decision.claim.memory is not None
    assert decision.claim.memory.mute is None
    entry = decision.claim.entry
    assert (entry.key, entry.kind, entry.text, entry.message_id) == (
        OPERATOR_SAYS.key,
        EventKind.OPERATOR_MESSAGE,
        "",
        "",
    )


def test_another_word_of_the_operator_changes_nothing() -> None:
    """The takeover stands."""
    rule = "{id: a, on: operator_message, words: bot off, unmute: yes}"
    decision = decided(rule, OPERATOR_SAYS, memory=memory(mute=TAKEN_OVER, last_operator_ms=NOW_MS))
    assert decision.reason is Reason.NO_RULE
    assert decision.claim.memory is not None
    assert decision.claim.memory.mute == TAKEN_OVER


def test_a_tag_is_kept_with_the_order_and_asked_by_rules() -> None:
    """It replaces an older value; what else is set stays."""
    decision = decided(
        "{id: a, words: hi, set: {vip: yes}}", said("hi"), memory=memory(tags=(("vip", "x"), ("b", "1")))
    )
    assert decision.claim.memory is not None
    assert decision.claim.memory.tags == (("b", "1"), ("vip", "yes"))
    asking = "{id: a, words: hi, when: {tag: {vip: yes}}, reply: Hello}"
    assert decided(asking, said("hi"), memory=decision.claim.memory).reason is Reason.ANSWERED
    assert decided(asking, said("hi")).reason is Reason.NO_RULE


def test_an_order_carries_so_many_tags() -> None:
    """The oldest make room."""
    many = tuple((f"t{at}", "1") for at in range(MAX_TAGS))
    decision = decided("{id: a, words: hi, set: {vip: yes}}", said("hi"), memory=memory(tags=many))
    assert decision.claim.memory is not None
    assert decision.claim.memory.tags == (*many[1:], ("vip", "yes"))


def test_a_rule_in_shadow_sets_nothing() -> None:
    """Or rules that are live would follow it."""
    decision = decided("{id: a, words: hi, mode: shadow, set: {vip: yes}}", said("hi"))
    assert decision.claim.memory is not None
    assert decision.claim.memory.tags == ()


def test_stop_ends_the_search_in_silence_as_often_as_it_fits() -> None:
    """No other rule speaks, and no limit wears it out."""
    two = "{id: a, words: spam, stop: yes}\n  - {id: b, reply: Hello}"
    decision = decided(two, said("spam"))
    assert (decision.reason, decision.claim.replies, decision.claim.firings) == (Reason.STOPPED, (), ())
    assert decided(two, said("hi")).reason is Reason.ANSWERED


def test_typing_takes_its_time_bubble_by_bubble() -> None:
    """As long as a person would need."""
    rule = f"{{id: a, words: hi, delay: {{typing: 10cps}}, reply: [{'x' * 20}, {'y' * 30}, {'z' * 900}]}}"
    rows = decided(rule, said("hi")).claim.replies
    assert [row.not_before_ms - NOW_MS for row in rows] == [2_000, 5_000, 65_000]
    assert {row.state for row in rows} == {OutboxState.CLAIMED}


def test_the_language_stays_and_a_script_outweighs_small_words() -> None:
    """Many say "hi" and go on in their own language; nobody who writes Russian becomes English by an "ok thanks"."""
    rule = "{id: a, limit: {at_most: 9}, reply: {en: Hello, ru: Привет, es: Hola}}"
    said_so_far, known = [], memory()
    for text in ("hello please", "gracias por todo", "как оплатить?", "ok thanks", "好"):
        claim = decided(rule, said(text), memory=known).claim
        assert claim.memory is not None
        known = claim.memory
        said_so_far.append(claim.replies[0].text)
    assert said_so_far == ["Hello", "Hola", "Привет", "Привет", "Привет"]
    assert known.language == "ru"


def test_messages_that_were_put_off_are_answered_with_the_last() -> None:
    """The rule hears all of them as one text; the entry keeps the last one's own."""
    rule = "{id: a, all_words: [i, paid], debounce: 3s, reply: Thanks}"
    decision = decided(rule, said("paid"), burst=("hello", "I"))
    assert (decision.reason, decision.debounce_ms) == (Reason.ANSWERED, 3_000)
    assert decision.claim.entry.text == "paid"
    assert decided(rule, said("paid")).debounce_ms == 0


def test_a_silence_that_we_break_ourselves_counts_as_a_streak() -> None:
    """A bot that fills every silence talks to itself: the breaker ends it."""
    silence = replace(happened(EventKind.SILENCE), span_ms=300_000)
    rule = "{id: a, on: silence, for: 5m, limit: {every: 1m}, reply: Still there?}"
    assert decided(rule, silence, talk=Talk(streak=4)).reason is Reason.ANSWERED
    assert decided(rule, silence, talk=Talk(streak=5)).reason is Reason.BREAKER


@pytest.mark.parametrize(("span_ms", "speaks"), [(300_000, True), (60_000, False)])
def test_a_timer_calls_the_rules_of_its_own_span(span_ms: int, speaks: bool) -> None:  # noqa: FBT001 - a column
    """Others wait for theirs."""
    rule = "{id: a, on: payment_expiring, before: 5m, reply: Hurry}"
    event = replace(happened(EventKind.PAYMENT_EXPIRING), span_ms=span_ms)
    assert (decided(rule, event).reason is Reason.ANSWERED) is speaks


def test_a_warning_for_an_order_that_was_paid_meanwhile_is_not_said() -> None:
    """The facts are newer than the plan."""
    event = replace(happened(EventKind.PAYMENT_EXPIRING), span_ms=300_000)
    rule = "{id: a, on: payment_expiring, before: 5m, reply: Hurry}"
    paid = an_order(status=OrderStatus.PAID)
    assert decided(rule, event, order=paid, memory=memory(status=OrderStatus.PAID)).reason is Reason.ORDER_CHANGED


def test_the_exchanges_own_card_calls_rules_without_a_span() -> None:
    """And no rule that has one."""
    card = happened(EventKind.PAYMENT_EXPIRING)
    assert decided("{id: a, on: payment_expiring, reply: Hurry}", card).reason is Reason.ANSWERED
    assert decided("{id: a, on: payment_expiring, before: 5m, reply: Hurry}", card).reason is Reason.NO_RULE
