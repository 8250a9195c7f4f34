"""The mutable inside of the account context: holdings, listenKeys, weights, links.

Promise: no clock and no I/O, as ``State``, whose agenda, dice and effects it shares.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from p2pbot.sandbox.books import Book, SpotBalance, Wallet
from p2pbot.sandbox.links import Links, Source
from p2pbot.sandbox.listen_keys import KeyRing
from p2pbot.sandbox.records import WsCallSeen
from p2pbot.sandbox.state import Account, State
from p2pbot.sandbox.weights import Weights

OPENED_MS = 1_700_000_000_000  # ccxt takes an asset that was never updated for one that is not there
_MOST_RECORDS = 50_000
_WEIGHT_LIMITS = {Source.FUTURES: 2400, Source.SPOT: 6000}


class ContextState:
    """One book and two key rings per account; weights per product, for there is one address."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.links = Links(state)
        self.weights = {source: Weights(limit) for source, limit in _WEIGHT_LIMITS.items()}
        self.calls: deque[WsCallSeen] = deque(maxlen=_MOST_RECORDS)
        self._books: dict[str, Book] = {}
        self._rings: dict[tuple[str, Source], KeyRing] = {}
        self._made = 0

    def book(self, account: str) -> Book:
        """Return what an account holds. Raises KeyError with a sentence."""
        spec = self.state.account(account).spec
        if account not in self._books:
            wallets = {asset: Wallet(amount, amount, OPENED_MS) for asset, amount in spec.futures_wallet}
            spot = {asset: SpotBalance(amount, Decimal(0)) for asset, amount in spec.spot_free}
            self._books[account] = Book(wallets=wallets, spot=spot, spot_updated_ms=OPENED_MS)
        return self._books[account]

    def ring(self, account: str, source: Source) -> KeyRing:
        """Return an account's key ring. Raises KeyError with a sentence."""
        self.state.account(account)
        return self._rings.setdefault((account, source), KeyRing(self.state.options.listen_key_life_ms))

    def account_of_key(self, api_key: str) -> Account | None:
        """Return whose API key it is."""
        return next((one for one in self.state.accounts.values() if one.spec.api_key == api_key), None)

    def next_number(self) -> int:
        """Return the number of a new order or trade."""
        self._made += 1
        return 8_000_000_000 + self._made
