"""Pictures in the outbox: uploaded before they are written, in nobody's way but their own order's."""

from __future__ import annotations

from dataclasses import replace

from p2pbot.conversation.delivery import DeliveryEvent, DeliveryPolicy, advanced, refused
from p2pbot.conversation.outbox import Late, Outbox, Step, Upload, Write
from p2pbot.conversation.records import OutboxRow
from tests.fakes.records import NOW_MS, PICTURE, reply

PLACE = "https://pictures.invalid/1.png"


def an_outbox(*rows: OutboxRow) -> Outbox:
    """Return an outbox whose orders were looked at."""
    outbox = Outbox(DeliveryPolicy(), rows)
    for row in rows:
        outbox.looked(row.order_no)
    return outbox


def a_picture(uuid: str, **known: str) -> OutboxRow:
    """Return a picture that is due."""
    return reply(uuid, picture=PICTURE, **known)  # type: ignore[arg-type]  # only texts are given here


def step(outbox: Outbox, at_ms: int = NOW_MS) -> Step | None:
    """Return what is due."""
    return outbox.next_step(at_ms, online=True)[0]


def test_a_picture_is_uploaded_first_and_written_when_its_place_is_known() -> None:
    """Two steps of one reply, with the commit of the place between them."""
    row = a_picture("u1")
    outbox = an_outbox(row)
    assert step(outbox) == Upload(row)
    outbox.uploading("u1")
    assert step(outbox) is None
    outbox.upload_ended("u1")
    placed = replace(row, image_url=PLACE)
    outbox.put(placed)
    assert step(outbox) == Write(placed)


def test_what_follows_in_the_order_waits_and_other_orders_do_not() -> None:
    """A slow upload holds up the words that belong behind the picture, nobody else's."""
    other = reply("u3", order_no="other")
    outbox = an_outbox(a_picture("u1"), reply("u2"), other)
    outbox.uploading("u1")
    assert step(outbox) == Write(other)
    outbox.put(advanced(advanced(other, DeliveryEvent.WRITE, NOW_MS), DeliveryEvent.ECHO, NOW_MS))
    assert step(outbox) is None


def test_a_picture_goes_up_a_little_before_its_time() -> None:
    """So that the upload costs no time; not long before, for the reply may be cancelled."""
    row = replace(a_picture("u1"), not_before_ms=NOW_MS + 60_000, expires_at_ms=NOW_MS + 90_000)
    outbox = an_outbox(row)
    assert outbox.next_step(NOW_MS, online=True) == (None, NOW_MS + 55_000)
    assert step(outbox, NOW_MS + 55_000) == Upload(row)


def test_a_failed_upload_is_due_again_at_its_time() -> None:
    """Not before."""
    outbox = an_outbox(a_picture("u1"))
    outbox.uploading("u1")
    outbox.upload_ended("u1", NOW_MS + 3_000)
    assert outbox.next_step(NOW_MS, online=True) == (None, NOW_MS + 3_000)
    assert isinstance(step(outbox, NOW_MS + 3_000), Upload)


def test_a_picture_that_is_too_late_is_given_up_while_it_is_under_way() -> None:
    """An upload that hangs keeps no reply alive, nor the words behind it."""
    row = a_picture("u1")
    outbox = an_outbox(row)
    outbox.uploading("u1")
    assert outbox.next_step(NOW_MS, online=True) == (None, row.expires_at_ms + 1)
    assert step(outbox, row.expires_at_ms + 1) == Late(row)


def test_a_refused_picture_is_uploaded_anew_for_its_one_retry() -> None:
    """Its place may be what was refused; a resend after doubt names the same place."""
    written = advanced(replace(a_picture("u1"), image_url=PLACE), DeliveryEvent.WRITE, NOW_MS)
    again = refused(written, passing=True, policy=DeliveryPolicy(), now_ms=NOW_MS)
    assert again.needs_upload
    doubted = advanced(advanced(written, DeliveryEvent.NO_ECHO, NOW_MS), DeliveryEvent.MISSING, NOW_MS)
    assert doubted.image_url == PLACE


def test_texts_go_before_pictures_of_other_orders() -> None:
    """A burst of pictures, as it comes when a minute is over, does not fill the account's pace."""
    shown = [replace(a_picture(f"u{at}", order_no=f"{at}"), image_url=PLACE) for at in range(9)]
    text = replace(reply("text", order_no="text"), not_before_ms=NOW_MS + 300)
    outbox = an_outbox(*shown, text)
    now_ms, written = NOW_MS, list[str]()
    while len(written) < len(shown) + 1:
        found, wake_ms = outbox.next_step(now_ms, online=True)
        if isinstance(found, Write):
            sending = advanced(found.row, DeliveryEvent.WRITE, now_ms)
            outbox.put(advanced(sending, DeliveryEvent.ECHO, now_ms))
            outbox.wrote(sending, now_ms)
            written.append(found.row.uuid)
        now_ms = wake_ms or now_ms
    assert written[:4] == ["u0", "u1", "text", "u2"]
