"""The calls of the WebSocket API: a closed list, and answers as typed values."""

from __future__ import annotations

import inspect
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.errors import AnswerMalformed, OurError
from p2pbot.protocol import ws_calls
from p2pbot.protocol.ws_answers import (
    FuturesAccount,
    FuturesBalance,
    FuturesOrder,
    FuturesPosition,
    SessionStatus,
    SpotAccount,
    SpotBalance,
)
from p2pbot.protocol.ws_call import Security, WsCall
from p2pbot.secret import Secret

KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"  # a published example
CALLS: list[WsCall[Any]] = [
    ws_calls.session_status(),
    ws_calls.session_logon(),
    ws_calls.session_logout(),
    ws_calls.start_listen_key(),
    ws_calls.keep_listen_key(),
    ws_calls.stop_listen_key(),
    ws_calls.futures_account(),
    ws_calls.futures_balances(),
    ws_calls.futures_positions("BTCUSDT"),
    ws_calls.futures_order("BTCUSDT", order_id=1),
    ws_calls.spot_account(),
    ws_calls.spot_subscribe(logged_on=True),
    ws_calls.spot_subscribe(logged_on=False),
    ws_calls.spot_unsubscribe(0),
    ws_calls.spot_unsubscribe(),
]


def test_the_list_is_closed() -> None:
    """Every function of the module is in this test's list, and every method of theirs in the module's."""
    functions = {
        name for name, one in inspect.getmembers(ws_calls, inspect.isfunction) if one.__module__.endswith("ws_calls")
    }
    assert len(functions) == 13
    assert {call.method for call in CALLS} == ws_calls.METHODS


def test_no_method_changes_anything_at_the_exchange() -> None:
    """Orders are looked at by their status alone; the rest is sessions, streams and accounts."""
    assert {method for method in ws_calls.METHODS if "order" in method} == {"order.status"}
    families = {method.rpartition(".")[0] or method for method in ws_calls.METHODS}
    assert families == {"session", "userDataStream", "userDataStream.subscribe", "v2/account", "account", "order"}


@pytest.mark.parametrize(
    ("method", "security", "weight"),
    [
        ("session.logon", Security.SIGNED_ITSELF, 2),
        ("session.status", Security.NONE, 2),
        ("session.logout", Security.NONE, 2),
        ("userDataStream.start", Security.KEY, 1),
        ("userDataStream.ping", Security.KEY, 1),
        ("userDataStream.stop", Security.KEY, 1),
        ("v2/account.status", Security.SIGNED, 5),
        ("v2/account.balance", Security.SIGNED, 5),
        ("v2/account.position", Security.SIGNED, 5),
        ("order.status", Security.SIGNED, 1),
        ("userDataStream.subscribe", Security.NONE, 2),
        ("userDataStream.subscribe.signature", Security.SIGNED_ITSELF, 2),
    ],
)
def test_security_and_weight_are_those_of_the_documents(method: str, security: Security, weight: int) -> None:
    """Each method has the security and the weight of section 2's table."""
    (call,) = [call for call in CALLS if call.method == method]
    assert (call.security, call.weight) == (security, weight)


def test_an_order_is_asked_for_by_symbol_and_an_id() -> None:
    """The exchange's id, else ours; neither is our fault."""
    assert ws_calls.futures_order("BTCUSDT", order_id=8389765519203519000).params == (
        ("symbol", "BTCUSDT"),
        ("orderId", 8389765519203519000),
    )
    assert ws_calls.futures_order("BTCUSDT", client_id="hedge-1").params[1] == ("origClientOrderId", "hedge-1")
    with pytest.raises(OurError):
        ws_calls.futures_order("BTCUSDT")


def test_positions_of_all_symbols_are_asked_for_without_one() -> None:
    """No symbol, no parameter."""
    assert ws_calls.futures_positions().params == ()


ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 8389765519203519000,
    "clientOrderId": "hedge-7",
    "status": "FILLED",
    "origQty": "0.010",
    "executedQty": "0.010",
    "price": "0.00",
    "avgPrice": "43000.5",
    "updateTime": 1703426756190,
    "new_field": [],
}
ASSET = {"asset": "USDT", "walletBalance": "126.72469206", "crossWalletBalance": "100.5", "availableBalance": "90"}
POSITION = {"symbol": "BTCUSDT", "positionSide": "SHORT", "positionAmt": "-0.01", "unrealizedProfit": "1.5"}


