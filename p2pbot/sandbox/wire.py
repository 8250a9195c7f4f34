"""WebSocket frames from server to client, as bytes.

Promise: what libraries will not write on purpose can be written here: fragments, a close frame at any moment, pongs by
hand. Reading is left to the library.
Source: RFC 6455 section 5.
"""

from __future__ import annotations

import struct

_FIN = 0x80
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_SHORT = 126
_MEDIUM = 65536
_MOST_REASON = 123  # a control frame holds 125 bytes, two of them the code
_NO_STATUS = 1005


def _frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    first = opcode | (_FIN if final else 0)
    size = len(payload)
    if size < _SHORT:
        return struct.pack("!BB", first, size) + payload
    if size < _MEDIUM:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def message(data: str | bytes, fragments: int = 1) -> bytes:
    """Return one message in at most ``fragments`` frames; a fragment may split a UTF-8 character, as it may in life."""
    payload = data.encode() if isinstance(data, str) else data
    opcode = _TEXT if isinstance(data, str) else _BINARY
    step = max(1, -(-len(payload) // max(1, fragments)))
    parts = [payload[start : start + step] for start in range(0, len(payload), step)] or [b""]
    last = len(parts) - 1
    frames = [
        _frame(opcode if number == 0 else _CONTINUATION, part, final=number == last)
        for number, part in enumerate(parts)
    ]
    return b"".join(frames)


def close(code: int, reason: str = "") -> bytes:
    """Return a close frame; 1005 means one without a code."""
    if code == _NO_STATUS:
        return _frame(_CLOSE, b"")
    return _frame(_CLOSE, struct.pack("!H", code) + reason.encode()[:_MOST_REASON])


def pong(payload: bytes) -> bytes:
    """Return the answer to a ping."""
    return _frame(_PONG, payload)


def ping(payload: bytes) -> bytes:
    """Return a ping."""
    return _frame(_PING, payload)
