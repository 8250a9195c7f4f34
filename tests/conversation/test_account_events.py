"""Events of the account: a fill, a margin call, a balance that falls."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p2pbot.conversation.account_events import LowBalances, about_of, shown_by, told_by
from p2pbot.model import EventKind
from p2pbot.protocol.user_data_events import (
    AccountSnapshot,
    MarginCall,
    MarginPosition,
    OrderState,
    OrderUpdate,
    TradeLite,
)
from p2pbot.rules.account_events import Threshold
from p2pbot.rules.figures import NO_FIGURES, Figures
from p2pbot.rules.measures import parse_bound

_T = 1_767_596_400_000
_LIMIT = Threshold("balance", "USDT", parse_bound("<100", "signed"))


def test_a_fill_is_one_event_whoever_tells_of_it() -> None:
    """The stream and the snapshot after a gap name it by the same key, with the time of the fill."""
    update = OrderUpdate(
        at_ms=_T + 5, transacted_ms=_T, symbol="BTCUSDT", order_id="7", client_order_id="hedge-1", status="FILLED"
    )
    state = OrderState(symbol="BTCUSDT", order_id="7", client_order_id="hedge-1", status="FILLED", updated_ms=_T)
    (told,), (shown,) = told_by(update), shown_by(AccountSnapshot(as_of_ms=_T + 9, orders=(state,)))
    assert told == shown
    assert (told.kind, told.key) == (EventKind.FUTURES_ORDER_FILLED, "e:futures_order_filled:BTCUSDT:7")
    assert (told.about, told.at_ms) == ("order.hedge-1", _T)


@pytest.mark.parametrize(
    "event",
    [
        OrderUpdate(at_ms=_T, transacted_ms=_T, symbol="A", order_id="1", status="PARTIALLY_FILLED"),
        TradeLite(at_ms=_T, transacted_ms=_T, symbol="A", order_id="1"),
    ],
)
def test_what_is_no_whole_fill_is_no_event(event: OrderUpdate | TradeLite) -> None:
    """A part of a fill, and the second copy of one."""
    assert list(told_by(event)) == []


def test_a_margin_call_names_its_symbols() -> None:
    """Those that it has, five at most; its time is its identity."""
    positions = tuple(MarginPosition(symbol=f"S{at}", amount=Decimal(1)) for at in range(9))
    (told,) = told_by(MarginCall(at_ms=_T, positions=positions))
    assert (told.key, told.about) == (f"e:margin_call:{_T}", "S0, S1, S2, S3, S4")
    (bare,) = told_by(MarginCall(at_ms=_T))
    assert bare.about == "the account"


def test_a_balance_is_told_when_it_falls_and_again_only_after_it_has_risen() -> None:
    """An unknown balance neither falls nor rises."""
    low = LowBalances()
    amounts = [150, 99, 98, None, 97, 100, None, 99]
    fell = [bool(low.look(_with(amount), (_LIMIT,), at)) for at, amount in enumerate(amounts)]
    assert fell == [False, True, False, False, False, False, False, True]


def test_a_balance_that_is_found_low_at_the_start_is_told() -> None:
    """Nobody knows whether it was above before; the event says which limit it is about."""
    (told,) = LowBalances().look(_with(99), (_LIMIT,), _T)
    assert (told.kind, told.about) == (EventKind.BALANCE_BELOW, "balance.USDT <100")


def test_a_limit_that_no_rule_has_any_more_is_forgotten() -> None:
    """A rule that comes back is told anew."""
    low = LowBalances()
    assert len(low.look(_with(99), (_LIMIT,), 1)) == 1
    assert low.look(_with(99), (), 2) == ()
    assert len(low.look(_with(99), (_LIMIT,), 3)) == 1


def _with(amount: int | None) -> Figures:
    return NO_FIGURES if amount is None else Figures(balance={"USDT": Decimal(amount)})


@pytest.mark.parametrize("key", ["m:1", "e:order_paid", "e:margin_call:5", "", "e:silence:5:6"])
def test_other_keys_are_about_nothing(key: str) -> None:
    """Only a fill and a fall have it in their key."""
    assert about_of(key) == ""


def test_a_key_says_what_its_event_is_about() -> None:
    """The order by its symbol and number, the limit as the rule writes it."""
    update = OrderUpdate(at_ms=_T, transacted_ms=_T, symbol="BTCUSDT", order_id="7", status="FILLED")
    (fallen,) = LowBalances().look(_with(99), (_LIMIT,), _T)
    assert [about_of(event.key) for event in (*told_by(update), fallen)] == ["BTCUSDT:7", "balance.USDT <100"]
