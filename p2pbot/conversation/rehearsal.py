"""A chat that is rehearsed: one order, a clock that is moved by hand, and the daemon's own decisions.

Promise: every answer is ``decide`` and every reply passes ``late_reason``, as in the daemon; only the exchange, the
store and chance (its middle is taken) are played. Nothing is sent and nothing is read.
Danger: replies of rules in shadow are heard here too, or they could not be tried before they are live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from p2pbot.conversation.decision import Decision, Policy, Situation, decide
from p2pbot.conversation.gate import late_reason
from p2pbot.conversation.inbox import takeover
from p2pbot.conversation.records import OrderMemory, OutboxRow
from p2pbot.conversation.rehearsal_ledger import Ledger
from p2pbot.conversation.timers import planned
from p2pbot.model import (
    ChatMessage,
    EventKind,
    FiringMark,
    ImageRef,
    LimitScope,
    MessageKind,
    Mode,
    Order,
    OrderStatus,
    Path,
    Reason,
    Stimulus,
)
from p2pbot.rules.given import GivenFacts
from p2pbot.rules.ruleset import RuleSet
from p2pbot.rules.verdict import Firing, RuleTrace

TYPING_MS = 5_000  # between two messages of people when nothing of ours is on its way
_SOON_MS = 1_000  # … and when something is: a person is quicker than a reply with a delay
RAISED = {
    OrderStatus.UNPAID: EventKind.ORDER_CREATED,
    OrderStatus.PAID: EventKind.ORDER_PAID,
    OrderStatus.APPEAL: EventKind.APPEAL_OPENED,
    OrderStatus.COMPLETED: EventKind.ORDER_COMPLETED,
    OrderStatus.CANCELLED: EventKind.ORDER_CANCELLED,
}
_STATUS_AFTER = {event: status for status, event in RAISED.items()} | {EventKind.APPEAL_CLOSED: OrderStatus.PAID}


class Middle:
    """Chance without chance, and identities by number."""

    def __init__(self) -> None:
        self._made = 0

    def uniform(self, low: float, high: float) -> float:
        """Return the middle."""
        return (low + high) / 2

    def uuid(self) -> str:
        """Return the next identity."""
        self._made += 1
        return f"00000000-0000-4000-8000-{self._made:012d}"


@dataclass(slots=True)
class Spoken:
    """What one rule said to one stimulus. ``dropped``: why it was not written after all."""

    rule_id: str
    bubbles: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    handover: bool = False
    shadow: bool = False
    due_ms: int = 0
    rows: tuple[OutboxRow, ...] = field(default=(), repr=False)
    written: bool = False
    dropped: Reason | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One stimulus and its decision. ``trace`` is that of ``RuleSet.evaluate``; empty when no rule was asked."""

    stimulus: Stimulus
    reason: Reason
    spoken: tuple[Spoken, ...] = ()
    trace: tuple[RuleTrace, ...] = ()


