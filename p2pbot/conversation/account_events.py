"""What happens to the merchant's own account, as events for rules: an order filled, a margin call, a low balance.

Promise: each is raised once: a fill by its order, a margin call by its time, a balance when it goes below a rule's
limit, which it can only do again after it has been above it. What a gap hid is raised when the snapshot shows it.
Danger: at the start nobody knows whether a balance was below before, so it is told once more with each start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from p2pbot.model import EventKind, Stimulus
from p2pbot.protocol.user_data_events import FILLED, AccountSnapshot, MarginCall, OrderState, OrderUpdate, UserDataEvent
from p2pbot.rules.account_events import Threshold
from p2pbot.rules.figures import Figures

ACCOUNT_TALK = "account"  # the order number under which decisions about the account itself are recorded
_MOST_SYMBOLS = 5  # that a margin call names


def told_by(event: UserDataEvent) -> Iterator[Stimulus]:
    """Yield what one event of the futures stream says has happened."""
    match event:
        case OrderUpdate(status=status) if status == FILLED:
            yield _filled(event, event.transacted_ms or event.at_ms)
        case MarginCall(at_ms=at_ms, positions=positions):
            symbols = ", ".join(sorted({one.symbol for one in positions})[:_MOST_SYMBOLS])
            yield _event(EventKind.MARGIN_CALL, str(at_ms), at_ms, symbols or "the account")


def shown_by(snapshot: AccountSnapshot) -> Iterator[Stimulus]:
    """Yield the fills of watched orders that a snapshot shows; those decided before are dropped by their key."""
    for order in snapshot.orders:
        if order.status == FILLED:
            yield _filled(order, order.updated_ms or snapshot.as_of_ms)


class LowBalances:
    """Which balances are below which limits, so that only the fall itself is an event."""

    def __init__(self) -> None:
        self._below: dict[str, bool] = {}

    def look(self, figures: Figures, thresholds: Iterable[Threshold], now_ms: int) -> tuple[Stimulus, ...]:
        """Return the balances that fell since the last look. What is not known now is left as it was."""
        before, self._below, fallen = self._below, {}, []
        for threshold in thresholds:
            about = str(threshold)
            is_below, was_below = threshold.holds(figures), before.get(about)
            if is_below and not was_below:
                fallen.append(_event(EventKind.BALANCE_BELOW, f"{about}:{now_ms}", now_ms, about))
            known = was_below if is_below is None else is_below
            if known is not None:
                self._below[about] = known
        return tuple(fallen)


def about_of(key: str) -> str:
    """Return what the event of this key is about, as far as the key says it; '' for every other event."""
    mark, _, rest = key.partition(":")
    kind, _, what = rest.partition(":")
    if mark != "e" or kind not in (EventKind.FUTURES_ORDER_FILLED, EventKind.BALANCE_BELOW):
        return ""
    return what.rpartition(":")[0] if kind == EventKind.BALANCE_BELOW else what


def _filled(order: OrderUpdate | OrderState, at_ms: int) -> Stimulus:
    about = f"order.{order.client_order_id or order.order_id}"
    return _event(EventKind.FUTURES_ORDER_FILLED, f"{order.symbol}:{order.order_id}", at_ms, about)


def _event(kind: EventKind, what: str, at_ms: int, about: str) -> Stimulus:
    return Stimulus(kind=kind, order_no=ACCOUNT_TALK, key=f"e:{kind.value}:{what}", at_ms=at_ms, about=about)
