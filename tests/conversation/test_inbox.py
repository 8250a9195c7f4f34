"""What may be answered at all: never ourselves, a machine, the past, an order that is silenced or in an appeal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.inbox import (
    InboxPolicy,
    age_reason,
    longer,
    machine_reason,
    mute_reason,
    order_reason,
    own_said,
    sender_reason,
    silence_reason,
    takeover,
)
from p2pbot.conversation.records import Mute, OrderMemory, OutboxState, SaidText, Talk
from p2pbot.model import ChatMessage, MessageKind, Order, OrderStatus, Path, Reason
from tests.fakes.records import ACCOUNT, NOW_MS, ORDER

THEIRS = ChatMessage(
    order_no=ORDER,
    kind=MessageKind.TEXT,
    path=Path.SOCKET,
    message_id="1",
    text="I paid",
    from_us=False,
    created_at_ms=NOW_MS,
)
OURS = replace(THEIRS, from_us=True, text="Thanks, we look into it.", message_id="")
SAID = SaidText(text="Thanks, we look into it.", at_ms=NOW_MS - 3_000, written_at_ms=NOW_MS, uuid="u1")
MEMORY = OrderMemory(account=ACCOUNT, order_no=ORDER)
K = MessageKind


@pytest.mark.parametrize(
    ("kind", "from_us", "reason"),
    [
        (K.TEXT, False, None),
        (K.IMAGE, False, None),
        (K.TEXT, None, Reason.SENDER_UNKNOWN),
        (K.IMAGE, None, Reason.SENDER_UNKNOWN),
        (K.TEXT, True, Reason.OPERATOR_MESSAGE),
        (K.IMAGE, True, Reason.OPERATOR_MESSAGE),
        (K.VIDEO, True, Reason.OPERATOR_MESSAGE),
        (K.CARD, True, Reason.OPERATOR_MESSAGE),
        (K.UNKNOWN, True, Reason.OPERATOR_MESSAGE),
        (K.UNKNOWN, False, Reason.NOT_A_MESSAGE),
        (K.UNKNOWN, None, Reason.NOT_A_MESSAGE),
        (K.VIDEO, False, Reason.NOT_A_MESSAGE),
        (K.CARD, False, Reason.NOT_A_MESSAGE),
    ],
)
def test_only_a_typed_text_or_a_picture_of_the_counterparty_may_be_answered(
    kind: MessageKind,
    from_us: bool | None,  # noqa: FBT001 - a table
    reason: Reason | None,
) -> None:
    """A frame that does not say whose it is never is."""
    assert sender_reason(replace(THEIRS, kind=kind, from_us=from_us)) is reason


MACHINES = {
    K.AUTO_REPLY: Reason.AUTO_REPLY,
    K.SYSTEM: Reason.SYSTEM_MESSAGE,
    **dict.fromkeys((K.TRANSLATE, K.RECALL, K.MARK, K.ERROR, K.STATISTICS, K.RISK_ALERT), Reason.NOT_A_MESSAGE),
}


@pytest.mark.parametrize(("kind", "reason"), MACHINES.items())
@pytest.mark.parametrize("from_us", [True, False, None])
def test_machines_are_never_answered_and_never_take_over(
    kind: MessageKind,
    reason: Reason,
    from_us: bool | None,  # noqa: FBT001 - a table
) -> None:
    """Two bots would talk for ever; our own automatic text is no person either."""
    assert sender_reason(replace(THEIRS, kind=kind, from_us=from_us)) is reason


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (replace(OURS, uuid="u1", text="changed by the exchange"), SAID),
        (replace(OURS, message_id="9", uuid="x", text="changed"), replace(SAID, message_id="9")),
        (OURS, SAID),
        (replace(OURS, text="thanks,  we look\ninto it. "), SAID),
        (replace(OURS, message_id="9"), SAID),
        (replace(OURS, message_id="9", uuid="given by the history", path=Path.HISTORY), SAID),
        (replace(OURS, created_at_ms=NOW_MS + 120_000), SAID),
        (replace(OURS, created_at_ms=NOW_MS - 120_000), SAID),
        (replace(OURS, created_at_ms=NOW_MS + 500_000), replace(SAID, written_at_ms=NOW_MS + 490_000)),
    ],
)
def test_the_bots_own_message_is_known_again(message: ChatMessage, said: SaidText) -> None:
    """By uuid, by server id, or by its text near the write (not near the claim: a delay may lie between)."""
    assert own_said(message, (said,)) == said


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (replace(OURS, message_id="8"), replace(SAID, message_id="9")),
        (replace(OURS, uuid="typed in the app"), SAID),
        (replace(OURS, text="Thanks, we looked into it."), SAID),
        (replace(OURS, created_at_ms=NOW_MS + 120_001), SAID),
        (replace(OURS, created_at_ms=0), SAID),
        (replace(OURS, created_at_ms=0), replace(SAID, written_at_ms=0)),
        (replace(OURS, kind=MessageKind.IMAGE), SAID),
        (OURS, replace(SAID, written_at_ms=0)),
        (OURS, replace(SAID, written_at_ms=0, state=OutboxState.SHADOW)),
        (OURS, replace(SAID, written_at_ms=0, state=OutboxState.DROPPED)),
    ],
)
def test_an_operators_message_is_not_taken_for_an_echo(message: ChatMessage, said: SaidText) -> None:
    """Another id, another uuid on the socket, another time, or a text that never left: a person wrote it."""
    assert own_said(message, (said,)) is None


def test_identity_counts_before_likeness() -> None:
    """The same text twice: the uuid says which of the two was confirmed."""
    earlier, later = SAID, replace(SAID, uuid="u2", written_at_ms=NOW_MS + 2_000)
    assert own_said(replace(OURS, uuid="u2"), (earlier, later)) == later


def test_of_two_that_read_alike_the_nearer_write_is_meant() -> None:
    """Else the second copy would be looked for in vain and sent again."""
    earlier, later = SAID, replace(SAID, uuid="u2", written_at_ms=NOW_MS + 60_000)
    echo = replace(OURS, created_at_ms=NOW_MS + 60_500, path=Path.HISTORY)
    assert own_said(echo, (earlier, later)) == later


POLICY = InboxPolicy(max_age_ms=600_000)


@pytest.mark.parametrize(
    ("at_ms", "path", "operator_ms", "reason"),
    [
        (NOW_MS, Path.SOCKET, 0, None),
        (NOW_MS - 600_000, Path.HISTORY, 0, None),
        (NOW_MS - 600_001, Path.HISTORY, 0, Reason.TOO_OLD),
        (NOW_MS - 600_001, Path.SOCKET, 0, Reason.TOO_OLD),
        (NOW_MS + 5_000, Path.SOCKET, 0, None),
        (0, Path.SOCKET, 0, None),
        (0, Path.HISTORY, 0, Reason.TOO_OLD),
        (NOW_MS - 1_000, Path.HISTORY, NOW_MS - 500, Reason.BACKLOG),
        (NOW_MS - 1_000, Path.HISTORY, NOW_MS - 1_000, Reason.BACKLOG),
        (NOW_MS - 1_000, Path.HISTORY, NOW_MS - 1_001, None),
    ],
)
def test_the_past_is_not_answered(at_ms: int, path: Path, operator_ms: int, reason: Reason | None) -> None:
    """Older than the age, or said before a person of ours spoke last; a row without a time is of the past."""
    message = replace(THEIRS, created_at_ms=at_ms, path=path)
    assert age_reason(message, replace(MEMORY, last_operator_ms=operator_ms), POLICY, NOW_MS) is reason


LONG = "Please press «Transferred, notify seller» when it is done."


@pytest.mark.parametrize(
    ("text", "ours", "quotes"),
    [
        (LONG, LONG, True),
        (LONG.upper().replace(" ", "  "), LONG, True),
        (f"> {LONG}", LONG, True),
        (f"{LONG} What does that mean, please?", LONG, False),
        ("ok", "ok", True),
        ("it is ok", "ok", False),
        ("", "", False),
    ],
)
def test_our_own_words_quoted_back_are_not_answered(text: str, ours: str, quotes: bool) -> None:  # noqa: FBT001 - a table
    """Whole, or with a mark around them; a question about them is a person's."""
    talk = Talk(said=(replace(SAID, text=ours),))
    assert (machine_reason(replace(THEIRS, text=text), talk) is Reason.QUOTES_US) is quotes


