"""What becomes of the frames that our side writes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.sandbox import Fault, Outcome, Speaker
from p2pbot.sandbox.state import MOST_LINES, Abort, Push
from tests.sandbox.peer import OTHER, text_frame
from tests.sandbox.stage import START_MS, Stage, stage


def talking(**changes: Any) -> tuple[Stage, str]:
    """Return a stage with an open order and a socket, its first pushes read."""
    scene = stage(**changes)
    scene.connect()
    order_no = scene.open_order()
    scene.pushes()
    return scene, order_no


def errors(pushes: list[Any]) -> list[Any]:
    """Return the error frames."""
    return [push for push in pushes if push["type"] == "error"]


def test_a_good_text_is_delivered_and_echoed() -> None:
    """The echo carries our uuid, an id of the server's, and self true."""
    scene, order_no = talking()
    record = scene.write(order_no, "Hello", "u-1")
    (echo,) = scene.pushes()
    assert (record.outcome, record.echoed) == (Outcome.DELIVERED, True)
    assert (echo["uuid"], echo["self"], echo["id"], echo["content"]) == ("u-1", True, str(record.message_id), "Hello")
    assert [(line.by, line.text) for line in scene.world.chat(order_no)[1:]] == [(Speaker.BOT, "Hello")]


@pytest.mark.parametrize(
    "changes",
    [
        {"uuid": ""},
        {"self": False},
        {"clientType": "ios"},
        {"createTime": "1700000000000"},
        {"sendStatus": 1},
        {"type": "video"},
        {"content": ""},
        {"content": "x" * 1001},
        {"content": 5},
        {"orderNo": "123"},
    ],
)
def test_a_frame_without_a_documented_field_is_rejected(changes: dict[str, Any]) -> None:
    """Strictness shows a client's mistake here: an error frame, nothing in the chat."""
    scene, order_no = talking()
    changes = dict(changes)
    uuid = changes.pop("uuid", "u-1")
    frame = text_frame(order_no, "Hello", uuid, **changes)
    scene.world.take_frame(scene.sockets["main"], frame, START_MS)
    (error,) = errors(scene.pushes())
    assert (error["content"], error["uuid"]) == ("ILLEGAL_PARAM", uuid)
    assert scene.world.said_by_bot(order_no) == ()


def test_an_order_of_another_account_is_not_ours_to_talk_in() -> None:
    """Accounts are isolated: a frame to a foreign order is rejected and not delivered."""
    scene, order_no = talking()
    scene.connect(OTHER)
    assert scene.write(order_no, "Hello", account="other").outcome is Outcome.REJECTED
    assert scene.world.said_by_bot(order_no) == ()


@pytest.mark.parametrize("text", ["see https://example.org/pay", "write t.me/someone", "www.example.org"])
def test_a_foreign_link_is_a_content_rejection(text: str) -> None:
    """The monitor answers with the subType UNTRUSTED_URL."""
    scene, order_no = talking()
    scene.write(order_no, text)
    (error,) = errors(scene.pushes())
    assert error["subType"] == "UNTRUSTED_URL"


def test_the_monitor_can_be_switched_off() -> None:
    """Without the content monitor links pass."""
    scene, order_no = talking(content_monitor=False)
    assert scene.write(order_no, "see https://example.org").outcome is Outcome.DELIVERED


@given(st.one_of(st.text(max_size=80), st.binary(max_size=80)))
def test_garbage_is_ignored_and_recorded(data: str | bytes) -> None:
    """Whatever is written, it is a record and never an exception; garbage never reaches a chat."""
    scene, order_no = talking()
    record = scene.world.take_frame(scene.sockets["main"], data, START_MS)
    assert record.outcome in (Outcome.IGNORED, Outcome.REJECTED)
    assert scene.world.said_by_bot(order_no) == ()


def test_the_same_uuid_again_is_a_duplicate_by_default() -> None:
    """The exchange does not deduplicate: the counterparty sees two, and a checker can count them."""
    scene, order_no = talking()
    scene.write(order_no, "Hello", "u-1")
    scene.write(order_no, "Hello", "u-1")
    assert [line.uuid for line in scene.world.said_by_bot(order_no)] == ["u-1", "u-1"]


def test_deduplication_can_be_switched_on() -> None:
    """Then the second frame is echoed with the first one's id and shown once."""
    scene, order_no = talking(deduplicate_uuid=True)
    first = scene.write(order_no, "Hello", "u-1")
    second = scene.write(order_no, "Hello", "u-1")
    assert (second.outcome, second.message_id) == (Outcome.REPEATED, first.message_id)
    assert len(scene.world.said_by_bot(order_no)) == 1
    assert len({push["id"] for push in scene.pushes()}) == 1


def test_reject_plays_a_passing_error() -> None:
    """Without sub_type the error frame has none, and with count 1 the next try passes."""
    scene, order_no = talking()
    scene.world.inject(Fault("reject", order=order_no, count=1), START_MS)
    assert scene.write(order_no, "Hello", "u-1").outcome is Outcome.REJECTED
    (error,) = errors(scene.pushes())
    assert "subType" not in error
    assert scene.write(order_no, "Hello", "u-1").outcome is Outcome.DELIVERED


def test_reject_plays_a_judgement_of_the_content() -> None:
    """With sub_type the error frame carries it."""
    scene, order_no = talking()
    scene.world.inject(Fault("reject", account="main", sub_type="SENSITIVE_WORD"), START_MS)
    scene.write(order_no, "Hello")
    assert errors(scene.pushes())[0]["subType"] == "SENSITIVE_WORD"


