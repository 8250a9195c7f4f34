"""A planned renewal makes before it breaks, and falls back where the exchange does not allow two sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path

from p2pbot.model import Side
from p2pbot.sandbox import Fault, OrderSpec
from tests.e2e.stage import QUICK, Script, Stage, stage
from tests.faults.storm import LIMITS, RULES

RENEWING = Script(
    rules=RULES,
    limits=LIMITS,
    timings=f"{QUICK}chat_renewal: 10s\n",
    exchange={"history_lag_ms": 300, "variety": False},
)


async def _asked_all_along(scene: Stage, order: str, event: str) -> int:
    """Have the counterparty ask a question every 200 ms until the log shows ``event`` twice; return how many."""
    asked = 0
    async with asyncio.timeout(60):
        while scene.log.getvalue().count(f'"{event}"') < 2:
            await scene.box.say(order, f"question {asked}")
            asked += 1
            await asyncio.sleep(0.2)
    return asked


async def test_nothing_is_missed_while_the_socket_is_renewed(tmp_path: Path) -> None:
    """With Bye for the older socket, two renewals answer every question once and are never deaf."""
    async with stage(tmp_path, RENEWING) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        asked = await _asked_all_along(scene, order, "chat_renewed")
        await scene.until(lambda: len(scene.bot_texts(order)) >= asked, "all answers")
        assert scene.bot_texts(order) == [f"Answer {number}." for number in range(asked)]
        assert "chat_down" not in scene.log.getvalue()
        assert "operator.notice" not in scene.log.getvalue()


async def test_an_exchange_that_refuses_the_second_socket_is_broken_with_first(tmp_path: Path) -> None:
    """When the socket beside the old one cannot be opened, the old one goes on; in the end the renewal breaks first."""
    async with stage(tmp_path, RENEWING) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.box.inject(Fault("upgrade_status", account="main", status=503, count=1))
        await scene.until(lambda: '"chat_renewal_failed"' in scene.log.getvalue(), "the failed renewal", timeout_s=30)
        await scene.box.say(order, "question 1")
        await scene.until(lambda: scene.bot_texts(order) == ["Answer 1."], "the answer by the old socket")
