"""Redaction of frames that were not understood: the shape stays, people and secrets go."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.protocol.redaction import MAX_KEPT_CHARS, MAX_READ_CHARS, redact_frame

CANARY = "canary-7f3a"


def test_shape_stays() -> None:
    """Keys, types, lengths, the protocol's own words and order numbers stay readable."""
    frame = {"type": "sticker", "orderNo": "204", "content": "Hi Ann", "self": False, "id": 7, "extra": [1.5, None]}
    assert json.loads(redact_frame(json.dumps(frame))) == {
        "type": "sticker",
        "orderNo": "204",
        "content": "<text 6>",
        "self": False,
        "id": "<int>",
        "extra": ["<float>", None],
    }


def test_cards_inside_text_are_redacted_too() -> None:
    """JSON inside a text shows its shape, not its names."""
    card = json.dumps({"type": "new_event", "realName": "Real Name"})
    shown = redact_frame(json.dumps({"type": "system", "content": card}))
    assert "new_event" in shown
    assert "Real Name" not in shown


@pytest.mark.parametrize(
    "frame",
    [
        {"content": CANARY},
        {"type": CANARY},
        {CANARY: 1},
        {"orderNo": CANARY},
        {"a": [{"b": CANARY}]},
        {"content": json.dumps({"name": CANARY})},
        {"content": "{" + CANARY},
        [CANARY],
        CANARY,
    ],
)
def test_nothing_written_by_people_stays(frame: object) -> None:
    """A text is gone wherever it stands."""
    assert CANARY not in redact_frame(json.dumps(frame))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"abc", "<binary 3>"),
        ("not json", "<not json 8>"),
        ("[" * 100_000, "<not json 100000>"),
        ("x" * (MAX_READ_CHARS + 1), f"<oversized {MAX_READ_CHARS + 1}>"),
    ],
)
def test_what_has_no_shape_is_measured(raw: str | bytes, shown: str) -> None:
    """Frames without readable JSON are only measured."""
    assert redact_frame(raw) == shown


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=60) | st.dictionaries(st.text(), inner, max_size=60),
    max_leaves=80,
)


@given(st.text() | st.binary() | json_values.map(json.dumps))
def test_any_frame_is_redacted_within_the_bound(raw: str | bytes) -> None:
    """Whatever the frame, its redacted form is one short line that can be stored."""
    shown = redact_frame(raw)
    assert len(shown) <= MAX_KEPT_CHARS
    assert "\n" not in shown
    shown.encode("utf-8")
