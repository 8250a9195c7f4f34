"""Whole daemon: a counterparty's picture is answered by what it is, and kept if the archive is on."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from p2pbot.model import Reason
from tests.e2e.stage import Script, Stage, stage
from tests.fakes.pictures import JPEG, png

RULES = """
version: 1
rules:
  - {id: fake, on: image, when: {picture: {type: other}}, limit: {at_most: 9}, reply: "This is no picture."}
  - {id: cut, on: image, when: {picture: {broken: yes}}, limit: {at_most: 9}, reply: "It did not arrive whole."}
  - {id: thanks, on: image, when: {picture: {type: [jpeg, png], lied: no}}, limit: {at_most: 9}, reply: "Thank you!"}
"""
ASKS_NOTHING = """
version: 1
rules:
  - {id: thanks, on: image, limit: {at_most: 9}, reply: "Thank you!"}
"""


async def answered(shop: Stage, *pictures: tuple[bytes, str], archive: bool = False) -> list[str]:
    """Let the counterparty send pictures; return what the bot said when all were decided."""
    if archive:
        shop.config.write_text(shop.config.read_text("utf-8") + "archive: {pictures: true}\n", "utf-8")
    order_no = await shop.box.open_order("main")
    async with shop.daemon():
        await shop.until_open()
        for count, (data, declared) in enumerate(pictures, 1):
            await shop.box.send_image(order_no, data, declared=declared)
            await shop.until_settled(
                order_no,
                lambda entries, rows, count=count: (  # type: ignore[misc]
                    sum(entry.kind == "image" for entry in entries) == count and all(row.state.is_final for row in rows)
                ),
            )
        if archive:
            folder = shop.directory / "state" / "archive" / "main" / order_no
            await shop.until(lambda: len(kept(folder)) == len(pictures), "every picture is archived")
        reasons = [entry.reason for entry in await shop.inbox(order_no) if entry.kind == "image"]
    assert all(reason in (Reason.ANSWERED, Reason.NO_RULE) for reason in reasons)
    return shop.bot_texts(order_no)


def kept(folder: Path) -> dict[str, bytes]:
    """Return the whole files of a directory."""
    return {path.suffix: path.read_bytes() for path in folder.glob("[!.]*")} if folder.exists() else {}


async def test_a_picture_is_answered_by_what_its_bytes_say(tmp_path: Path) -> None:
    """A document called a picture, half a picture, and a picture."""
    async with stage(tmp_path, Script(rules=RULES, exchange={"history_lag_ms": 0, "variety": True})) as shop:
        said = await answered(shop, (b"%PDF-1.7", "jpg"), (png()[:-9], "png"), (JPEG, "jpg"), (JPEG, "png"))
    assert said == ["This is no picture.", "It did not arrive whole.", "Thank you!"]


async def test_the_archive_keeps_what_came(tmp_path: Path) -> None:
    """Under true endings, for the owner alone, below the state directory, and rules need not ask."""
    async with stage(tmp_path, Script(rules=ASKS_NOTHING, exchange={"history_lag_ms": 0, "variety": True})) as shop:
        await answered(shop, (JPEG, "jpg"), (png(), "jpg"), archive=True)
        found = [path for path in (shop.directory / "state" / "archive").rglob("*") if path.is_file()]
    assert sorted(path.suffix for path in found) == [".jpg", ".png"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in found} == {0o700}


@pytest.mark.parametrize("rules", [RULES, ASKS_NOTHING])
async def test_a_picture_that_is_gone_harms_nothing(tmp_path: Path, rules: str) -> None:
    """Its facts are unknown, rules that ask for them are silent, the others speak, and the chat goes on."""
    async with stage(tmp_path, Script(rules=rules, exchange={"history_lag_ms": 0, "variety": False})) as shop:
        shop.box.world._gallery.look = lambda _place: None  # type: ignore[method-assign,assignment]
        said = await answered(shop, (JPEG, "jpg"), (JPEG, "jpg"))
    assert said == ([] if rules is RULES else ["Thank you!"] * 2)
