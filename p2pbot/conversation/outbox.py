"""The replies of one account that are not settled yet, and which step is due next.

Promise: no reply is written after a (re)connect before its order's history was looked at; one reply in flight per
order, order kept within an order, spacing per order and per account, at most ``max_pending`` rows. The outbox
decides; ``daemon.sender`` commits each step in the store before it acts. No clock: ``now_ms`` is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from p2pbot.conversation.delivery import DeliveryEvent, DeliveryPolicy, advanced
from p2pbot.conversation.records import OutboxRow, OutboxState

_SKEW_MS = 60_000  # how far the exchange's createTime may lie before our own clock's write
_PACE_ENTRIES = 10_000  # orders whose last write is remembered; older ones are long past any spacing


@dataclass(frozen=True, slots=True)
class Write:
    """Commit SENDING, then write the frame."""

    row: OutboxRow


@dataclass(frozen=True, slots=True)
class Doubt:
    """No echo in time: commit UNKNOWN."""

    row: OutboxRow


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Look the order's history through, back to ``since_ms``, beginning now: a write is in doubt, or a gap is open."""

    order_no: str
    since_ms: int


Step = Write | Doubt | Reconcile


class Outbox:
    """Holds rows by uuid; every change of a row's state goes through the store first and then through ``put``."""

    def __init__(self, policy: DeliveryPolicy, rows: Iterable[OutboxRow] = ()) -> None:
        self.policy = policy
        self._rows: dict[str, OutboxRow] = {}
        self._orders: dict[str, dict[str, OutboxRow]] = {}
        self._wrote_at_ms: dict[str, int] = {}
        self._last_write_ms = 0
        self._look_again_ms: dict[str, int] = {}
        self._looked: set[str] = set()
        for row in rows:
            self.put(row)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[OutboxRow]:
        return iter(tuple(self._rows.values()))

    @property
    def is_full(self) -> bool:
        """Whether no further reply may be claimed (a bound; far above what the caps let through)."""
        return len(self._rows) >= self.policy.max_pending

    def get(self, uuid: str) -> OutboxRow | None:
        """Return the unsettled reply with this uuid."""
        return self._rows.get(uuid)

    def of_order(self, order_no: str) -> tuple[OutboxRow, ...]:
        """Return an order's unsettled replies, by ``seq``: they are put in that order and keep their place."""
        return tuple(self._orders.get(order_no, {}).values())

    def put(self, row: OutboxRow) -> None:
        """Take over a row as the store now has it; a settled row leaves."""
        held = self._orders.setdefault(row.order_no, {})
        if row.state.is_final:
            self._rows.pop(row.uuid, None)
            held.pop(row.uuid, None)
        else:
            self._rows[row.uuid] = row
            held[row.uuid] = row
        if not held:
            self._orders.pop(row.order_no, None)
            self._look_again_ms.pop(row.order_no, None)

    def in_flight(self) -> tuple[OutboxRow, ...]:
        """Return the rows whose write is committed and not yet confirmed or doubted."""
        return tuple(row for row in self._rows.values() if row.state is OutboxState.SENDING)

    def wrote(self, row: OutboxRow, now_ms: int) -> None:
        """Note a write, for the spacing."""
        self._wrote_at_ms.pop(row.order_no, None)
        self._wrote_at_ms[row.order_no] = now_ms
        self._last_write_ms = now_ms
        if len(self._wrote_at_ms) > _PACE_ENTRIES:
            self._wrote_at_ms.pop(next(iter(self._wrote_at_ms)))

    def next_step(self, now_ms: int, *, online: bool) -> tuple[Step | None, int | None]:
        """Return the step that is due now, or None and when to ask again (None = only after something happens)."""
        wake_ms: int | None = None
        for order_no in self._orders:
            step, due_ms = self._head_step(order_no, now_ms, online=online)
            if step is not None:
                return step, None
            if due_ms is not None:
                wake_ms = due_ms if wake_ms is None else min(wake_ms, due_ms)
        return None, wake_ms

    def opened(self) -> None:
        """Note a new connection: what a person said meanwhile is in the histories, so each order is looked at first."""
        self._looked.clear()
        self._look_again_ms.clear()

    def looked(self, order_no: str) -> None:
        """Note that an order was looked at since the connection opened, or is younger than it: it may be written to."""
        if len(self._looked) >= _PACE_ENTRIES:
            self._looked.clear()
        self._looked.add(order_no)

    def asked(self, step: Reconcile, now_ms: int) -> None:
        """Note that a look at the history was asked for; unless it settles the order, it is asked for again later."""
        self._look_again_ms[step.order_no] = now_ms + self.policy.settle_ms

    def settled_by_scan(self, order_no: str, began_ms: int) -> tuple[OutboxRow, ...]:
        """Return the UNKNOWN rows about which a complete look that began at ``began_ms`` is conclusive: not found."""
        limit_ms = began_ms - self.policy.settle_ms
        rows = self.of_order(order_no)
        return tuple(row for row in rows if row.state is OutboxState.UNKNOWN and row.sending_at_ms <= limit_ms)

    def _head_step(self, order_no: str, now_ms: int, *, online: bool) -> tuple[Step | None, int | None]:
        row = next(iter(self._orders[order_no].values()))
        match row.state:
            case OutboxState.SENDING:
                due_ms = row.sending_at_ms + self.policy.echo_timeout_ms
                return (Doubt(row), None) if now_ms >= due_ms else (None, due_ms)
            case OutboxState.UNKNOWN:
                due_ms = max(row.sending_at_ms + self.policy.settle_ms, self._look_again_ms.get(order_no, 0))
                step = Reconcile(order_no, row.sending_at_ms - _SKEW_MS)
                return (step, None) if now_ms >= due_ms else (None, due_ms)
            case _ if not online:
                return None, None
            case _ if order_no not in self._looked:
                due_ms = self._look_again_ms.get(order_no, 0)
                step = Reconcile(order_no, row.created_at_ms - _SKEW_MS)
                return (step, None) if now_ms >= due_ms else (None, due_ms)
            case _:
                due_ms = self._write_due_ms(row)
                return (Write(row), None) if now_ms >= due_ms else (None, due_ms)

    def _write_due_ms(self, row: OutboxRow) -> int:
        order_ms = self._wrote_at_ms.get(row.order_no, -self.policy.order_spacing_ms) + self.policy.order_spacing_ms
        return max(row.not_before_ms, order_ms, self._last_write_ms + self.policy.account_spacing_ms)


def recovered(rows: Iterable[OutboxRow], now_ms: int) -> tuple[OutboxRow, ...]:
    """Return the rows that a crash left in SENDING, as UNKNOWN: to be committed before anything else happens."""
    return tuple(advanced(row, DeliveryEvent.CRASH, now_ms) for row in rows if row.state is OutboxState.SENDING)
