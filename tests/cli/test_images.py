"""``images`` against the simulated exchange over TLS: everything is fetched, once, by safe names, within bounds."""

from __future__ import annotations

import asyncio
import re
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from p2pbot.cli import main
from p2pbot.cli.images import facts_words
from p2pbot.protocol.pictures import read_picture
from tests.e2e.stage import Script, Stage, stage
from tests.fakes.pictures import JPEG, png

NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9]+\.(jpg|png|bin)")


@dataclass
class Shop:
    """A sandbox with an order, and the command line called against it."""

    stage: Stage
    order_no: str
    out: Path
    capsys: pytest.CaptureFixture[str]

    async def fetch(self, *more: str, order_no: str = "") -> int:
        """Run ``images``."""
        arguments = ["--config", str(self.stage.config), "images", order_no or self.order_no, "--out", str(self.out)]
        return await asyncio.to_thread(main, [*arguments, *more])

    async def send(self, data: bytes | None = None, declared: str = "png", content_type: str = "") -> int:
        """Let the counterparty send a picture."""
        box = self.stage.box
        return await box.send_image(self.order_no, data, declared=declared, content_type=content_type)

    def said(self) -> str:
        """Return what was printed since the last look."""
        return self.capsys.readouterr().out

    def files(self) -> dict[str, bytes]:
        """Return what lies in the directory."""
        return {path.name: path.read_bytes() for path in sorted(self.out.iterdir())} if self.out.exists() else {}


@pytest.fixture
async def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Shop]:
    """Open a sandbox with an order."""
    async with stage(tmp_path, Script(exchange={"history_lag_ms": 0, "variety": True})) as made:
        yield Shop(made, await made.box.open_order("main"), tmp_path / "out", capsys)


async def test_all_pictures_are_fetched_by_time_and_id(shop: Shop) -> None:
    """Both bytes and true endings; texts between them do not matter; only the owner can read them."""
    for picture in (JPEG, png(), JPEG):
        await shop.send(picture, "jpg")
        await shop.stage.box.say(shop.order_no, "see?")
    assert await shop.fetch() == 0
    files = shop.files()
    assert sorted(files.values()) == sorted([JPEG, png(), JPEG])
    assert all(NAME.fullmatch(name) for name in files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in shop.out.iterdir()} == {0o600}
    assert stat.S_IMODE(shop.out.stat().st_mode) == 0o700


async def test_a_second_run_fetches_what_is_missing(shop: Shop) -> None:
    """What is there is not asked for again, and a half-written file is no file."""
    for _ in range(3):
        await shop.send()
    await shop.fetch()
    first, *_ = sorted(shop.out.iterdir())
    before = shop.files()
    first.rename(shop.out / f".{first.name}.part")
    shop.said()
    assert await shop.fetch() == 0
    assert "3 pictures: 2 were there, 1 fetched" in shop.said()
    assert shop.files() == before


async def test_a_lie_is_said(shop: Shop) -> None:
    """The file ends as its bytes say, and the declaration is told beside it."""
    await shop.send(b"%PDF-1.7 invoice", "jpg", "image/jpeg")
    await shop.send(png() + b"PK\3\4", "png")
    assert await shop.fetch() == 0
    said = shop.said()
    assert ".bin  other, 1 KiB  declared as jpg" in said
    assert "png 8 × 6, 1 KiB  4 bytes of something else behind the picture" in said
    assert sorted(name.rpartition(".")[2] for name in shop.files()) == ["bin", "png"]


async def test_a_picture_that_is_gone_does_not_hide_the_others(shop: Shop) -> None:
    """It is told, the others are fetched, and the exit code is 1."""
    message_id = await shop.send()
    await shop.send(JPEG, "jpg")
    place = next(iter(shop.stage.box.world._gallery._pictures))
    del shop.stage.box.world._gallery._pictures[place]
    assert await shop.fetch() == 1
    said = shop.said()
    assert re.search(rf"Z-{message_id}  the picture is gone", said)
    assert "1 fetched, 1 could not be fetched" in said
    assert list(shop.files().values()) == [JPEG]


async def test_all_together_have_a_bound(shop: Shop) -> None:
    """What does not fit is not fetched, and the next run can raise the bound."""
    large = png(data=bytes(700_000))
    for _ in range(2):
        await shop.send(large)
    assert await shop.fetch("--at-most", "1") == 1
    assert len(shop.files()) == 1
    assert await shop.fetch("--at-most", "2") == 0
    assert len(shop.files()) == 2


async def test_a_host_that_is_away_is_not_asked_for_ever(shop: Shop, tmp_path: Path) -> None:
    """After three pictures that could not be reached the rest is left for another time, and counted."""
    for _ in range(6):
        await shop.send()
    for line in shop.stage.box.world._state.order(shop.order_no).lines:
        if line.picture is not None:
            line.picture = replace(line.picture, url="https://127.0.0.1:1/gone.png")
    text = shop.stage.config.read_text("utf-8")
    shop.stage.config.write_text(text.replace("exchange: {", "exchange: {picture_hosts: ['127.0.0.1:1'], "), "utf-8")
    assert await shop.fetch() == 1
    said = shop.said()
    assert said.count("refuses the connection") == 3
    assert "6 could not be fetched" in said
    assert not (tmp_path / "out").exists()


async def test_an_order_without_pictures_is_no_failure(shop: Shop) -> None:
    """Nothing is made."""
    await shop.stage.box.say(shop.order_no, "hello")
    assert await shop.fetch() == 0
    assert "0 pictures" in shop.said()
    assert not shop.out.exists()


async def test_an_order_that_is_not_there_is_told(shop: Shop) -> None:
    """In a sentence, with exit code 1."""
    assert await shop.fetch(order_no="123") == 1
    assert "Traceback" not in shop.capsys.readouterr().err


async def test_of_several_accounts_one_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An order that nobody has heard of needs ``--account``."""
    async with stage(tmp_path, Script(accounts=("one", "two"), exchange={"history_lag_ms": 0})) as made:
        shop = Shop(made, await made.box.open_order("two"), tmp_path / "out", capsys)
        await shop.send()
        assert await shop.fetch() == 2
        assert "add --account: one, two" in capsys.readouterr().err
        assert await shop.fetch("--account", "two") == 0
        assert len(shop.files()) == 1


def test_a_picture_in_words() -> None:
    """Type, size and weight; what is not known is left out."""
    assert facts_words(read_picture(JPEG)) == "jpeg 8 × 6, 1 KiB"
    assert facts_words(read_picture(bytes(3000))) == "other, 3 KiB"
