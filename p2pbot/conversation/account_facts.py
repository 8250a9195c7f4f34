"""What is known of the merchant's own account: balances, positions, orders, a margin call, as the streams tell them.

Promise: between a source's ``gap_opened`` and its ``gap_closed`` nothing of it is known, whatever was told before; a
snapshot replaces all that was kept. What is known has an age, what is not has a reason, both in words.
Danger: a snapshot names what there is, so a position or an asset that it does not name is 0, and so is a misspelt one –
unless a row of it could not be read; an order that nobody named is not known.
Source: the futures and user-data notes, sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from p2pbot.protocol.user_data_events import (
    AccountSnapshot,
    AccountUpdate,
    MarginCall,
    OrderState,
    OrderUpdate,
    Source,
    SpotBalance,
    SpotBalances,
    UserDataEvent,
)
from p2pbot.rules.figures import Figure, Figures

MARGIN_CALL_MS = 900_000  # a margin call counts this long; nothing tells when the danger is over
_MOST_ORDERS = 500  # whose states are kept, those heard of last; a busy trader has as many in a day
_MOST_FIGURES = 5_000  # of one source: the exchange lists some hundred assets and symbols
_ZERO = Decimal(0)
_SIDES = (".LONG", ".SHORT")


@dataclass(slots=True)
class _Told:
    """What one source has told. ``known_since_ms`` None: a gap is open, since ``gap_ms``; ``read``: known once."""

    known_since_ms: int | None = None
    gap_ms: int = 0
    read: bool = False
    told_ms: int = 0
    balances: dict[str, Decimal] = field(default_factory=dict)
    locked: dict[str, Decimal] = field(default_factory=dict)
    positions: dict[str, Decimal] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    whole: bool = True

    def rest(self, *names: str) -> dict[str, Figure]:
        """Return what stands for figures that are not named: zero, where all that there is could be read."""
        return dict.fromkeys(names, _ZERO) if self.whole else {}

    @property
    def too_many(self) -> bool:
        """Whether it told of more things than an account has: then none of it is used."""
        return max(map(len, (self.balances, self.locked, self.positions))) > _MOST_FIGURES

    @property
    def known(self) -> bool:
        """Whether what is kept is the account's state."""
        return self.known_since_ms is not None and not self.too_many


