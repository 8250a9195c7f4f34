"""A message arrives in an order's chat and the right reply goes out: the whole daemon over real TLS sockets."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from p2pbot.model import Reason, Side
from p2pbot.sandbox import Fault, OrderSpec
from tests.e2e.stage import Script, stage


async def test_a_new_order_is_greeted_once(tmp_path: Path) -> None:
    """A new sell order gets one greeting with its number."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.until(lambda: bool(scene.bot_texts(order)), "the greeting")
        assert scene.bot_texts(order) == [f"Hello! Please pay order {order}."]


async def test_a_message_gets_the_reply_of_its_rule(tmp_path: Path) -> None:
    """A counterparty who writes that they paid is asked to press the button, once per order."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.box.say(order, "I paid!")
        await scene.until(lambda: len(scene.bot_texts(order)) == 2, "greeting and answer")
        await scene.box.say(order, "paid again")
        await scene.until(lambda: "limited" in scene.log.getvalue(), "the second message's decision")
        assert scene.bot_texts(order)[1] == f"Thanks! Please press the button in order {order}."
        reasons = [entry.reason for entry in await scene.inbox(order) if entry.key.startswith("m:")]
        assert reasons.count(Reason.ANSWERED) == 1
        assert reasons.count(Reason.LIMITED) == 1


async def test_a_buy_order_is_never_answered_as_a_sale(tmp_path: Path) -> None:
    """On an order where we pay, a rule for sales stays silent and says so."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.BUY))
        await scene.box.say(order, "paid?")
        await scene.until(lambda: '"no_rule"' in scene.log.getvalue(), "the decision")
        assert scene.bot_texts(order) == []


async def test_an_operator_who_writes_takes_the_order_over(tmp_path: Path) -> None:
    """After a person wrote from the app, the bot is silent in that order and records why."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.until(lambda: bool(scene.bot_texts(order)), "the greeting")
        await scene.box.operator_says(order, "I am here myself")
        await scene.box.say(order, "I paid")
        await scene.until(lambda: '"taken_over"' in scene.log.getvalue(), "the decision")
        assert len(scene.bot_texts(order)) == 1


async def test_nothing_is_said_in_an_appeal(tmp_path: Path) -> None:
    """A message in an appeal is recorded as such and not answered."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.until(lambda: bool(scene.bot_texts(order)), "the greeting")
        await scene.box.pay(order)
        await scene.box.appeal(order)
        await scene.box.say(order, "which bank?")
        await scene.until(lambda: '"in_appeal"' in scene.log.getvalue(), "the decision")
        assert len(scene.bot_texts(order)) == 1


async def test_what_was_said_while_we_were_away_is_answered_after_the_reconnect(tmp_path: Path) -> None:
    """Nothing is replayed on the socket, so the daemon reads the history after a gap."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.until(lambda: bool(scene.bot_texts(order)), "the greeting")
        await scene.box.inject(Fault("upgrade_status", account="main", status=503, count=2))
        await scene.box.inject(Fault("drop", account="main"))
        await scene.until(lambda: not scene.account().chat.online, "the drop")
        await scene.box.say(order, "I paid")
        await scene.until(lambda: len(scene.bot_texts(order)) == 2, "the answer after the reconnect")


async def test_a_reply_whose_write_was_swallowed_is_sent_again_once(tmp_path: Path) -> None:
    """A write that the exchange lost is found missing in the history and sent again with the same uuid."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.until(lambda: bool(scene.bot_texts(order)), "the greeting")
        await scene.box.inject(Fault("swallow", account="main", count=1))
        await scene.box.say(order, "I paid")
        await scene.until(lambda: len(scene.bot_texts(order)) == 2, "the answer after the look into the history")
        rows = await scene.outbox(order)
        assert rows[1].attempts == 2


