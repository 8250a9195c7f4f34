"""A soak's trade: orders that open, talk, are paid and released at a hundred times the normal rate, and faults.

Normal is a busy shop: 240 orders a day, in each of which the counterparty writes ten messages, five of them questions
that a rule answers; 2,400 messages a day, one each 36 seconds. A soak has a hundred times as many: an order each 3.6 s,
2.8 messages a second, some 25 orders open at a time.

Promise: each message has a number of its own, so that what the counterparty finally sees tells of each question
whether it was answered once, twice or never.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import NoReturn

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.conversation.records import InboxEntry, OutboxRow
from p2pbot.model import Reason
from p2pbot.sandbox.box import Sandbox
from p2pbot.sandbox.faults import Fault
from p2pbot.sandbox.options import OrderSpec

ACCOUNT = "soak"
TIMES_NORMAL = 100
NORMAL_ORDERS_A_DAY = 240
MESSAGES_AN_ORDER = 10
ORDER_EVERY_S = 86_400 / NORMAL_ORDERS_A_DAY / TIMES_NORMAL
LIFE_S = 90.0  # of an order
_FAULT_EVERY_S = (30.0, 90.0)
_MOST_ROWS = 1000  # far above what one order's talk can be

RULES = """\
version: 1
rules:
  - id: greeting
    on: order_created
    when: {side: sell}
    reply: "Hello! Please pay order {{ order.number }} and press the button."
  - id: numbered
    regex: 'question (?P<n>\\d+)'
    when: {side: sell}
    limit: {at_most: 1000, per: order}
    reply: "Answer {{ match.n }}."
  - id: thanks
    on: order_completed
    reply: "Thank you for the trade {{ order.number }}."
"""

# What goes wrong now and then, one at a time. Renewals are shortened in the configuration.
FAULTS = (
    Fault("drop", account=ACCOUNT),
    Fault("drop", account=ACCOUNT, when="after_frame", count=1),
    Fault("close", account=ACCOUNT, code=1001),
    Fault("swallow", account=ACCOUNT, count=1),
    Fault("echo_lost", account=ACCOUNT, count=3),
    Fault("reject", account=ACCOUNT, count=1),
    Fault("duplicate", account=ACCOUNT, count=20, copies=2, gap_ms=200),
    Fault("delay", account=ACCOUNT, duration_ms=5000, delay_ms=500, max_delay_ms=1500),
    Fault("noise", account=ACCOUNT, count=20),
    Fault("rest_5xx", account=ACCOUNT, duration_ms=3000),
    Fault("rest_drop", account=ACCOUNT, count=5),
    Fault("upgrade_status", account=ACCOUNT, count=1, status=503),
)


@dataclass(slots=True)
class Tally:
    """What came of the questions and of the other messages."""

    orders: int = 0
    asked: int = 0
    answered: int = 0
    twice: list[str] = field(default_factory=list)
    silent: Counter[str] = field(default_factory=Counter)
    other: int = 0
    unaccounted: list[str] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)


class Trade:
    """Opens orders and talks in them until told to stop."""

    def __init__(self, box: Sandbox, seed: int, *, life_s: float = LIFE_S) -> None:
        self._box = box
        self._life_s = life_s
        self._rng = random.Random(seed)  # noqa: S311 - a bench's chance
        self.said: dict[str, list[str]] = {}
        self.count = 0
        self.faults: Counter[str] = Counter()

    async def run(self, duration_s: float) -> None:
        """Open orders for so long, then let those that are open come to their end, without faults."""
        until_s = time.monotonic() + duration_s
        async with asyncio.TaskGroup() as group:
            faults = group.create_task(self._faults(), name="faults")
            while time.monotonic() < until_s:
                group.create_task(self._order(), name="order")
                await asyncio.sleep(self._rng.expovariate(1 / ORDER_EVERY_S))
            faults.cancel()
            await self._box.clear_faults()

    async def _order(self) -> None:
        order_no = await self._box.open_order(ACCOUNT, OrderSpec())
        self.said[order_no] = []
        for number in range(MESSAGES_AN_ORDER):
            await self._pause()
            self.count += 1
            text = f"question {self.count}" if number % 2 else f"chatter {self.count}"
            self.said[order_no].append(text)
            await self._box.say(order_no, text)
            if number == MESSAGES_AN_ORDER // 2 - 1:  # after a message that asks nothing: no reply is overtaken by it
                await self._box.pay(order_no)
        await self._pause()
        await self._box.release(order_no)

    async def _pause(self) -> None:
        await asyncio.sleep(self._rng.uniform(0.2, 1.8) * self._life_s / (MESSAGES_AN_ORDER + 1))

    async def _faults(self) -> NoReturn:
        while True:
            await asyncio.sleep(self._rng.uniform(*_FAULT_EVERY_S))
            fault = self._rng.choice(FAULTS)
            self.faults[fault.name] += 1
            await self._box.inject(fault)


async def is_settled(trade: Trade, store: SqliteStore) -> bool:
    """Whether every message is decided and every reply has met its end."""
    for order_no, said in trade.said.items():
        decided = {entry.text for entry in await store.inbox(order_no, limit=_MOST_ROWS)}
        replies = await store.outbox(order_no, limit=_MOST_ROWS)
        if not decided.issuperset(said) or not all(row.state.is_final for row in replies):
            return False
    return True


async def judged(trade: Trade, box: Sandbox, store: SqliteStore) -> Tally:
    """Count what the counterparties see against what they said."""
    tally = Tally(orders=len(trade.said))
    for order_no, said in trade.said.items():
        entries = {entry.text: entry for entry in await store.inbox(order_no, limit=_MOST_ROWS)}
        replies = {row.stimulus_key: row for row in await store.outbox(order_no, limit=_MOST_ROWS)}
        lines = box.world.said_by_bot(order_no)
        seen = Counter(line.text for line in lines)
        asked_ms = {line.text: line.at_ms for line in box.world.chat(order_no)}
        tally.waits_s += [
            (line.at_ms - asked_ms[question]) / 1000
            for line in lines
            if (question := f"question {line.text.removeprefix('Answer ').rstrip('.')}") in asked_ms
        ]
        for text in said:
            judge(text, entries.get(text), replies, seen, tally)
    return tally


def judge(text: str, entry: InboxEntry | None, replies: dict[str, OutboxRow], seen: Counter[str], tally: Tally) -> None:
    """Count one message: what was decided of it, the replies by what they answer, and what was seen of the bot."""
    kind, _, number = text.partition(" ")
    if kind != "question":
        tally.other += 1
        if entry is None:
            tally.unaccounted.append(text)
        return
    tally.asked += 1
    times = seen[f"Answer {number}."]
    row = replies.get(entry.key) if entry else None
    reason = row.reason if row else entry.reason if entry else None
    if times == 1:
        tally.answered += 1
    elif times > 1:
        tally.twice.append(text)
    elif reason in (None, Reason.ANSWERED):
        tally.unaccounted.append(text)
    else:
        tally.silent[str(reason)] += 1
