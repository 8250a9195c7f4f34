"""A rehearsed chat: the daemon's decisions with a clock that is moved by hand."""

from __future__ import annotations

from p2pbot.conversation.rehearsal import Rehearsal
from p2pbot.model import EventKind, Reason
from p2pbot.rules.dialogue import START_MS, OrderGiven
from tests.fakes.occasions import rules

_RULES = """
  - {id: paid, words: paid, when: {side: sell, order_status: unpaid}, reply: press the button, delay: 2s..4s}
  - {id: seen, on: order_paid, reply: we check}
  - {id: picture, on: image, reply: nice}
  - {id: quiet, words: shadow, reply: boo, mode: shadow}
  - {id: person, words: human, notify: "order {{ order.number }}", handover: yes, reply: one moment}
  - {id: again, words: again, limit: {every: 10m}, reply: and again}
"""


def a_rehearsal(**order: object) -> Rehearsal:
    """Return an unpaid sale with no word said."""
    given = OrderGiven.model_validate({"side": "sell", **order})
    return Rehearsal(rules(_RULES).ruleset, given, START_MS)


def test_a_reply_comes_at_its_time() -> None:
    """Chance is its middle: three seconds."""
    rehearsal = a_rehearsal()
    turn = rehearsal.says("I paid")
    assert turn.reason is Reason.ANSWERED
    assert rehearsal.unheard() == ()
    at_ms = rehearsal.now_ms
    spoken = rehearsal.next_spoken()
    assert spoken is not None
    assert spoken.bubbles == ("press the button",)
    assert rehearsal.now_ms == at_ms + 3_000
    assert rehearsal.next_spoken() is None


def test_a_person_of_ours_cancels_what_waits_and_silences_the_order() -> None:
    """As in the daemon."""
    rehearsal = a_rehearsal()
    rehearsal.says("I paid")
    rehearsal.operator("I am here")
    assert rehearsal.next_spoken() is None
    assert rehearsal.turns[-1].spoken[0].dropped is Reason.TAKEN_OVER
    assert rehearsal.says("again").reason is Reason.TAKEN_OVER


def test_an_order_that_changes_drops_the_reply_and_raises_its_event() -> None:
    """Once."""
    rehearsal = a_rehearsal()
    rehearsal.says("I paid")
    changed = rehearsal.change(OrderGiven(order_status="paid"))
    assert changed is not None
    assert changed.stimulus.kind is EventKind.ORDER_PAID
    assert rehearsal.turns[0].spoken[0].dropped is Reason.ORDER_CHANGED
    spoken = rehearsal.next_spoken()
    assert spoken is not None
    assert spoken.rule_id == "seen"
    assert rehearsal.change(OrderGiven(order_status="paid")) is None


def test_an_event_brings_its_status_along() -> None:
    """Whoever says that the order was paid need not say it twice."""
    rehearsal = a_rehearsal()
    rehearsal.happens(EventKind.ORDER_PAID)
    assert rehearsal.says("I paid").reason is Reason.NO_RULE


def test_limits_count_and_end_with_time() -> None:
    """Ten minutes."""
    rehearsal = a_rehearsal()
    assert rehearsal.says("again").reason is Reason.ANSWERED
    assert rehearsal.says("again?").reason is Reason.LIMITED
    rehearsal.wait(600_000)
    assert rehearsal.says("once again").reason is Reason.ANSWERED


def test_an_appeal_is_silence() -> None:
    """Whatever the rules say."""
    assert a_rehearsal(order_status="appeal").says("I paid").reason is Reason.IN_APPEAL


def test_a_picture_is_an_event_of_its_own() -> None:
    """Without a text."""
    rehearsal = a_rehearsal()
    rehearsal.shows()
    spoken = rehearsal.next_spoken()
    assert spoken is not None
    assert spoken.rule_id == "picture"


def test_a_rule_in_shadow_is_heard_as_such() -> None:
    """Or it could not be tried."""
    rehearsal = a_rehearsal()
    assert rehearsal.says("shadow").reason is Reason.SHADOW
    spoken = rehearsal.next_spoken()
    assert spoken is not None
    assert spoken.shadow


