"""The daemon's caps hold whatever the rules say, and two machines that talk to each other are parted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.limits import Caps, cap_reason
from p2pbot.conversation.records import Talk
from p2pbot.model import Reason

CAPS = Caps(order_replies_per_hour=20, counterparty_replies_per_day=60, account_replies_per_minute=50, breaker=5)
COUNTS = st.integers(0, 100)


@pytest.mark.parametrize(
    ("talk", "wanted", "fresh", "reason"),
    [
        (Talk(), 1, True, None),
        (Talk(replies_order_1h=19), 1, True, None),
        (Talk(replies_order_1h=20), 1, True, Reason.CAP_ORDER),
        (Talk(replies_order_1h=18), 3, True, Reason.CAP_ORDER),
        (Talk(replies_counterparty_24h=59), 1, True, None),
        (Talk(replies_counterparty_24h=60), 1, True, Reason.CAP_COUNTERPARTY),
        (Talk(replies_account_1m=49), 1, True, None),
        (Talk(replies_account_1m=50), 1, True, Reason.CAP_ACCOUNT),
        (Talk(streak=4), 1, False, None),
        (Talk(streak=5), 1, False, Reason.BREAKER),
        (Talk(streak=4), 2, False, Reason.BREAKER),
        (Talk(streak=50), 1, True, None),
        (Talk(streak=5, replies_order_1h=20), 1, False, Reason.BREAKER),
    ],
)
def test_each_cap_holds_from_its_number_on(talk: Talk, wanted: int, fresh: bool, reason: Reason | None) -> None:  # noqa: FBT001 - a table
    """The number itself is allowed; the breaker counts only while the counterparty says nothing new."""
    assert cap_reason(talk, CAPS, wanted, fresh=fresh) is reason


@given(COUNTS, COUNTS, COUNTS, COUNTS, st.integers(1, 10), st.booleans())
def test_what_is_allowed_stays_within_every_cap(
    streak: int,
    order: int,
    person: int,
    account: int,
    wanted: int,
    fresh: bool,  # noqa: FBT001 - drawn
) -> None:
    """For all counts: after the allowed replies no window holds more than its cap."""
    talk = Talk(streak=streak, replies_order_1h=order, replies_counterparty_24h=person, replies_account_1m=account)
    if cap_reason(talk, CAPS, wanted, fresh=fresh) is None:
        assert order + wanted <= CAPS.order_replies_per_hour
        assert person + wanted <= CAPS.counterparty_replies_per_day
        assert account + wanted <= CAPS.account_replies_per_minute
        assert fresh or not streak or streak + wanted <= CAPS.breaker


@given(st.integers(1, 5), st.integers(1, 50))
def test_a_machine_that_repeats_itself_is_answered_at_most_as_often_as_the_breaker_says(
    bubbles: int, times: int
) -> None:
    """Simulated: the same words again and again, each answered with some bubbles, until the breaker mutes the order."""
    said, streak = 0, 0
    for number in range(times):
        if cap_reason(Talk(streak=streak), CAPS, bubbles, fresh=number == 0) is Reason.BREAKER:
            break
        said, streak = said + bubbles, streak + bubbles
    assert said <= max(CAPS.breaker, bubbles)