class AccountFacts:
    """The facts of one account; ``sources`` are those that the configuration switches on."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._told = {source: _Told() for source in sources}
        self._margin_call_ms = -MARGIN_CALL_MS

    def without(self, source: Source, at_ms: int) -> AccountFacts:
        """Return the facts with all that ``source`` told thrown away, whatever state it is in."""
        kept = AccountFacts({*self._told, source})
        kept._told.update(self._told)
        kept._told[source] = _Told(gap_ms=at_ms, read=True)
        kept._margin_call_ms = self._margin_call_ms
        return kept

    @property
    def wallet(self) -> Source | None:
        """Whose balances ``balance`` means: those of spot if it is on, else those of futures."""
        return next((source for source in (Source.SPOT, Source.FUTURES) if source in self._told), None)

    def known(self, source: Source) -> bool:
        """Whether a source's facts may be used now."""
        return source in self._told and self._told[source].known

    def gap_opened(self, source: Source, at_ms: int) -> None:
        """Know nothing of a source any more."""
        told = self._told[source]
        if told.known_since_ms is not None:
            told.known_since_ms, told.gap_ms = None, at_ms

    def snapshot(self, source: Source, snapshot: AccountSnapshot) -> None:
        """Keep this in place of all that was kept."""
        told = self._told[source]
        told.told_ms = max(told.told_ms, snapshot.as_of_ms)
        told.balances, told.locked = dict(snapshot.balances), dict(snapshot.locked)
        told.positions, told.whole = dict(snapshot.positions), snapshot.whole
        told.orders = {}
        for order in sorted(snapshot.orders, key=lambda one: one.updated_ms):
            _keep(told.orders, order)

    def event(self, source: Source, event: UserDataEvent) -> None:
        """Take one event in; one that tells nothing of a figure changes nothing."""
        told = self._told[source]
        match event:
            case AccountUpdate(balances=balances, positions=positions):
                told.balances.update((one.asset, one.wallet) for one in balances)
                told.positions.update((one.key, one.amount) for one in positions)
            case SpotBalances(balances=balances):
                _keep_spot(told, balances)
            case OrderUpdate():
                _keep(told.orders, event)
            case MarginCall(at_ms=at_ms):
                self._margin_call_ms = max(self._margin_call_ms, at_ms)
            case _:
                return
        told.told_ms = max(told.told_ms, event.at_ms)

    def gap_closed(self, source: Source, at_ms: int) -> None:
        """Know again."""
        told = self._told[source]
        told.known_since_ms, told.read = at_ms, True

    def figures(self, now_ms: int) -> Figures:
        """Return what rules may use now."""
        futures = self._told.get(Source.FUTURES)
        spot = self._told.get(Source.SPOT)
        wallet = self._told[self.wallet] if self.wallet else None
        return Figures(
            balance={**wallet.balances, **wallet.rest("*")} if wallet and wallet.known else {},
            futures=self._futures(futures, now_ms) if futures and futures.known else {},
            spot=_spot(spot) if spot and spot.known else {},
            notes=self.notes(now_ms),
        )

    def notes(self, now_ms: int) -> dict[str, str]:
        """Return of each group of figures how old it is, or why it is not known."""
        sources = {"balance": self.wallet, "futures": Source.FUTURES, "spot": Source.SPOT}
        return {group: self._note(source, now_ms) for group, source in sources.items()}

    def _note(self, source: Source | None, now_ms: int) -> str:
        told = self._told.get(source) if source else None
        if told is None:
            return "it is not switched on in the configuration"
        if told.too_many:
            return "there are more figures than an account has"
        if told.known_since_ms is not None:
            return f"told {_span(now_ms - told.told_ms)} ago"
        return f"the {source} stream is interrupted for {_span(now_ms - told.gap_ms)}" if told.read else "not read yet"

    def _futures(self, told: _Told, now_ms: int) -> dict[str, Figure]:
        figures: dict[str, Figure] = {f"balance.{asset}": amount for asset, amount in told.balances.items()}
        figures |= {f"position.{name}": amount for name, amount in _positions(told).items()}
        figures |= told.rest("balance.*", "position.*")
        figures |= {f"order.{name}": state for name, state in told.orders.items()}
        if now_ms - self._margin_call_ms < MARGIN_CALL_MS:
            figures["margin_call"] = True
        elif told.known_since_ms is not None and now_ms - told.known_since_ms >= MARGIN_CALL_MS:
            figures["margin_call"] = False  # a gap may have swallowed one, so only a long look knows that there is none
        return figures


def _keep(orders: dict[str, str], order: OrderUpdate | OrderState) -> None:
    """Note an order's state; the order that was heard of last stands last."""
    if order.client_order_id and order.status:
        orders.pop(order.client_order_id, None)
        orders[order.client_order_id] = order.status.lower()
    while len(orders) > _MOST_ORDERS:
        del orders[next(iter(orders))]


def _keep_spot(told: _Told, balances: Iterable[SpotBalance]) -> None:
    for one in balances:
        told.balances[one.asset] = one.free
        if one.locked is not None:
            told.locked[one.asset] = one.locked
        else:
            told.locked.pop(one.asset, None)


def _positions(told: _Told) -> dict[str, Decimal]:
    """Return the positions, and for those of hedge mode the sum of both sides (if both were read) under the symbol."""
    sums = dict(told.positions)
    for name, amount in told.positions.items() if told.whole else ():
        symbol = next((name.removesuffix(side) for side in _SIDES if name.endswith(side)), "")
        if symbol:
            sums[symbol] = sums.get(symbol, _ZERO) + amount
    return sums


def _spot(told: _Told) -> dict[str, Figure]:
    figures: dict[str, Figure] = {f"free.{asset}": amount for asset, amount in told.balances.items()}
    figures |= {f"locked.{asset}": amount for asset, amount in told.locked.items()}
    return figures | told.rest("free.*", "locked.*")


def _span(span_ms: int) -> str:
    seconds = max(0, span_ms) // 1000
    return f"{seconds}s" if seconds < 120 else f"{seconds // 60}m" if seconds < 7200 else f"{seconds // 3600}h"  # noqa: PLR2004