def test_a_handover_says_its_word_and_then_nothing() -> None:
    """The order is muted, its own reply goes out."""
    rehearsal = a_rehearsal()
    rehearsal.says("a human please")
    spoken = rehearsal.next_spoken()
    assert spoken is not None
    assert (spoken.handover, spoken.notify) == (True, ("order 20000000000000000000",))
    assert rehearsal.says("again").reason is Reason.MUTED


def test_two_machines_do_not_talk_for_ever() -> None:
    """What quotes us is no person."""
    rehearsal = a_rehearsal()
    rehearsal.says("I paid")
    assert rehearsal.next_spoken() is not None
    assert rehearsal.says("press the button").reason is Reason.QUOTES_US


_TIMED = """
  - {id: quiet, on: silence, for: 5m, reply: Are you there?}
  - {id: both, words: [bank, card], debounce: 3s, reply: One answer}
  - {id: expiring, on: payment_expiring, before: 5m, reply: Hurry}
  - {id: told, on: operator_message, words: go on, unmute: yes, notify: "on {{ order.number }}"}
  - {id: dispute, on: appeal_opened, notify: "appeal {{ order.number }}"}
  - {id: after, on: appeal_closed, notify: "over {{ order.number }}"}
"""


def a_timed_rehearsal() -> Rehearsal:
    """Return an unpaid sale with rules that wait."""
    return Rehearsal(rules(_TIMED).ruleset, OrderGiven.model_validate({"side": "sell"}), START_MS)


def spoken_ids(rehearsal: Rehearsal) -> list[str]:
    """Return which rules speak, one after the other."""
    return [spoken.rule_id for spoken in iter(rehearsal.next_spoken, None)]


def test_silence_is_heard_while_time_passes() -> None:
    """Five minutes after the last word, once."""
    rehearsal = a_timed_rehearsal()
    rehearsal.says("hello")
    rehearsal.wait(299_000)
    assert spoken_ids(rehearsal) == []
    rehearsal.wait(2_000)
    assert spoken_ids(rehearsal) == ["quiet"]
    rehearsal.wait(3_600_000)
    assert spoken_ids(rehearsal) == []


def test_a_burst_is_answered_as_one() -> None:
    """The first is put off, the second answered with it."""
    rehearsal = a_timed_rehearsal()
    assert rehearsal.says("bank?").reason is Reason.DEBOUNCED
    rehearsal.says("or card?")
    assert spoken_ids(rehearsal) == ["both"]
    assert rehearsal.turns[-1].reason is Reason.ANSWERED
    assert rehearsal.says("card").reason is Reason.LIMITED


def test_a_single_message_is_answered_when_its_burst_is_over() -> None:
    """Three seconds."""
    rehearsal = a_timed_rehearsal()
    rehearsal.says("bank?")
    at_ms = rehearsal.now_ms
    assert spoken_ids(rehearsal) == ["both"]
    assert rehearsal.now_ms == at_ms + 3_000


def test_an_event_of_a_timer_can_be_raised_by_name() -> None:
    """Where the deadline is not known."""
    rehearsal = a_timed_rehearsal()
    rehearsal.happens(EventKind.PAYMENT_EXPIRING)
    assert spoken_ids(rehearsal) == ["expiring"]


def test_what_a_person_of_ours_writes_is_an_event() -> None:
    """One may give the order back to the bot by a word."""
    rehearsal = a_timed_rehearsal()
    rehearsal.operator("I look")
    assert rehearsal.says("bank").reason is Reason.TAKEN_OVER
    rehearsal.operator("go on")
    assert spoken_ids(rehearsal) == ["told"]


def test_an_appeal_begins_and_ends() -> None:
    """Both are events; the end is no payment."""
    rehearsal = a_timed_rehearsal()
    rehearsal.change(OrderGiven(order_status="appeal"))
    rehearsal.change(OrderGiven(order_status="paid"))
    assert spoken_ids(rehearsal) == ["dispute", "after"]