async def test_a_reply_whose_echo_was_lost_is_not_sent_again(tmp_path: Path) -> None:
    """A reply without echo that the history shows is sent, not repeated."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.until(lambda: bool(scene.bot_texts(order)), "the greeting")
        await scene.box.inject(Fault("echo_lost", account="main", count=1))
        await scene.box.say(order, "I paid")
        await scene.until(lambda: '"found_in_history"' in scene.log.getvalue(), "the look into the history")
        assert len(scene.bot_texts(order)) == 2


async def test_a_passing_refusal_is_retried_and_a_judgement_of_the_text_is_not(tmp_path: Path) -> None:
    """ILLEGAL_PARAM is tried once more after a pause."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.until(lambda: bool(scene.bot_texts(order)), "the greeting")
        await scene.box.inject(Fault("reject", account="main", count=1))
        await scene.box.say(order, "I paid")
        await scene.until(lambda: len(scene.bot_texts(order)) == 2, "the second try")


async def test_shadow_mode_records_and_sends_nothing(tmp_path: Path) -> None:
    """In shadow mode the reply is recorded as what would have been sent."""
    async with stage(tmp_path, Script(mode="shadow")) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.until(lambda: '"reason": "shadow"' in scene.log.getvalue(), "the decision")
        rows = await scene.outbox(order)
        assert [row.state.value for row in rows] == ["shadow"]
        assert scene.box.world.received("main") == ()


async def test_a_restart_answers_nothing_twice(tmp_path: Path) -> None:
    """A second daemon on the same state reads the same history and sends nothing again."""
    async with stage(tmp_path) as scene:
        async with scene.daemon():
            await scene.until_open()
            order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
            await scene.box.say(order, "I paid")
            await scene.until(lambda: len(scene.bot_texts(order)) == 2, "both replies")
        async with scene.daemon():
            await scene.until_open()
            await scene.box.say(order, "how?")
            await scene.until(lambda: len(scene.bot_texts(order)) == 3, "the answer to the new message")
        assert len(scene.bot_texts(order)) == 3


async def test_two_accounts_live_beside_each_other(tmp_path: Path) -> None:
    """Each account answers its own orders with its own key."""
    async with stage(tmp_path, Script(accounts=("main", "second"))) as scene, scene.daemon():
        await scene.until_open("main")
        await scene.until_open("second")
        first = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        second = await scene.box.open_order("second", OrderSpec(side=Side.SELL))
        await scene.until(lambda: bool(scene.bot_texts(first)) and bool(scene.bot_texts(second)), "both greetings")
        assert {frame.order_no for frame in scene.box.world.received("main")} == {first}
        assert {frame.order_no for frame in scene.box.world.received("second")} == {second}


async def test_a_person_who_answers_while_the_facts_are_awaited_keeps_the_bot_silent(tmp_path: Path) -> None:
    """A takeover counts at once, although the message before it still waits for the order's facts."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.until(lambda: bool(scene.bot_texts(order)), "the greeting")
        await scene.box.inject(Fault("rest_5xx", account="main", endpoint="getUserOrderDetail"))
        await scene.box.pay(order)  # a card makes the known facts doubtful
        await scene.box.say(order, "which bank?")
        await scene.box.operator_says(order, "I am here myself")
        await scene.box.clear_faults()
        await scene.until(lambda: '"taken_over"' in scene.log.getvalue(), "the takeover")
        await scene.until_settled(order, lambda entries, _: any(entry.text == "which bank?" for entry in entries))
        question = [entry for entry in await scene.inbox(order) if entry.text == "which bank?"]
        assert [entry.reason for entry in question] == [Reason.TAKEN_OVER]
        assert len(scene.bot_texts(order)) == 1


async def test_an_order_that_is_resumed_is_answered_again(tmp_path: Path) -> None:
    """``p2pbot resume ORDER`` lifts a takeover from another process while the daemon runs."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.until(lambda: bool(scene.bot_texts(order)), "the greeting")
        await scene.box.operator_says(order, "I am here myself")
        await scene.until(lambda: '"taken_over"' in scene.log.getvalue(), "the takeover")
        command = (sys.executable, "-m", "p2pbot", "resume", order, "--config", str(scene.config))
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        told, _ = await process.communicate()
        assert b"was muted" in told
        await scene.box.say(order, "I paid")
        await scene.until(lambda: len(scene.bot_texts(order)) == 2, "the answer")