def test_swallow_leaves_no_trace_but_the_record() -> None:
    """A swallowed write is not echoed, not in the chat and not in the history."""
    scene, order_no = talking()
    scene.world.inject(Fault("swallow"), START_MS)
    assert scene.write(order_no, "Hello").outcome is Outcome.SWALLOWED
    assert scene.pushes() == []
    assert [row["type"] for row in scene.history(order_no)] == ["system"]


def test_echo_lost_is_delivered_all_the_same() -> None:
    """The message is in the history; only the echo is missing."""
    scene, order_no = talking()
    scene.world.inject(Fault("echo_lost"), START_MS)
    record = scene.write(order_no, "Hello", "u-1")
    assert (record.outcome, record.echoed) == (Outcome.DELIVERED, False)
    assert scene.pushes() == []
    assert scene.history(order_no)[0]["uuid"] == "u-1"


def test_echoes_can_be_switched_off() -> None:
    """With the echo probability 0 nothing is ever echoed."""
    scene, order_no = talking(echo_probability=0.0)
    assert not scene.write(order_no, "Hello").echoed


def test_a_burst_loses_its_third_frame() -> None:
    """More than two frames within 800 ms: the rest is lost; 800 ms later all is well."""
    scene, order_no = talking()
    scene.world.inject(Fault("burst_loss"), START_MS)
    outcomes = [scene.write(order_no, f"text {number}").outcome for number in range(4)]
    assert outcomes == [Outcome.DELIVERED, Outcome.DELIVERED, Outcome.SWALLOWED, Outcome.SWALLOWED]
    scene.pass_ms(800)
    assert scene.write(order_no, "later").outcome is Outcome.DELIVERED


def test_a_drop_on_the_frame_loses_it() -> None:
    """``when='frame'``: the connection goes down with our frame, which is nowhere."""
    scene, order_no = talking()
    scene.world.inject(Fault("drop", when="frame", count=1), START_MS)
    assert scene.write(order_no, "Hello").reason == "connection"
    assert isinstance(scene.ends()[0], Abort)
    assert scene.world.said_by_bot(order_no) == ()


def test_a_drop_after_the_frame_keeps_it() -> None:
    """``when='after_frame'``: the counterparty has our text, we have no echo: the outcome is unknown to us."""
    scene, order_no = talking()
    scene.world.inject(Fault("drop", when="after_frame", count=1), START_MS)
    record = scene.write(order_no, "Hello")
    assert (record.outcome, record.echoed) == (Outcome.DELIVERED, False)
    assert len(scene.world.said_by_bot(order_no)) == 1


def test_a_frame_on_a_closed_socket_is_lost() -> None:
    """What we write after the server closed is recorded as swallowed."""
    scene, order_no = talking()
    scene.world.leave(scene.sockets["main"].socket_id)
    assert scene.write(order_no, "Hello").reason == "closed"


def test_an_auto_reply_answers_each_message_of_ours() -> None:
    """A counterparty with an automatic text answers at once, with the type auto_reply."""
    scene = stage()
    scene.connect()
    order_no = scene.open_order(auto_reply="I am away")
    scene.write(order_no, "Hello")
    newest = scene.pushes()[-1]
    assert (newest["type"], newest["content"], newest["self"]) == ("auto_reply", "I am away", False)


def test_a_picture_of_ours_needs_our_own_place_and_its_size() -> None:
    """An image frame with a place that was uploaded to is delivered; an empty one or a foreign address is rejected."""
    scene, order_no = talking()
    place, query = scene.presign()
    url = f"https://127.0.0.1/image/{place}"
    image: dict[str, Any] = {"type": "image", "imageUrl": url, "thumbnailUrl": url, "imageType": "IMAGE"}
    image |= {"width": 640, "height": 480}
    assert scene.write(order_no, "", **image).reason == "imageUrl: nothing was uploaded there"
    assert scene.world.put_picture(place, query, {}, b"picture", scene.now_ms) == 200
    assert scene.write(order_no, "", **image).outcome is Outcome.DELIVERED
    assert scene.write(order_no, "", **image | {"imageUrl": "https://example.org/x.jpg"}).outcome is Outcome.REJECTED
    assert scene.write(order_no, "", **image | {"width": 0}).outcome is Outcome.REJECTED
    echo = next(push for push in scene.pushes() if push["type"] == "image")
    assert echo["imageUrl"] == url


def test_half_a_surrogate_pair_is_replaced() -> None:
    """A text that UTF-8 cannot hold is delivered, echoed and listed with a question mark."""
    scene, order_no = talking()
    assert scene.write(order_no, "a\ud800b").outcome is Outcome.DELIVERED
    assert scene.pushes()[0]["content"] == scene.history(order_no)[0]["content"] == "a?b"


def test_a_full_chat_refuses_and_does_not_break() -> None:
    """At the bound our frames are rejected, and the counterparty's are refused with a sentence at the last line."""
    scene = stage()
    order_no = scene.open_order()
    for _ in range(MOST_LINES - 1):
        scene.world.say(order_no, "x", scene.now_ms)
    with pytest.raises(ValueError, match="is full"):
        scene.world.say(order_no, "x", scene.now_ms)
    scene.connect()
    assert scene.write(order_no, "Hello").reason == "the chat is full"


def test_effects_are_taken_once() -> None:
    """The shell gets each effect exactly once."""
    scene, order_no = talking()
    scene.write(order_no, "Hello")
    assert [type(effect) for effect in scene.world.take_effects()] == [Push]
    assert scene.world.take_effects() == []
