"""What happens to an account beside its P2P orders: money comes and goes, futures orders fill, keys die, sockets end.

Promise: every change of a holding is told on the private stream, if anybody listens, in the order of the real one:
an order's event before its account's.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from p2pbot.sandbox import streams, user_events
from p2pbot.sandbox.books import Book, Fill, FuturesOrder, Position, PositionSide, SpotBalance, Wallet
from p2pbot.sandbox.context_state import ContextState
from p2pbot.sandbox.links import Link, Source
from p2pbot.sandbox.state import Task

_SIDES = ("BUY", "SELL")
_ENDS = ("CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED")
_LONGEST_LEVERAGE = 125
_GOING_AWAY = 1001


class ContextDeeds:
    """The deeds. Each raises KeyError for an account that is not there and ValueError for what cannot be."""

    def __init__(self, context: ContextState) -> None:
        self._context = context

    def _push(self, account: str, source: Source, event: user_events.Event, now_ms: int) -> None:
        streams.push(self._context, account, source, event, now_ms)

    def _at(self, now_ms: int) -> int:
        return self._context.state.exchange_ms(now_ms)

    def _book(self, account: str) -> Book:
        book = self._context.book(account)
        book.check_room()
        return book

    # ---- futures ----

    def set_balance(self, account: str, asset: str, amount: Decimal, now_ms: int) -> None:
        """Set the futures wallet's balance of an asset, as a deposit or a withdrawal would."""
        wallet = self._book(account).wallets.setdefault(asset, Wallet())
        change, at_ms = amount - wallet.balance, self._at(now_ms)
        wallet.balance, wallet.cross, wallet.updated_ms = amount, amount, at_ms
        reason = "DEPOSIT" if change >= 0 else "WITHDRAW"
        event = user_events.account_update(reason, {asset: (wallet, change)}, (), at_ms)
        self._push(account, Source.FUTURES, event, now_ms)

    def set_position(
        self,
        account: str,
        symbol: str,
        amount: Decimal,
        now_ms: int,
        *,
        side: PositionSide = PositionSide.BOTH,
        entry_price: Decimal = Decimal(0),
    ) -> None:
        """Set a position's amount; negative is short, 0 closes it."""
        position = self._position(account, symbol, side)
        position.amount, position.updated_ms = amount, self._at(now_ms)
        position.entry_price = entry_price if amount else Decimal(0)
        event = user_events.account_update("ORDER", {}, (position,), self._at(now_ms))
        self._push(account, Source.FUTURES, event, now_ms)

    def _position(self, account: str, symbol: str, side: PositionSide) -> Position:
        return self._book(account).positions.setdefault((symbol, side), Position(symbol, side))

    def place_futures_order(
        self,
        account: str,
        symbol: str,
        now_ms: int,
        *,
        client_order_id: str = "",
        side: str = "BUY",
        quantity: Decimal = Decimal(1),
        price: Decimal = Decimal(50_000),
    ) -> str:
        """Let the merchant's own tools open a futures order; return its client order id."""
        book, number = self._book(account), self._context.next_number()
        name = client_order_id or f"simulated-{number}"
        if name in book.orders or side not in _SIDES or quantity <= 0:
            raise ValueError("an order has a new client_order_id, side BUY or SELL, and a quantity above 0")
        at_ms = self._at(now_ms)
        order = FuturesOrder(number, name, symbol, side, quantity, price, created_ms=at_ms, updated_ms=at_ms)
        book.orders[name] = order
        self._push(account, Source.FUTURES, user_events.order_update(order, None, at_ms), now_ms)
        return name

    def fill_futures_order(
        self, account: str, client_order_id: str, now_ms: int, *, quantity: Decimal | None = None
    ) -> None:
        """Fill an open order, by ``quantity`` or wholly, at its price: TRADE_LITE, the order, the account."""
        order, at_ms = self._open_order(account, client_order_id), self._at(now_ms)
        left = order.quantity - order.filled
        part = left if quantity is None else quantity
        if not 0 < part <= left:
            raise ValueError(f"of this order {left} can be filled")
        fill = Fill(self._context.next_number(), part, order.price)
        order.filled, order.average_price, order.updated_ms = order.filled + part, order.price, at_ms
        order.status = "FILLED" if order.filled == order.quantity else "PARTIALLY_FILLED"
        position = self._position(account, order.symbol, order.position_side)
        position.amount += part if order.side == "BUY" else -part
        position.entry_price, position.updated_ms = order.price, at_ms
        for event in (
            user_events.trade_lite(order, fill, at_ms),
            user_events.order_update(order, fill, at_ms),
            user_events.account_update("ORDER", {}, (position,), at_ms),
        ):
            self._push(account, Source.FUTURES, event, now_ms)

    def end_futures_order(self, account: str, client_order_id: str, now_ms: int, *, status: str = "CANCELED") -> None:
        """End an open order without a fill: CANCELED, EXPIRED, EXPIRED_IN_MATCH or REJECTED."""
        if status not in _ENDS:
            raise ValueError(f"an order ends as {', '.join(_ENDS)}")
        order = self._open_order(account, client_order_id)
        order.status, order.updated_ms = status, self._at(now_ms)
        self._push(account, Source.FUTURES, user_events.order_update(order, None, self._at(now_ms)), now_ms)

    def _open_order(self, account: str, client_order_id: str) -> FuturesOrder:
        order = self._context.book(account).orders.get(client_order_id)
        if order is None or not order.is_open:
            raise ValueError(f"the account has no open futures order {client_order_id!r}")
        return order

    def margin_call(self, account: str, symbol: str, now_ms: int) -> None:
        """Tell that a position's margin is nearly used up."""
        position = self._position(account, symbol, PositionSide.BOTH)
        cross = sum((wallet.cross for wallet in self._book(account).wallets.values()), Decimal(0))
        self._push(account, Source.FUTURES, user_events.margin_call(position, cross, self._at(now_ms)), now_ms)

    def set_leverage(self, account: str, symbol: str, leverage: int, now_ms: int) -> None:
        """Change a symbol's leverage."""
        if not 1 <= leverage <= _LONGEST_LEVERAGE:
            raise ValueError(f"a leverage is 1 to {_LONGEST_LEVERAGE}")
        self._book(account).leverage[symbol] = leverage
        self._push(account, Source.FUTURES, user_events.leverage_update(symbol, leverage, self._at(now_ms)), now_ms)

    # ---- spot ----

    def set_spot_balance(
        self, account: str, asset: str, free: Decimal, now_ms: int, *, locked: Decimal = Decimal(0)
    ) -> None:
        """Set a spot balance: balanceUpdate with the change, then outboundAccountPosition."""
        book, at_ms = self._book(account), self._at(now_ms)
        balance = book.spot.setdefault(asset, SpotBalance())
        change = free + locked - balance.free - balance.locked
        balance.free, balance.locked, book.spot_updated_ms = free, locked, at_ms
        if change:
            self._push(account, Source.SPOT, user_events.spot_balance(asset, change, at_ms), now_ms)
        self._push(account, Source.SPOT, user_events.spot_position({asset: balance}, at_ms), now_ms)

    # ---- anything else that a stream may say ----

    def user_event(self, account: str, source: Source, event: Mapping[str, Any], now_ms: int) -> None:
        """Send any event, known or not, to whoever listens. ``E`` is the exchange's time unless it is given."""
        self._context.state.account(account)
        if not isinstance(event.get("e"), str):
            raise ValueError("an event has its name under 'e'")  # noqa: TRY004 – a wrong value of the input
        self._push(account, source, {"E": self._at(now_ms)} | dict(event), now_ms)

    # ---- keys and sockets ----

    def expire_listen_key(self, account: str, source: Source, now_ms: int, *, silently: bool = False) -> bool:
        """End a listenKey before its time; its sockets are told (futures) unless ``silently``. False without a key."""
        return streams.end_key(self._context, account, source, now_ms, silently=silently)

    def set_key_valid(self, account: str, *, valid: bool) -> None:
        """Revoke an account's API key, or put it in force again. A session learns it by its next request."""
        self._context.state.account(account).key_valid = valid

    def cut_links(self, now_ms: int, *, account: str = "", kind: str = "", code: int = 0, reason: str = "") -> int:
        """End the open links of an account and a kind ('' = any): reset (code 0) or close. Return how many."""
        links = self._context.links.of(account, kind)
        for link in links:
            self._context.links.end(link, now_ms, code, reason)
        return len(links)

    def shut_down(self, now_ms: int, *, kind: str = "", grace_ms: int = 10_000) -> int:
        """Say serverShutdown on the open links of a kind ('' = any), and close them when the grace is over."""
        links = self._context.links.of(kind=kind)
        event = user_events.server_shutdown(self._at(now_ms))
        for link in links:
            self._context.links.send(link, {"event": event} if link.kind.is_api else event, now_ms)
            self._context.state.later(now_ms + grace_ms, self._ending(link))
        return len(links)

    def _ending(self, link: Link) -> Task:
        return lambda at: self._context.links.end(link, at, _GOING_AWAY, "shutdown")
