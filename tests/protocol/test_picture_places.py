"""Where pictures may come from: the hosts of the configuration, encrypted; and what they are called here."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.model import ChatMessage, ImageRef, MessageKind, Path
from p2pbot.protocol.picture_names import picture_name
from p2pbot.protocol.picture_places import PicturePlaces, Place, is_host

OWN = Place("http", "127.0.0.1", 8080)
PLACES = PicturePlaces(("*.bnbstatic.com", "cdn.example.org", "cdn.example.org:8443"), OWN)


@pytest.mark.parametrize(
    "place",
    [
        Place("https", "bin.bnbstatic.com", 443),
        Place("https", "a.b.bnbstatic.com", None),
        Place("https", "BIN.bnbstatic.com.", 443),
        Place("https", "cdn.example.org", 443),
        Place("https", "cdn.example.org", 8443),
        OWN,
    ],
)
def test_a_listed_place_is_gone_to(place: Place) -> None:
    """By its name, by its domain, by its port; and the exchange's own interface."""
    assert PLACES.refusal(place) == ""


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (Place("http", "bin.bnbstatic.com", 80), "not encrypted"),
        (Place("https", "bnbstatic.com", 443), "picture_hosts"),
        (Place("https", "evilbnbstatic.com", 443), "picture_hosts"),
        (Place("https", "bin.bnbstatic.com.evil.org", 443), "picture_hosts"),
        (Place("https", "bin.bnbstatic.com", 22), "picture_hosts"),
        (Place("https", "cdn.example.org", 9443), "picture_hosts"),
        (Place("https", "169.254.169.254", 443), "picture_hosts"),
        (Place("http", "127.0.0.1", 8081), "not encrypted"),
        (Place("http", "localhost", 8080), "not encrypted"),
        (Place("file", "bin.bnbstatic.com", None), "not encrypted"),
        (Place("https", "bin.bnbstatic.com", 443, has_user=True), "user name"),
    ],
)
def test_no_other_place_is(place: Place, why: str) -> None:
    """And the reason is told."""
    assert why in PLACES.refusal(place)


@pytest.mark.parametrize("text", ["bin.bnbstatic.com", "*.bnbstatic.com", "localhost:8080", "a.example:8443"])
def test_a_host_may_be_listed(text: str) -> None:
    """A name, a domain, with a port."""
    assert is_host(text)


@pytest.mark.parametrize(
    "text",
    ["", "*", "*.", "com", "https://a.example", "a.example/x", "*.*.a", "a b.example", "A.example", "a.example:"],
)
def test_what_is_no_host_may_not(text: str) -> None:
    """A whole address, a lone star, capitals."""
    assert not is_host(text)


def message(
    message_id: str = "", uuid: str = "", at_ms: int = 1_704_047_368_866, url: str = "https://a/b.jpg"
) -> ChatMessage:
    """Return a picture's message."""
    return ChatMessage(
        order_no="1",
        kind=MessageKind.IMAGE,
        path=Path.HISTORY,
        message_id=message_id,
        uuid=uuid,
        created_at_ms=at_ms,
        image=ImageRef(image_url=url),
    )


def test_a_picture_is_called_by_time_and_id() -> None:
    """In UTC, so that a list of files is the order in which they came."""
    assert picture_name(message("972316320597789953")) == "20231231T182928Z-972316320597789953"


def test_without_an_id_the_uuid_serves_and_then_the_address() -> None:
    """Something always tells two pictures apart."""
    assert picture_name(message(uuid="93228adc-c8e9")) == "20231231T182928Z-93228adc-c8e9"
    assert picture_name(message(url="https://a/1")) != picture_name(message(url="https://a/2"))


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_word_from_outside_gets_into_a_name(one: str, other: str) -> None:
    """Slashes, dots, zeros: only letters, digits and hyphens come through; different ids stay different."""
    names = [picture_name(message(text, uuid="u")) for text in (one, other)]
    assert all(re.fullmatch(r"[0-9TZ]{16}-[A-Za-z0-9_-]{1,80}", name) for name in names)
    assert (names[0] == names[1]) is (one == other or {one, other} == {"", "u"})