@pytest.mark.parametrize(
    ("after_ms", "last_inbound", "written_ms", "reason"),
    [
        (500, "I PAID", NOW_MS, Reason.MACHINE_FAST),
        (2_000, "I paid", NOW_MS, Reason.MACHINE_FAST),
        (2_001, "I paid", NOW_MS, None),
        (500, "paid?", NOW_MS, None),
        (500, "I paid", 0, None),
        (-1, "I paid", NOW_MS, None),
    ],
)
def test_the_same_words_right_after_ours_are_a_machines(
    after_ms: int, last_inbound: str, written_ms: int, reason: Reason | None
) -> None:
    """Within two seconds of our write: before it, a person may well say a thing twice."""
    talk = Talk(said=(replace(SAID, written_at_ms=written_ms),), last_inbound=last_inbound)
    assert machine_reason(replace(THEIRS, created_at_ms=NOW_MS + after_ms), talk) is reason


def test_a_picture_is_no_machines_text() -> None:
    """Only words can repeat words."""
    talk = Talk(said=(replace(SAID, text="I paid"),), last_inbound="I paid")
    assert machine_reason(replace(THEIRS, kind=MessageKind.IMAGE), talk) is None


@pytest.mark.parametrize(
    ("mute", "reason"),
    [
        (None, None),
        (Mute(reason=Reason.TAKEN_OVER, since_ms=0), Reason.TAKEN_OVER),
        (Mute(reason=Reason.MUTED, since_ms=0, until_ms=NOW_MS + 1), Reason.MUTED),
        (Mute(reason=Reason.MUTED, since_ms=0, until_ms=NOW_MS), None),
    ],
)
def test_a_mute_silences_until_its_end(mute: Mute | None, reason: Reason | None) -> None:
    """One without an end silences until it is lifted."""
    assert mute_reason(mute, NOW_MS) is reason
    assert silence_reason(replace(MEMORY, mute=mute), Talk(), NOW_MS) is reason


