"""A reply's life: which event leads where, what each leaves in the row, and the few ways back to being written."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.delivery import DELIVERY, DeliveryEvent, DeliveryPolicy, advanced, dropped, missing, refused
from p2pbot.conversation.records import OutboxState
from p2pbot.errors import IllegalTransition
from p2pbot.model import Reason
from tests.fakes.records import NOW_MS, reply

E: TypeAlias = DeliveryEvent
S: TypeAlias = OutboxState
POLICY = DeliveryPolicy()
ROW = reply("u1")
SENDING = advanced(ROW, E.WRITE, NOW_MS)
UNKNOWN = advanced(SENDING, E.LOST, NOW_MS + 100)
FINAL = [state for state in S if state.is_final]


def test_a_write_is_counted_and_timed_before_it_happens() -> None:
    """SENDING with its time is what a crash leaves behind."""
    assert (SENDING.state, SENDING.attempts, SENDING.sending_at_ms) == (S.SENDING, 1, NOW_MS)


@pytest.mark.parametrize(
    ("event", "reason"),
    [(E.NO_ECHO, Reason.NO_ECHO), (E.LOST, Reason.CONNECTION_LOST), (E.CRASH, Reason.CRASHED)],
)
def test_what_ends_a_write_without_an_answer_leads_to_doubt_and_nowhere_else(event: E, reason: Reason) -> None:
    """Never back to CLAIMED: that would be a blind resend."""
    after = advanced(SENDING, event, NOW_MS + 5)
    assert (after.state, after.reason, after.sending_at_ms) == (S.UNKNOWN, reason, NOW_MS)


@pytest.mark.parametrize("state", [S.CLAIMED, S.SENDING, S.UNKNOWN])
@pytest.mark.parametrize(("event", "reason"), [(E.ECHO, Reason.ECHOED), (E.FOUND, Reason.FOUND_IN_HISTORY)])
def test_a_reply_that_the_exchange_shows_is_sent_whatever_we_thought(state: S, event: E, reason: Reason) -> None:
    """Also one that was judged missing too early and waits to be written again."""
    after = advanced(replace(SENDING, state=state), event, NOW_MS + 9, message_id="77")
    assert (after.state, after.reason, after.message_id, after.settled_at_ms) == (S.SENT, reason, "77", NOW_MS + 9)


def test_only_doubt_can_be_found_missing() -> None:
    """MISSING of a reply that was never in doubt is our bug."""
    assert [state for state in S if DELIVERY.allows(state, E.MISSING)] == [S.UNKNOWN]


def test_the_only_ways_back_to_claimed_are_a_passing_refusal_and_a_look_that_did_not_find_it() -> None:
    """Everything that leads to a second write is a known outcome of the first."""
    ways = {
        (state, event) for state, row in DELIVERY.table.items() for event, after in row.items() if after is S.CLAIMED
    }
    assert {event for _, event in ways} == {E.REFUSED_PASSING, E.MISSING}


@pytest.mark.parametrize("state", FINAL)
@pytest.mark.parametrize("event", E)
def test_nothing_happens_to_a_settled_reply(state: S, event: E) -> None:
    """What is sent, rejected, dropped or shadow stays so."""
    with pytest.raises(IllegalTransition):
        advanced(replace(ROW, state=state), event, NOW_MS)


def test_a_write_in_flight_cannot_be_dropped() -> None:
    """Nobody knows whether it left."""
    with pytest.raises(IllegalTransition):
        dropped(SENDING, Reason.LATE, NOW_MS)


def test_a_dropped_reply_says_why_and_when() -> None:
    """The reason goes to trace and log unchanged."""
    after = dropped(ROW, Reason.TAKEN_OVER, NOW_MS + 3)
    assert (after.state, after.reason, after.settled_at_ms) == (S.DROPPED, Reason.TAKEN_OVER, NOW_MS + 3)


def test_a_refused_content_is_final_at_once() -> None:
    """It is neither retried nor dodged."""
    after = refused(SENDING, passing=False, policy=POLICY, now_ms=NOW_MS + 1)
    assert (after.state, after.reason) == (S.REJECTED, Reason.REJECTED_BY_EXCHANGE)


def test_a_passing_refusal_is_retried_after_three_seconds_with_the_same_uuid() -> None:
    """Most ILLEGAL_PARAM refusals are cured by that."""
    after = refused(SENDING, passing=True, policy=POLICY, now_ms=NOW_MS + 50)
    assert (after.state, after.not_before_ms, after.uuid) == (S.CLAIMED, NOW_MS + 3_050, ROW.uuid)


def test_a_passing_refusal_is_retried_once() -> None:
    """The second one is the exchange's last word."""
    again = advanced(refused(SENDING, passing=True, policy=POLICY, now_ms=NOW_MS), E.WRITE, NOW_MS + 3_000)
    assert refused(again, passing=True, policy=POLICY, now_ms=NOW_MS + 3_100).state is S.REJECTED


