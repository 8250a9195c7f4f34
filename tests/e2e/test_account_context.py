"""A whole daemon that reads the merchant's own account: rules answer by it, and its troubles never reach the chat."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from p2pbot.model import Side
from p2pbot.sandbox import Fault
from p2pbot.sandbox.links import Source
from tests.e2e.stage import OrderSpec, Script, Stage, stage

_RULES = """
version: 1
rules:
  - id: low
    words: [available]
    when: {balance: {USDT: "<100"}}
    limit: {every: 1ms, per: order}
    reply: "Only a little is left."
  - id: plenty
    words: [available]
    when: {balance: {USDT: ">=100"}}
    limit: {every: 1ms, per: order}
    reply: "There is plenty."
  - id: always
    words: [hello]
    limit: {every: 1ms, per: order}
    reply: "Good day!"
  - id: hedge
    words: [hedged]
    when: {futures: {order.hedge-1: filled, position.BTCUSDT: "<0"}}
    reply: "It is hedged."
  - id: nearly-out
    on: balance_below
    when: {balance: {USDT: "<100"}}
    notify: "USDT is nearly out."
  - id: refilling
    on: balance_below
    when: {balance: {USDT: "<50"}, side: sell, order_status: unpaid}
    reply: "We are refilling our stock."
"""

_FUTURES = ", futures: {enabled: true, watch_orders: [BTCUSDT/hedge-1]}"
_SPOT = ", spot: {user_data: subscribe}"
_LEGACY = ", spot: {user_data: legacy_listen_key}"


def script(keys: str) -> Script:
    """Return a stage's script whose account has these keys more."""
    habits = {"history_lag_ms": 300, "variety": True, "spot_listen_keys": True}
    return Script(rules=_RULES, account_keys=keys, exchange=habits)


async def known(scene: Stage, source: str, *, known: bool = True) -> None:
    """Wait until a source's facts are known, or not."""

    def holds() -> bool:
        told = scene.account().context.status()["known"]
        return isinstance(told, dict) and told[source] is known

    await scene.until(holds, f"{source} is {'known' if known else 'not known'}")


def hold(scene: Stage, source: str, amount: int) -> None:
    """Let the account hold so much USDT."""
    if source == "spot":
        scene.box.perform("set_spot_balance", {"account": "main", "asset": "USDT", "free": str(amount)})
    else:
        scene.box.perform("set_balance", {"account": "main", "asset": "USDT", "amount": str(amount)})


async def answered(scene: Stage, order: str, text: str, answer: str) -> None:
    """Let the counterparty write, and wait for the answer."""
    before = len(scene.bot_texts(order))
    await scene.box.say(order, text)
    await scene.until(lambda: scene.bot_texts(order)[before:] == [answer], answer)


async def undecided(scene: Stage, order: str, text: str) -> str:
    """Let the counterparty write, wait until it is decided in silence, and return the trace."""
    key = f"m:{await scene.box.say(order, text)}"
    await scene.until_settled(order, lambda entries, _: key in [entry.key for entry in entries])
    return next(entry.trace for entry in await scene.inbox(order) if entry.key == key)


@pytest.mark.parametrize(("source", "keys"), [("futures", _FUTURES), ("spot", _SPOT), ("spot", _LEGACY)])
async def test_a_balance_changes_and_with_it_the_answer(tmp_path: Path, source: str, keys: str) -> None:
    """By each way to read an account: from the snapshot first, then from the stream's events."""
    async with stage(tmp_path, script(keys)) as scene, scene.daemon():
        await scene.until_open()
        await known(scene, source)
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await answered(scene, order, "is it available?", "There is plenty.")
        hold(scene, source, 60)
        await scene.until(lambda: scene.account().context.figures().balance.get("USDT") == 60, "the event")
        await answered(scene, order, "still available?", "Only a little is left.")
        await scene.until(lambda: "USDT is nearly out. (balance.USDT <100)" in scene.log.getvalue(), "the notice")
        key = scene.box.world.context.inside.ring("main", Source(source)).live(0)
        told = scene.log.getvalue() + (scene.directory / "state" / "status.json").read_text("utf-8")
        assert key is None or key.text not in told, "the listenKey is a secret"


async def test_a_session_is_logged_on_where_the_key_can(tmp_path: Path) -> None:
    """With an Ed25519 key neither futures nor spot sign each call, and the answers are the same."""
    keys = f"{_FUTURES}{_SPOT}"
    async with stage(tmp_path, replace(script(keys), ed25519=True)) as scene, scene.daemon():
        await scene.until_open()
        await known(scene, "futures")
        await known(scene, "spot")
        assert scene.log.getvalue().count('"auth": "logon"') == 2
        hold(scene, "spot", 60)
        await scene.until(lambda: scene.account().context.figures().balance.get("USDT") == 60, "the event")


@pytest.mark.parametrize("closed", [False, True])
async def test_the_key_lives_on_at_the_end_unless_it_is_to_be_closed(tmp_path: Path, closed: bool) -> None:  # noqa: FBT001
    """One key serves every program of the account."""
    keys = f", futures: {{enabled: true, close_listen_key: {str(closed).lower()}}}"
    async with stage(tmp_path, script(keys)) as scene:
        async with scene.daemon():
            await known(scene, "futures")
        ring = scene.box.world.context.inside.ring("main", Source.FUTURES)
        assert (ring.live(0) is None) is closed


