"""A storm: many orders talked to at once while the exchange drops, duplicates, delays, rejects and swallows.

Each question of a counterparty carries its own number and the rule's reply repeats it, so that what the counterparty
finally sees says of each single message whether it was answered never, once or twice. What was not answered must have
its reason in the store.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from p2pbot.conversation.records import InboxEntry, OutboxRow, OutboxState
from p2pbot.model import Reason, Side
from p2pbot.sandbox import Fault, OrderSpec, Sandbox

RULES = """
version: 1
rules:
  - id: numbered
    regex: 'question (?P<n>\\d+)'
    when: {side: sell}
    limit: {at_most: 1000, per: order}
    reply: "Answer {{ match.n }}."
"""

LIMITS = """{order_replies_per_hour: 10000, counterparty_replies_per_day: 10000, account_replies_per_minute: 10000,
  max_age: 30m, reply_expires: 30m, breaker: 100}"""

_FAULTS = (
    ("drop", {"when": "push", "probability": 0.002}),
    ("drop", {"when": "frame", "probability": 0.01}),
    ("drop", {"when": "after_frame", "probability": 0.01}),
    ("duplicate", {"probability": 0.3, "copies": 2, "gap_ms": 200}),
    ("delay", {"probability": 0.3, "delay_ms": 200, "max_delay_ms": 1500}),
    ("reorder", {"probability": 0.1}),
    ("reject", {"probability": 0.05}),
    ("swallow", {"probability": 0.05}),
    ("echo_lost", {"probability": 0.1}),
    ("noise", {"probability": 0.2}),
    ("rest_5xx", {"probability": 0.03}),
    ("rest_empty_200", {"probability": 0.01}),
    ("rest_html", {"probability": 0.01}),
    ("rest_drop", {"probability": 0.02}),
    ("upgrade_status", {"probability": 0.2, "status": 503}),
    ("token_refused", {"probability": 0.1}),
)


@dataclass(slots=True)
class Tally:
    """What came of the storm."""

    asked: int = 0
    answered_once: int = 0
    answered_twice: list[str] = field(default_factory=list)
    unanswered: Counter[str] = field(default_factory=Counter)
    without_reason: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    connects: int = 0
    frames: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """Return the counts as one line."""
        return (
            f"asked {self.asked}, answered once {self.answered_once}, twice {len(self.answered_twice)}, "
            f"not at all with a reason {dict(self.unanswered)}, without a reason {len(self.without_reason)}, "
            f"orders with replies out of order {len(self.out_of_order)}; "
            f"connects {self.connects}, frames written {dict(self.frames)}"
        )


async def open_orders(box: Sandbox, count: int) -> list[str]:
    """Open sell orders."""
    return [await box.open_order("main", OrderSpec(side=Side.SELL)) for _ in range(count)]


async def blow(box: Sandbox) -> None:
    """Let the exchange misbehave in every way that the storm knows."""
    for name, arguments in _FAULTS:
        await box.inject(Fault(name, account="main", **arguments))


async def talk(box: Sandbox, orders: list[str], questions: int, seed: int) -> None:
    """Have every counterparty ask its questions, all at once, at random moments."""
    rng = random.Random(seed)  # noqa: S311 - a test's chance

    async def one(order_no: str) -> None:
        for number in range(questions):
            await asyncio.sleep(rng.uniform(0.5, 6.0))
            await box.say(order_no, f"question {number}")

    async with asyncio.TaskGroup() as group:
        for order_no in orders:
            group.create_task(one(order_no))


def is_settled(entries: Iterable[InboxEntry], rows: Iterable[OutboxRow], questions: int) -> bool:
    """Whether every question of an order is decided and every reply has met its end."""
    decided = {entry.text for entry in entries if entry.text.startswith("question ")}
    return len(decided) == questions and all(row.state.is_final for row in rows)


def judge(
    box: Sandbox, order_no: str, entries: tuple[InboxEntry, ...], rows: tuple[OutboxRow, ...], tally: Tally
) -> None:
    """Count what an order's counterparty sees against what it asked."""
    seen = Counter(line.text for line in box.world.said_by_bot(order_no))
    if out_of_order(box, order_no, rows):
        tally.out_of_order.append(order_no)
    by_key = {row.stimulus_key: row for row in rows}
    for entry in entries:
        if not entry.text.startswith("question "):
            continue
        number = entry.text.removeprefix("question ")
        tally.asked += 1
        times = seen[f"Answer {number}."]
        name = f"{order_no} question {number}"
        if times == 1:
            tally.answered_once += 1
        elif times > 1:
            tally.answered_twice.append(name)
        else:
            _judge_silence(name, entry, by_key.get(entry.key), tally)


def _judge_silence(name: str, entry: InboxEntry, row: OutboxRow | None, tally: Tally) -> None:
    if entry.reason is not Reason.ANSWERED:
        tally.unanswered[entry.reason.value] += 1
    elif row is not None and row.reason is not None and row.state in (OutboxState.DROPPED, OutboxState.REJECTED):
        tally.unanswered[row.reason.value] += 1
    else:
        tally.without_reason.append(name)


def count_traffic(box: Sandbox, tally: Tally) -> None:
    """Add what the exchange saw of us."""
    tally.connects = len(box.world.connects("main"))
    tally.frames = Counter(frame.outcome.value for frame in box.world.received("main"))


def out_of_order(box: Sandbox, order_no: str, rows: tuple[OutboxRow, ...]) -> bool:
    """Whether the counterparty saw the replies of an order in another order than they were decided."""
    seen = [line.text for line in box.world.said_by_bot(order_no)]
    return seen != [row.text for row in rows if row.text in seen]