def test_a_refusal_that_is_pushed_twice_refuses_one_attempt() -> None:
    """The retry is still owed."""
    once = refused(SENDING, passing=True, policy=POLICY, now_ms=NOW_MS)
    assert refused(once, passing=True, policy=POLICY, now_ms=NOW_MS + 10) == once


def test_a_late_refusal_ends_doubt() -> None:
    """An error frame after the echo's deadline still says what happened."""
    assert refused(UNKNOWN, passing=False, policy=POLICY, now_ms=NOW_MS).state is S.REJECTED
    assert refused(UNKNOWN, passing=True, policy=POLICY, now_ms=NOW_MS).state is S.CLAIMED


def test_a_passing_refusal_never_hastens_a_reply() -> None:
    """A rule's own delay stays."""
    row = replace(SENDING, not_before_ms=NOW_MS + 60_000)
    assert refused(row, passing=True, policy=POLICY, now_ms=NOW_MS).not_before_ms == NOW_MS + 60_000


def test_a_reply_that_was_not_found_is_written_again() -> None:
    """With the same identity and one attempt on its account."""
    after = missing(UNKNOWN, POLICY, NOW_MS + 20_000)
    assert (after.state, after.uuid, after.attempts, after.reason) == (S.CLAIMED, "u1", 1, Reason.NOT_IN_HISTORY)


def test_a_reply_that_is_never_found_is_given_up_after_its_attempts() -> None:
    """Three writes, then the operator is told."""
    after = missing(replace(UNKNOWN, attempts=POLICY.max_attempts), POLICY, NOW_MS)
    assert (after.state, after.reason) == (S.DROPPED, Reason.ATTEMPTS_EXHAUSTED)


EVENTS = st.lists(st.sampled_from([*E, "refused()", "missing()"]), max_size=30)


@given(EVENTS)
def test_no_life_has_more_writes_than_its_bound(events: list[E | str]) -> None:
    """Each attempt but the first is owed to a passing refusal or to a look that found nothing: both are bounded."""
    row, now_ms = ROW, NOW_MS
    for event in events:
        now_ms += 1
        try:
            if event == "refused()":
                row = refused(row, passing=True, policy=POLICY, now_ms=now_ms)
            elif event == "missing()":
                row = missing(row, POLICY, now_ms)
            elif isinstance(event, E) and event is not E.MISSING and event is not E.REFUSED_PASSING:
                row = advanced(row, event, now_ms)
        except IllegalTransition:
            continue
        assert row.uuid == ROW.uuid
        assert row.attempts <= POLICY.max_attempts + POLICY.passing_retries
        assert (row.settled_at_ms > 0) is row.state.is_final


TESTS = Path(__file__).parents[1]
DOCUMENT = (TESTS.parent / "docs" / "delivery.md").read_text(encoding="utf-8")


def test_the_document_shows_exactly_the_table() -> None:
    """The diagram is generated; when the table changes, this says so."""
    assert re.findall(r"```mermaid\n(.*?)\n```", DOCUMENT, re.DOTALL) == [DELIVERY.diagram()]


def test_the_document_names_tests_that_exist_and_one_behind_each_promise() -> None:
    """A sentence without a test is a wish."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    existing = set(re.findall(r"(?:def |^)(test_\w+|Test\w+)(?=\(| = )", sources, re.MULTILINE))
    assert set(re.findall(r"`(test_\w+|Test\w+)`", DOCUMENT)) <= existing
    promised, _, _ = DOCUMENT.partition("## What it cannot promise")
    sentences = re.findall(r"^- (.*?)(?=^- |^$)", promised, re.DOTALL | re.MULTILINE)
    assert len(sentences) > 20
    assert [sentence for sentence in sentences if "`test_" not in sentence and "`TestOutboxLife`" not in sentence] == []
