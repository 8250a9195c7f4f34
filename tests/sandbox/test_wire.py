"""Frames written by hand, read by a parser that nobody here wrote."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from p2pbot.sandbox import wire


def parsed(data: bytes) -> list[Frame]:
    """Return the frames that a client sees."""
    protocol = ClientProtocol(parse_uri("wss://127.0.0.1/"), state=State.OPEN, max_size=None)
    protocol.receive_data(data)
    assert protocol.parser_exc is None
    return [event for event in protocol.events_received() if isinstance(event, Frame)]


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300)), st.integers(0, 6))
def test_a_message_is_whole_again_after_its_fragments(data: str | bytes, fragments: int) -> None:
    """Joined, the fragments are the message; the first has the kind, the last is final, none between is."""
    frames = parsed(wire.message(data, fragments))
    payload = b"".join(frame.data for frame in frames)
    assert payload == (data.encode() if isinstance(data, str) else data)
    assert frames[0].opcode is (Opcode.TEXT if isinstance(data, str) else Opcode.BINARY)
    assert all(frame.opcode is Opcode.CONT for frame in frames[1:])
    assert [frame.fin for frame in frames] == [False] * (len(frames) - 1) + [True]
    assert len(frames) <= max(1, fragments)


@given(st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000]))
def test_every_length_has_its_header(size: int) -> None:
    """Short, medium and long frames are read in full."""
    (frame,) = parsed(wire.message(b"x" * size))
    assert len(frame.data) == size


@given(st.sampled_from([1000, 1001, 1008, 1011, 4001]), st.text(alphabet="Bye !", max_size=200))
def test_a_close_has_code_and_reason(code: int, reason: str) -> None:
    """A reason that is too long is cut."""
    (frame,) = parsed(wire.close(code, reason))
    assert frame.opcode is Opcode.CLOSE
    assert int.from_bytes(frame.data[:2], "big") == code
    assert reason.encode().startswith(frame.data[2:])


def test_a_close_without_a_code_is_empty() -> None:
    """1005 stands for no code."""
    (frame,) = parsed(wire.close(1005))
    assert frame.data == b""


def test_a_pong_copies_the_ping() -> None:
    """The payload comes back."""
    (frame,) = parsed(wire.pong(b"abc"))
    assert (frame.opcode, frame.data) == (Opcode.PONG, b"abc")
