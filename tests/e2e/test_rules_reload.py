"""Rules change while the daemon runs, and outlive a start with bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2pbot.errors import RulesError
from p2pbot.model import Side
from p2pbot.sandbox import OrderSpec
from tests.e2e.stage import Stage, stage

NEW = """
version: 1
rules:
  - id: new
    words: [hello]
    reply: "The new rule speaks."
"""


def rewrite(scene: Stage, text: str) -> None:
    """Replace the rules as an editor does: a new file beside the old one, then a rename."""
    target = scene.directory / "rules-main" / "10-test.yaml"
    draft = target.with_suffix(".tmp")
    draft.write_text(text, encoding="utf-8")
    draft.replace(target)


async def test_a_change_of_the_files_is_seen_and_in_force(tmp_path: Path) -> None:
    """Without a signal."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        rewrite(scene, NEW)
        await scene.until(lambda: scene.log.getvalue().count("rules_loaded") == 2, "the reload")
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.box.say(order, "hello")
        await scene.until(lambda: scene.bot_texts(order) == ["The new rule speaks."], "the new rule")


async def test_a_change_with_an_error_is_refused_whole_and_told(tmp_path: Path) -> None:
    """The old rules answer on; mended files are taken."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        rewrite(scene, NEW + "  - {id: broken, wrds: x}\n")
        await scene.until(lambda: "Rules NOT loaded" in scene.log.getvalue(), "the notice")
        order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
        await scene.until(lambda: bool(scene.bot_texts(order)), "the old greeting")
        rewrite(scene, NEW)
        await scene.until(lambda: scene.log.getvalue().count("rules_loaded") == 2, "the reload")


async def test_a_dialogue_that_fails_keeps_the_old_rules(tmp_path: Path) -> None:
    """Tests in the directory ``tests`` guard the reload; when the test is mended, the rules are taken."""
    async with stage(tmp_path) as scene, scene.daemon():
        await scene.until_open()
        dialogue = scene.directory / "rules-main" / "tests" / "new.yaml"
        dialogue.parent.mkdir()
        text = "version: 1\ntests:\n  - {name: greets, chat: [{counterparty: hello}, {bot: SPOKEN}]}\n"
        dialogue.write_text(text.replace("SPOKEN", "Another text."), encoding="utf-8")
        rewrite(scene, NEW)
        await scene.until(lambda: "Rules NOT loaded" in scene.log.getvalue(), "the notice")
        assert "tests/new.yaml:3:" in scene.log.getvalue()
        dialogue.write_text(text.replace("SPOKEN", "The new rule speaks."), encoding="utf-8")
        await scene.until(lambda: scene.log.getvalue().count("rules_loaded") == 2, "the reload")


async def test_bad_rules_at_the_start_run_the_last_good_copy(tmp_path: Path) -> None:
    """Loudly; without a copy the start is refused and nothing is written."""
    async with stage(tmp_path) as scene:
        good = (scene.directory / "rules-main" / "10-test.yaml").read_text("utf-8")
        rewrite(scene, "version: 1\nrules: [{id: a}]\n")
        with pytest.raises(RulesError):
            async with scene.daemon():
                pass
        assert not (scene.directory / "state").exists()
        rewrite(scene, good)
        async with scene.daemon():
            await scene.until_open()
        rewrite(scene, "version: 1\nrules: [{id: a}]\n")
        async with scene.daemon():
            await scene.until_open()
            assert "running the last good copy" in scene.log.getvalue()
            order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
            await scene.until(lambda: bool(scene.bot_texts(order)), "the greeting")
