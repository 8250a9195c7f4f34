"""What the exchange sends and nobody understands is counted, kept without its words, and never answered."""

from __future__ import annotations

import json
from pathlib import Path

from p2pbot.model import Side
from p2pbot.sandbox import Fault, OrderSpec
from tests.e2e.stage import Script, stage


async def test_garbage_is_counted_kept_redacted_and_never_answered(tmp_path: Path) -> None:
    """Noise, a frame of an unknown kind and a card of an unknown event end no loop and get no reply."""
    script = Script(exchange={"history_lag_ms": 300, "variety": False})
    async with stage(tmp_path, script) as scene, scene.daemon() as app:
        await scene.until_open()
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.until(lambda: bool(scene.bot_texts(order)), "the greeting")
        await scene.box.inject(Fault("noise", account="main"))
        await scene.box.say_as(order, "hologram", "words of a person, paid")
        await scene.box.system(order, "order_was_blessed")
        await scene.box.say(order, "how?")
        await scene.until(lambda: len(scene.bot_texts(order)) == 2, "the answer to the one real message")
        kept = list(scene.account().not_understood)
        app.stop()
    status = json.loads((scene.store.parent / "status.json").read_text())
    shown = status["accounts"]["main"]
    assert any("hologram" in frame for frame in kept)
    assert "words of a person" not in json.dumps(status)
    assert shown["not_understood"] == kept[-10:]
    assert shown["frames"]["noise:empty"] > 0
