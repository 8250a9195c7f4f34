"""The replies of one account that are not settled yet, and which step is due next.

Promise: no reply is written after a (re)connect before its order's history was looked at; one reply in flight per
order, order kept within an order, spacing per order and per account; who waits longest is served first, texts before
pictures; no row waits for ever, for an undecided look is asked for again and a late reply is given up, connected or
not. The outbox decides; ``daemon.sender`` commits each step in the store before it acts. No clock: ``now_ms`` is an
argument, and may be set back.
Danger: MISSING needs a look that began late enough and reached back far enough: ``settled_by_scan`` is the judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from p2pbot.conversation.delivery import CLOCK_LEAP_MS, DeliveryEvent, DeliveryPolicy, advanced
from p2pbot.conversation.gate import is_late
from p2pbot.conversation.records import OutboxRow, OutboxState

_SKEW_MS = 60_000  # how far the exchange's createTime may lie before our own clock's write
_FEW_WRITES = 100  # below it nobody tidies up what was written when
_MOST_LOOKED = 10_000  # orders that were looked at since the connection opened; beyond it they are looked at again
_UPLOAD_AHEAD_MS = 5_000  # a picture goes up while its reply still waits, but hardly one that is given up meanwhile
_LOOK_AGAIN_MS = 600_000  # a look that never comes back conclusive is asked for ever more seldom, up to this


@dataclass(frozen=True, slots=True)
class Write:
    """Commit SENDING, then write the frame."""

    row: OutboxRow


@dataclass(frozen=True, slots=True)
class Upload:
    """Have the exchange take the picture, then commit where it lies; the reply is written after that."""

    row: OutboxRow


@dataclass(frozen=True, slots=True)
class Late:
    """Its time is over: commit DROPPED."""

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


Step = Write | Upload | Late | Doubt | Reconcile


@dataclass(frozen=True, slots=True)
class _Plan:
    """An order's next step: not before ``due_ms``; of several that are due, the one that was ready first.

    A picture ``yields``: many become ready at once when the exchange allows uploads again, and no text waits for them.
    """

    due_ms: int
    ready_ms: int
    step: Step
    yields: bool = False


class Outbox:
    """Holds rows by uuid; every change of a row's state goes through the store first and then through ``put``."""

    def __init__(self, policy: DeliveryPolicy, rows: Iterable[OutboxRow] = ()) -> None:
        self.policy = policy
        self._rows: dict[str, OutboxRow] = {}
        self._orders: dict[str, dict[str, OutboxRow]] = {}
        self._wrote_at_ms: dict[str, int] = {}
        self._last_write_ms = 0
        self._looks: dict[str, int] = {}
        self._look_again_ms: dict[str, int] = {}
        self._looked: set[str] = set()
        self._restamped: set[str] = set()
        self._uploading: set[str] = set()
        self._upload_again_ms: dict[str, int] = {}
        self._now_ms = 0
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
        """Return an order's unsettled replies in the order in which they were first put."""
        return tuple(self._orders.get(order_no, {}).values())

    def put(self, row: OutboxRow) -> None:
        """Take over a row as the store now has it; a settled row leaves."""
        held = self._orders.setdefault(row.order_no, {})
        if row.state.is_final:
            self._rows.pop(row.uuid, None)
            held.pop(row.uuid, None)
            self._uploading.discard(row.uuid)
            self._upload_again_ms.pop(row.uuid, None)
        else:
            self._rows[row.uuid] = row
            held[row.uuid] = row
        if row.state not in (OutboxState.SENDING, OutboxState.UNKNOWN):
            self._restamped.discard(row.uuid)
        if not held:
            self._orders.pop(row.order_no, None)
            self.ask_anew(row.order_no)

    def in_flight(self) -> tuple[OutboxRow, ...]:
        """Return the rows whose write is committed and not yet confirmed or doubted."""
        return tuple(row for row in self._rows.values() if row.state is OutboxState.SENDING)

    def wrote(self, row: OutboxRow, now_ms: int) -> None:
        """Note a write, for the spacing."""
        self._wrote_at_ms.pop(row.order_no, None)
        self._wrote_at_ms[row.order_no] = now_ms
        self._last_write_ms = now_ms
        if len(self._wrote_at_ms) > 2 * len(self._orders) + _FEW_WRITES:
            self._wrote_at_ms = {
                order_no: at_ms
                for order_no, at_ms in self._wrote_at_ms.items()
                if order_no in self._orders or at_ms + self.policy.order_spacing_ms > now_ms
            }

    def left(self, uuid: str, now_ms: int) -> None:
        """Note that a frame has left only now: the write may have waited, and its settling delay begins here."""
        row = self._rows.get(uuid)
        if row is not None and row.state is OutboxState.SENDING and row.sending_at_ms < now_ms:
            self.put(replace(row, sending_at_ms=now_ms))

    def uploading(self, uuid: str) -> None:
        """Note that a picture's upload was begun: nothing but its lateness is due until it has ended."""
        if uuid in self._rows:
            self._uploading.add(uuid)

    def upload_ended(self, uuid: str, again_ms: int | None = None) -> None:
        """Note that an upload has ended; one that failed may be tried again from ``again_ms`` on."""
        self._uploading.discard(uuid)
        self._upload_again_ms.pop(uuid, None)
        if again_ms is not None and uuid in self._rows:
            self._upload_again_ms[uuid] = again_ms

    def next_step(self, now_ms: int, *, online: bool) -> tuple[Step | None, int | None]:
        """Return the step that is due now, or None and when to ask again (None = only after something happens)."""
        self._follow_clock(now_ms)
        plans = [self._plan(order_no, now_ms, online=online) for order_no in tuple(self._orders)]
        if not plans:
            return None, None
        plan = min(plans, key=lambda plan: (plan.due_ms, plan.yields, plan.ready_ms))
        return (plan.step, None) if plan.due_ms <= now_ms else (None, plan.due_ms)

    def opened(self) -> None:
        """Note a new connection: what a person said meanwhile is in the histories, so each order is looked at first."""
        self._looked.clear()
        self._looks.clear()
        self._look_again_ms.clear()

    def looked(self, order_no: str) -> None:
        """Note that an order was looked at since the connection opened, or is younger than it: it may be written to."""
        if len(self._looked) >= _MOST_LOOKED:
            self._looked.clear()
        self._looked.add(order_no)

    def asked(self, step: Reconcile, now_ms: int) -> None:
        """Note that a look at the history was asked for; unless it settles the order, it is asked for again later."""
        looks = self._looks.get(step.order_no, 0)
        self._looks[step.order_no] = looks + 1
        pause_ms = min(self.policy.settle_ms * 2 ** min(looks, 10), max(self.policy.settle_ms, _LOOK_AGAIN_MS))
        self._look_again_ms[step.order_no] = now_ms + pause_ms

    def settled_by_scan(self, order_no: str, began_ms: int, since_ms: int) -> tuple[OutboxRow, ...]:
        """Return the UNKNOWN rows that a complete look, begun at ``began_ms`` and back to ``since_ms``, did not find.

        A row is left out, and looked for again, if the look began before the row's write had settled or did not reach
        back behind it.
        """
        self.ask_anew(order_no)
        limit_ms = began_ms - self.policy.settle_ms
        rows = (row for row in self.of_order(order_no) if row.state is OutboxState.UNKNOWN)
        return tuple(row for row in rows if row.sending_at_ms <= limit_ms and since_ms <= self._since_ms(row))

    def ask_anew(self, order_no: str) -> None:
        """Forget that an order's history was asked for: the next look at it is due at once."""
        self._looks.pop(order_no, None)
        self._look_again_ms.pop(order_no, None)

    def _since_ms(self, row: OutboxRow) -> int:
        """Return how far back a look must reach to be sure about a write: all of it, if its time is a wrong clock's."""
        return 0 if row.uuid in self._restamped else row.sending_at_ms - _SKEW_MS

    def _plan(self, order_no: str, now_ms: int, *, online: bool) -> _Plan:
        row = self._restamp(next(iter(self._orders[order_no].values())), now_ms)
        again_ms = self._look_again_ms.get(order_no, 0)
        match row.state:
            case OutboxState.SENDING:
                due_ms = row.sending_at_ms + self.policy.echo_timeout_ms
                return _Plan(due_ms, due_ms, Doubt(row))
            case OutboxState.UNKNOWN:
                due_ms = max(row.sending_at_ms + self.policy.settle_ms, again_ms)
                return _Plan(due_ms, due_ms, Reconcile(order_no, self._since_ms(row)))
            case _:
                late_ms = now_ms if is_late(row, now_ms) else row.expires_at_ms + 1
                late = _Plan(late_ms, late_ms, Late(row))
                if not online or late_ms <= now_ms:
                    return late
                look = _Plan(again_ms, again_ms, Reconcile(order_no, row.created_at_ms - _SKEW_MS))
                plan = self._forward(row, late) if order_no in self._looked else look
                return plan if plan.due_ms < late_ms else late

    def _forward(self, row: OutboxRow, late: _Plan) -> _Plan:
        """Return the step that brings a reply on its way; while its picture is under way there is none."""
        if not row.needs_upload:
            return self._write(row)
        due_ms = max(row.not_before_ms - _UPLOAD_AHEAD_MS, self._upload_again_ms.get(row.uuid, 0))
        return late if row.uuid in self._uploading else _Plan(due_ms, due_ms, Upload(row))

    def _write(self, row: OutboxRow) -> _Plan:
        order_ms = self._wrote_at_ms.get(row.order_no, -self.policy.order_spacing_ms) + self.policy.order_spacing_ms
        ready_ms = max(row.not_before_ms, order_ms)
        due_ms = max(ready_ms, self._last_write_ms + self.policy.account_spacing_ms)
        return _Plan(due_ms, ready_ms, Write(row), yields=row.picture is not None)

    def _follow_clock(self, now_ms: int) -> None:
        """Let no stamp of before the clock was set back hold anything up."""
        if now_ms < self._now_ms:
            self._last_write_ms = min(self._last_write_ms, now_ms)
            self._wrote_at_ms = {order_no: min(at_ms, now_ms) for order_no, at_ms in self._wrote_at_ms.items()}
            latest_ms = now_ms + self.policy.settle_ms
            self._look_again_ms = {order_no: min(at_ms, latest_ms) for order_no, at_ms in self._look_again_ms.items()}
            self._upload_again_ms = {uuid: min(at_ms, latest_ms) for uuid, at_ms in self._upload_again_ms.items()}
        self._now_ms = now_ms

    def _restamp(self, row: OutboxRow, now_ms: int) -> OutboxRow:
        """Return ``row`` with a write that lies in the future moved to now: it was made before now, whenever."""
        if row.state not in (OutboxState.SENDING, OutboxState.UNKNOWN) or row.sending_at_ms <= now_ms + CLOCK_LEAP_MS:
            return row
        row = replace(row, sending_at_ms=now_ms)
        self._restamped.add(row.uuid)
        self.put(row)
        return row


def recovered(rows: Iterable[OutboxRow], now_ms: int) -> tuple[OutboxRow, ...]:
    """Return the rows that a crash left in SENDING, as UNKNOWN: to be committed before anything else happens."""
    return tuple(advanced(row, DeliveryEvent.CRASH, now_ms) for row in rows if row.state is OutboxState.SENDING)
