"""One decision: every branch has its reason, what it changes is one claim, and nothing private leaves it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.decision import (
    Decision,
    Policy,
    Situation,
    decide,
    early_reason,
    entry_of_message,
    forbidding_reason,
    message_key,
    unanswered,
)
from p2pbot.conversation.gate import late_reason
from p2pbot.conversation.limits import Caps
from p2pbot.conversation.orders import order_heard, remembered
from p2pbot.conversation.records import Mute, OrderMemory, OutboxState, SaidText, Talk
from p2pbot.model import (
    ChatMessage,
    Counterparty,
    EventKind,
    FiringCount,
    ImageRef,
    LimitScope,
    MessageKind,
    Mode,
    OrderStatus,
    Path,
    PaymentMethod,
    Reason,
    Side,
    Stimulus,
    SystemEvent,
    SystemEventKind,
    Topic,
)
from tests.fakes.chance import FixedChance
from tests.fakes.occasions import NOW_MS, NUMBER, an_order, happened, rules

ACCOUNT = "main"
LIVE = Policy(mode=Mode.LIVE)
PAID_CLAIM = """
  - id: paid-claim
    words: [paid]
    when: {side: sell, order_status: unpaid}
    delay: 2s..4s
    reply: "Please press the button in order {{ order.number }}."
"""
ALWAYS = """
  - id: always
    words: [hello, paid]
    limit: {every: 1ms}
    reply: "hi"
"""
HANDOVER = """
  - id: angry
    words: [paid]
    notify: "Order {{ order.number }} needs you."
    handover: {for: 2h, reason: an angry customer}
    reply: "A colleague will answer you."
"""


def message(text: str = "I paid", **more: Any) -> ChatMessage:
    """Return a text of the counterparty, said just now."""
    usual: dict[str, Any] = {"message_id": "1", "from_us": False, "created_at_ms": NOW_MS}
    return ChatMessage(order_no=NUMBER, kind=MessageKind.TEXT, path=Path.SOCKET, text=text, **(usual | more))


def stimulus_of(said: ChatMessage) -> Stimulus:
    """Return the stimulus that a message is."""
    return Stimulus(
        kind=EventKind.MESSAGE, order_no=NUMBER, key=message_key(said), at_ms=said.created_at_ms or NOW_MS, message=said
    )


def memory(status: OrderStatus = OrderStatus.UNPAID, **more: Any) -> OrderMemory:
    """Return what is remembered of an order."""
    return OrderMemory(account=ACCOUNT, order_no=NUMBER, status=status, seen_at_ms=NOW_MS, **more)


def situation(what: ChatMessage | Stimulus | str = "I paid", rule: str = PAID_CLAIM, **known: Any) -> Situation:
    """Return a situation in which the rule would speak, but for what the test says."""
    said = message(what) if isinstance(what, str) else what
    usual: dict[str, Any] = {"memory": memory(), "talk": Talk(), "order": an_order(), "now_ms": NOW_MS}
    return Situation(
        account=ACCOUNT,
        stimulus=stimulus_of(said) if isinstance(said, ChatMessage) else said,
        rules=rules(rule).ruleset,
        **(usual | known),
    )


def decided(case: Situation, policy: Policy = LIVE) -> Decision:
    """Decide with the dice in the middle."""
    return decide(case, policy, FixedChance())


def test_an_answer_is_one_claim_with_entry_reply_and_firing() -> None:
    """Everything that one transaction writes."""
    claim = decided(situation()).claim
    (row,), (mark,) = claim.replies, claim.firings
    assert (claim.entry.reason, claim.entry.key, claim.entry.message_id) == (Reason.ANSWERED, "m:1", "1")
    assert (row.state, row.rule_id, row.stimulus_key) == (OutboxState.CLAIMED, "paid-claim", "m:1")
    assert row.text == f"Please press the button in order {NUMBER}."
    assert (mark.group, mark.scope, mark.scope_id) == ("paid-claim", LimitScope.ORDER, NUMBER)
    assert claim.memory == memory(language="en")


def test_a_reply_waits_for_its_delay_and_expires_after_it() -> None:
    """The rule's ``delay`` by chance, its ``expires`` from then on."""
    (row,) = decided(situation()).claim.replies
    assert (row.created_at_ms, row.not_before_ms) == (NOW_MS, NOW_MS + 3_000)
    assert row.expires_at_ms == NOW_MS + 3_000 + 120_000


