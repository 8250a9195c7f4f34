"""Chat frames and history rows: tolerant of everything, precise about what matters."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.model import (
    ChatMessage,
    ImageRef,
    MessageKind,
    Path,
    SendRefusal,
    Side,
    SystemEvent,
    SystemEventKind,
    Unknown,
)
from p2pbot.protocol.frames import (
    KEPT_CHARS,
    MAX_FRAME_CHARS,
    MAX_TEXT_CHARS,
    Frame,
    Noise,
    parse_frame,
    parse_history_row,
)

ORDER_NO = "20476365073825144832"
TEXT: dict[str, object] = {
    "id": "42",
    "uuid": "u-1",
    "type": "text",
    "orderNo": ORDER_NO,
    "topicId": ORDER_NO,
    "topicType": "ORDER",
    "groupId": "g",
    "sourceType": "contact",
    "content": "Hi",
    "self": False,
    "fromNickName": "Ann",
    "createTime": 1682102167020,
    "status": "unread",
    "unreadCount": 1,
}


def parse(**changes: object) -> Frame:
    """Parse the example frame with some fields changed; ``...`` removes a field."""
    frame = {key: value for key, value in {**TEXT, **changes}.items() if value is not ...}
    return parse_frame(json.dumps(frame))


def message(**changes: object) -> ChatMessage:
    """Parse a frame that is a message."""
    found = parse(**changes)
    assert isinstance(found, ChatMessage)
    return found


def test_text_frame() -> None:
    """The documented text frame gives a message with all it says."""
    assert message() == ChatMessage(
        order_no=ORDER_NO,
        kind=MessageKind.TEXT,
        path=Path.SOCKET,
        message_id="42",
        uuid="u-1",
        text="Hi",
        from_us=False,
        nickname="Ann",
        created_at_ms=1682102167020,
        status="unread",
    )


def test_numbers_as_ids_become_text() -> None:
    """Ids and order numbers written as JSON numbers are the same as written as text."""
    found = message(id=42, uuid=7, orderNo=int(ORDER_NO))
    assert (found.message_id, found.uuid, found.order_no) == ("42", "7", ORDER_NO)


@pytest.mark.parametrize("broken", [None, True, 1.5, [], {}, "x" * 500])
def test_a_broken_id_is_no_id(broken: object) -> None:
    """An id that cannot be one is left out, not invented or cut."""
    assert message(id=broken).message_id == ""


def test_the_order_may_be_the_topic() -> None:
    """Without orderNo the topic is the order."""
    assert message(orderNo=..., topicId="77").order_no == "77"
    assert message(orderNo="", topicId="77").order_no == "77"


def test_both_spellings_of_the_nickname() -> None:
    """The nickname is read under either spelling."""
    assert message(fromNickName=..., fromNickname="Bob").nickname == "Bob"


@pytest.mark.parametrize(
    ("written", "from_us"),
    [(True, True), (False, False), ("true", True), ("false", False), (..., None), (None, None), (1, None), ("x", None)],
)
def test_whose_message_it_is(written: object, from_us: object) -> None:
    """Only a plain true or false says whose message it is; everything else says nothing."""
    assert message(self=written).from_us is from_us


@pytest.mark.parametrize("line_break", ["<br>", "<br/>", "<br />", "<BR>"])
def test_line_breaks(line_break: str) -> None:
    """The markup for a line break is a line break."""
    assert message(content=f"a{line_break}b").text == "a\nb"


def test_a_long_text_is_cut_and_says_so() -> None:
    """A text beyond the bound is cut, and its end says how much is missing."""
    text = message(content="x" * (MAX_TEXT_CHARS + 5)).text
    assert text.startswith("x" * MAX_TEXT_CHARS)
    assert text.endswith("[cut: 5 more characters]")


def test_a_text_of_ten_kilobytes_is_whole() -> None:
    """A long text that a person or a card can really send is not cut."""
    assert message(content="я" * 10_000).text == "я" * 10_000


@pytest.mark.parametrize(("content", "text"), [(12, "12"), (None, ""), ([1], ""), ({"a": 1}, ""), (..., "")])
def test_content_that_is_no_text(content: object, text: str) -> None:
    """Content of another type is written out if it is a number and empty else."""
    assert message(content=content).text == text


def test_lone_surrogates_are_replaced() -> None:
    """Half a character cannot be stored or sent; it is replaced."""
    found = parse_frame('{"type":"text","orderNo":"1","content":"a\\ud800b\\u0000"}')
    assert isinstance(found, ChatMessage)
    assert found.text == "a?b�"


@pytest.mark.parametrize("kind", [MessageKind.TEXT, MessageKind.AUTO_REPLY, MessageKind.VIDEO, MessageKind.RECALL])
def test_kinds_with_an_order_are_messages(kind: MessageKind) -> None:
    """A known type in an order is a message of that kind."""
    assert message(type=kind.value).kind is kind


def test_an_unknown_type_in_an_order_is_an_unknown_message() -> None:
    """A type that the list does not have stays observable in its order."""
    assert message(type="sticker").kind is MessageKind.UNKNOWN


@pytest.mark.parametrize("kind", ["statistics", "mark"])
@pytest.mark.parametrize("order", [ORDER_NO, ...])
def test_counters_are_noise(kind: str, order: object) -> None:
    """Unread counters and marks say nothing of a talk."""
    assert parse(type=kind, orderNo=order, topicId=...) == Noise(kind)


@pytest.mark.parametrize("kind", ["risk_alert", "recall", "translate"])
def test_machine_words_without_an_order_are_noise(kind: str) -> None:
    """A warning, recall or translation that names no order concerns none."""
    assert parse(type=kind, orderNo=..., topicId=...) == Noise(kind)


def test_risk_alert_in_an_order() -> None:
    """The monitor's warning in an order is an event of it, without its text."""
    found = message(type="risk_alert", content="Ann wrote a number")
    assert found.system == SystemEvent(kind=SystemEventKind.MONITOR_WARNING, raw_type="risk_alert")
    assert found.text == ""


