"""The checkers that watch a run while it goes on. ``verdict`` holds those that judge its end.

Promise: each names the promise of the daemon that was broken; what the seed breaks on purpose is excused, and counted.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict, deque
from dataclasses import replace

from p2pbot.adapters.rate_gate import ALL_CALLS
from p2pbot.conversation.records import OutboxRow, OutboxState
from p2pbot.daemon.account import Account
from p2pbot.daemon.status import account_status
from p2pbot.model import OrderStatus, Reason, Side
from p2pbot.sandbox.records import Outcome, Received
from tests.sim.life import Life
from tests.sim.pictures import QR
from tests.sim.store import Plate
from tests.sim.talk import CAUSES, GREETED_FIAT, ONCE_TEXTS, Form, Ledger, number_of, words_for
from tests.sim.universe import Universe, key_of, secret_of
from tests.sim.wire import SimConnection

_BUDGET, _BUDGET_S = 150, 300.0
_TIGHT, _TIGHT_S = 8, 5.0  # connects of one life within so many seconds: backoff allows four
_KNOWN_S = 5.0  # the daemon knew this long: a write that was already on its way is not counted
_TOKEN = re.compile(r"TOKEN[0-9a-f]{8}|c2c_[0-9a-f]{8}")
_HIDDEN = ("SIMULATED PERSON", "SIMULATED PAYEE", "0000-SIMULATED-0000")
_DESK_PER_ORDER = 300
_MOST_LOGONS_A_MINUTE = 90  # seven attempts of three tries each, and a few restarts
_MOST_CALLS_A_MINUTE = 600  # of one account with a few orders; a tight loop makes more
_CROWD = 50  # orders from which on the door's own pace is the bound


class Judge:
    """Watches one run."""

    def __init__(self, universe: Universe, ledger: Ledger) -> None:
        self._universe = universe
        self.ledger = ledger
        self.plate = Plate()
        self.excused: Counter[str] = Counter()
        self.delivered: Counter[tuple[str, str]] = Counter()
        self.writes: Counter[str] = Counter()
        self.doubtful: set[str] = set()
        self._newest: dict[str, int] = {}
        self._seen_uuids: set[str] = set()
        self._connects: deque[float] = deque()
        self._life_connects: dict[str, deque[float]] = defaultdict(deque)
        self._connecting: set[str] = set()
        self._silent_since: dict[tuple[str, str], tuple[Reason, float]] = {}
        self._secrets = [text for name in universe.names for text in (key_of(name), secret_of(name))]

    # ---- what the daemon does ----

    def born(self, life: Life) -> None:
        """Learn that a new process begins."""
        self._life_connects.clear()
        self._connecting.clear()
        self._universe.trace.say(f"store at the start of life {life.number}: {len(self.plate.disk.outbox)} replies")

    def connecting(self, account: str) -> None:
        """Check the attempt budget and that no loop is tight."""
        now_s = self._universe.timeline.now_s
        self._universe.trace.say(f"connect of {account}")
        if _too_many(self._connects, now_s, _BUDGET, _BUDGET_S):
            self._universe.blame("attempt_budget", f"more than {_BUDGET} connects in {_BUDGET_S:.0f} s")
        if _too_many(self._life_connects[account], now_s, _TIGHT, _TIGHT_S):
            self._universe.blame("tight_loop", f"more than {_TIGHT} connects in {_TIGHT_S:.0f} s")
        if account in self._connecting:
            self._universe.blame("two_connect", f"{account} connects while it connects")
        self._connecting.add(account)

    def connected(self, account: str) -> None:
        """Note that a try has ended."""
        self._connecting.discard(account)

    def committed(self, name: str) -> None:
        """Note which orders the daemon knows to be taken over or in appeal, and since when."""
        if name not in ("claim", "remember"):
            return
        now_s = self._universe.loop.time()
        for key, memory in self.plate.disk.orders.items():
            reason = _silence(memory.status, memory.mute.reason if memory.mute else None)
            until_ms = memory.mute.until_ms if memory.mute and reason is Reason.TAKEN_OVER else None
            over = until_ms is not None and until_ms <= self._universe.now_ms() + self._universe.climate.skew_ms + 1000
            if reason is None or over:
                self._silent_since.pop(key, None)
            elif self._silent_since.get(key, (None, 0.0))[0] is not reason:
                self._silent_since[key] = (reason, now_s)

    def sending(self, account: str, connection: SimConnection, text: str) -> None:
        """Check a frame that is about to be written against what the store says."""
        frame = json.loads(text)
        uuid, order_no = str(frame["uuid"]), str(frame["orderNo"])
        said = frame.get("content", str(QR))
        self._universe.trace.say(f"daemon writes {order_no} {said} on {connection.number}")
        self.writes[uuid] += 1
        row = self.plate.disk.outbox.get(uuid)
        if row is None or row.state is not OutboxState.SENDING:
            self._universe.blame("unrecorded_write", f"{order_no}: {row.state if row else 'no row'}")
            return
        others = [one for one in self.plate.disk.rows_of(account, order_no) if one.uuid != uuid]
        if any(one.state in (OutboxState.SENDING, OutboxState.UNKNOWN) for one in others):
            self._universe.blame("two_in_flight", f"{order_no}: {said}")
        if any(one.seq < row.seq and not one.state.is_final for one in others):
            self._universe.blame("order", f"{order_no}: {said} before an older reply")
        self._check_silence(account, order_no, connection)

    def _check_silence(self, account: str, order_no: str, connection: SimConnection) -> None:
        reason, since_s = self._silent_since.get((account, order_no), (None, 0.0))
        memory = self.plate.disk.orders.get((account, order_no))
        mute = memory.mute if memory else None
        over = mute is not None and mute.until_ms is not None and mute.until_ms <= self._universe.now_ms() + 1500
        ended = reason is Reason.TAKEN_OVER and over
        if reason is not None and not ended and self._universe.loop.time() - since_s > _KNOWN_S:
            self._universe.blame("spoke_when_silent", f"{order_no}: {reason} known since {since_s:.1f} s")
        known = {entry.entry.message_id for entry in self.plate.disk.inbox.get((account, order_no), ())}
        opened_ms = self._universe.now_ms() - (self._universe.timeline.now_s - connection.opened_s) * 1000
        for line in self._universe.world._state.order(order_no).lines:
            if line.by == "operator" and line.visible_ms < opened_ms - 2000 and str(line.message_id) not in known:
                self._universe.blame("spoke_unlooked", f"{order_no}: a person wrote before this connection")

    def received(self, received: Received, sent_s: float) -> None:
        """Check what the exchange put into the chat."""
        if received.outcome is not Outcome.DELIVERED:
            return
        received = replace(received, text=received.text or str(QR))
        order_no, text = received.order_no, received.text
        line = self._universe.world._state.order(order_no).lines
        mine = next((one for one in reversed(line) if one.message_id == received.message_id), None)
        row = self.plate.disk.outbox.get(received.uuid)
        if mine and row and mine.visible_ms - self._stamped_ms(sent_s) >= self._universe.climate.settle_ms:
            self.doubtful.add(received.uuid)
        self._check_copies(received)
        self._check_order(received, row)
        problem = self._forbidden(order_no, text)
        if problem:
            self._universe.blame("forbidden", f"{order_no}: {text} {problem}")

    def _stamped_ms(self, sent_s: float) -> int:
        """When a frame's row was stamped, as the exchange reckons it: a little before it was written."""
        return self._universe.now_ms() - round((self._universe.timeline.now_s - sent_s) * 1000) - 600

    def _check_copies(self, received: Received) -> None:
        key = (received.order_no, received.text)
        self.delivered[key] += 1
        allowed = self._allowed(*key)
        if self.delivered[key] <= allowed and received.uuid not in self._seen_uuids:
            self._seen_uuids.add(received.uuid)
            return
        if received.uuid in self.doubtful:
            self.excused["duplicate"] += 1
            self.delivered[key] -= 1
            return
        self._universe.blame("duplicate", f"{received.order_no}: {received.text} for the {self.delivered[key]}. time")

    def _allowed(self, order_no: str, text: str) -> int:
        if text in ONCE_TEXTS or number_of(text):
            return 1
        if text == str(QR):
            sold = self.ledger.sides.get(order_no) is Side.SELL
            return len(self.ledger.of(order_no, Form.DOUBLE, *((Form.QUESTION,) if sold else ())))
        form = {"Picture seen.": Form.IMAGE, "A person comes.": Form.HUMAN}.get(text)
        return len(self.ledger.of(order_no, form)) if form else 0

    def _check_order(self, received: Received, row: OutboxRow | None) -> None:
        if row is None:
            self._universe.blame("unrecorded_write", f"{received.order_no}: nothing in the store")
        elif row.seq < self._newest.get(received.order_no, 0) and received.uuid not in self.doubtful:
            self._universe.blame("order", f"{received.order_no}: {received.text} came after a later reply")
        else:
            self._newest[received.order_no] = max(row.seq, self._newest.get(received.order_no, 0))

    def _forbidden(self, order_no: str, text: str) -> str:
        numbered = number_of(text)
        if numbered is None:
            return "" if self._has_cause(order_no, text) else "answers nothing"
        said = self.ledger.numbered(numbered[1])
        if said is None or not said.form.is_answerable:
            return f"answers {said.form if said else 'a machine'}"
        if said.order_no != order_no:
            return f"answers order {said.order_no}"
        if numbered[0] not in words_for(said.form, self.ledger.sides.get(order_no, Side.SELL)):
            return "takes a purchase for a sale"
        age_ms = self._universe.now_ms() - said.at_ms
        longest_ms = self._universe.climate.max_age_ms + self._universe.climate.expires_s * 1000 + 30_000
        return "answers the past" if age_ms > longest_ms else ""

    def _has_cause(self, order_no: str, text: str) -> bool:
        """Whether something happened in the order that this text answers."""
        if text == "Hi there.":
            return bool(self.ledger.of(order_no, Form.HELLO))
        if text == "Welcome." and self.ledger.fiats.get(order_no) != GREETED_FIAT:
            return False
        if text in CAUSES:
            happened = {turn for _, turn in self.ledger.turns[order_no]}
            return not CAUSES[text] or bool(happened & CAUSES[text])
        return self._allowed(order_no, text) > 0

    # ---- what the daemon says and keeps ----

    def said(self, level: str, line: str) -> None:
        """Check a log line or a notice for secrets and people's data."""
        self._no_secret(line)
        if level == "error":
            self._universe.blame("exception", line)

    def _no_secret(self, text: str) -> None:
        if _TOKEN.search(text) or any(secret in text for secret in (*self._secrets, *_HIDDEN)):
            self._universe.blame("secret", "a log line, a notice or the status shows a secret")

    def look(self, accounts: dict[str, Account]) -> None:
        """Check the bounds of the running daemon's queues, now and then."""
        for name, account in accounts.items():
            orders = len(self._universe.world.orders(name))
            self._no_secret(json.dumps(account_status(account), sort_keys=True))
            self._no_secret(" ".join(account.not_understood))
            sizes = {
                "desk": (account.desk.waiting, orders * _DESK_PER_ORDER),
                "desk orders": (len(account.desk._queues), orders),
                "scans": (account.scans.waiting, 2 * orders),
                "outbox": (len(account.sender.outbox), account.plan.delivery.max_pending),
                "watches": (len(account.orders._watches), orders + 1),
                "book": (len(account.book), orders),
            }
            for what, (size, most) in sizes.items():
                if size > most:
                    self._universe.blame("bounds", f"{what} of {name}: {size}, more than {most}")
            self._look_at_calls(name)

    def _look_at_calls(self, account: str) -> None:
        since_ms = self._universe.now_ms() - 60_000
        crowd = self._universe.climate.orders >= _CROWD
        most_calls = ALL_CALLS.most_in(60) if crowd else _MOST_CALLS_A_MINUTE
        for endpoint, most in (("", most_calls), ("retrieveChatCredential", _MOST_LOGONS_A_MINUTE)):
            calls = self._universe.world.rest_calls(account, endpoint)
            recent = sum(1 for call in calls[-most - 1 :] if call.at_ms > since_ms)
            if recent > most:
                self._universe.blame("tight_loop", f"{recent} calls {endpoint} of {account} in a minute")


def _too_many(at: deque[float], now_s: float, most: int, within_s: float) -> bool:
    at.append(now_s)
    while at[0] <= now_s - within_s:
        at.popleft()
    return len(at) > most


def _silence(status: OrderStatus, muted: Reason | None) -> Reason | None:
    if muted is Reason.TAKEN_OVER:
        return Reason.TAKEN_OVER
    return Reason.IN_APPEAL if status is OrderStatus.APPEAL else None