async def test_an_order_and_a_position_are_known_from_stream_and_snapshot(tmp_path: Path) -> None:
    """A watched order's state survives a gap, for it is asked for again."""
    async with stage(tmp_path, script(_FUTURES)) as scene, scene.daemon():
        await scene.until_open()
        await known(scene, "futures")
        place = {"account": "main", "symbol": "BTCUSDT", "client_order_id": "hedge-1", "side": "SELL"}
        scene.box.perform("place_futures_order", place)
        scene.box.perform("fill_futures_order", {"account": "main", "client_order_id": "hedge-1"})
        filled = {"order.hedge-1": "filled"}
        await scene.until(lambda: filled.items() <= scene.account().context.figures().futures.items(), "the fill")
        scene.box.perform("cut_links", {"account": "main"})
        await known(scene, "futures", known=False)
        await known(scene, "futures")
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await answered(scene, order, "is it hedged?", "It is hedged.")


async def test_in_a_gap_such_a_rule_is_silent_and_says_why_and_the_others_speak(tmp_path: Path) -> None:
    """What was known before the gap is not used; the chat is none the worse for it."""
    async with stage(tmp_path, script(_FUTURES)) as scene, scene.daemon():
        await scene.until_open()
        await known(scene, "futures")
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.box.inject(Fault("link_status", account="main", status=503, count=1000))
        scene.box.perform("cut_links", {"account": "main"})
        await known(scene, "futures", known=False)
        trace = await undecided(scene, order, "is it available?")
        assert "not known: the futures stream is interrupted for" in trace
        await answered(scene, order, "hello", "Good day!")
        hold(scene, "futures", 60)
        await scene.box.clear_faults()
        await known(scene, "futures")
        await answered(scene, order, "available now?", "Only a little is left.")


async def test_a_balance_that_falls_is_told_in_the_chats_that_a_rule_names(tmp_path: Path) -> None:
    """In the unpaid sale, not in the paid one."""
    async with stage(tmp_path, script(_SPOT)) as scene, scene.daemon():
        await scene.until_open()
        await known(scene, "spot")
        unpaid = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        paid = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.box.pay(paid)
        await answered(scene, unpaid, "hello", "Good day!")
        await answered(scene, paid, "hello", "Good day!")
        hold(scene, "spot", 40)
        await scene.until(lambda: len(scene.bot_texts(unpaid)) == 2, "the word about the stock")
        assert scene.bot_texts(unpaid)[1] == "We are refilling our stock."
        decided = "e:balance_below:balance.USDT <50"
        await scene.until_settled(paid, lambda entries, _: any(entry.key.startswith(decided) for entry in entries))
        assert scene.bot_texts(paid) == ["Good day!"]


async def test_a_bug_behind_the_bulkhead_is_logged_and_the_chat_goes_on(tmp_path: Path) -> None:
    """The loops begin anew, and what they tell is known again."""
    async with stage(tmp_path, script(_FUTURES)) as scene, scene.daemon():
        await scene.until_open()
        await known(scene, "futures")
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        context = scene.account().context
        context._facts._told = {}  # a bug, planted: the next event is a KeyError
        hold(scene, "futures", 60)
        await scene.until(lambda: '"event": "bulkhead_failed"' in scene.log.getvalue(), "the bug")
        await answered(scene, order, "hello", "Good day!")
        await known(scene, "futures")
        await answered(scene, order, "is it available?", "Only a little is left.")


async def test_off_nothing_of_it_is_asked(tmp_path: Path) -> None:
    """Without the switch no socket, key or call of the account context is seen by the exchange."""
    async with stage(tmp_path, script("")) as scene, scene.daemon():
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        trace = await undecided(scene, order, "is it available?")
        assert "not known: it is not switched on in the configuration" in trace
        assert scene.box.world.context.links_seen() == ()
        assert scene.account().context.status() == {}


async def test_loops_that_are_begun_anew_leave_nothing_behind(tmp_path: Path) -> None:
    """However often they fail: as many tasks and sockets as after the first start."""
    async with stage(tmp_path, script(f"{_FUTURES}{_SPOT}")) as scene, scene.daemon():
        await scene.until_open()
        await known(scene, "futures")
        await known(scene, "spot")
        links, tasks = len(scene.box.world.context.links("main")), ours()
        for round_ in range(1, 3):
            scene.account().context._facts._told = {}  # the next event of either source is a KeyError
            hold(scene, "futures", round_)
            hold(scene, "spot", round_)
            await scene.until(lambda least=round_: failures(scene) >= least * 2, "both have failed")  # type: ignore[misc]
            await known(scene, "futures")
            await known(scene, "spot")
        await scene.until(lambda: len(scene.box.world.context.links("main")) == links, "as many sockets")
        await scene.until(lambda: ours() == tasks, "as many tasks")


def ours() -> list[str]:
    """Return the names of the tasks that read the account."""
    names = (task.get_name() for task in asyncio.all_tasks())
    return sorted(name for name in names if "futures" in name or "spot" in name)


def failures(scene: Stage) -> int:
    """Return how often loops behind the bulkhead have failed."""
    found = scene.account().context.status()["failures"]
    return found if isinstance(found, int) else 0
