"""User-data frames: every documented event as the value that it is, and everything else without harm."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p2pbot.model import Unknown
from p2pbot.protocol.user_data_events import (
    AccountConfigUpdate,
    AccountUpdate,
    BalanceChange,
    ConditionalOrderReject,
    ExternalLockUpdate,
    FuturesBalance,
    FuturesPosition,
    ListenKeyExpired,
    MarginCall,
    MarginPosition,
    OrderUpdate,
    OtherUpdate,
    ServerShutdown,
    SpotBalance,
    SpotBalances,
    StreamTerminated,
    TradeLite,
    UserDataEvent,
)
from p2pbot.protocol.user_data_frames import EVENT_NAMES, FUTURES_EVENTS, read_event, read_user_data
from p2pbot.secret import Secret

E, T = 1568879465651, 1568879465650

ORDER: dict[str, Any] = {  # the exchange's published example, with what section 4 adds
    "e": "ORDER_TRADE_UPDATE",
    "E": E,
    "T": T,
    "o": {
        "s": "BTCUSDT",
        "c": "TEST",
        "S": "SELL",
        "o": "TRAILING_STOP_MARKET",
        "f": "GTC",
        "q": "0.001",
        "p": "0",
        "ap": "9910.5",
        "sp": "7103.04",
        "x": "TRADE",
        "X": "PARTIALLY_FILLED",
        "i": 8886774,
        "l": "0.0004",
        "z": "0.0006",
        "L": "9911",
        "N": "USDT",
        "n": "0.01",
        "T": T,
        "t": 77,
        "m": False,
        "R": True,
        "wt": "CONTRACT_PRICE",
        "ot": "TRAILING_STOP_MARKET",
        "ps": "LONG",
        "cp": False,
        "AP": "7476.89",
        "cr": "5.0",
        "pP": False,
        "si": 0,
        "rp": "-0.5",
        "V": "EXPIRE_TAKER",
        "pm": "OPPONENT",
        "gtd": 0,
        "er": "0",
    },
}
REPORT: dict[str, Any] = {
    "e": "executionReport",
    "E": E,
    "s": "ETHBTC",
    "c": "cancel-1",
    "S": "BUY",
    "o": "LIMIT",
    "f": "GTC",
    "q": "1.0",
    "p": "0.1",
    "P": "0",
    "F": "0",
    "g": -1,
    "C": "mine",
    "x": "CANCELED",
    "X": "CANCELED",
    "r": "NONE",
    "i": 4293153,
    "l": "0",
    "z": "0.4",
    "L": "0",
    "n": "0",
    "N": None,
    "T": T,
    "t": -1,
    "m": True,
    "V": "NONE",
}

TABLE: list[tuple[dict[str, Any], UserDataEvent]] = [
    (
        ORDER,
        OrderUpdate(
            at_ms=E,
            transacted_ms=T,
            symbol="BTCUSDT",
            order_id="8886774",
            client_order_id="TEST",
            side="SELL",
            order_type="TRAILING_STOP_MARKET",
            time_in_force="GTC",
            execution="TRADE",
            status="PARTIALLY_FILLED",
            quantity=Decimal("0.001"),
            price=Decimal(0),
            average_price=Decimal("9910.5"),
            stop_price=Decimal("7103.04"),
            filled=Decimal("0.0006"),
            last_filled=Decimal("0.0004"),
            last_price=Decimal(9911),
            fee=Decimal("0.01"),
            fee_asset="USDT",
            trade_id="77",
            traded_ms=T,
            maker=False,
            reject_reason="0",
            reduce_only=True,
            working_type="CONTRACT_PRICE",
            original_type="TRAILING_STOP_MARKET",
            position_side="LONG",
            close_position=False,
            activation_price=Decimal("7476.89"),
            callback_rate=Decimal("5.0"),
            realised_profit=Decimal("-0.5"),
            self_trade_prevention="EXPIRE_TAKER",
            price_match="OPPONENT",
        ),
    ),
    (
        {
            "e": "ACCOUNT_UPDATE",
            "E": E,
            "T": T,
            "a": {
                "m": "ORDER",
                "B": [{"a": "USDT", "wb": "122624.12345678", "cw": "100.1", "bc": "50"}, {"a": "", "wb": "1"}, 7],
                "P": [
                    {
                        "s": "BTCUSDT",
                        "pa": "-20",
                        "ep": "6563.6",
                        "bep": "0",
                        "cr": "1",
                        "up": "2850.2",
                        "mt": "isolated",
                        "iw": "13200.7",
                        "ps": "SHORT",
                    },
                    {"s": "ETHUSDT"},
                ],
            },
        },
        AccountUpdate(
            at_ms=E,
            transacted_ms=T,
            cause="ORDER",
            balances=(
                FuturesBalance(
                    asset="USDT",
                    wallet=Decimal("122624.12345678"),
                    cross_wallet=Decimal("100.1"),
                    change=Decimal(50),
                ),
            ),
            positions=(
                FuturesPosition(
                    symbol="BTCUSDT",
                    amount=Decimal(-20),
                    position_side="SHORT",
                    entry_price=Decimal("6563.6"),
                    break_even_price=Decimal(0),
                    realised_profit=Decimal(1),
                    unrealised_profit=Decimal("2850.2"),
                    margin_type="isolated",
                    isolated_wallet=Decimal("13200.7"),
                ),
            ),
        ),
    ),
    (
        {
            "e": "MARGIN_CALL",
            "E": E,
            "cw": "3.16812045",
            "p": [
                {
                    "s": "ETHUSDT",
                    "ps": "LONG",
                    "pa": "1.327",
                    "mt": "CROSSED",
                    "iw": "0",
                    "mp": "187.17127",
                    "up": "-1.166074",
                    "mm": "1.614445",
                }
            ],
        },
        MarginCall(
            at_ms=E,
            cross_wallet=Decimal("3.16812045"),
            positions=(
                MarginPosition(
                    symbol="ETHUSDT",
                    amount=Decimal("1.327"),
                    position_side="LONG",
                    margin_type="CROSSED",
                    isolated_wallet=Decimal(0),
                    mark_price=Decimal("187.17127"),
                    unrealised_profit=Decimal("-1.166074"),
                    maintenance_margin=Decimal("1.614445"),
                ),
            ),
        ),
    ),
    (
        {"e": "ACCOUNT_CONFIG_UPDATE", "E": E, "T": T, "ac": {"s": "BTCUSDT", "l": 25}},
        AccountConfigUpdate(at_ms=E, transacted_ms=T, symbol="BTCUSDT", leverage=25),
    ),
    (
        {"e": "ACCOUNT_CONFIG_UPDATE", "E": E, "T": T, "ai": {"j": True}},
        AccountConfigUpdate(at_ms=E, transacted_ms=T, multi_assets=True),
    ),
    (
        {
            "e": "TRADE_LITE",
            "E": E,
            "T": T,
            "s": "BTCUSDT",
            "q": "0.001",
            "p": "0",
            "m": False,
            "c": "z8hcUoOsqEdKMeKPSABslD",
            "S": "BUY",
            "L": "64089.2",
            "l": "0.04",
            "t": 109100866,
            "i": 8886774,
        },
        TradeLite(
            at_ms=E,
            transacted_ms=T,
            symbol="BTCUSDT",
            order_id="8886774",
            client_order_id="z8hcUoOsqEdKMeKPSABslD",
            side="BUY",
            quantity=Decimal("0.001"),
            price=Decimal(0),
            maker=False,
            last_price=Decimal("64089.2"),
            last_filled=Decimal("0.04"),
            trade_id="109100866",
        ),
    ),
    (
        {"e": "ALGO_UPDATE", "E": E, "T": T, "o": {"s": "BNBUSDT", "X": "CANCELED"}},
        OtherUpdate(
            kind="ALGO_UPDATE",
            at_ms=E,
            transacted_ms=T,
            symbol="BNBUSDT",
            details={"s": "BNBUSDT", "X": "CANCELED"},
        ),
    ),
    (
        {
            "e": "CONDITIONAL_ORDER_TRIGGER_REJECT",
            "E": E,
            "T": T,
            "or": {"s": "ETHUSDT", "i": 155618472834, "r": "Due to the order could not be filled immediately"},
        },
        ConditionalOrderReject(
            at_ms=E,
            transacted_ms=T,
            symbol="ETHUSDT",
            order_id="155618472834",
            why="Due to the order could not be filled immediately",
        ),
    ),
    (
        {"e": "STRATEGY_UPDATE", "E": E, "T": T, "su": {"si": 176054594, "st": "GRID", "s": "BTCUSDT"}},
        OtherUpdate(
            kind="STRATEGY_UPDATE",
            at_ms=E,
            transacted_ms=T,
            symbol="BTCUSDT",
            details={"si": 176054594, "st": "GRID", "s": "BTCUSDT"},
        ),
    ),
    (
        {"e": "GRID_UPDATE", "E": E, "T": T, "gu": {"si": 1, "s": "BTCUSDT", "r": "-0.00300716"}},
        OtherUpdate(
            kind="GRID_UPDATE",
            at_ms=E,
            transacted_ms=T,
            symbol="BTCUSDT",
            details={"si": 1, "s": "BTCUSDT", "r": "-0.00300716"},
        ),
    ),
    ({"e": "listenKeyExpired", "E": E, "listenKey": "K1"}, ListenKeyExpired(at_ms=E, listen_key=Secret("K1"))),
    ({"e": "listenKeyExpired", "E": str(E)}, ListenKeyExpired(at_ms=E)),
    (
        REPORT,
        OrderUpdate(
            at_ms=E,
            transacted_ms=T,
            symbol="ETHBTC",
            order_id="4293153",
            client_order_id="mine",
            side="BUY",
            order_type="LIMIT",
            time_in_force="GTC",
            execution="CANCELED",
            status="CANCELED",
            quantity=Decimal("1.0"),
            price=Decimal("0.1"),
            stop_price=Decimal(0),
            filled=Decimal("0.4"),
            last_filled=Decimal(0),
            last_price=Decimal(0),
            fee=Decimal(0),
            traded_ms=T,
            maker=True,
            reject_reason="NONE",
            self_trade_prevention="NONE",
        ),
    ),
    (
        {"e": "outboundAccountPosition", "E": E, "u": T, "B": [{"a": "ETH", "f": "10000.0", "l": "0"}, {"a": "BTC"}]},
        SpotBalances(
            at_ms=E,
            updated_ms=T,
            balances=(SpotBalance(asset="ETH", free=Decimal("10000.0"), locked=Decimal(0)),),
        ),
    ),
    (
        {"e": "balanceUpdate", "E": E, "a": "BTC", "d": "-100.0", "T": T},
        BalanceChange(at_ms=E, cleared_ms=T, asset="BTC", change=Decimal("-100.0")),
    ),
    (
        {"e": "listStatus", "E": E, "T": T, "s": "ETHBTC", "g": 2},
        OtherUpdate(
            kind="listStatus",
            at_ms=E,
            transacted_ms=T,
            symbol="ETHBTC",
            details={"e": "listStatus", "E": E, "T": T, "s": "ETHBTC", "g": 2},
        ),
    ),
    (
        {"e": "externalLockUpdate", "E": E, "a": "NEO", "d": "10", "T": T},
        ExternalLockUpdate(at_ms=E, transacted_ms=T, asset="NEO", change=Decimal(10)),
    ),
    ({"e": "eventStreamTerminated", "E": E}, StreamTerminated(at_ms=E)),
    ({"e": "serverShutdown", "E": E}, ServerShutdown(at_ms=E)),
]


@pytest.mark.parametrize(("event", "expected"), TABLE, ids=[row[0]["e"] for row in TABLE])
def test_event(event: dict[str, Any], expected: UserDataEvent) -> None:
    """Each documented event is read with all that it says; a row of it that cannot be read hides no other."""
    assert read_event(event) == expected


def test_every_event_has_its_row() -> None:
    """No event is read that the table above does not show, and the stream is asked for all of the futures ones."""
    assert {row[0]["e"] for row in TABLE} == EVENT_NAMES
    assert set(FUTURES_EVENTS) < EVENT_NAMES


@pytest.mark.parametrize(("event", "expected"), TABLE[:3])
def test_both_envelopes(event: dict[str, Any], expected: UserDataEvent) -> None:
    """An event comes bare, or as the data of a stream that is named by its key."""
    assert read_user_data(json.dumps(event)) == expected
    assert read_user_data(json.dumps({"stream": "K1", "data": event})) == expected


@pytest.mark.parametrize(
    "raw", ['{"result":null,"id":1}', '{"id":1}', '{"error":{"code":2},"id":"x"}', "", "  "], ids=str
)
def test_what_is_no_event(raw: str) -> None:
    """An answer to a subscription and an empty frame say nothing."""
    assert read_user_data(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        "[]",
        "x",
        b"\x00",
        '{"e":"NEW_KIND","E":1}',
        '{"e":["x"]}',
        '{"e":"ORDER_TRADE_UPDATE"}',
        '{"e":"ORDER_TRADE_UPDATE","o":{"s":"X"}}',
        '{"e":"executionReport","s":"X"}',
        '{"e":"TRADE_LITE"}',
        '{"e":"ACCOUNT_UPDATE","a":[]}',
        '{"e":"CONDITIONAL_ORDER_TRIGGER_REJECT"}',
        '{"e":"balanceUpdate","a":"X"}',
        '{"e":"externalLockUpdate","d":"1"}',
        '{"stream":"K1","data":7}',
        '{"stream":"K1"}',
        "{" + " " * 2_000_000 + "}",
    ],
    ids=lambda raw: str(raw)[:40],
)
def test_what_is_not_understood(raw: str | bytes) -> None:
    """What is not understood is a value, kept short, and never the name of a stream, which is a key."""
    found = read_user_data(raw)
    assert isinstance(found, Unknown)
    assert len(str(found.raw)) <= 4200
    assert "K1" not in str(found.raw)


def test_new_fields_change_nothing() -> None:
    """Fields that nobody told us of are passed over."""
    assert read_event(ORDER | {"new": {"x": 1}}) == read_event(ORDER)


def test_large_details_are_left_out() -> None:
    """An event of which we keep the exchange's own object keeps none that is large."""
    found = read_event({"e": "GRID_UPDATE", "E": E, "gu": {"s": "BTCUSDT", "x": "y" * 5000}})
    assert isinstance(found, OtherUpdate)
    assert (found.symbol, found.details) == ("BTCUSDT", {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["1", "-1", "0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["e", "o", "a", "B", "P", "p", "s", "i", "E", "T", "f", "wb", "or", "ac", "data", "stream"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(EVENT_NAMES)), st.dictionaries(st.sampled_from("oaBPpsiETcdful"), JSON, max_size=5))
def test_no_shape_of_an_event_harms(name: str, rest: dict[str, object]) -> None:
    """Whatever stands under the letters of an event, reading it gives a value."""
    assert isinstance(read_event({**rest, "e": name}), UserDataEvent)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(JSON | st.text(max_size=50))
def test_no_frame_harms(value: object) -> None:
    """Whatever a frame holds, reading it raises nothing."""
    raw = value if isinstance(value, str) else json.dumps(value)
    assert isinstance(read_user_data(raw), UserDataEvent | None)