def test_each_bubble_is_a_row_of_its_own_in_the_order_of_the_rule() -> None:
    """With an identity of its own; also over several rules that speak together."""
    first = '  - {id: a, words: paid, continue: yes, reply: [one, two]}\n  - {id: b, words: paid, reply: "three"}'
    rows = decided(situation(rule=first)).claim.replies
    assert [(row.rule_id, row.text) for row in rows] == [("a", "one"), ("a", "two"), ("b", "three")]
    assert len({row.uuid for row in rows}) == 3


SAID = SaidText(text="Please press the button in your order.", at_ms=NOW_MS - 1_000, written_at_ms=NOW_MS - 1_000)
OVER = Mute(reason=Reason.TAKEN_OVER, since_ms=NOW_MS - 60_000, until_ms=NOW_MS - 1)
JUST_SILENT = memory(last_operator_ms=NOW_MS - 60_000, mute=OVER)
TAKEN_OVER = memory(mute=Mute(reason=Reason.TAKEN_OVER, since_ms=NOW_MS - 1))


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (situation(message(created_at_ms=NOW_MS - 600_001)), Reason.TOO_OLD),
        (situation(memory=memory(last_operator_ms=NOW_MS + 1)), Reason.BACKLOG),
        (situation(talk=Talk(paused=True)), Reason.PAUSED),
        (situation(memory=TAKEN_OVER), Reason.TAKEN_OVER),
        (situation(message(SAID.text), talk=Talk(said=(SAID,))), Reason.QUOTES_US),
        (situation(talk=Talk(said=(SAID,), last_inbound="i paid")), Reason.MACHINE_FAST),
        (situation(order=None), Reason.ORDER_UNKNOWN),
        (situation(order=an_order(status=OrderStatus.UNKNOWN)), Reason.ORDER_UNKNOWN),
        (situation(order=an_order(status=OrderStatus.APPEAL)), Reason.IN_APPEAL),
        (situation(memory=memory(OrderStatus.APPEAL), order=an_order(status=OrderStatus.PAID)), Reason.IN_APPEAL),
        (situation(order=an_order(status=OrderStatus.CANCELLED)), Reason.ORDER_UNKNOWN),
        (situation("how are you"), Reason.NO_RULE),
        (situation(order=an_order(status=OrderStatus.PAID)), Reason.NO_RULE),
        (situation(memory=JUST_SILENT), Reason.NO_RULE),
        (situation(talk=Talk(replies_order_1h=20)), Reason.CAP_ORDER),
        (situation(talk=Talk(replies_counterparty_24h=60)), Reason.CAP_COUNTERPARTY),
        (situation(talk=Talk(replies_account_1m=60)), Reason.CAP_ACCOUNT),
        (situation(rule=ALWAYS, talk=Talk(streak=5, last_inbound="I paid ")), Reason.BREAKER),
        (situation(rule='  - {id: a, words: paid, reply: "paid at {{ order.paid }}"}'), Reason.RENDER_FAILED),
    ],
)
def test_what_is_not_answered_is_recorded_with_its_reason_and_says_nothing(case: Situation, reason: Reason) -> None:
    """The inbox entry is written, so the message is never decided again; no reply, no firing."""
    decision = decided(case)
    assert decision.reason is reason
    assert (decision.claim.replies, decision.claim.firings) == ((), ())
    assert decision.claim.entry.key == "m:1"


def test_a_rule_that_has_spoken_is_silent_and_so_are_those_behind_it() -> None:
    """Once per order is the default; the limit is kept by the firing that the first decision claimed."""
    first = decided(situation()).claim.firings
    counts = tuple(
        FiringCount(group=mark.group, scope=mark.scope, scope_id=mark.scope_id, count=1, last_ms=mark.at_ms)
        for mark in first
    )
    repeated = situation(message("paid!!", message_id="2"), talk=Talk(firings=counts, inbound=1))
    assert decided(repeated).reason is Reason.LIMITED


def test_an_order_that_was_resumed_is_answered_at_once() -> None:
    """A silence that ended by itself leaves the person ten minutes; one that was lifted leaves none."""
    assert decided(situation(memory=JUST_SILENT)).reason is Reason.NO_RULE
    assert decided(situation(memory=replace(JUST_SILENT, mute=None))).reason is Reason.ANSWERED


