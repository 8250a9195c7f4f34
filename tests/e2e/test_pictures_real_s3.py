"""The daemon sends a picture through an S3 server that verifies signatures: the sandbox hands out its addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from p2pbot.sandbox import UploadSeen
from tests.e2e.stage import Script, Stage, stage
from tests.fakes.pictures import png
from tests.fakes.s3 import S3, rclone

RULES = """
version: 1
rules:
  - id: how
    words: [how]
    reply: {image: qr.png}
"""
PICTURE = png(40, 40)


@dataclass
class Store:
    """The server, and what the sandbox handed out."""

    s3: S3
    stage: Stage
    keys: list[str] = field(default_factory=list)
    spoil: int = 0

    def hand_out(self) -> None:
        """Have the sandbox give addresses of the server; the first ``spoil`` of them are not as they were signed."""
        uploads: Any = self.stage.box.world._uploads
        presign = uploads.presign

        def presigned(account: Any, image_name: str, now_ms: int) -> dict[str, str]:
            answer: dict[str, str] = presign(account, image_name, now_ms)
            (name,) = (name for name in answer if name != "imageUrl")
            key = URL(answer[name]).path.rpartition("/")[2]
            self.keys.append(key)
            # What goes to the server is not seen by the sandbox, which would show no picture that nobody uploaded.
            self.stage.box.world._state.placed[URL(answer["imageUrl"]).path.removeprefix("/image/")] = None
            address = self.s3.presigned(key)
            answer[name] = f"{address}&x-id=spoilt" if len(self.keys) <= self.spoil else address
            return answer

        uploads.presign = presigned


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Stage]:
    """Open a sandbox whose daemon answers with a picture."""
    script = Script(rules=RULES, exchange={"history_lag_ms": 0, "variety": False})
    async with stage(tmp_path, script) as made:
        (tmp_path / "rules-main" / "qr.png").write_bytes(PICTURE)
        yield made


@pytest.fixture
def store(shop: Stage, tmp_path: Path) -> Iterator[Store]:
    """Run an S3 server under the sandbox's certificate, and tell the daemon that it may upload there."""
    assert shop.box.ca_file is not None
    folder = shop.box.ca_file.parent
    certificate = (folder / "sandbox-server.pem", folder / "sandbox-server.key")
    (tmp_path / "s3").mkdir()
    with rclone(tmp_path / "s3", certificate, shop.box.ca_file) as server:
        hosts = f"upload_hosts: ['127.0.0.1:{URL(server.url).port}'], "
        text = shop.config.read_text("utf-8")
        shop.config.write_text(text.replace("exchange: {", f"exchange: {{{hosts}"), "utf-8")
        yield Store(server, shop)


async def answered(shop: Stage) -> str:
    """Let the counterparty ask, and wait until the picture is in the chat and the reply is settled."""
    order_no = await shop.box.open_order("main")
    async with shop.daemon():
        await shop.until_open()
        await shop.box.say(order_no, "how do I pay?")
        await shop.until_settled(order_no, lambda _, rows: bool(rows) and all(row.state.is_final for row in rows))
    return order_no


async def test_a_picture_goes_through_a_store_that_verifies(shop: Stage, store: Store) -> None:
    """Presign, PUT to the real server, frame: the store holds the merchant's bytes and the chat shows one picture."""
    store.hand_out()
    order_no = await answered(shop)
    (line,) = shop.box.world.said_by_bot(order_no)
    (key,) = store.keys
    assert line.kind == "image"
    assert line.image_url.endswith(key)
    assert store.s3.holds(key) == PICTURE


async def test_a_refused_upload_is_tried_at_a_fresh_address(shop: Stage, store: Store) -> None:
    """What the signature does not allow, the server refuses; the picture comes by the next address, once."""
    store.spoil = 1
    store.hand_out()
    order_no = await answered(shop)
    (line,) = shop.box.world.said_by_bot(order_no)
    refused, taken = store.keys
    assert line.image_url.endswith(taken)
    assert store.s3.holds(refused) is None
    assert store.s3.holds(taken) == PICTURE


async def test_no_picture_goes_to_a_store_that_is_not_listed(shop: Stage, store: Store) -> None:
    """The exchange's word alone does not send a merchant's file anywhere."""
    store.hand_out()
    text = shop.config.read_text("utf-8")
    shop.config.write_text(text.replace("upload_hosts: ['127.0.0.1:", "upload_hosts: ['other.example:"), "utf-8")
    order_no = await answered(shop)
    assert not shop.box.world.said_by_bot(order_no)
    assert all(store.s3.holds(key) is None for key in store.keys)
    uploads: tuple[UploadSeen, ...] = shop.box.world.uploads("main")
    assert uploads == ()