@pytest.mark.parametrize(
    ("call", "result", "value"),
    [
        (
            ws_calls.session_logon(),
            {"apiKey": KEY, "authorizedSince": 1649729878532, "serverTime": 1649729878630},
            SessionStatus(logged_on=True, server_ms=1649729878630),
        ),
        (
            ws_calls.session_status(),
            {"apiKey": None, "authorizedSince": None, "serverTime": 1649729878630},
            SessionStatus(logged_on=False, server_ms=1649729878630),
        ),
        (ws_calls.session_status(), {}, SessionStatus(logged_on=False)),
        (ws_calls.start_listen_key(), {"listenKey": KEY}, Secret(KEY)),
        (ws_calls.keep_listen_key(), {"listenKey": KEY}, Secret(KEY)),
        (ws_calls.stop_listen_key(), {}, None),
        (
            ws_calls.futures_account(),
            {"assets": [ASSET, {"asset": "BNB"}], "positions": [POSITION, 7]},
            FuturesAccount(
                balances=(
                    FuturesBalance(
                        asset="USDT",
                        wallet=Decimal("126.72469206"),
                        cross_wallet=Decimal("100.5"),
                        available=Decimal(90),
                    ),
                ),
                positions=(
                    FuturesPosition(
                        symbol="BTCUSDT", side="SHORT", amount=Decimal("-0.01"), unrealised_profit=Decimal("1.5")
                    ),
                ),
                unread=2,
            ),
        ),
        (
            ws_calls.futures_balances(),
            [{"asset": "USDT", "balance": "122607.35"}],
            (FuturesBalance(asset="USDT", wallet=Decimal("122607.35")),),
        ),
        (
            ws_calls.futures_positions(),
            [{"symbol": "BTCUSDT", "positionAmt": "1", "entryPrice": "9", "unRealizedProfit": "0"}],
            (
                FuturesPosition(
                    symbol="BTCUSDT",
                    side="BOTH",
                    amount=Decimal(1),
                    entry_price=Decimal(9),
                    unrealised_profit=Decimal(0),
                ),
            ),
        ),
        (
            ws_calls.futures_order("BTCUSDT", order_id=1),
            ORDER,
            FuturesOrder(
                symbol="BTCUSDT",
                order_id="8389765519203519000",
                client_id="hedge-7",
                status="FILLED",
                quantity=Decimal("0.010"),
                filled=Decimal("0.010"),
                price=Decimal(0),
                average_price=Decimal("43000.5"),
                updated_ms=1703426756190,
            ),
        ),
        (
            ws_calls.spot_account(),
            {"balances": [{"asset": "USDT", "free": "1.5", "locked": "0.5"}, {"asset": "X", "free": "NaN"}]},
            SpotAccount(
                balances=(SpotBalance(asset="USDT", free=Decimal("1.5"), locked=Decimal("0.5")),),
                unread=1,
            ),
        ),
        (ws_calls.spot_subscribe(logged_on=True), {"subscriptionId": 0}, 0),
        (ws_calls.spot_unsubscribe(0), {}, None),
    ],
)
def test_an_answer_becomes_a_value(call: WsCall[Any], result: object, value: object) -> None:
    """Answers of the documented shape are read, money as Decimal; rows that cannot be read are left out."""
    assert call.parse(result) == value


@pytest.mark.parametrize(
    ("call", "result"),
    [
        (ws_calls.session_status(), None),
        (ws_calls.start_listen_key(), {}),
        (ws_calls.start_listen_key(), {"listenKey": ""}),
        (ws_calls.start_listen_key(), {"listenKey": "a/b?c"}),
        (ws_calls.start_listen_key(), {"listenKey": "a" * 129}),
        (ws_calls.futures_account(), {"assets": {}}),
        (ws_calls.futures_balances(), [{}] * 2001),
        (ws_calls.futures_order("A", order_id=1), {"symbol": "A", "orderId": 1}),
        (ws_calls.spot_account(), []),
        (ws_calls.spot_subscribe(logged_on=True), {"subscriptionId": "x"}),
    ],
)
def test_a_malformed_answer_says_so(call: WsCall[Any], result: object) -> None:
    """What is not of the documented shape is an error of the exchange's, without its words."""
    with pytest.raises(AnswerMalformed) as caught:
        call.parse(result)
    assert "a/b" not in str(caught.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(CALLS), st.one_of(_JSON, st.dictionaries(st.sampled_from([*ORDER, "assets", "positions"]), _JSON))
)
def test_no_answer_raises_anything_else(call: WsCall[Any], result: object) -> None:
    """Whatever is answered, it is a value or AnswerMalformed."""
    try:
        call.parse(result)
    except AnswerMalformed:
        return


def test_a_listen_key_is_a_secret() -> None:
    """A listenKey does not come out of what it was read into."""
    assert KEY not in repr(ws_calls.start_listen_key().parse({"listenKey": KEY}))
