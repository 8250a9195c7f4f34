"""An order's life: the table, the numbers and the events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.errors import IllegalTransition
from p2pbot.model import Side
from p2pbot.sandbox import Dialect, Life, Turn
from p2pbot.sandbox.life import after, opening_event, status_number, turn_event

PLAIN = Dialect()


@pytest.mark.parametrize(
    ("life", "turn", "wanted"),
    [
        (Life.VERIFYING, Turn.VERIFY, Life.TRADING),
        (Life.TRADING, Turn.PAY, Life.PAID),
        (Life.TRADING, Turn.CANCEL, Life.CANCELLED),
        (Life.TRADING, Turn.CANCEL_BY_SYSTEM, Life.CANCELLED_BY_SYSTEM),
        (Life.CANCELLED_BY_SYSTEM, Turn.RESTORE, Life.TRADING),
        (Life.PAID, Turn.RELEASE, Life.COMPLETED),
        (Life.PAID, Turn.APPEAL, Life.APPEAL),
        (Life.APPEAL, Turn.CLOSE_APPEAL, Life.PAID),
        (Life.APPEAL, Turn.RELEASE, Life.COMPLETED),
    ],
)
def test_turns_lead_where_the_market_leads(life: Life, turn: Turn, wanted: Life) -> None:
    """Each documented step of an order is possible."""
    assert after(life, turn) is wanted


@given(st.sampled_from([Life.COMPLETED, Life.CANCELLED]), st.sampled_from(Turn))
def test_an_order_that_ended_stays_ended(life: Life, turn: Turn) -> None:
    """Nothing happens to a completed or cancelled order."""
    with pytest.raises(IllegalTransition):
        after(life, turn)


@pytest.mark.parametrize(
    ("life", "number"),
    [
        (Life.TRADING, 1),
        (Life.PAID, 2),
        (Life.APPEAL, 3),
        (Life.COMPLETED, 4),
        (Life.CANCELLED, 6),
        (Life.CANCELLED_BY_SYSTEM, 7),
    ],
)
def test_status_numbers_are_the_documented_ones(life: Life, number: int) -> None:
    """``orderStatus`` follows the protocol notes; an appeal may be 5 as well."""
    assert status_number(life, PLAIN) == number
    assert status_number(life, Dialect(appeal_number=5)) == (5 if life is Life.APPEAL else number)


@pytest.mark.parametrize(
    ("side", "turn", "event"),
    [
        (Side.SELL, Turn.PAY, "seller_payed"),
        (Side.BUY, Turn.PAY, "buyer_payed"),
        (Side.SELL, Turn.RELEASE, "seller_completed"),
        (Side.BUY, Turn.RELEASE, "buyer_completed"),
        (Side.SELL, Turn.CANCEL, "seller_cancelled"),
        (Side.BUY, Turn.CANCEL, "buyer_cancelled"),
        (Side.SELL, Turn.CANCEL_BY_SYSTEM, "cancelled_by_system"),
        (Side.SELL, Turn.APPEAL, "be_appeal"),
        (Side.SELL, Turn.CLOSE_APPEAL, "seller_cancel_appeal_completed"),
        (Side.BUY, Turn.RESTORE, ""),
    ],
)
def test_the_prefix_of_an_event_is_who_we_are(side: Side, turn: Turn, event: str) -> None:
    """System events carry our side, and a suffix where the dialect has one."""
    assert turn_event(side, turn, PLAIN) == event
    assert turn_event(side, turn, Dialect(event_suffix="_with_ref")) == (f"{event}_with_ref" if event else "")


@pytest.mark.parametrize(
    ("side", "role", "kyc", "event"),
    [
        (Side.SELL, "merchant", False, "seller_merchant_trading"),
        (Side.BUY, "user", False, "buyer_user_trading"),
        (Side.SELL, "merchant", True, "order_created_with_additional_kyc_maker_sell"),
    ],
)
def test_a_new_order_says_so(side: Side, role: str, event: str, *, kyc: bool) -> None:
    """The opening event names our side, our role and a verification that is asked for."""
    assert opening_event(side, Dialect(trader_role=role), kyc=kyc) == event


def test_an_appeal_of_ours_is_told_from_one_against_us() -> None:
    """``submit_appeal`` is ours, ``be_appeal`` is theirs."""
    assert turn_event(Side.SELL, Turn.APPEAL, PLAIN, by_us=True) == "submit_appeal"


def test_a_release_in_an_appeal_ends_the_appeal() -> None:
    """The event then is the appeal's end."""
    assert turn_event(Side.SELL, Turn.RELEASE, PLAIN, life=Life.APPEAL) == "seller_appeal_completed"