def test_the_breaker_mutes_the_order_until_it_is_resumed_and_tells_the_operator() -> None:
    """Two machines would talk for ever."""
    decision = decided(situation(rule=ALWAYS, talk=Talk(streak=5, last_inbound="I paid")))
    assert decision.claim.memory is not None
    assert decision.claim.memory.mute == Mute(reason=Reason.BREAKER, since_ms=NOW_MS, until_ms=None)
    assert [notice.order_no for notice in decision.notices] == [NUMBER]


def test_a_text_that_says_something_new_starts_the_breaker_anew() -> None:
    """People repeat themselves; machines do nothing else."""
    talk = Talk(streak=50, last_inbound="hello")
    assert decided(situation(rule=ALWAYS, talk=talk)).reason is Reason.ANSWERED


def test_a_cap_that_is_reached_is_told_and_mutes_nothing() -> None:
    """The next hour the bot speaks again."""
    decision = decided(situation(talk=Talk(replies_order_1h=20)))
    assert decision.claim.memory == memory(language="en")
    assert [notice.key for notice in decision.notices] == [f"cap_order:{ACCOUNT}:{NUMBER}"]


def test_a_reply_of_several_bubbles_goes_out_whole_or_not_at_all() -> None:
    """A cap does not cut it in the middle."""
    policy = replace(LIVE, caps=Caps(order_replies_per_hour=3))
    two = situation(rule="  - {id: a, words: paid, reply: [one, two]}", talk=Talk(replies_order_1h=2))
    assert decided(two, policy).reason is Reason.CAP_ORDER


@pytest.mark.parametrize("event", [EventKind.ORDER_CREATED, EventKind.ORDER_PAID])
def test_an_event_is_decided_under_its_key(event: EventKind) -> None:
    """So that it is answered once, by whatever path it is heard again."""
    rule = f'  - {{id: a, on: {event.value}, reply: "hi"}}'
    claim = decided(situation(happened(event), rule)).claim
    assert (claim.entry.reason, claim.entry.key, claim.entry.kind) == (Reason.ANSWERED, f"e:{event.value}", event)
    assert claim.entry.from_us is None


def test_an_event_of_the_past_is_not_answered() -> None:
    """Nor one whose time nobody knows."""
    for at_ms in (NOW_MS - 600_001, 0):
        late = replace(happened(EventKind.ORDER_PAID), at_ms=at_ms)
        assert decided(situation(late, '  - {id: a, on: order_paid, reply: "hi"}')).reason is Reason.TOO_OLD


def test_what_needs_no_facts_is_decided_before_they_are_fetched() -> None:
    """A muted order costs no call; an order's own state is asked only with its facts."""
    assert early_reason(situation(memory=TAKEN_OVER, order=None), LIVE) is Reason.TAKEN_OVER
    assert early_reason(situation(order=None), LIVE) is None
    assert forbidding_reason(situation(order=None), LIVE) is Reason.ORDER_UNKNOWN


def test_shadow_mode_records_what_it_would_have_said_and_does_nothing_else() -> None:
    """Rows that are final, firings that count; no mute, no word to the operator."""
    decision = decided(situation(rule=HANDOVER), Policy(mode=Mode.SHADOW))
    (row,) = decision.claim.replies
    assert decision.reason is Reason.SHADOW
    assert (row.state, row.reason, row.settled_at_ms) == (OutboxState.SHADOW, Reason.SHADOW, NOW_MS)
    assert decision.claim.firings
    assert decision.claim.memory == memory(language="en")
    assert decision.notices == ()


def test_a_rule_in_shadow_speaks_only_to_the_record_while_a_live_one_speaks() -> None:
    """New wording is tried beside the old."""
    both = """
  - {id: new, mode: shadow, priority: 1, words: paid, reply: "new words", handover: yes}
  - {id: old, words: paid, reply: "old words"}
"""
    decision = decided(situation(rule=both))
    states = {row.rule_id: row.state for row in decision.claim.replies}
    assert decision.reason is Reason.ANSWERED
    assert states == {"new": OutboxState.SHADOW, "old": OutboxState.CLAIMED}
    assert decision.claim.memory == memory(language="en")
    assert decision.notices == ()


def test_a_handover_mutes_the_order_and_calls_the_operator() -> None:
    """Its own reply still goes out; the notice is urgent and says why."""
    decision = decided(situation(rule=HANDOVER))
    handed = decision.claim.memory
    assert handed is not None
    assert handed.mute == Mute(reason=Reason.MUTED, since_ms=NOW_MS, until_ms=NOW_MS + 7_200_000)
    (row,) = decision.claim.replies
    assert late_reason(row, handed, paused=False, now_ms=NOW_MS + 1_000) is None
    words = {notice.text: notice.urgent for notice in decision.notices}
    assert words == {
        f"Order {NUMBER} needs you.": False,
        "Rule angry hands this order to you: an angry customer": True,
    }


