"""The checkers that judge the end of a run: nothing lost, nothing claimed that is not so, every silence with its cause.

Promise: a reason counts only if the world shows its cause. "Late" must have been late, "taken over" needs a person.
"""

from __future__ import annotations

from collections.abc import Iterator

from p2pbot.conversation.records import InboxEntry, OutboxRow, OutboxState
from p2pbot.model import Reason
from p2pbot.sandbox.life import Life, Turn
from p2pbot.sandbox.records import Outcome, SeenLine, Speaker
from tests.sim.climate import PRESIGNS_PER_MINUTE
from tests.sim.judge import Judge
from tests.sim.talk import EVENTS, GREETED_FIAT, Form, Said
from tests.sim.timeline import EPOCH_MS
from tests.sim.universe import Universe

_SLACK_MS = 15_000  # the exchange's clock, the store's time and the world's differ by less
_IDLE_MS = 600_000  # every rule waits this long after a person of ours wrote
_FLIP_S = 300.0  # how long before a decision a cancellation may have confused it
_OVER = (Life.COMPLETED, Life.CANCELLED, Life.CANCELLED_BY_SYSTEM)


class Verdict:
    """Judges what a finished run left."""

    def __init__(self, universe: Universe, judge: Judge) -> None:
        self._universe = universe
        self._judge = judge
        self._ledger = judge.ledger
        self._disk = judge.plate.disk
        self._climate = universe.climate

    def settled(self) -> bool:
        """Whether everything has been decided and every reply has met its end."""
        return not any(self.open_ends())

    def open_ends(self) -> Iterator[str]:
        """Yield what is not decided or not settled."""
        for row in self._disk.outbox.values():
            if not row.state.is_final:
                yield f"reply {row.text} of {row.order_no} is {row.state}"
        for order_no, line in self._lines():
            if self._entry(order_no, line) is None and not self._may_be_missing(order_no, line):
                yield f"{line.kind} {line.message_id} {line.text[:40]} of {order_no} is not decided"
        for name in self._universe.names:
            yield from (what for no in self._universe.world.orders(name) if (what := self._event_owed(name, no)))

    def judge(self) -> None:
        """Blame what is not as it was promised."""
        for row in self._disk.outbox.values():
            self._judge_row(row)
        for name in self._universe.names:
            self._judge_presigns(name)
        for said in self._ledger.said:
            problem = self._problem(said)
            if problem:
                self._universe.blame("loss", f"{said.form} {said.number} of {said.order_no}: {problem}")
        for (account, order_no), chat in self._disk.inbox.items():
            for decided in chat:
                problem = self._misplaced(account, order_no) or self._event_problem(decided.entry)
                if problem:
                    self._universe.blame("loss", f"{decided.entry.key} of {order_no} for {account}: {problem}")

    def _judge_presigns(self, account: str) -> None:
        calls = [call.at_ms for call in self._universe.world.rest_calls(account, "pre-signed-url")]
        limit = PRESIGNS_PER_MINUTE if self._climate.pictures else 36
        for first in calls:
            if sum(first <= at_ms < first + 60_000 for at_ms in calls) > limit:
                self._universe.blame("presigns", f"{account}: more than {limit} calls for a place in a minute")
                return

    def _misplaced(self, account: str, order_no: str) -> str:
        """Return what is wrong if an order was worked for an account that it does not belong to."""
        return "" if order_no in self._universe.world.orders(account) else "an order of another account"

    # ---- messages ----

    def _lines(self) -> Iterator[tuple[str, SeenLine]]:
        for name in self._universe.names:
            for order_no in self._universe.world.orders(name):
                for line in self._universe.world.chat(order_no):
                    if line.by is not Speaker.BOT:
                        yield order_no, line

    def _entry(self, order_no: str, line: SeenLine) -> InboxEntry | None:
        return next(iter(self._entries(order_no, line)), None)

    def _entries(self, order_no: str, line: SeenLine) -> Iterator[InboxEntry]:
        chats = (self._disk.inbox.get((name, order_no), ()) for name in self._universe.names)
        for decided in (one for chat in chats for one in chat):
            if decided.entry.message_id == str(line.message_id) or decided.entry.uuid == line.uuid:
                yield decided.entry

    def _may_be_missing(self, order_no: str, line: SeenLine) -> bool:
        """Whether nobody need know of it: taken back, or of a closed order.

        There: one that came and went while the daemon was away, a card (the list has said what it says), or a message
        that a person of ours has read.
        """
        unheard = not any((name, order_no) in self._disk.orders for name in self._universe.names)
        over = self._universe.world.life(order_no) in _OVER
        lines = self._universe.world._state.order(order_no).lines
        read = any(one.read for one in lines if one.message_id == line.message_id)
        return line.recalled or line.kind == "mark" or (over and (unheard or read or line.kind == "system"))

    def _problem(self, said: Said) -> str:
        line = next(one for one in self._universe.world.chat(said.order_no) if one.message_id == said.message_id)
        entries = list(self._entries(said.order_no, line))
        if not entries:
            return "" if self._may_be_missing(said.order_no, line) else "not decided"
        if len(entries) > 1:
            return f"decided {len(entries)} times"
        entry = entries[0]
        if not said.form.is_answerable:
            return "" if entry.reason is not Reason.ANSWERED else "was answered"
        if entry.reason is Reason.ANSWERED:
            rows = [row for row in self._disk.outbox.values() if self._answers(row, entry)]
            return "" if rows else "answered with nothing"
        return self._unfounded(said, entry.reason, entry.decided_at_ms)

    @staticmethod
    def _answers(row: OutboxRow, entry: InboxEntry) -> bool:
        return (row.account, row.order_no, row.stimulus_key) == (entry.account, entry.order_no, entry.key)

    # ---- replies ----

    def _judge_row(self, row: OutboxRow) -> None:
        if not row.state.is_final:
            self._universe.blame("liveness", f"{row.text} of {row.order_no} is still {row.state}")
            return
        shown = [line for line in self._universe.world.said_by_bot(row.order_no) if line.uuid == row.uuid]
        if row.state is OutboxState.SENT and not shown:
            self._universe.blame("loss", f"{row.text} of {row.order_no} counts as sent, and nobody sees it")
        if row.state is not OutboxState.SENT and shown and row.uuid not in self._judge.doubtful:
            self._universe.blame("loss", f"{row.text} of {row.order_no} is {row.state} {row.reason}, and it is there")
        if row.state is not OutboxState.SENT and not shown:
            problem = self._unfounded_end(row)
            if problem:
                self._universe.blame("loss", f"{row.text} of {row.order_no}: {problem}")

    def _unfounded_end(self, row: OutboxRow) -> str:
        frames = [frame for frame in self._universe.world.received(row.account) if frame.uuid == row.uuid]
        if row.state is OutboxState.REJECTED:
            rejected = any(frame.outcome is Outcome.REJECTED for frame in frames)
            return "" if rejected else "rejected, though the exchange never did"
        match row.reason:
            case Reason.LATE:
                return "" if row.settled_at_ms > row.expires_at_ms else "late, though it was not"
            case Reason.ATTEMPTS_EXHAUSTED:
                return "" if row.attempts >= 3 else "given up too early"
            case Reason.ORDER_CHANGED | Reason.IN_APPEAL | Reason.TAKEN_OVER | Reason.MUTED | Reason.PAUSED:
                return self._uncaused(row.order_no, row.account, row.reason, row.settled_at_ms)
            case Reason.ORDER_UNKNOWN:
                return "dropped for an order that it was claimed for"
            case _:  # an upload fails for good only where the exchange or the network was in trouble
                founded = row.reason is Reason.UPLOAD_FAILED and self._ledger.troubles
                return "" if founded else f"dropped as {row.reason}"

    # ---- reasons ----

    def _unfounded(self, said: Said, reason: Reason, decided_ms: int) -> str:
        """Return what is wrong with the reason for not answering, or ''."""
        founded = {
            Reason.TOO_OLD: decided_ms - said.at_ms > self._climate.max_age_ms - _SLACK_MS,
            Reason.BACKLOG: any(one.at_ms >= said.at_ms for one in self._ledger.of(said.order_no, Form.OPERATOR)),
            Reason.LIMITED: said.form is Form.HELLO,
            Reason.MACHINE_FAST: said.form is Form.HELLO,  # nothing else is said twice in the same words
            Reason.NO_RULE: self._operator_was_busy(said, decided_ms),
            Reason.ORDER_UNKNOWN: self._could_be_unknown(said, decided_ms),
            Reason.CAP_ORDER: self._climate.default_caps,
            Reason.CAP_ACCOUNT: self._climate.default_caps,
            Reason.CAP_COUNTERPARTY: self._climate.default_caps,
        }
        if reason in founded:
            return "" if founded[reason] else f"not answered as {reason}, which was not so"
        return self._uncaused(said.order_no, said.account, reason, decided_ms)

    def _operator_was_busy(self, said: Said, decided_ms: int) -> bool:
        wrote = (one.at_ms for one in self._ledger.of(said.order_no, Form.OPERATOR))
        return any(at_ms - _SLACK_MS <= decided_ms <= at_ms + _IDLE_MS + _SLACK_MS for at_ms in wrote)

    def _could_be_unknown(self, said: Said, decided_ms: int) -> bool:
        """Whether the order's facts could not be had: refused, away, or a cancellation in doubt."""
        at_s = (decided_ms - EPOCH_MS) / 1000
        cancelled = any(
            turn in (Turn.CANCEL, Turn.CANCEL_BY_SYSTEM, Turn.RESTORE) and at_s - _FLIP_S <= turn_s <= at_s + 15
            for turn_s, turn in self._ledger.turns[said.order_no]
        )
        trouble = any(start_s <= at_s + 15 and end_s >= said.at_s - 15 for start_s, end_s in self._ledger.troubles)
        return cancelled or trouble

    def _uncaused(self, order_no: str, account: str, reason: Reason, at_ms: int) -> str:
        """Return '' if the world shows a cause for the silence before ``at_ms``."""
        until_s = (at_ms - EPOCH_MS + _SLACK_MS) / 1000
        turns = [turn for turn_s, turn in self._ledger.turns[order_no] if turn_s <= until_s]
        forms = {said.form for said in self._ledger.said if said.order_no == order_no and said.at_s <= until_s}
        paused = any(at_s <= until_s and what in (order_no, account) for at_s, what in self._ledger.pauses)
        caused = {
            Reason.TAKEN_OVER: Form.OPERATOR in forms,
            Reason.MUTED: Form.HUMAN in forms,
            Reason.PAUSED: paused,
            Reason.IN_APPEAL: Turn.APPEAL in turns,
            Reason.ORDER_CHANGED: bool(turns),
        }
        return "" if caused.get(reason, False) else f"{reason} without a cause"

    # ---- events ----

    def _event_problem(self, entry: InboxEntry) -> str:
        """Return what is wrong with the reason for not answering an event that has a rule, or ''."""
        unwelcome = entry.key == "e:order_created" and self._ledger.fiats[entry.order_no] != GREETED_FIAT
        if entry.key not in EVENTS or entry.reason is Reason.ANSWERED or (unwelcome and entry.reason is Reason.NO_RULE):
            return ""
        at_ms = entry.created_at_ms or entry.decided_at_ms
        at_s = (at_ms - EPOCH_MS) / 1000
        happened = Said(entry.order_no, entry.account, Form.CARD, 0, 0, at_s, at_ms)
        return self._unfounded(happened, entry.reason, entry.decided_at_ms)

    def _event_owed(self, account: str, order_no: str) -> str:
        """Return which event of an order's present state was not decided, though the daemon heard of the order."""
        wanted = {
            Life.TRADING: "e:order_created",
            Life.PAID: "e:order_paid",
            Life.COMPLETED: "e:order_completed",
            Life.CANCELLED: "e:order_cancelled",
            Life.CANCELLED_BY_SYSTEM: "e:order_cancelled",
        }.get(self._universe.world.life(order_no))
        turns = [turn for _, turn in self._ledger.turns[order_no]]
        overtaken = wanted == "e:order_paid" and Turn.APPEAL in turns  # the end of an appeal is no payment
        if wanted is None or overtaken or (account, order_no) not in self._disk.orders:
            return ""
        keys = {decided.entry.key for decided in self._disk.inbox.get((account, order_no), ())}
        return "" if wanted in keys else f"{wanted} of {order_no} was not raised"