class Rehearsal:
    """One order's chat. ``turns`` are all decisions so far, ``now_ms`` its clock.

    ``people_type``: time passes before a person's message, as if it were typed; False when the times are recorded.
    """

    def __init__(
        self,
        rules: RuleSet,
        given: GivenFacts,
        now_ms: int,
        policy: Policy | None = None,
        *,
        people_type: bool = True,
    ) -> None:
        self.now_ms = now_ms
        self.given = given
        self.turns: list[Turn] = []
        self._rules = rules
        self._people_type = people_type
        self._policy = policy or Policy(mode=Mode.LIVE)
        self._chance = Middle()
        self._ledger = Ledger()
        self._spoken: list[Spoken] = []
        self._began_ms = self._last_word_ms = now_ms
        self._raised: set[str] = set()
        self._held: Stimulus | None = None
        self._held_due_ms = 0
        self._burst: tuple[str, ...] = ()
        self._account = given.account or "main"
        self._memory = OrderMemory(account=self._account, order_no=given.number, seen_at_ms=now_ms)
        self._hear_order()
        self._assume(given)

    # What happens

    def says(self, text: str) -> Turn:
        """Let the counterparty write."""
        return self._message(MessageKind.TEXT, text)

    def shows(self, url: str = "") -> Turn:
        """Let the counterparty send a picture."""
        return self._message(MessageKind.IMAGE, "", ImageRef(image_url=url or "picture"))

    def operator(self, text: str) -> None:
        """Let a person of ours write: the order is theirs now, as the configuration's default has it."""
        self._people()
        mute = takeover(self._memory, self.now_ms, self._policy.inbox)
        self._memory = replace(self._memory, mute=mute, last_operator_ms=self.now_ms)
        self._last_word_ms = self.now_ms
        self._deliver()
        if self._rules.listens_to(EventKind.OPERATOR_MESSAGE):
            message = self._chat_message(MessageKind.TEXT, text, from_us=True)
            self._decide(self._stimulus(EventKind.OPERATOR_MESSAGE, f"e:operator:{len(self.turns)}", message))

    def wait(self, span_ms: int) -> None:
        """Let time pass; what is due meanwhile is written, decided or raised at its time."""
        end_ms = self.now_ms + span_ms
        while (due := min(self._due(end_ms), key=lambda one: one[0], default=None)) is not None:
            self.now_ms = max(self.now_ms, due[0])
            due[1]()
        self.now_ms = end_ms

    def _due(self, end_ms: int) -> Iterator[tuple[int, Callable[[], object]]]:
        """Yield what becomes due until ``end_ms``, with its time and how it is done."""
        for spoken in self._waiting():
            if spoken.due_ms <= end_ms:
                yield spoken.due_ms, partial(self._write, spoken)
        if self._held is not None and self._held_due_ms <= end_ms:
            yield self._held_due_ms, partial(self._decide, self._held, final=True)
        for event in planned(self._order(), self._last_word_ms, self._rules.timers, self.now_ms):
            if event.at_ms <= end_ms and event.key not in self._raised:
                yield event.at_ms, partial(self._decide, event)

    def change(self, given: GivenFacts) -> Turn | None:
        """Let the order change; a new status raises its event."""
        self._people()
        before = self._memory.status
        update = {name: getattr(given, name) for name in given.model_fields_set}
        if "counterparty" in update:
            them = {name: getattr(given.counterparty, name) for name in given.counterparty.model_fields_set}
            update["counterparty"] = self.given.counterparty.model_copy(update=them)
        self.given = self.given.model_copy(update=update)
        self._hear_order()
        self._assume(given)
        self._deliver()
        if before is self._memory.status:
            return None
        event = EventKind.APPEAL_CLOSED if before is OrderStatus.APPEAL else RAISED.get(self._memory.status)
        return self.happens(event) if event else None

    def happens(self, event: EventKind) -> Turn:
        """Raise an order's event. The event of a status brings the status along."""
        status = _STATUS_AFTER.get(event)
        if status is not None and status is not self._memory.status:
            self.given = self.given.model_copy(update={"order_status": status.value})
            self._hear_order()
            self._deliver()
        key = f"e:{event.value}:{len(self.turns)}"
        spans = sorted(span for kind, span in self._rules.timers if kind is event) or [0]
        return [self._decide(replace(self._stimulus(event, f"{key}:{span}"), span_ms=span)) for span in spans][-1]

    def next_spoken(self) -> Spoken | None:
        """Return what the bot says next, at its time; None when nothing more is to come."""
        if self._held is not None:
            self.wait(max(0, self._held_due_ms - self.now_ms))
        for spoken in self._spoken:
            if not spoken.written and spoken.dropped is None:
                self.wait(max(0, spoken.due_ms - self.now_ms))
            if spoken.written:
                self._spoken.remove(spoken)
                return spoken
        return None

    def unheard(self) -> tuple[Spoken, ...]:
        """Return what was written and not yet taken by ``next_spoken``."""
        return tuple(spoken for spoken in self._spoken if spoken.written)

    def forget(self) -> None:
        """Take all that was said as heard."""
        self._spoken = [spoken for spoken in self._spoken if not spoken.written and spoken.dropped is None]

    # How it is decided

    def _message(self, kind: MessageKind, text: str, image: ImageRef | None = None) -> Turn:
        self._people()
        if self._held is not None and self._held.message is not None and kind is MessageKind.TEXT:
            self._burst = (*self._burst, self._held.message.text)
            self._ledger.file(self._held.message)
            self._held = None
        message = self._chat_message(kind, text, image)
        self._last_word_ms = self.now_ms
        event = EventKind.IMAGE if kind is MessageKind.IMAGE else EventKind.MESSAGE
        return self._decide(self._stimulus(event, f"m:{message.message_id}", message))

    def _chat_message(
        self, kind: MessageKind, text: str, image: ImageRef | None = None, *, from_us: bool = False
    ) -> ChatMessage:
        return ChatMessage(
            order_no=self.given.number,
            kind=kind,
            path=Path.SOCKET,
            message_id=str(len(self.turns) + 1),
            text=text,
            from_us=from_us,
            created_at_ms=self.now_ms,
            image=image,
        )

    def _stimulus(self, event: EventKind, key: str, message: ChatMessage | None = None) -> Stimulus:
        return Stimulus(kind=event, order_no=self.given.number, key=key, at_ms=self.now_ms, message=message)

    def _decide(self, stimulus: Stimulus, *, final: bool = False) -> Turn:
        """Decide now, or hold a message until the counterparty's burst is over; then ``final``."""
        self._raised.add(stimulus.key)
        burst = self._burst if stimulus.kind is EventKind.MESSAGE else ()
        situation = Situation(
            account=self._account,
            stimulus=stimulus,
            memory=self._memory,
            talk=self._ledger.talk(self._rows(), self.now_ms),
            order=self._order(),
            rules=self._rules,
            now_ms=self.now_ms,
            burst=burst,
            figures=self.given.figures(),
            picture=self.given.pictured(),
        )
        decision = decide(situation, self._policy, self._chance)
        if decision.debounce_ms and not final:
            self._held, self._held_due_ms = stimulus, self.now_ms + decision.debounce_ms
            turn = Turn(stimulus, Reason.DEBOUNCED, (), decision.verdict.trace if decision.verdict else ())
            self.turns.append(turn)
            return turn
        if stimulus.kind is EventKind.MESSAGE:
            self._held, self._burst = None, ()
        return self._settled(stimulus, decision)

    def _settled(self, stimulus: Stimulus, decision: Decision) -> Turn:
        """Take a decision into the record, as the store would."""
        self._ledger.claim(stimulus.message, len(decision.claim.replies))
        verdict = decision.verdict
        self._memory = decision.claim.memory or self._memory
        for mark in decision.claim.firings:
            self._ledger.count(mark)
        answered = verdict is not None and decision.reason in {Reason.ANSWERED, Reason.SHADOW}
        spoken = tuple(_spoken(firing, decision) for firing in verdict.firings) if answered and verdict else ()
        turn = Turn(stimulus, decision.reason, spoken, verdict.trace if verdict else ())
        self.turns.append(turn)
        self._spoken += spoken
        self._deliver()
        return turn

    # What the exchange and the store would do

    def _people(self) -> None:
        """Let the time pass in which a person types."""
        typing_ms = _SOON_MS if self._waiting() or self._held else TYPING_MS
        self.wait(typing_ms if self._people_type else 0)

    def _waiting(self) -> list[Spoken]:
        return [spoken for spoken in self._spoken if not spoken.written and spoken.dropped is None]

    def _deliver(self) -> None:
        """Write what is due now, and drop what must not be written any more."""
        for spoken in self._waiting():
            row = spoken.rows[0] if spoken.rows else None
            if spoken.due_ms <= self.now_ms:
                self._write(spoken)
            elif row is not None and not spoken.shadow:
                spoken.dropped = late_reason(row, self._memory, paused=False, now_ms=self.now_ms)

    def _write(self, spoken: Spoken) -> None:
        for row in spoken.rows:
            if spoken.shadow:
                break
            spoken.dropped = late_reason(row, self._memory, paused=False, now_ms=self.now_ms)
            if spoken.dropped is not None:
                return
        spoken.written = True
        self._last_word_ms = max(self._last_word_ms, self.now_ms)

    def _hear_order(self) -> None:
        order = self._order()
        key = order.counterparty.nickname
        self._memory = replace(
            self._memory, status=order.status, side=order.side, seen_at_ms=self.now_ms, counterparty_key=key
        )

    def _assume(self, given: GivenFacts) -> None:
        """Take as having been before what only a talk can bring about: its language, tags, rules that spoke."""
        tags = {**dict(self._memory.tags), **(given.tag or {})}
        self._memory = replace(self._memory, language=given.language or self._memory.language, tags=tuple(tags.items()))
        for rule in self._rules.rules if given.after_rule else ():
            if rule.id in (given.after_rule or ()):
                for group in {rule.group, rule.key or rule.group}:
                    self._ledger.count(
                        FiringMark(group=group, scope=LimitScope.ORDER, scope_id=given.number, at_ms=self.now_ms)
                    )

    def _order(self) -> Order:
        status = self.given.order_status or OrderStatus.UNPAID.value
        order = self.given.model_copy(update={"order_status": status}).order(self._began_ms)
        began_ms, now_ms = self._began_ms, self.now_ms
        return replace(order, account=self._account, created_at_ms=began_ms, confirmed_at_ms=now_ms, detailed=True)

    def _rows(self) -> list[OutboxRow]:
        return [row for turn in self.turns for spoken in turn.spoken for row in spoken.rows if not spoken.dropped]


def _spoken(firing: Firing, decision: Decision) -> Spoken:
    rows = tuple(row for row in decision.claim.replies if row.rule_id == firing.rule_id)
    decided_ms = decision.claim.entry.decided_at_ms
    return Spoken(
        firing.rule_id,
        firing.bubbles,
        notify=firing.notify,
        handover=firing.handover is not None,
        shadow=firing.shadow,
        due_ms=max((row.not_before_ms for row in rows), default=decided_ms),
        rows=rows,
    )
