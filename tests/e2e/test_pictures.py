"""Rules reply with pictures: over TLS with real sockets, from the file beside the rule to the chat."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from p2pbot.conversation.records import OutboxState
from p2pbot.model import Reason, Side
from p2pbot.sandbox import Fault, OrderSpec
from p2pbot.sandbox.records import SeenLine
from tests.e2e.stage import API_KEY, QUICK, Script, Stage, stage
from tests.fakes.pictures import JPEG, png

RULES = """
version: 1
rules:
  - id: show
    words: qr
    limit: {at_most: 100, per: order}
    reply:
      - Here it is.
      - {image: images/qr.png, caption: "Scan it for order {{ order.number }}."}
  - id: both
    words: both
    reply: [{image: map.jpg}, {image: images/qr.png}]
  - id: hello
    words: hello
    limit: {at_most: 100, per: order}
    reply: Hello
"""
QR = png(21, 33)
SCRIPT = Script(rules=RULES, timings=QUICK + "upload_timeout: 2s\n")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    """An exchange, and rules with two pictures beside them."""
    async with stage(tmp_path, SCRIPT) as made:
        lay(made, "images/qr.png", QR)
        lay(made, "map.jpg", JPEG)
        yield made


def lay(scene: Stage, path: str, data: bytes) -> None:
    """Lay a picture beside the rules."""
    file = scene.directory / "rules-main" / path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)


async def asked(scene: Stage, text: str = "qr please") -> str:
    """Open an order whose counterparty asks for the picture."""
    order_no = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
    await scene.box.say(order_no, text)
    return order_no


async def settled(scene: Stage, order_no: str, rows: int) -> tuple[SeenLine, ...]:
    """Wait until an order's replies have ended; return what the counterparty sees of the bot."""
    await scene.until_settled(
        order_no, lambda _, outbox: len(outbox) >= rows and all(row.state.is_final for row in outbox)
    )
    return scene.box.world.said_by_bot(order_no)


def image_of(scene: Stage, line: SeenLine) -> bytes:
    """Return the bytes that the exchange shows."""
    picture = scene.box.world.picture(line.image_url.partition("/image/")[2])
    assert picture is not None
    return picture.data


def calm(scene: Stage) -> None:
    """Assert that nothing was carried on an upload that must not be, and no secret is in the log."""
    assert {one.violation for one in scene.box.world.uploads("main")} <= {"", "upload_status"}
    log = scene.log.getvalue()
    assert "X-Amz" not in log
    assert API_KEY not in log


async def test_a_picture_arrives_whole_in_its_place_with_its_true_size(scene: Stage) -> None:
    """Between the texts of its reply, byte for byte the merchant's file."""
    async with scene.daemon():
        await scene.until_open()
        order_no = await asked(scene)
        lines = await settled(scene, order_no, 3)
    assert [line.kind for line in lines] == ["text", "image", "text"]
    assert (lines[1].width, lines[1].height) == (21, 33)
    assert image_of(scene, lines[1]) == QR
    assert lines[2].text == f"Scan it for order {order_no}."
    (upload,) = scene.box.world.uploads("main")
    assert (upload.status, upload.content_type, upload.size) == (200, "image/png", len(QR))
    calm(scene)


async def test_an_order_uploads_the_same_picture_once_and_another_order_its_own(scene: Stage) -> None:
    """Nobody has published how long the exchange keeps one, so it serves its order alone unless configured."""
    async with scene.daemon():
        await scene.until_open()
        first, second = await asked(scene), await asked(scene)
        await settled(scene, first, 3)
        await settled(scene, second, 3)
        await scene.box.say(first, "qr again")
        lines = await settled(scene, first, 6)
    assert len([line for line in lines if line.kind == "image"]) == 2
    assert len(scene.box.world.uploads("main")) == 2


async def test_where_reuse_is_allowed_one_upload_serves_all_orders(scene: Stage) -> None:
    """Also those that ask at the same moment."""
    scene.config.write_text(scene.config.read_text() + "pictures: {reuse_upload: 12h}\n")
    async with scene.daemon():
        await scene.until_open()
        orders = [await asked(scene) for _ in range(5)]
        for order_no in orders:
            assert [line.kind for line in await settled(scene, order_no, 3)] == ["text", "image", "text"]
    assert len(scene.box.world.uploads("main")) == 1


@pytest.mark.parametrize(
    ("fault", "uploads"),
    [
        (Fault("upload_status", account="main", status=503, count=1), 2),
        (Fault("upload_status", account="main", status=403, count=1), 2),
        (Fault("upload_drop", account="main", count=1), 2),
        (Fault("upload_stall", account="main", hold_ms=20_000, count=1), 1),
        (Fault("rest_5xx", account="main", endpoint="pre-signed-url", count=1), 1),
        (Fault("rest_429", account="main", endpoint="pre-signed-url", count=1, retry_after_s=1), 1),
        (Fault("swallow", account="main", count=2), 1),
        (Fault("echo_lost", account="main", count=3), 1),
    ],
    ids=str,
)
async def test_what_passes_costs_time_and_no_picture(scene: Stage, fault: Fault, uploads: int) -> None:
    """The picture arrives once, between its texts, whatever happened on the way."""
    async with scene.daemon():
        await scene.until_open()
        await scene.box.inject(fault)
        order_no = await asked(scene)
        lines = await settled(scene, order_no, 3)
    assert [line.kind for line in lines] == ["text", "image", "text"]
    assert len(scene.box.world.uploads("main")) <= uploads
    calm(scene)


