"""The clerk decides one item of one order: asks the core, writes the claim, hands replies to the sender.

Promise: what the core decided is written whole or not at all, and only what was written is sent. An event is decided
before the card that told of it is filed, so that a crash between the two loses neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import islice, takewhile
from typing import Protocol

from p2pbot.conversation.decision import (
    Decision,
    Situation,
    decide,
    early_reason,
    entry_of_message,
    message_key,
    unanswered,
)
from p2pbot.conversation.delivery import DeliveryEvent
from p2pbot.conversation.inbox import age_reason, machine_reason, own_said, sender_reason, takeover
from p2pbot.conversation.orders import (
    APPEALS,
    MAX_APPEALS,
    Heard,
    appeal_key,
    card_heard,
    nth_appeal,
    order_heard,
    raised_by,
    remembered,
    told_by,
)
from p2pbot.conversation.records import Claim, ClaimResult, InboxEntry, OrderMemory
from p2pbot.daemon.book import OrderBook, Unavailable
from p2pbot.daemon.received import Known, ReceivedPictures
from p2pbot.daemon.rulebook import Rulebook
from p2pbot.daemon.sender import Sender
from p2pbot.daemon.surroundings import AccountPlan, Doors
from p2pbot.model import ChatMessage, EventKind, MessageKind, Order, Path, Reason, Stimulus
from p2pbot.protocol.backoff import Backoff

_SHOWN = {Path.HISTORY: DeliveryEvent.FOUND, Path.SOCKET: DeliveryEvent.ECHO}
_LOOK_MS = 200  # the queue is looked at this often while a burst may go on
_BURST = 10  # texts answered as one: more is a flood
_SAVE_SEEN_MS = 120_000  # a look that changes nothing is written down this often: late enough to be cheap


class Waiting(Protocol):
    """What waits behind the item that is being decided (``Desk``)."""

    def take_ours(self, order_no: str) -> tuple[ChatMessage, ...]:
        """Take out of an order's queue what our own account said."""
        ...

    def coming(self, order_no: str) -> tuple[ChatMessage, ...]:
        """Return the other side's messages in an order's queue."""
        ...