def test_system_frame() -> None:
    """A system frame carries its event and no text, because the card may hold a real name."""
    card = json.dumps({"type": "seller_payed_with_ref", "realName": "Real Name", "orderNo": ORDER_NO})
    found = message(type="system", content=card, self=...)
    assert found.system == SystemEvent(
        kind=SystemEventKind.ORDER_PAID, raw_type="seller_payed_with_ref", our_side=Side.SELL, order_no=ORDER_NO
    )
    assert (found.text, found.from_us) == ("", None)


def test_the_order_may_stand_in_the_card_only() -> None:
    """A system frame that names its order inside the card belongs to that order."""
    card = json.dumps({"type": "cancelled_by_system", "orderNo": "99"})
    assert message(type="system", content=card, orderNo=..., topicId=...).order_no == "99"


def test_image_frame() -> None:
    """A picture's addresses and size come along."""
    found = message(
        type="image",
        content=...,
        imageUrl="https://a/b.jpg",
        thumbnailUrl="https://a/t.jpg",
        imageType="png",
        width=640,
    )
    assert found.image == ImageRef(
        image_url="https://a/b.jpg", thumbnail_url="https://a/t.jpg", declared_type="png", width=640
    )


@pytest.mark.parametrize("address", [None, "", 3, "javascript:x", "file:///etc/passwd", "https://a/" + "x" * 5000])
def test_a_picture_without_a_usable_address(address: object) -> None:
    """What is no web address is not kept as one."""
    assert message(type="image", imageUrl=address).image is None


def test_error_frame() -> None:
    """An error frame names our frame and why it was rejected."""
    found = parse(type="error", content="ILLEGAL_PARAM", subType="UNTRUSTED_URL", orderNo=...)
    assert found == SendRefusal(uuid="u-1", code="ILLEGAL_PARAM", sub_type="UNTRUSTED_URL", order_no=ORDER_NO)