async def test_a_refused_picture_is_uploaded_anew_for_its_retry(scene: Stage) -> None:
    """The place may be what was refused; the uuid stays."""
    async with scene.daemon():
        await scene.until_open()
        await scene.box.inject(Fault("reject", account="main", count=1))
        order_no = await asked(scene, "both")
        lines = await settled(scene, order_no, 2)
        rows = await scene.outbox(order_no)
    assert [image_of(scene, line) for line in lines] == [JPEG, QR]
    assert len(scene.box.world.uploads("main")) == 3
    assert [line.uuid for line in lines] == [row.uuid for row in rows]


@pytest.mark.parametrize("status", [403, 307])
async def test_what_stays_refused_is_given_up_and_told(scene: Stage, status: int) -> None:
    """After few tries; the words around the picture are said, other orders go on, the operator reads why."""
    async with scene.daemon():
        await scene.until_open()
        await scene.box.inject(Fault("upload_status", account="main", status=status))
        order_no = await asked(scene)
        lines = await settled(scene, order_no, 3)
        rows = await scene.outbox(order_no)
        other = await asked(scene, "hello")
        assert [line.text for line in await settled(scene, other, 1)] == ["Hello"]
    assert [line.kind for line in lines] == ["text", "text"]
    assert (rows[1].state, rows[1].reason) == (OutboxState.DROPPED, Reason.UPLOAD_FAILED)
    assert len(scene.box.world.uploads("main")) <= 2
    log = scene.log.getvalue()
    assert "The picture images/qr.png of rule show could not be uploaded" in log
    assert f"HTTP {status}" in log


async def test_to_a_host_that_is_not_configured_nothing_is_sent(scene: Stage) -> None:
    """The exchange's answer cannot send a merchant's file anywhere."""
    async with scene.daemon():
        await scene.until_open()
        scene.box.world.reachable_at("https://localhost:1", scene.box.chat_url)
        order_no = await asked(scene)
        await settled(scene, order_no, 3)
    assert "exchange.upload_hosts" in scene.log.getvalue()
    assert scene.box.world.uploads("main") == ()


async def test_texts_of_other_orders_do_not_wait_for_a_slow_upload(scene: Stage) -> None:
    """Nor those of the same order that were claimed before it."""
    async with scene.daemon():
        await scene.until_open()
        await scene.box.inject(Fault("upload_stall", account="main", hold_ms=20_000))
        slow = await asked(scene)
        await scene.until(lambda: len(scene.box.world.said_by_bot(slow)) == 1, "the first text of the slow one")
        other = await asked(scene, "hello")
        await settled(scene, other, 1)
        assert len(scene.box.world.said_by_bot(slow)) == 1
        await scene.box.clear_faults()
        assert [line.kind for line in await settled(scene, slow, 3)] == ["text", "image", "text"]


async def test_a_picture_that_changes_after_it_was_claimed_is_sent_as_it_was_checked(scene: Stage) -> None:
    """What goes out is what was examined, not what lies there later; the next reply has the new one."""
    async with scene.daemon() as app:
        await scene.until_open()
        await scene.box.inject(Fault("rest_5xx", account="main", endpoint="pre-signed-url", count=1))
        order_no = await asked(scene)
        await scene.until(lambda: "picture_not_uploaded" in scene.log.getvalue(), "the first call fails")
        lay(scene, "images/qr.png", png(9, 9))
        await app.reload()
        first = await settled(scene, order_no, 3)
        await scene.box.say(order_no, "qr again")
        second = await settled(scene, order_no, 6)
    assert image_of(scene, first[1]) == QR
    assert image_of(scene, second[4]) == png(9, 9)


async def test_a_changed_picture_is_noticed_and_a_broken_one_refused(scene: Stage) -> None:
    """As a changed rule file is; the old set runs on with the old picture."""
    async with scene.daemon():
        await scene.until_open()
        lay(scene, "images/qr.png", QR[:-5])
        await scene.until(lambda: "rules_refused" in scene.log.getvalue(), "the broken picture is refused")
        order_no = await asked(scene)
        lines = await settled(scene, order_no, 3)
    assert "`images/qr.png` is broken" in scene.log.getvalue()
    assert image_of(scene, lines[1]) == QR


async def test_a_restart_with_a_missing_picture_runs_the_last_good_copy(scene: Stage) -> None:
    """Pictures included: they are kept in the state directory."""
    async with scene.daemon():
        await scene.until_open()
    (scene.directory / "rules-main" / "images" / "qr.png").unlink()
    async with scene.daemon():
        await scene.until_open()
        order_no = await asked(scene)
        lines = await settled(scene, order_no, 3)
    assert image_of(scene, lines[1]) == QR


async def test_a_picture_that_is_lost_from_the_state_is_told(scene: Stage) -> None:
    """It is not sent, the words are."""
    async with scene.daemon():
        await scene.until_open()
        for file in (scene.store.parent / "pictures" / "main").iterdir():
            file.write_bytes(b"something else")
        order_no = await asked(scene)
        lines = await settled(scene, order_no, 3)
        rows = await scene.outbox(order_no)
    assert [line.kind for line in lines] == ["text", "text"]
    assert rows[1].reason is Reason.PICTURE_GONE
    assert "is not in the state directory any more" in scene.log.getvalue()


async def test_pictures_of_one_reply_keep_their_order(scene: Stage) -> None:
    """Each is uploaded and shown before the next."""
    async with scene.daemon():
        await scene.until_open()
        order_no = await asked(scene, "both")
        lines = await settled(scene, order_no, 2)
    assert [image_of(scene, line) for line in lines] == [JPEG, QR]
