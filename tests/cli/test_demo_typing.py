"""Orders that a person types."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p2pbot.cli.demo_typing import MistypedError, order_spec
from p2pbot.model import Side


def test_an_order_is_typed_in_parts_and_the_rest_has_defaults() -> None:
    """Side, amount, asset, fiat and price, in any order and case."""
    spec = order_spec("amount=500.5 side=BUY fiat=eur asset=btc price=61000")
    assert (spec.side, spec.amount, spec.asset) == (Side.BUY, Decimal("500.5"), "BTC")
    assert (spec.fiat, spec.fiat_symbol, spec.price) == ("EUR", "EUR", Decimal(61000))
    assert order_spec("").side is Side.SELL
    assert order_spec("").fiat_symbol == "$"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("sell", "'sell' is not understood"),
        ("colour=red", "'colour=red' is not understood"),
        ("side=both", "side is sell or buy"),
        ("amount=many", "amount is a number above 0"),
        ("amount=0", "amount is a number above 0"),
        ("amount=-5", "amount is a number above 0"),
        ("price=inf", "price is a number above 0"),
        ("price=NaN", "price is a number above 0"),
        ("amount=1e99", "amount is a number above 0"),
        ("fiat=", "fiat is a code"),
        ("asset=U\x1bSD", "asset is a code"),
    ],
)
def test_what_is_typed_wrongly_is_answered_by_a_sentence(text: str, wanted: str) -> None:
    """Which part it is, and what belongs there."""
    with pytest.raises(MistypedError, match=wanted):
        order_spec(text)
