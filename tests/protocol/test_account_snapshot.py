"""Snapshots out of the account calls' answers."""

from __future__ import annotations

from decimal import Decimal

from p2pbot.protocol import ws_calls
from p2pbot.protocol.account_snapshot import futures_snapshot, spot_snapshot
from p2pbot.protocol.user_data_events import OrderState

T = 1767600000000


def test_a_futures_account() -> None:
    """Wallet balances, positions that are not nothing, orders, and when each was last changed."""
    account = ws_calls.futures_account().parse(
        {
            "assets": [
                {"asset": "USDT", "walletBalance": "23.72", "availableBalance": "20", "updateTime": T},
                {"asset": "BNB", "walletBalance": "0", "updateTime": 0},
            ],
            "positions": [
                {"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "-0.5", "updateTime": T + 1},
                {"symbol": "ETHUSDT", "positionSide": "LONG", "positionAmt": "2", "updateTime": T + 2},
                {"symbol": "ETHUSDT", "positionSide": "SHORT", "positionAmt": "0", "updateTime": T + 3},
            ],
        }
    )
    order = ws_calls.futures_order("BTCUSDT", order_id=9).parse(
        {"symbol": "BTCUSDT", "orderId": 9, "clientOrderId": "hedge-1", "status": "FILLED", "updateTime": T + 4}
    )
    found = futures_snapshot(account, [order], T + 5)
    assert found.balances == {"USDT": Decimal("23.72"), "BNB": Decimal(0)}
    assert found.positions == {"BTCUSDT": Decimal("-0.5"), "ETHUSDT.LONG": Decimal(2)}
    assert found.orders == (
        OrderState(symbol="BTCUSDT", order_id="9", client_order_id="hedge-1", status="FILLED", updated_ms=T + 4),
    )
    assert found.updated_ms == {
        ("balance", "USDT"): T,
        ("position", "BTCUSDT"): T + 1,
        ("position", "ETHUSDT.LONG"): T + 2,
        ("position", "ETHUSDT.SHORT"): T + 3,
    }
    assert found.as_of_ms == T + 5


def test_a_spot_account() -> None:
    """What is free, what is locked, and the account's time for each asset."""
    answer = {"updateTime": T, "balances": [{"asset": "USDT", "free": "1.5", "locked": "2"}]}
    found = spot_snapshot(ws_calls.spot_account().parse(answer), T + 1)
    assert (found.balances, found.locked) == ({"USDT": Decimal("1.5")}, {"USDT": Decimal(2)})
    assert (found.updated_ms, found.as_of_ms) == ({("balance", "USDT"): T}, T + 1)


def test_a_row_that_cannot_be_read() -> None:
    """It hides no other, and the snapshot is not whole: what it does not name may be there after all."""
    usdt = {"asset": "USDT", "walletBalance": "1", "free": "1", "locked": "0"}
    futures = ws_calls.futures_account().parse(
        {"assets": [usdt, {"asset": "BNB", "walletBalance": "?"}], "positions": []}
    )
    spot = ws_calls.spot_account().parse({"balances": [usdt, {"asset": "BNB", "free": "?", "locked": "0"}]})
    for found in (futures_snapshot(futures, [], T), spot_snapshot(spot, T)):
        assert (found.balances, found.whole) == ({"USDT": Decimal(1)}, False)
