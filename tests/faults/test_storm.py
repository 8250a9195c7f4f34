"""Many orders at once while everything goes wrong: each message is answered once, or not at all with its reason."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from p2pbot.conversation.records import InboxEntry, OutboxRow
from tests.e2e.stage import QUICK, Script, Stage, stage
from tests.faults import report
from tests.faults.storm import LIMITS, RULES, Tally, blow, count_traffic, is_settled, judge, open_orders, talk

ORDERS = int(os.environ.get("P2PBOT_STORM_ORDERS", "40"))
QUESTIONS = int(os.environ.get("P2PBOT_STORM_QUESTIONS", "5"))
CALM = Script(
    rules=RULES,
    limits=LIMITS,
    timings=QUICK.replace("order_spacing: 100ms", "order_spacing: 300ms").replace(
        "settle_after: 2s", "settle_after: 4s"
    ),
    exchange={"history_lag_ms": 500, "history_lag_jitter_ms": 500, "variety": True, "seed": 7},
)


async def _order(scene: Stage, order_no: str) -> tuple[tuple[InboxEntry, ...], tuple[OutboxRow, ...]]:
    return await scene.inbox(order_no), await scene.outbox(order_no)


async def test_each_message_of_a_storm_is_answered_exactly_once_or_has_its_reason(tmp_path: Path) -> None:
    """Drops, duplicates, delays, refusals and swallowed writes lose no message and double none."""
    tally = Tally()
    async with stage(tmp_path, CALM) as scene, scene.daemon():
        await scene.until_open()
        orders = await open_orders(scene.box, ORDERS)
        await blow(scene.box)
        await talk(scene.box, orders, QUESTIONS, seed=11)
        await scene.box.clear_faults()
        for order_no in orders:
            await scene.until_settled(order_no, lambda entries, rows: is_settled(entries, rows, QUESTIONS))
        for order_no in orders:
            judge(scene.box, order_no, *await _order(scene, order_no), tally)
        count_traffic(scene.box, tally)
    report.append(
        report.Row(
            test="test_storm.py::test_each_message_of_a_storm_is_answered_exactly_once_or_has_its_reason",
            connects=tally.connects,
            asked=tally.asked,
            answered_once=tally.answered_once,
            silent=dict(tally.unanswered),
            note=f"{ORDERS} people at once; frames written: {dict(tally.frames)}",
        )
    )
    sys.stdout.write(f"\n{tally.line()}\n")
    assert tally.asked == ORDERS * QUESTIONS
    assert tally.answered_twice == []
    assert tally.without_reason == []
    assert tally.out_of_order == []
    assert tally.answered_once + tally.unanswered.total() == tally.asked