def test_the_kill_switch_comes_first() -> None:
    """Whatever else is silenced."""
    muted = replace(MEMORY, mute=Mute(reason=Reason.TAKEN_OVER, since_ms=0))
    assert silence_reason(muted, Talk(paused=True), NOW_MS) is Reason.PAUSED
    assert silence_reason(None, Talk(), NOW_MS) is None


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (OrderStatus.UNPAID, None),
        (OrderStatus.PAID, None),
        (OrderStatus.COMPLETED, None),
        (OrderStatus.CANCELLED, None),
        (OrderStatus.APPEAL, Reason.IN_APPEAL),
        (OrderStatus.UNKNOWN, Reason.ORDER_UNKNOWN),
    ],
)
def test_an_appeal_and_what_we_do_not_know_forbid_an_answer(status: OrderStatus, reason: Reason | None) -> None:
    """An order that the exchange has not told us of is unknown too."""
    assert order_reason(Order(number=ORDER, account=ACCOUNT, status=status)) is reason
    assert order_reason(None) is Reason.ORDER_UNKNOWN


UNTIL = st.none() | st.integers(NOW_MS, NOW_MS + 10_000_000)
MUTES = st.builds(Mute, reason=st.just(Reason.MUTED), since_ms=st.just(NOW_MS), until_ms=UNTIL)


def end(mute: Mute) -> float:
    """Return when a mute ends."""
    return float("inf") if mute.until_ms is None else mute.until_ms


@given(st.none() | MUTES, st.none() | st.integers(0, 10_000_000), st.integers(NOW_MS, NOW_MS + 1_000_000))
def test_a_takeover_never_shortens_a_mute(old: Mute | None, mute_ms: int | None, at_ms: int) -> None:
    """The order is silent as long as the policy says, and as long as it was before."""
    mute = takeover(replace(MEMORY, mute=old), at_ms, InboxPolicy(takeover_mute_ms=mute_ms))
    wanted = float("inf") if mute_ms is None else at_ms + mute_ms
    assert end(mute) == max(wanted, end(old) if old else 0)


def test_a_takeover_lasts_until_it_is_resumed_unless_configured_otherwise() -> None:
    """The order is the person's."""
    mute = takeover(MEMORY, NOW_MS, InboxPolicy())
    assert mute == Mute(reason=Reason.TAKEN_OVER, since_ms=NOW_MS, until_ms=None)


@pytest.mark.parametrize(("at_ms", "until_ms"), [(NOW_MS - 1, None), (NOW_MS, None), (NOW_MS + 1, NOW_MS + 60_001)])
def test_what_was_said_before_we_moved_in_leaves_the_order_to_a_person(at_ms: int, until_ms: int | None) -> None:
    """It may be a former p2pbot's answer: no short mute may end and let a second one through."""
    mute = takeover(MEMORY, at_ms, InboxPolicy(takeover_mute_ms=60_000, moved_in_ms=NOW_MS))
    assert mute.until_ms == until_ms


@given(st.none() | MUTES, MUTES)
def test_of_two_mutes_the_longer_counts(old: Mute | None, new: Mute) -> None:
    """And of two that end alike the older, which says why it began."""
    kept = longer(old, new)
    assert end(kept) == max(end(new), end(old) if old else 0)
    assert kept is old or old is None or end(new) > end(old)
