"""An account's holdings as the futures and spot calls answer them, the same over REST and over WebSocket.

Promise: pure; decimals are texts. Source: futures and user-data notes section 2, and the public documents for the
fields that p2pbot does not read; those without a meaning here are zero.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

from p2pbot.sandbox.books import ZERO, Book, FuturesOrder, Position, Wallet, plain

Json: TypeAlias = Any


def futures_account(book: Book) -> Json:
    """Return ``account.status``, version 2 (REST: /fapi/v3/account)."""
    total = plain(sum((wallet.balance for wallet in book.wallets.values()), ZERO))
    profit = plain(sum((position.profit for position in book.positions.values()), ZERO))
    return {
        "totalInitialMargin": plain(ZERO),
        "totalMaintMargin": plain(ZERO),
        "totalWalletBalance": total,
        "totalUnrealizedProfit": profit,
        "totalMarginBalance": total,
        "totalPositionInitialMargin": plain(ZERO),
        "totalOpenOrderInitialMargin": plain(ZERO),
        "totalCrossWalletBalance": total,
        "totalCrossUnPnl": profit,
        "availableBalance": total,
        "maxWithdrawAmount": total,
        "assets": [_asset(asset, wallet) for asset, wallet in book.wallets.items()],
        "positions": [_account_position(position) for position in _open(book)],
    }


def _asset(asset: str, wallet: Wallet) -> Json:
    return {
        "asset": asset,
        "walletBalance": plain(wallet.balance),
        "unrealizedProfit": plain(ZERO),
        "marginBalance": plain(wallet.balance),
        "maintMargin": plain(ZERO),
        "initialMargin": plain(ZERO),
        "positionInitialMargin": plain(ZERO),
        "openOrderInitialMargin": plain(ZERO),
        "crossWalletBalance": plain(wallet.cross),
        "crossUnPnl": plain(ZERO),
        "availableBalance": plain(wallet.balance),
        "maxWithdrawAmount": plain(wallet.balance),
        "updateTime": wallet.updated_ms,
    }


def _open(book: Book) -> list[Position]:
    """Return the positions that are open: version 3 leaves the empty ones out."""
    return [position for position in book.positions.values() if position.amount]


def _account_position(position: Position) -> Json:
    return {
        "symbol": position.symbol,
        "positionSide": position.side.value,
        "positionAmt": plain(position.amount),
        "unrealizedProfit": plain(position.profit),
        "isolatedMargin": plain(ZERO),
        "notional": plain(position.amount * position.entry_price),
        "isolatedWallet": plain(ZERO),
        "initialMargin": plain(ZERO),
        "maintMargin": plain(ZERO),
        "updateTime": position.updated_ms,
    }


def futures_balances(book: Book) -> Json:
    """Return ``account.balance``, version 2 (REST: /fapi/v3/balance)."""
    return [
        {
            "accountAlias": "SIMULATED",
            "asset": asset,
            "balance": plain(wallet.balance),
            "crossWalletBalance": plain(wallet.cross),
            "crossUnPnl": plain(ZERO),
            "availableBalance": plain(wallet.balance),
            "maxWithdrawAmount": plain(wallet.balance),
            "marginAvailable": True,
            "updateTime": wallet.updated_ms,
        }
        for asset, wallet in book.wallets.items()
    ]


def futures_positions(book: Book, symbol: str = "") -> Json:
    """Return ``account.position``, version 2 (REST: /fapi/v3/positionRisk), of one symbol or all."""
    return [
        _account_position(position)
        | {
            "entryPrice": plain(position.entry_price),
            "breakEvenPrice": plain(position.entry_price),
            "markPrice": plain(position.entry_price),
            "unRealizedProfit": plain(position.profit),
            "liquidationPrice": plain(ZERO),
            "marginAsset": "USDT",
            "positionInitialMargin": plain(ZERO),
            "openOrderInitialMargin": plain(ZERO),
            "adl": 0,
            "bidNotional": plain(ZERO),
            "askNotional": plain(ZERO),
        }
        for position in _open(book)
        if symbol in ("", position.symbol)
    ]


def futures_order(order: FuturesOrder) -> Json:
    """Return ``order.status`` (REST: GET /fapi/v1/order)."""
    return {
        "avgPrice": plain(order.average_price),
        "clientOrderId": order.client_order_id,
        "cumQuote": plain(order.filled * order.average_price),
        "executedQty": plain(order.filled),
        "orderId": order.order_id,
        "origQty": plain(order.quantity),
        "origType": "LIMIT",
        "price": plain(order.price),
        "reduceOnly": False,
        "side": order.side,
        "positionSide": order.position_side.value,
        "status": order.status,
        "stopPrice": plain(ZERO),
        "closePosition": False,
        "symbol": order.symbol,
        "time": order.created_ms,
        "timeInForce": "GTC",
        "type": "LIMIT",
        "updateTime": order.updated_ms,
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE",
        "goodTillDate": 0,
    }


def spot_account(book: Book, uid: str) -> Json:
    """Return spot's ``account.status`` (REST: GET /api/v3/account)."""
    none = plain(Decimal(0))
    return {
        "makerCommission": 0,
        "takerCommission": 0,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "canTrade": False,
        "canWithdraw": False,
        "canDeposit": True,
        "commissionRates": {"maker": none, "taker": none, "buyer": none, "seller": none},
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": book.spot_updated_ms,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": plain(each.free), "locked": plain(each.locked)}
            for asset, each in book.spot.items()
        ],
        "permissions": ["SPOT"],
        "uid": int(uid) if uid.isdecimal() else 0,
    }
