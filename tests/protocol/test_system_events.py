"""System cards: what happened, and who we are in it."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.model import Side, SystemEvent, SystemEventKind
from p2pbot.protocol.system_events import MAX_RAW_TYPE_CHARS, normalised, read_system_event

KIND = SystemEventKind

EVENTS = [
    ("seller_merchant_trading", KIND.ORDER_CREATED, Side.SELL),
    ("seller_user_trading", KIND.ORDER_CREATED, Side.SELL),
    ("buyer_merchant_trading", KIND.ORDER_CREATED, Side.BUY),
    ("buyer_user_trading", KIND.ORDER_CREATED, Side.BUY),
    ("order_created_with_additional_kyc_maker_buy", KIND.VERIFICATION_REQUIRED, Side.BUY),
    ("order_created_with_additional_kyc_maker_sell", KIND.VERIFICATION_REQUIRED, Side.SELL),
    ("order_created_with_additional_kyc_taker_buy", KIND.VERIFICATION_REQUIRED, Side.BUY),
    ("order_created_with_additional_kyc_taker_sell", KIND.VERIFICATION_REQUIRED, Side.SELL),
    ("maker_verified_additional_kyc_maker_sell", KIND.VERIFICATION_DONE, None),
    ("liveness_check_complete_taker", KIND.VERIFICATION_DONE, None),
    ("seller_payed", KIND.ORDER_PAID, Side.SELL),
    ("buyer_payed", KIND.ORDER_PAID, Side.BUY),
    ("order_about_timeout", KIND.PAYMENT_EXPIRING, None),
    ("seller_completed", KIND.ORDER_COMPLETED, Side.SELL),
    ("buyer_completed", KIND.ORDER_COMPLETED, Side.BUY),
    ("seller_quick_completed", KIND.ORDER_COMPLETED, Side.SELL),
    ("buyer_quick_completed", KIND.ORDER_COMPLETED, Side.BUY),
    ("seller_force_released", KIND.ORDER_COMPLETED, Side.SELL),
    ("seller_cancelled", KIND.ORDER_CANCELLED, Side.SELL),
    ("buyer_cancelled", KIND.ORDER_CANCELLED, Side.BUY),
    ("cancelled_by_system", KIND.ORDER_CANCELLED, None),
    ("submit_appeal", KIND.APPEAL_OPENED, None),
    ("be_appeal", KIND.APPEAL_OPENED, None),
    ("seller_appeal_completed", KIND.APPEAL_CLOSED, Side.SELL),
    ("buyer_cancel_appeal_completed", KIND.APPEAL_CLOSED, Side.BUY),
    ("seller_system_cancel_appeal", KIND.APPEAL_CLOSED, Side.SELL),
    ("nlp_contact_warning", KIND.MONITOR_WARNING, None),
    ("risk_alert", KIND.MONITOR_WARNING, None),
    ("brand_new_event", KIND.UNKNOWN, None),
    ("seller_brand_new_event", KIND.UNKNOWN, None),
    ("", KIND.UNKNOWN, None),
]
SUFFIXES = ["", "_with_ref", "_fiat_trade", "_with_ref_fiat_trade", "_fiat_trade_with_ref", "_with_ref_with_ref"]


@pytest.mark.parametrize(("event", "suffix"), list(itertools.product(EVENTS, SUFFIXES)), ids=str)
def test_event(event: tuple[str, SystemEventKind, Side | None], suffix: str) -> None:
    """Each documented event has its kind and our side, whatever suffixes hang on it."""
    word, kind, side = event
    raw_type = f"{word}{suffix}"
    assert read_system_event(json.dumps({"type": raw_type})) == SystemEvent(kind=kind, raw_type=raw_type, our_side=side)


def test_names_are_not_kept() -> None:
    """A card's real name is nowhere in what is kept of it."""
    card = {"type": "seller_payed", "nickName": "Nick", "realName": "Real Name", "orderNo": "204"}
    event = read_system_event(json.dumps(card))
    assert event == SystemEvent(kind=KIND.ORDER_PAID, raw_type="seller_payed", our_side=Side.SELL, order_no="204")
    assert "Real Name" not in repr(event)


def test_content_may_be_an_object_already() -> None:
    """A card that was not wrapped into text is read the same."""
    assert read_system_event({"type": "buyer_payed"}).kind is KIND.ORDER_PAID


@pytest.mark.parametrize("content", [None, 1, "plain words", "[1]", "{", "{}", '{"type": 3}', "{" * 100_000, []])
def test_anything_else_is_unknown(content: object) -> None:
    """Content that is no card is an unknown event, not an error."""
    assert read_system_event(content).kind is KIND.UNKNOWN


@given(st.text(max_size=400))
def test_the_raw_word_is_bounded(word: str) -> None:
    """Whatever word stands there, what is kept of it is short and can be stored."""
    event = read_system_event({"type": word})
    assert len(event.raw_type) <= MAX_RAW_TYPE_CHARS
    event.raw_type.encode("utf-8")


@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing(word: str) -> None:
    """After one pass no suffix is left."""
    assert normalised(normalised(word)) == normalised(word)