def test_error_frame_without_uuid_is_kept_for_inspection() -> None:
    """An error that names no frame of ours refuses nothing that we could name."""
    assert isinstance(parse(type="error", uuid=...), Unknown)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "binary"),
        (b'{"type":"text"}', "binary"),
        ("", "empty"),
        (" \n", "empty"),
        ("{}", "empty"),
        ("pong", "pong"),
        ('"pong"', "pong"),
        ("PING", "ping"),
        ('{"type":"pong"}', "pong"),
        ('{"type":"heartbeat"}', "heartbeat"),
    ],
)
def test_noise(raw: str | bytes, kind: str) -> None:
    """Heartbeats, empty and binary frames are skipped under their own name."""
    assert parse_frame(raw) == Noise(kind)


@pytest.mark.parametrize(
    "raw",
    [
        "hello",
        "[1, 2]",
        "null",
        "3",
        "{",
        '{"a": 1}',
        '{"type": 3}',
        '{"type": "text"}',
        '{"type": "text", "orderNo": "", "topicId": null}',
        '{"type": ""}',
        "{" + '"a":{' * 50_000,
        "[" * 200_000,
    ],
)
def test_what_is_not_understood_is_kept(raw: str) -> None:
    """What cannot be attributed to an order is kept, bounded, for inspection."""
    found = parse_frame(raw)
    assert isinstance(found, Unknown)
    assert found.raw == raw[:KEPT_CHARS]


def test_an_oversized_frame_is_not_parsed() -> None:
    """A frame beyond the bound is kept by its beginning only."""
    found = parse_frame(json.dumps({**TEXT, "content": "x" * MAX_FRAME_CHARS}))
    assert isinstance(found, Unknown)
    assert isinstance(found.raw, str)
    assert len(found.raw) == KEPT_CHARS


def test_a_read_mark_keeps_the_identity() -> None:
    """The same message marked as read has the same identity, and differs in status only."""
    first, again = message(), message(status="read")
    assert (first.message_id, first.uuid) == (again.message_id, again.uuid)
    assert (first.status, again.status) == ("unread", "read")


def test_history_row() -> None:
    """A history row is the same message by another path."""
    found = parse_history_row(TEXT, ORDER_NO)
    assert found is not None
    assert (found.path, found.message_id, found.text) == (Path.HISTORY, "42", "Hi")


@pytest.mark.parametrize(
    "row",
    [
        {**TEXT, "orderNo": "1"},
        {**TEXT, "orderNo": None, "topicId": "1"},
        {**TEXT, "type": None},
        None,
        "text",
        [],
        {},
    ],
)
def test_rows_that_are_not_of_this_order(row: object) -> None:
    """Rows of another order and rows that are no messages are dropped."""
    assert parse_history_row(row, ORDER_NO) is None


def test_a_row_that_names_no_order_is_of_the_order_asked_for() -> None:
    """A row without any order belongs to the talk that was asked for."""
    row = {key: value for key, value in TEXT.items() if key not in ("orderNo", "topicId")}
    found = parse_history_row(row, ORDER_NO)
    assert found is not None
    assert found.order_no == ORDER_NO


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
kinds = st.sampled_from([kind.value for kind in MessageKind]) | json_values
frames = st.fixed_dictionaries(
    {}, optional={**dict.fromkeys((*TEXT, "imageUrl", "width", "subType"), json_values), "type": kinds}
)


@given(st.text() | st.binary() | json_values.map(json.dumps) | frames.map(json.dumps))
def test_any_frame_is_a_value(raw: str | bytes) -> None:
    """Whatever comes over the socket becomes one of four values, and can be encoded."""
    found = parse_frame(raw)
    assert isinstance(found, (ChatMessage, SendRefusal, Noise, Unknown))
    if isinstance(found, ChatMessage):
        assert found.order_no
        f"{found.text}{found.nickname}{found.order_no}{found.message_id}{found}".encode()


@given(json_values | frames)
def test_any_history_row_is_a_value(row: object) -> None:
    """Whatever a history row holds, it is a message of the asked order or nothing."""
    found = parse_history_row(row, ORDER_NO)
    assert found is None or found.order_no == ORDER_NO


@pytest.mark.parametrize("unset", [0, "0", "00", "", None])
def test_an_id_that_was_not_set_is_none(unset: object) -> None:
    """Two messages with the number 0 are not one message: their uuid tells them apart."""
    found = parse_history_row({**TEXT, "id": unset}, ORDER_NO)
    assert found is not None
    assert found.message_id == ""
