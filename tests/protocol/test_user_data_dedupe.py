"""What of the user data is news: copies are told once, and nothing after something newer of the same thing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from p2pbot.model import Unknown
from p2pbot.protocol.user_data_dedupe import Novelty, Recent
from p2pbot.protocol.user_data_events import (
    AccountSnapshot,
    AccountUpdate,
    BalanceChange,
    FuturesBalance,
    FuturesPosition,
    ListenKeyExpired,
    MarginCall,
    OrderState,
    OrderUpdate,
    OtherUpdate,
    ServerShutdown,
    SpotBalance,
    SpotBalances,
    StreamTerminated,
    TradeLite,
    UserDataEvent,
)

ORDER = OrderUpdate(
    at_ms=11,
    transacted_ms=10,
    traded_ms=10,
    symbol="BTCUSDT",
    order_id="1",
    execution="TRADE",
    status="PARTIALLY_FILLED",
    trade_id="7",
    filled=Decimal(1),
)
LITE = TradeLite(at_ms=11, transacted_ms=10, symbol="BTCUSDT", order_id="1", trade_id="7")
USDT = FuturesBalance(asset="USDT", wallet=Decimal(5))
SHORT = FuturesPosition(symbol="BTCUSDT", amount=Decimal(-1))
ACCOUNT = AccountUpdate(at_ms=11, transacted_ms=10, cause="ORDER", balances=(USDT,), positions=(SHORT,))
SPOT = SpotBalances(at_ms=11, updated_ms=10, balances=(SpotBalance(asset="USDT", free=Decimal(5)),))
CALL = MarginCall(at_ms=11)
CHANGE = BalanceChange(at_ms=11, cleared_ms=10, asset="USDT", change=Decimal(1))
GRID = OtherUpdate(kind="GRID_UPDATE", at_ms=11, details={"a": 1})


@pytest.mark.parametrize("event", [ORDER, LITE, ACCOUNT, SPOT, CALL, CHANGE, GRID])
def test_a_copy(event: UserDataEvent) -> None:
    """An event is told once, however often it comes."""
    novelty = Novelty()
    assert [novelty.news(event), novelty.news(event), novelty.news(event)] == [event, None, None]


@pytest.mark.parametrize(
    "other",
    [
        replace(ORDER, symbol="ETHUSDT"),
        replace(ORDER, order_id="2"),
        replace(ORDER, execution="CANCELED"),
        replace(ORDER, status="FILLED"),
        replace(ORDER, trade_id="8"),
        replace(ORDER, traded_ms=11),
        replace(ORDER, filled=Decimal(2)),
        replace(ACCOUNT, cause="DEPOSIT"),
        replace(ACCOUNT, at_ms=12),
        replace(ACCOUNT, transacted_ms=11),
        replace(ACCOUNT, balances=(replace(USDT, wallet=Decimal(6)),)),
        replace(LITE, trade_id="8"),
        replace(GRID, details={"a": 2}),
        replace(CHANGE, change=Decimal(2)),
    ],
    ids=lambda event: repr(event)[:60],
)
def test_what_differs_in_its_identity_is_another_event(other: UserDataEvent) -> None:
    """Each part of an event's identity tells two events apart."""
    novelty = Novelty()
    for event in (ORDER, ACCOUNT, LITE, GRID, CHANGE):
        novelty.news(event)
    assert novelty.news(other) == other


def test_a_fill_and_its_second_copy() -> None:
    """TRADE_LITE is no news after its order's report; the report is news after it, for it says more."""
    first, second = Novelty(), Novelty()
    assert [first.news(ORDER), first.news(LITE)] == [ORDER, None]
    assert [second.news(LITE), second.news(ORDER)] == [LITE, ORDER]


@pytest.mark.parametrize(
    "event", [ListenKeyExpired(at_ms=1), StreamTerminated(at_ms=1), ServerShutdown(at_ms=1), Unknown("x")]
)
def test_words_about_the_stream_are_always_heard(event: UserDataEvent) -> None:
    """What speaks of the stream itself, or is not understood, is never a copy."""
    novelty = Novelty()
    assert [novelty.news(event), novelty.news(event)] == [event, event]


