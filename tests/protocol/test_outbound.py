"""What goes out on the socket: frames and the address of a connect."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.errors import AnswerMalformed
from p2pbot.model import ChatCredential, ImageRef
from p2pbot.protocol.outbound import chat_url, image_frame, text_frame
from p2pbot.secret import Secret


def credential(wss_url: str) -> ChatCredential:
    """Return a credential for an address."""
    return ChatCredential(wss_url=wss_url, listen_key=Secret("c2c_0a_v2"), listen_token=Secret("TOKEN1f"))


def test_text_frame() -> None:
    """The text frame is the documented one, field by field."""
    assert json.loads(text_frame("u-1", "204", "Привет", 1682102167020)) == {
        "type": "text",
        "uuid": "u-1",
        "orderNo": "204",
        "content": "Привет",
        "self": True,
        "clientType": "web",
        "createTime": 1682102167020,
        "sendStatus": 0,
    }


def test_image_frame() -> None:
    """The image frame has addresses and size instead of content."""
    image = ImageRef(image_url="https://a/b.png", width=3, height=2)
    assert json.loads(image_frame("u-1", "204", image, 5)) == {
        "type": "image",
        "uuid": "u-1",
        "orderNo": "204",
        "imageUrl": "https://a/b.png",
        "thumbnailUrl": "https://a/b.png",
        "imageType": "IMAGE",
        "width": 3,
        "height": 2,
        "self": True,
        "clientType": "web",
        "createTime": 5,
        "sendStatus": 0,
    }


@given(st.text())
def test_any_text_can_be_sent(text: str) -> None:
    """Whatever a template rendered, the frame is one JSON text that UTF-8 can carry."""
    frame = text_frame("u", "1", text, 1)
    content = json.loads(frame.encode("utf-8"))["content"]
    assert len(content) == len(text)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("wss://im.test:443/chat", "wss://im.test:443/chat/c2c_0a_v2?token=TOKEN1f&clientType=web"),
        ("wss://im.test:443/chat/", "wss://im.test:443/chat/c2c_0a_v2?token=TOKEN1f&clientType=web"),
        ("wss://im.test", "wss://im.test/c2c_0a_v2?token=TOKEN1f&clientType=web"),
        ("wss://im.test/chat?v=2", "wss://im.test/chat/c2c_0a_v2?v=2&token=TOKEN1f&clientType=web"),
        ("ws://127.0.0.1:9/chat", "ws://127.0.0.1:9/chat/c2c_0a_v2?token=TOKEN1f&clientType=web"),
        ("ws://[::1]:9/chat", "ws://[::1]:9/chat/c2c_0a_v2?token=TOKEN1f&clientType=web"),
        ("ws://localhost/chat", "ws://localhost/chat/c2c_0a_v2?token=TOKEN1f&clientType=web"),
    ],
)
def test_address(address: str, expected: str) -> None:
    """The address is the credential's, with the key as the last path part and the token as a parameter."""
    assert chat_url(credential(address)).reveal() == expected


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"), min_size=1))
def test_key_and_token_arrive_as_they_are(key: str, token: str) -> None:
    """Whatever letters key and token have, the server reads the same, and the path has no further part."""
    told = ChatCredential(wss_url="wss://im.test/chat", listen_key=Secret(key), listen_token=Secret(token))
    parts = urlsplit(chat_url(told).reveal())
    assert parse_qs(parts.query, strict_parsing=True) == {"token": [token], "clientType": ["web"]}
    assert parts.path.count("/") == 2


@pytest.mark.parametrize(
    "address",
    [
        "ws://im.test/chat",
        "https://im.test",
        "",
        "im.test/chat",
        "wss://",
        "wss://[",
        "wss://a:b@im.test",
        "wss://a:99999",
        "wss://im.test/a b",
        "wss://im.test/a\x00b",
        "wss://im.test/ä",
    ],
)
def test_an_unsafe_address_is_refused(address: str) -> None:
    """Tokens travel encrypted, to an address without credentials of its own, or not at all."""
    with pytest.raises(AnswerMalformed, match="wss") as caught:
        chat_url(credential(address))
    assert "a:b" not in str(caught.value)


def test_the_address_is_a_secret() -> None:
    """The address cannot be printed by accident."""
    assert repr(chat_url(credential("wss://im.test/chat"))) == "<secret>"