def test_of_two_handovers_the_longer_counts() -> None:
    """Two rules that speak together: the order is the person's as long as either says."""
    both = "  - {id: a, words: paid, continue: yes, handover: yes}\n  - {id: b, words: paid, handover: 2h}"
    handed = decided(situation(rule=both)).claim.memory
    assert handed is not None
    assert handed.mute == Mute(reason=Reason.MUTED, since_ms=NOW_MS, until_ms=None)


def test_rules_in_quarantine_are_left_out() -> None:
    """A pattern that once ran too long is not asked again."""
    assert decided(situation(left_out=frozenset({"paid-claim"}))).reason is Reason.NO_RULE


@pytest.mark.parametrize(("inbound", "answered"), [(0, True), (1, False)])
def test_a_message_knows_its_number_in_the_talk(inbound: int, answered: bool) -> None:  # noqa: FBT001 - a table
    """The one that is being decided is not counted yet."""
    first = '  - {id: a, when: {first_message: yes, message_no: "1"}, reply: "hi"}'
    reason = decided(situation(rule=first, talk=Talk(inbound=inbound))).reason
    assert (reason is Reason.ANSWERED) is answered


def test_a_state_that_lags_behind_a_card_is_not_used() -> None:
    """The card said PAID, the detail still says UNPAID: who has paid is not asked to pay."""
    lagging = situation(memory=memory(OrderStatus.PAID), order=an_order(status=OrderStatus.UNPAID))
    assert decided(lagging).reason is Reason.NO_RULE


def test_sides_that_disagree_answer_neither_as_seller_nor_as_buyer() -> None:
    """An unknown side is no side: rules that ask for one do not speak."""
    for side in Side:
        disputed = memory(side=Side.BUY if side is Side.SELL else Side.SELL)
        for asked in Side:
            rule = f'  - {{id: a, words: paid, when: {{side: {asked.value}}}, reply: "hi"}}'
            assert decided(situation(rule=rule, memory=disputed, order=an_order(side=side))).reason is Reason.NO_RULE


STATUSES = st.sampled_from(OrderStatus)


@given(
    STATUSES,
    STATUSES,
    st.integers(-100_000, 100_000),
    st.none() | st.integers(1, 10_000_000),
    st.sampled_from([PAID_CLAIM, ALWAYS, HANDOVER]),
)
def test_what_is_claimed_would_pass_the_gate_at_once(
    known: OrderStatus, told: OrderStatus, heard_after_ms: int, muted_until_ms: int | None, rule: str
) -> None:
    """A decision never claims what the last look would drop for the very reasons that the decision knew."""
    mute = Mute(reason=Reason.MUTED, since_ms=0, until_ms=muted_until_ms) if muted_until_ms else None
    order = an_order(status=told)
    heard = remembered(memory(known, mute=mute), order_heard(order, NOW_MS + heard_after_ms, ""), ACCOUNT, NUMBER)
    case = situation(rule=rule, memory=heard, order=order)
    claim = decided(case).claim
    for row in claim.replies:
        assert late_reason(row, claim.memory, paused=False, now_ms=NOW_MS) is None


PRIVATE = ["IVANSECRET", "DE00SECRETIBAN", "SECRETWORDS", "nickSECRET", "RENDERED"]
INDISCREET = """
  - id: tells-all
    words: [paid]
    regex: 'I paid (?P<what>\\w+)'
    notify: "Order {{ order.number }}."
    handover: yes
    when: {side: sell, order_status: unpaid}
    reply:
      - "RENDERED {{ counterparty.first_name }} {{ counterparty.nickname }}"
      - "RENDERED {{ payment.iban }} {{ match.what }} {{ message.text }}"
  - {id: other, words: [nothing], when: {counterparty: {nickname: somebody}}, reply: "RENDERED"}
  - {id: third, when: {side: buy, amount: ">1000000"}, reply: "RENDERED"}
  - {id: fourth, when: {counterparty: {nickname: somebody}}, reply: "RENDERED"}
"""


