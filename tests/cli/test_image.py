"""``image upload`` against the simulated exchange over TLS: one picture, its address, nothing in a chat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from p2pbot.adapters.tls import client_context
from p2pbot.cli import main
from p2pbot.sandbox import Fault
from tests.e2e.stage import Script, Stage, stage
from tests.fakes.pictures import JPEG, png


@dataclass
class Shop:
    """A sandbox, and the command line called against it."""

    stage: Stage
    path: Path
    capsys: pytest.CaptureFixture[str]

    async def upload(self, name: str, data: bytes | None, *more: str) -> int:
        """Write a file and run ``image upload`` on it."""
        file = self.path / name
        if data is not None:
            file.write_bytes(data)
        arguments = ["--config", str(self.stage.config), "image", "upload", str(file), *more]
        return await asyncio.to_thread(main, arguments)


@pytest.fixture
async def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Shop]:
    """Open a sandbox."""
    async with stage(tmp_path) as made:
        yield Shop(made, tmp_path, capsys)


async def shown_at(shop: Shop, address: str) -> bytes:
    """Return what anybody sees at a picture's address."""
    tls = client_context(shop.stage.box.ca_file)
    async with aiohttp.ClientSession() as session, session.get(address, ssl=tls) as answer:
        return await answer.read()


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [("qr.png", png(), "image/png"), ("Qr.JPG", JPEG, "image/jpeg"), ("odd.png", JPEG, "image/jpeg")],
    ids=["png", "jpeg", "misnamed"],
)
async def test_a_picture_is_uploaded_and_its_address_printed(shop: Shop, name: str, data: bytes, kind: str) -> None:
    """The store has exactly the file's bytes under their true type; the address is all that is printed."""
    assert await shop.upload(name, data) == 0
    (seen,) = shop.stage.box.world.uploads("main")
    assert (seen.content_type, seen.violation) == (kind, "")
    said = shop.capsys.readouterr()
    assert said.err == ""
    assert await shown_at(shop, said.out.strip()) == data
    assert not shop.stage.box.world.received("main")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.png", b"%PDF-1.7", "no picture that the chat takes"),
        ("a.png", png()[:-20], "broken"),
        ("a.gif", png(), "not a jpg, jpeg or png"),
        ("gone.png", None, "there is no file"),
    ],
    ids=["other", "broken", "gif", "gone"],
)
async def test_what_cannot_be_sent_is_refused_before_anything_is_asked(
    shop: Shop, name: str, data: bytes | None, words: str
) -> None:
    """Exit code 2, the reason in plain words, and the exchange is not called."""
    assert await shop.upload(name, data) == 2
    assert words in shop.capsys.readouterr().err
    assert not shop.stage.box.world.rest_calls("main")


async def test_a_refusal_is_told(shop: Shop) -> None:
    """When the store refuses the bytes, the exit code is 1 and no address is printed."""
    await shop.stage.box.inject(Fault("upload_status", account="main", status=403))
    assert await shop.upload("qr.png", png()) == 1
    said = shop.capsys.readouterr()
    assert said.out == ""
    assert "403" in said.err


async def test_several_accounts_need_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody's key is chosen by chance."""
    async with stage(tmp_path, Script(accounts=("main", "shop"))) as made:
        shop = Shop(made, tmp_path, capsys)
        assert await shop.upload("qr.png", png()) == 2
        assert "--account: main, shop" in capsys.readouterr().err
        assert await shop.upload("qr.png", png(), "--account", "shop") == 0
        assert len(made.box.world.uploads("shop")) == 1
