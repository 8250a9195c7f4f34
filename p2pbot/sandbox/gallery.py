"""The pictures that simulated counterparties send: a picture of stripes, or whatever a test hands over.

Promise: bounded in number; the sample is made once, so a world with ten thousand pictures holds one.
"""

from __future__ import annotations

import struct
import zlib
from functools import cache

from p2pbot.sandbox.uploads import StoredPicture

_MOST_PICTURES = 500
_WIDTH, _HEIGHT, _STRIPE = 240, 160, 20


class Gallery:
    """What counterparties have sent, by place."""

    def __init__(self) -> None:
        self._pictures: dict[str, StoredPicture] = {}

    def hang(self, place: str, data: bytes | None, content_type: str) -> None:
        """Show ``data`` (None: the sample) at ``place``; the oldest make room."""
        if len(self._pictures) >= _MOST_PICTURES:
            self._pictures.pop(next(iter(self._pictures)))
        self._pictures[place] = StoredPicture(sample_picture() if data is None else data, content_type)

    def look(self, place: str) -> StoredPicture | None:
        """Return what hangs at ``place``."""
        return self._pictures.get(place)


@cache
def sample_picture() -> bytes:
    """Return a PNG of slanted stripes."""
    rows = (b"\0" + bytes(_shade(x, y) for x in range(_WIDTH)) for y in range(_HEIGHT))
    header = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _shade(x: int, y: int) -> int:
    return 235 if (x + y) // _STRIPE % 2 else 205 - y // 4


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