def indiscreet(**more: Any) -> Situation:
    """Return a situation full of what must stay in the chat."""
    method = PaymentMethod(method_id="1", identifier="SEPA", name="SEPA", fields=(("IBAN", "", "DE00SECRETIBAN"),))
    order = an_order(
        payment_methods=(method,),
        selected_payment_id="1",
        counterparty=Counterparty(nickname="nickSECRET", real_name="IVANSECRET PETROV"),
        amount=Decimal(7),
    )
    return situation("I paid SECRETWORDS", INDISCREET, order=order, **more)


@pytest.mark.parametrize("talk", [Talk(), Talk(replies_order_1h=20)])
@pytest.mark.parametrize("policy", [LIVE, Policy()])
def test_traces_notices_and_reprs_hold_nothing_private(talk: Talk, policy: Policy) -> None:
    """No rendered text, name, bank data or word of the talk: they go to the chat and to the store's texts only."""
    decision = decided(indiscreet(talk=talk), policy)
    shown = [decision.claim.entry.trace, repr(decision), *(notice.text + notice.key for notice in decision.notices)]
    assert [word for word in PRIVATE if any(word.lower() in text.lower() for text in shown)] == []
    if decision.claim.replies:
        assert "DE00SECRETIBAN" in decision.claim.replies[1].text


def test_a_trace_says_of_each_rule_why_it_spoke_or_not() -> None:
    """The operator's ``why`` reads it months later, so the rules' hash stands beside it."""
    entry = decided(situation(order=an_order(status=OrderStatus.PAID))).claim.entry
    (line,) = json.loads(entry.trace)
    assert (line["rule_id"], line["outcome"], line["check"]) == ("paid-claim", "no", "when.order_status")
    assert entry.ruleset == rules(PAID_CLAIM).ruleset.hash


def test_without_a_verdict_there_is_no_trace() -> None:
    """No rule was asked."""
    assert unanswered(situation(), Reason.PAUSED).claim.entry.trace == "[]"


def test_an_entry_keeps_what_was_said_by_whom_and_when() -> None:
    """And hides the text from logs."""
    entry = entry_of_message(ACCOUNT, message("SECRETWORDS", uuid="u"), Reason.NO_RULE, NOW_MS + 5)
    assert (entry.text, entry.from_us, entry.created_at_ms, entry.decided_at_ms, entry.uuid) == (
        "SECRETWORDS",
        False,
        NOW_MS,
        NOW_MS + 5,
        "u",
    )
    assert "SECRETWORDS" not in repr(entry)


BARE = message(message_id="", uuid="")


@pytest.mark.parametrize(
    "other",
    [
        replace(BARE, text="I paid!"),
        replace(BARE, created_at_ms=NOW_MS + 1),
        replace(BARE, kind=MessageKind.IMAGE),
        replace(BARE, from_us=None),
        replace(BARE, image=ImageRef(image_url="https://example.test/1.jpg")),
        replace(BARE, system=SystemEvent(kind=SystemEventKind.UNKNOWN, raw_type="x")),
        replace(BARE, message_id="1"),
        replace(BARE, uuid="1"),
    ],
)
def test_messages_without_ids_are_told_apart_by_what_they_are(other: ChatMessage) -> None:
    """Two texts of one millisecond are two messages; the same push again is one."""
    assert message_key(other) != message_key(BARE)
    assert message_key(replace(other, status="read")) == message_key(other)


def test_an_id_names_a_message_before_its_uuid() -> None:
    """As the store compares them."""
    assert message_key(message(message_id="7", uuid="u")) == "m:7"
    assert message_key(message(message_id="", uuid="u")) == "u:u"


@given(st.text())
def test_a_key_shows_four_bytes_of_a_hash_and_nothing_of_the_text(text: str) -> None:
    """Keys are logged."""
    assert re.fullmatch(rf"t:text:{NOW_MS}:[0-9a-f]{{8}}", message_key(replace(BARE, text=text)))


def test_an_appeal_is_told_whatever_the_rules_say() -> None:
    """An appeal is a word to the operator, urgent and about its order, though no rule speaks of it."""
    appeal = happened(EventKind.APPEAL_OPENED)
    decision = decided(situation(appeal, order=an_order(status=OrderStatus.APPEAL)))
    assert decision.notices == ()
    (word,) = decision.words()
    assert (word.topic, word.urgent, word.account, word.order_no) == (Topic.APPEAL, True, ACCOUNT, appeal.order_no)


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind not in (EventKind.APPEAL_OPENED, EventKind.IMAGE)])
def test_other_events_are_told_by_rules_alone(kind: EventKind) -> None:
    """No other event is a word unless a rule makes it one."""
    assert decided(situation(happened(kind))).words() == ()
