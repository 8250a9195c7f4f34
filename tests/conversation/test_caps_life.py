"""Caps and breaker through whole talks: decisions by the real core, counted by an honest store, against plain lists."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from p2pbot.conversation.decision import Decision, Policy, Situation, decide, message_key
from p2pbot.conversation.limits import Caps
from p2pbot.conversation.records import ClaimResult, OrderMemory
from p2pbot.model import ChatMessage, Counterparty, EventKind, MessageKind, OrderStatus, Path, Reason, Side, Stimulus
from tests.fakes.chance import FixedChance
from tests.fakes.occasions import NOW_MS, an_order, rules
from tests.fakes.store import MemoryStore

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
CAPS = Caps(order_replies_per_hour=7, counterparty_replies_per_day=9, account_replies_per_minute=6, breaker=4)
POLICY = Policy(caps=CAPS)
PERSONS = {"1": "anna", "2": "anna", "3": "boris"}  # by order: one person has two
ORDERS = st.sampled_from(sorted(PERSONS))
TEXTS = st.sampled_from(["price", "price?", "bank", "bank!", "price bank"])
RULES = rules(
    """
  - {id: price, words: price, limit: {at_most: 1000, per: order}, reply: "One."}
  - {id: bank, words: bank, limit: {at_most: 1000, per: order}, reply: ["One.", "Two.", "Three."]}
"""
).ruleset
_CAPS = {Reason.CAP_ORDER, Reason.CAP_COUNTERPARTY, Reason.CAP_ACCOUNT}


@dataclass(frozen=True)
class Sent:
    """A reply that was claimed."""

    at_ms: int
    order_no: str


class CapsLife(RuleBasedStateMachine):
    """People and machines write in three orders; whatever the rules want to say, the caps hold."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = MemoryStore()
        self.chance = FixedChance()
        self.now_ms = NOW_MS
        self.said = 0
        self.sent: list[Sent] = []
        self.since_news: dict[str, int] = defaultdict(int)  # replies since the counterparty said something new
        self.last_text: dict[str, str] = {}
        self.broken: set[str] = set()

    def teardown(self) -> None:
        """Close the loop."""
        self.runner.close()

    @rule(order_no=ORDERS, text=TEXTS)
    def says(self, order_no: str, text: str) -> None:
        """Somebody writes."""
        self.now_ms += 1
        news = self.last_text.get(order_no) != text
        decision = self.decided(order_no, text)
        self.last_text[order_no] = text
        if news:
            self.since_news[order_no] = 0
        self.check(order_no, decision)
        self.since_news[order_no] += len(decision.claim.replies)
        self.sent += [Sent(self.now_ms, order_no) for _ in decision.claim.replies]

    @rule(order_no=ORDERS, text=TEXTS, times=st.integers(2, 8), every_ms=st.integers(20_000, 120_000))
    def machine_repeats_itself(self, order_no: str, text: str, times: int, every_ms: int) -> None:
        """A machine says the same again and again, slowly enough to be taken for a person."""
        for _ in range(times):
            self.says(order_no, text)
            self.now_ms += every_ms

    @rule(passes_ms=st.sampled_from([100, 1_000, 30_000, MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, DAY_MS]))
    def time_passes(self, passes_ms: int) -> None:
        """Time passes."""
        self.now_ms += passes_ms

    @rule(order_no=ORDERS)
    def operator_resumes(self, order_no: str) -> None:
        """A person lifts the silence."""
        memory = self.runner.run(self.store.recall("main", order_no))
        if memory is not None:
            self.runner.run(self.store.remember(replace(memory, mute=None)))
        self.broken.discard(order_no)

    @rule()
    def restart(self) -> None:
        """The process dies; only what was written counts."""
        self.store = self.store.reopened()

    def decided(self, order_no: str, text: str) -> Decision:
        """Decide a message and write the claim, as the clerk does."""
        self.said += 1
        message = ChatMessage(
            order_no=order_no,
            kind=MessageKind.TEXT,
            path=Path.SOCKET,
            message_id=str(self.said),
            text=text,
            created_at_ms=self.now_ms,
            from_us=False,
        )
        key = message_key(message)
        stimulus = Stimulus(kind=EventKind.MESSAGE, order_no=order_no, key=key, at_ms=self.now_ms, message=message)
        memory = self.runner.run(self.store.recall("main", order_no)) or OrderMemory(
            account="main", order_no=order_no, status=OrderStatus.UNPAID, side=Side.SELL
        )
        memory = replace(memory, counterparty_key=PERSONS[order_no])
        talk = self.runner.run(self.store.talk("main", order_no, PERSONS[order_no], self.now_ms))
        order = an_order(number=order_no, counterparty=Counterparty(nickname=PERSONS[order_no]))
        situation = Situation(
            account="main", stimulus=stimulus, memory=memory, talk=talk, order=order, rules=RULES, now_ms=self.now_ms
        )
        decision = decide(situation, POLICY, self.chance)
        assert self.runner.run(self.store.claim(decision.claim)) is ClaimResult.CLAIMED
        return decision

    def check(self, order_no: str, decision: Decision) -> None:
        """An order that the breaker silenced stays silent; what a cap refuses would have broken it."""
        assert not (order_no in self.broken and decision.claim.replies), "spoke after the breaker"
        if decision.reason is Reason.BREAKER and order_no not in self.broken:
            assert decision.claim.memory is not None
            assert decision.claim.memory.mute is not None
            assert self.since_news[order_no] + 3 > CAPS.breaker, "broken without need"
            self.broken.add(order_no)
        if decision.reason in _CAPS:
            fullest = max(self.count(order_no=order_no), self.count(person=PERSONS[order_no]), self.count())
            assert fullest > 0, "refused without need"

    def count(self, *, order_no: str = "", person: str = "", at_ms: int | None = None) -> int:
        """Return how many replies fell into the window that ends at a time: of an order, a person or the account."""
        until_ms = self.now_ms if at_ms is None else at_ms
        span_ms = HOUR_MS if order_no else DAY_MS if person else MINUTE_MS
        return sum(
            until_ms - span_ms < one.at_ms <= until_ms
            and order_no in ("", one.order_no)
            and person in ("", PERSONS[one.order_no])
            for one in self.sent
        )

    @invariant()
    def caps_hold_in_every_window(self) -> None:
        """An order's hour, a counterparty's day over all its orders, the account's minute."""
        for at_ms in {one.at_ms for one in self.sent[-10:]}:
            assert self.count(at_ms=at_ms) <= CAPS.account_replies_per_minute
            for order_no, person in PERSONS.items():
                assert self.count(order_no=order_no, at_ms=at_ms) <= CAPS.order_replies_per_hour
                assert self.count(person=person, at_ms=at_ms) <= CAPS.counterparty_replies_per_day

    @invariant()
    def the_breaker_holds(self) -> None:
        """No order gets more replies in a row to the same words than the breaker says, but for one answer's bubbles."""
        assert all(replies <= max(CAPS.breaker, 3) for replies in self.since_news.values())


TestCapsLife = CapsLife.TestCase
TestCapsLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