class Clerk:
    """Decides for one account. The rulebook is asked at each decision, so that a reload takes effect at once."""

    def __init__(
        self,
        plan: AccountPlan,
        doors: Doors,
        book: OrderBook,
        sender: Sender,
        rules: Rulebook,
        missed: Callable[[ChatMessage], None],
        waiting: Waiting,
    ) -> None:
        self._plan = plan
        self._doors = doors
        self._book = book
        self._sender = sender
        self._rules = rules
        self._missed = missed
        self._waiting = waiting
        self._lock = self.deciding = asyncio.Lock()  # whoever else claims for this account holds it as well
        self.received = ReceivedPictures(plan, doors, lambda: rules().looks_at_pictures)
        self.last_message_ms = 0

    async def take(self, message: ChatMessage) -> None:
        """Decide a chat message of whatever kind."""
        if message.from_us and message.uuid and await self._carries_our_uuid(message):
            return
        reason = sender_reason(message)
        entry = entry_of_message(self._plan.name, message, reason or Reason.NO_RULE, self._doors.now_ms())
        if await self._doors.store.is_decided(entry) or (message.from_us and await self._reads_like_ours(message)):
            return
        if message.path is Path.HISTORY and message.from_us is False:
            self._missed(message)
        self.last_message_ms = max(self.last_message_ms, message.created_at_ms)
        if reason is Reason.SYSTEM_MESSAGE:
            await self._card(message)
        elif reason is Reason.OPERATOR_MESSAGE:
            await self._operator(message)
        elif reason is not None:
            await self._file(Claim(entry=entry))
        else:
            kind = EventKind.IMAGE if message.kind is MessageKind.IMAGE else EventKind.MESSAGE
            at_ms = message.created_at_ms or self._doors.now_ms()
            stimulus = Stimulus(
                kind=kind, order_no=message.order_no, key=message_key(message), at_ms=at_ms, message=message
            )
            await self._answer(stimulus, message.path)

    async def hear(self, order_no: str, heard: Heard, path: Path = Path.HISTORY) -> None:
        """Take in what is said of an order's state, and decide the event that the change raises."""
        memory = await self._doors.store.recall(self._plan.name, order_no)
        for stimulus in raised_by(memory, heard, order_no):
            await self._answer(stimulus, path, heard)
        await self._remember(order_no, heard)

    async def rang(self, stimulus: Stimulus) -> None:
        """Decide a timed event, unless a former process has."""
        if not await self._is_decided(stimulus.order_no, stimulus.key, stimulus.kind):
            await self._answer(stimulus, Path.HISTORY)

    async def looked(self, order_no: str, began_ms: int, until_ms: int, since_ms: int | None) -> None:
        """Note that an order's history is decided up to ``until_ms``; ``since_ms`` as in ``Sender.looked``."""
        memory = await self._memory(order_no)
        if until_ms > memory.caught_up_ms:
            await self._doors.store.remember(replace(memory, caught_up_ms=until_ms))
        await self._sender.looked(order_no, began_ms, since_ms)

    async def _carries_our_uuid(self, message: ChatMessage) -> bool:
        """Whether the bot wrote this message for sure; if so, the reply is confirmed."""
        if self._sender.outbox.get(message.uuid) is not None:
            await self._sender.confirmed(message.uuid, message.message_id, _SHOWN[message.path])
            return True
        return await self._doors.store.find_own(self._plan.name, message.order_no, message.uuid) is not None

    async def _reads_like_ours(self, message: ChatMessage) -> bool:
        """Whether the bot wrote this message by what it says; asked only of one that nobody took for a person's yet."""
        talk = await self._doors.store.talk(self._plan.name, message.order_no, "", self._doors.now_ms())
        mine = own_said(message, talk.said)
        if mine is None:
            return False
        await self._sender.confirmed(mine.uuid, message.message_id, _SHOWN[message.path])
        return True

    async def _card(self, message: ChatMessage) -> None:
        card = message.system
        heard = card_heard(card, message.created_at_ms or self._doors.now_ms()) if card else None
        self._book.doubt(message.order_no)
        if heard is not None:
            await self.hear(message.order_no, heard, message.path)
        told = told_by(card, message.order_no, message.created_at_ms or self._doors.now_ms()) if card else None
        if told is not None:
            await self._answer(told, message.path)
        entry = entry_of_message(self._plan.name, message, Reason.SYSTEM_MESSAGE, self._doors.now_ms())
        await self._file(Claim(entry=entry))

    async def _operator(self, message: ChatMessage) -> None:
        async with self._lock:
            memory = await self._memory(message.order_no)
            at_ms = min(message.created_at_ms or self._doors.now_ms(), self._doors.now_ms())
            mute = takeover(memory, at_ms, self._plan.policy.inbox)
            memory = replace(memory, mute=mute, last_operator_ms=max(memory.last_operator_ms, at_ms))
            now_ms = self._doors.now_ms()
            entry = entry_of_message(self._plan.name, message, Reason.OPERATOR_MESSAGE, now_ms)
            if await self._file(Claim(entry=entry, memory=memory)):
                self._doors.events.info("taken_over", account=self._plan.name, order=message.order_no)
        if self._rules().listens_to(EventKind.OPERATOR_MESSAGE):  # after the takeover, which must not wait for facts
            kind, key = EventKind.OPERATOR_MESSAGE, f"e:operator_message:{message_key(message)}"
            told = Stimulus(kind=kind, order_no=message.order_no, key=key, at_ms=at_ms, message=message)
            await self._answer(told, message.path)

    async def _is_decided(self, order_no: str, key: str, kind: EventKind) -> bool:
        reason, path = Reason.NO_RULE, Path.HISTORY
        entry = InboxEntry(account=self._plan.name, order_no=order_no, key=key, kind=kind, path=path, reason=reason)
        return await self._doors.store.is_decided(entry)

    async def _appeals(self, order_no: str, kind: EventKind) -> int:
        """Return how many appeals of an order are decided to have been opened, or closed."""
        for number in range(1, MAX_APPEALS):
            if not await self._is_decided(order_no, appeal_key(kind, number), kind):
                return number - 1
        return MAX_APPEALS - 1

    async def _answer(self, stimulus: Stimulus, path: Path, heard: Heard | None = None) -> None:
        """Decide a stimulus: first by what forbids an answer anyhow, then with the order's facts."""
        if stimulus.kind in APPEALS:
            opened, closed = [await self._appeals(stimulus.order_no, kind) for kind in APPEALS]
            stimulus = nth_appeal(stimulus, opened, closed)
        async with self._lock:
            situation = await self._situation(stimulus, path, None, heard)
            reason = early_reason(situation, self._plan.policy)
            if reason is not None:
                await self._commit(unanswered(situation, reason))
                return
            ours = self._waiting.take_ours(stimulus.order_no)
            known = None if ours else self._with_known_facts(situation)
            if known is not None:
                await self._commit_decided(known)
                return
        for message in ours:
            await self.take(message)
        order = await self._facts(stimulus)
        if order is not None:
            await self._hear_facts(order, path, heard)
        picture = await self._picture(stimulus)
        for message in self._waiting.take_ours(
            stimulus.order_no
        ):  # a person may have taken over while the facts were fetched
            await self.take(message)
        waited = False
        while True:
            async with self._lock:
                situation = replace(await self._situation(stimulus, path, order, heard), picture=picture)
                decision = self._decided(situation)
                await self._rules.slow(decision.verdict)
                if not decision.debounce_ms or waited:
                    await self._commit(decision, order.created_at_ms if order else None)
                    return
            if await self._put_off(situation, decision):
                return
            waited = True

    def _with_known_facts(self, situation: Situation) -> Situation | None:
        """Return a message's situation with its order's facts if they are at hand and raise no event to decide first.

        Nothing was waited for since the situation was read, and the lock is held: reading it again would say the same.
        """
        order = self._book.fresh(situation.stimulus.order_no)
        if order is None or situation.stimulus.kind is not EventKind.MESSAGE or self._rules().debounces:
            return None
        said = order_heard(order, order.confirmed_at_ms, counterparty_key(order))
        memory = remembered(situation.memory, said, self._plan.name, order.number)
        if memory.counterparty_key != situation.memory.counterparty_key:
            return None  # what this person may still be told was not read
        if any(raised_by(situation.memory, said, order.number)):
            return None
        return replace(situation, order=order, memory=memory)

    async def _commit_decided(self, situation: Situation) -> None:
        decision = self._decided(situation)
        await self._rules.slow(decision.verdict)
        await self._commit(decision, situation.order.created_at_ms if situation.order else None)

    async def _picture(self, stimulus: Stimulus) -> Known:
        """Return what a picture's bytes say, if rules ask."""
        message = stimulus.message if stimulus.kind is EventKind.IMAGE else None
        return await self.received.look(message) if message else {}

    def _decided(self, situation: Situation) -> Decision:
        if self._sender.outbox.is_full:
            return unanswered(situation, Reason.CAP_ACCOUNT)
        return decide(situation, self._plan.policy, self._doors.rng)

    async def _put_off(self, situation: Situation, decision: Decision) -> bool:
        """Wait for the counterparty's next message; if there is one, file this one to be answered with it."""
        stimulus = situation.stimulus
        due_ms = min(stimulus.at_ms, situation.now_ms) + decision.debounce_ms
        while not (more := await self._more(situation)):
            left_ms = due_ms - self._doors.now_ms()
            if left_ms <= 0:
                break
            await self._doors.clock.sleep(min(left_ms, _LOOK_MS, decision.debounce_ms) / 1000)
        for message in self._waiting.take_ours(stimulus.order_no):  # a person may have taken over meanwhile
            await self.take(message)
        if more:
            async with self._lock:
                put_off = await self._situation(stimulus, situation.path, situation.order, None)
                await self._commit(unanswered(put_off, Reason.DEBOUNCED))
        return more

    async def _more(self, situation: Situation) -> bool:
        """Whether a further text of the counterparty waits that will be decided, and not as a machine's."""
        this = situation.stimulus.message
        for message in self._waiting.coming(situation.stimulus.order_no):
            entry = entry_of_message(self._plan.name, message, Reason.NO_RULE, situation.now_ms)
            is_other = this is None or message_key(message) != message_key(this)
            unheard = machine_reason(message, situation.talk) or self._age_reason(message, situation)
            if message.kind is not MessageKind.TEXT or not is_other or unheard:
                continue
            if not await self._doors.store.is_decided(entry):
                return True
        return False

    def _age_reason(self, message: ChatMessage, situation: Situation) -> Reason | None:
        return age_reason(message, situation.memory, self._plan.policy.inbox, situation.now_ms)

    async def _burst(self, stimulus: Stimulus) -> tuple[str, ...]:
        """Return the texts that were put off to be answered with this one, oldest first."""
        if stimulus.kind is not EventKind.MESSAGE or not self._rules().debounces:
            return ()
        entries = await self._doors.store.inbox(stimulus.order_no, limit=_BURST * 3)
        theirs = [entry for entry in entries if entry.account == self._plan.name and entry.from_us is False]
        put_off = takewhile(lambda entry: entry.reason is Reason.DEBOUNCED, reversed(theirs))
        return tuple(reversed([entry.text for entry in islice(put_off, _BURST)]))

    async def _hear_facts(self, order: Order, path: Path, heard: Heard | None) -> None:
        """Decide first what only the facts tell of: else the claim would write a new state down and its event is lost.

        Each event leads further on, so this ends.
        """
        memory = await self._memory(order.number)
        if heard is not None:
            memory = remembered(memory, heard, self._plan.name, order.number)
        said = order_heard(order, order.confirmed_at_ms, counterparty_key(order))
        for further in raised_by(memory, said, order.number):
            await self._answer(further, path, said)

    async def _facts(self, stimulus: Stimulus) -> Order | None:
        """Return the order's facts, asking again with backoff for as long as an answer would still be wanted."""
        backoff = Backoff(cap_s=30.0)
        while True:
            order = await self._book.facts(stimulus.order_no)
            if isinstance(order, Order):
                return order
            delay_s, backoff = backoff.failed(self._doors.rng)
            age_ms = self._doors.now_ms() - stimulus.at_ms
            if order.final or age_ms + delay_s * 1000 > self._plan.policy.inbox.max_age_ms:
                self._say_unavailable(stimulus, order)
                return None
            await self._doors.clock.sleep(delay_s)

    def _say_unavailable(self, stimulus: Stimulus, why: Unavailable) -> None:
        self._doors.events.warning("facts_unavailable", account=self._plan.name, order=stimulus.order_no, what=why.what)

    async def _situation(self, stimulus: Stimulus, path: Path, order: Order | None, heard: Heard | None) -> Situation:
        now_ms = self._doors.now_ms()
        memory = await self._memory(stimulus.order_no)
        if heard is not None:
            memory = remembered(memory, heard, self._plan.name, stimulus.order_no)
        if order is not None:
            said = order_heard(order, order.confirmed_at_ms, counterparty_key(order))
            memory = remembered(memory, said, self._plan.name, stimulus.order_no)
        talk = await self._doors.store.talk(self._plan.name, stimulus.order_no, memory.counterparty_key, now_ms)
        if self._doors.brake.is_set(self._plan.name):
            talk = replace(talk, paused=True)
        return Situation(
            account=self._plan.name,
            stimulus=stimulus,
            memory=memory,
            talk=talk,
            order=order,
            rules=self._rules(),
            now_ms=now_ms,
            path=path,
            left_out=self._rules.left_out,
            burst=await self._burst(stimulus),
            computed_s=self._doors.clock.computed_s,
            figures=self._doors.figures(),
        )

    async def _commit(self, decision: Decision, order_created_ms: int | None = None) -> None:
        entry = decision.claim.entry
        if not await self._file(decision.claim):
            return
        self._sender.admit(decision.claim.replies, order_created_ms)
        self._doors.events.info(
            "decided",
            account=entry.account,
            order=entry.order_no,
            key=entry.key,
            reason=entry.reason.value,
            path=entry.path.value,
            ruleset=entry.ruleset,
            rules=sorted({row.rule_id for row in decision.claim.replies}),
        )
        for notice in decision.words():
            await self._doors.notifier.notify(notice)

    async def _file(self, claim: Claim) -> bool:
        return await self._doors.store.claim(claim) is ClaimResult.CLAIMED

    async def _memory(self, order_no: str) -> OrderMemory:
        memory = await self._doors.store.recall(self._plan.name, order_no)
        return memory or OrderMemory(account=self._plan.name, order_no=order_no)

    async def _remember(self, order_no: str, heard: Heard) -> None:
        """Write down what was heard unless the event's claim has done so."""
        async with self._lock:
            memory = await self._doors.store.recall(self._plan.name, order_no)
            after = remembered(memory, heard, self._plan.name, order_no)
            if memory is None or _worth_writing(memory, after):
                await self._doors.store.remember(after)


def counterparty_key(order: Order) -> str:
    """Return the counterparty's identity for limits: the nickname as orders give it; '' while unknown."""
    return order.counterparty.nickname


def _worth_writing(before: OrderMemory, after: OrderMemory) -> bool:
    return after != replace(before, seen_at_ms=after.seen_at_ms) or after.seen_at_ms - before.seen_at_ms > _SAVE_SEEN_MS
