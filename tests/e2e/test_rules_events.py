"""Events, bursts and timers, with the whole daemon over real sockets."""

from __future__ import annotations

from pathlib import Path

from p2pbot.model import Reason, Side
from p2pbot.sandbox import Fault, OrderSpec
from tests.e2e.stage import Script, stage

RULES = """
version: 1
rules:
  - id: still-there
    on: silence
    for: 2s
    reply: "Are you still there?"
  - id: hurry
    on: payment_expiring
    before: 1m
    reply: "The time is nearly over."
  - id: card
    on: payment_expiring
    reply: "The exchange says that time is short."
  - id: appeal
    on: appeal_opened
    notify: "An appeal in {{ order.number }}"
  - id: appeal-over
    on: appeal_closed
    notify: "The appeal in {{ order.number }} is over"
  - id: go-on
    on: operator_message
    exact: go on
    unmute: yes
  - id: paid
    all_words: [i, paid]
    debounce: 1s
    reply: "Thanks!"
  - id: slow
    words: slow
    delay: 3s
    reply: "Too late?"
  - id: hello
    words: hello
    limit: {every: 1s}
    when: {operator_idle: 0}
    reply: "Hello!"
"""


def without(*ids: str) -> Script:
    """Return the script without some of the rules."""
    head, *written = RULES.split("  - id: ")
    return Script(rules=head + "".join(f"  - id: {one}" for one in written if one.split("\n")[0] not in ids))


async def test_a_silence_is_broken_once(tmp_path: Path) -> None:
    """By a rule that waits for it; the silence after its own words finds the limit."""
    async with stage(tmp_path, Script(rules=RULES)) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.until(lambda: scene.log.getvalue().count("e:silence:2000") >= 2, "two silences")
        assert scene.bot_texts(order) == ["Are you still there?"]


async def test_a_deadline_is_warned_of_once_also_over_a_restart(tmp_path: Path) -> None:
    """The inbox knows that the event was raised."""
    script = without("still-there")
    async with stage(tmp_path, script) as scene:
        async with scene.daemon():
            await scene.until_open()
            spec = OrderSpec(side=Side.SELL, pay_window_ms=58_000, warn_before_ms=1_000)
            order = await scene.box.open_order("main", spec)
            await scene.until(lambda: scene.bot_texts(order) == ["The time is nearly over."], "the warning")
        async with scene.daemon():
            await scene.until_open()
            await scene.box.say(order, "hello")
            await scene.until(lambda: len(scene.bot_texts(order)) > 1, "the answer")
            assert scene.bot_texts(order) == ["The time is nearly over.", "Hello!"]


async def test_the_exchanges_card_is_an_event_of_its_own(tmp_path: Path) -> None:
    """Once, however often the card comes."""
    async with stage(tmp_path, without("still-there")) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.box.about_to_expire(order)
        await scene.box.about_to_expire(order)
        await scene.box.say(order, "hello")
        await scene.until(lambda: len(scene.bot_texts(order)) > 1, "both answers")
        assert scene.bot_texts(order) == ["The exchange says that time is short.", "Hello!"]


async def test_an_appeal_is_told_and_its_end_too(tmp_path: Path) -> None:
    """The counterparty hears nothing of it."""
    async with stage(tmp_path, without("still-there")) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.box.pay(order)
        await scene.box.appeal(order)
        await scene.until(lambda: f"An appeal in {order}" in scene.log.getvalue(), "the notice")
        await scene.box.close_appeal(order)
        await scene.until(lambda: f"The appeal in {order} is over" in scene.log.getvalue(), "the second notice")
        assert scene.bot_texts(order) == []


async def test_the_operator_gives_an_order_back_by_a_word(tmp_path: Path) -> None:
    """What they wrote before keeps the bot silent."""
    async with stage(tmp_path, without("still-there")) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.box.operator_says(order, "I am here")
        await scene.box.say(order, "hello")
        await scene.until(lambda: '"reason": "taken_over"' in scene.log.getvalue(), "silence")
        await scene.box.operator_says(order, "Go on.")
        await scene.until(lambda: "e:operator_message" in scene.log.getvalue(), "the word")
        await scene.box.say(order, "hello again")
        await scene.until(lambda: scene.bot_texts(order) == ["Hello!"], "the answer")


async def test_quick_messages_are_answered_as_one(tmp_path: Path) -> None:
    """Each has its entry, and the last one the answer."""
    async with stage(tmp_path, without("still-there")) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        for text in ("I paid", "just now", "please look"):
            await scene.box.say(order, text)
        await scene.until(lambda: bool(scene.bot_texts(order)), "the answer")
        entries = [entry for entry in await scene.inbox(order) if entry.key.startswith("m:") and entry.from_us is False]
        assert [(entry.text, entry.reason) for entry in entries if entry.text] == [
            ("I paid", Reason.DEBOUNCED),
            ("just now", Reason.DEBOUNCED),
            ("please look", Reason.ANSWERED),
        ]
        assert scene.bot_texts(order) == ["Thanks!"]


async def test_a_delayed_reply_is_dropped_when_a_person_writes(tmp_path: Path) -> None:
    """Nobody is answered twice."""
    async with stage(tmp_path, without("still-there")) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.box.say(order, "slow")
        await scene.until(lambda: '"slow"' in scene.log.getvalue(), "the decision")
        await scene.box.operator_says(order, "I answer this")
        await scene.until(lambda: '"state": "dropped"' in scene.log.getvalue(), "the drop")
        (row,) = await scene.outbox(order)
        assert row.reason is Reason.TAKEN_OVER
        assert scene.bot_texts(order) == []


async def test_a_delayed_reply_is_dropped_when_the_order_changes(tmp_path: Path) -> None:
    """What was right for an unpaid order may be wrong for a paid one."""
    async with stage(tmp_path, without("still-there")) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.box.say(order, "slow")
        await scene.until(lambda: '"slow"' in scene.log.getvalue(), "the decision")
        await scene.box.pay(order)
        await scene.until(lambda: '"state": "dropped"' in scene.log.getvalue(), "the drop")
        (row,) = await scene.outbox(order)
        assert row.reason is Reason.ORDER_CHANGED


async def test_a_delayed_reply_is_dropped_when_its_time_is_over(tmp_path: Path) -> None:
    """The chat came back too late for it."""
    script = Script(rules=RULES.replace("delay: 3s", "delay: 2s\n    expires: 1s").replace("for: 2s", "for: 5m"))
    async with stage(tmp_path, script) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.box.say(order, "slow")
        await scene.until(lambda: '"slow"' in scene.log.getvalue(), "the decision")
        await scene.box.inject(Fault("upgrade_status", account="main", status=503, count=100))
        await scene.box.inject(Fault("drop", account="main"))
        await scene.until(lambda: '"state": "dropped"' in scene.log.getvalue(), "the drop")
        (row,) = await scene.outbox(order)
        assert row.reason is Reason.LATE
        assert scene.bot_texts(order) == []
