"""A customer whom the merchant's file names is known to the rules of a running daemon, from the next message on."""

from __future__ import annotations

from pathlib import Path

from p2pbot.adapters.open_ids import remember_order
from p2pbot.model import Side
from p2pbot.sandbox import OrderSpec
from tests.e2e.stage import Script, stage
from tests.fakes.mini_program import OPEN_ID

RULES = """
version: 1
rules:
  - id: known
    words: hello
    when: {counterparty: {open_id: "*"}}
    reply: "Good to see you again!"
"""


async def test_a_customer_is_known_as_soon_as_the_file_says_so(tmp_path: Path) -> None:
    """Before that the rule is silent; no restart is needed, and the log never says who it is."""
    async with stage(tmp_path, Script(rules=RULES)) as scene:
        text = scene.config.read_text()
        scene.config.write_text(text.replace("rules: rules-main}", "rules: rules-main, open_ids: ids.yaml}"))
        async with scene.daemon():
            await scene.until_open()
            order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
            await scene.box.say(order, "hello")
            await scene.until_settled(order, lambda entries, _: any(entry.text == "hello" for entry in entries))
            assert scene.bot_texts(order) == []
            remember_order(tmp_path / "ids.yaml", order, OPEN_ID)
            await scene.box.say(order, "hello again")
            await scene.until(lambda: bool(scene.bot_texts(order)), "the greeting")
            assert scene.bot_texts(order) == ["Good to see you again!"]
        assert OPEN_ID not in scene.log.getvalue()
