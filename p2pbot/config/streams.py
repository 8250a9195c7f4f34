"""What p2pbot may read of an account beyond its P2P orders: futures and spot, each off unless the merchant wants it."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator

from p2pbot.config.part import Part
from p2pbot.document import complaint

_WATCHED = re.compile(r"(?P<symbol>[A-Z0-9_]{1,40})/(?P<order>[.A-Za-z0-9:/_-]{1,64})")
_MOST_WATCHED = 20  # asked for one by one after each interruption
_EVENT = re.compile(r"[A-Za-z_]{1,64}")
_MOST_EVENTS = 30
_LONGEST_PATH = 256
USUAL_EVENTS = (
    *("ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "MARGIN_CALL", "ACCOUNT_CONFIG_UPDATE", "TRADE_LITE", "ALGO_UPDATE"),
    *("CONDITIONAL_ORDER_TRIGGER_REJECT", "STRATEGY_UPDATE", "GRID_UPDATE", "listenKeyExpired"),
)


def _watched(orders: tuple[str, ...]) -> tuple[str, ...]:
    if len(orders) > _MOST_WATCHED:
        raise complaint(f"more than {_MOST_WATCHED} orders")
    for order in orders:
        if not _WATCHED.fullmatch(order):
            raise complaint(f"`{order[:80]}` is not an order to watch", hint="write BTCUSDT/hedge-1: symbol/client id")
    return orders


def _events(events: tuple[str, ...]) -> tuple[str, ...]:
    if len(events) > _MOST_EVENTS or not all(map(_EVENT.fullmatch, events)):
        raise complaint("expected the names of events, as the exchange writes them", hint="write [ACCOUNT_UPDATE]")
    return events


def _path(text: str) -> str:
    bare = text.replace("{listen_key}", "").replace("{events}", "")
    odd = len(text) > _LONGEST_PATH or not text.isascii() or any(char <= " " or char in "{}#" for char in bare)
    if odd or not text.startswith("/") or text.count("{listen_key}") != 1:
        raise complaint("this is not a path with {listen_key} in it", hint="write /ws/{listen_key}")
    return text


Events = Annotated[tuple[str, ...], AfterValidator(_events)]
StreamPath = Annotated[str, AfterValidator(_path)]


class Futures(Part):
    """The futures account: balances, positions and orders, for rules that ask for them.

    ``watch_orders``: asked for after each interruption, as ``BTCUSDT/hedge-1``. ``close_listen_key``: at the end; it
    silences every other program and page that listens to the account.
    """

    enabled: bool = False
    close_listen_key: bool = False
    watch_orders: Annotated[tuple[str, ...], AfterValidator(_watched)] = ()

    @property
    def watched(self) -> tuple[tuple[str, str], ...]:
        """The orders to watch, as symbol and client order id."""
        found = (_WATCHED.fullmatch(order) for order in self.watch_orders)
        return tuple((match["symbol"], match["order"]) for match in found if match)


class Spot(Part):
    """The spot account: balances. ``user_data``: by which interface, for the older one has left the exchange."""

    user_data: Literal["none", "subscribe", "legacy_listen_key"] = "none"