def test_what_was_overtaken() -> None:
    """Of an event that comes after a newer one, only what the newer did not speak of is told."""
    novelty = Novelty()
    novelty.news(AccountUpdate(at_ms=21, transacted_ms=20, balances=(replace(USDT, wallet=Decimal(9)),)))
    assert novelty.news(ACCOUNT) == replace(ACCOUNT, balances=())
    assert novelty.news(replace(ACCOUNT, at_ms=12, positions=())) is None
    novelty.news(replace(SPOT, updated_ms=30))
    assert novelty.news(SPOT) is None
    novelty.news(replace(ORDER, status="FILLED", transacted_ms=40))
    assert novelty.news(ORDER) is None


def test_times_that_are_not_known_overtake_nothing() -> None:
    """An event without a time passes, and holds up nothing."""
    novelty = Novelty()
    timeless = replace(ACCOUNT, transacted_ms=0)
    assert [novelty.news(timeless), novelty.news(ACCOUNT), novelty.news(replace(timeless, at_ms=50))] == [
        timeless,
        ACCOUNT,
        replace(timeless, at_ms=50),
    ]


def test_a_snapshot_overtakes_what_it_holds() -> None:
    """What a snapshot holds already is not told again; what has its very time is, for it may be newer."""
    novelty = Novelty()
    state = OrderState(symbol="BTCUSDT", order_id="1", updated_ms=11)
    times = {("balance", "USDT"): 11, ("position", "BTCUSDT"): 10}
    novelty.begin(AccountSnapshot(as_of_ms=12, orders=(state,), updated_ms=times))
    assert novelty.news(ACCOUNT) == replace(ACCOUNT, balances=())
    assert novelty.news(ORDER) is None


def test_an_older_snapshot_does_not_turn_time_back() -> None:
    """What was told before a snapshot stays told, even if the snapshot's own times are older."""
    novelty = Novelty()
    novelty.news(ACCOUNT)
    novelty.begin(AccountSnapshot(as_of_ms=12, updated_ms={("balance", "USDT"): 1}))
    assert novelty.news(replace(ACCOUNT, transacted_ms=9)) is None


@pytest.mark.parametrize(
    ("times", "outrun"),
    [
        ({("balance", "USDT"): 9}, True),
        ({("balance", "USDT"): 10}, False),
        ({("balance", "USDT"): 0}, False),
        ({("balance", "BTC"): 9}, False),
        ({}, False),
    ],
)
def test_a_snapshot_that_lags(times: dict[tuple[str, str], int], outrun: bool) -> None:  # noqa: FBT001 - a column
    """A snapshot that dates a thing before what was told of it comes from a copy that lags."""
    novelty = Novelty()
    novelty.news(ACCOUNT)
    assert novelty.has_outrun(AccountSnapshot(as_of_ms=12, updated_ms=times)) is outrun


def test_an_order_that_lags() -> None:
    """An order's state counts as the account's things do."""
    novelty = Novelty()
    novelty.news(ORDER)
    state = OrderState(symbol="BTCUSDT", order_id="1", updated_ms=9)
    assert novelty.has_outrun(AccountSnapshot(as_of_ms=12, orders=(state,)))


def test_memory_is_bounded() -> None:
    """The oldest identity is forgotten first, and never more are kept than the bound."""
    novelty, recent = Novelty(most=2), Recent[int](2)
    for event in (CALL, CHANGE, GRID):
        novelty.news(event)
    assert [novelty.news(GRID), novelty.news(CHANGE), novelty.news(CALL)] == [None, None, CALL]
    for key in range(5):
        recent.note(key, key)
    assert (len(recent), 2 in recent, 4 in recent, recent.get(4), recent.get(2)) == (2, False, True, 4, 0)
