"""Pictures made without a library: small whole ones, and ways to spoil them."""

from __future__ import annotations

import base64
import random
import struct
import zlib
from collections.abc import Callable

# Eight by six grey pixels.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarYqMyP/L2u71////m8H///"
    "/6/+b9//j/wAALCAAGAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAv/EABgQAAIDAAAAAAAAAAAAAAAAAAACAwVh/9oACAEBAAA/AGlZHh//"
    "2Q=="
)


def chunk(name: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int = 8, height: int = 6, *, grey: int = 128, inserted: bytes = b"", data: bytes | None = None) -> bytes:
    """Return a grey PNG; ``inserted`` stands before its pixels, ``data`` in their place."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + bytes([grey]) * width) * height) if data is None else data
    chunks = chunk(b"IHDR", header) + inserted + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def gif(frames: int = 1) -> bytes:
    """Return the bones of a GIF."""
    control = b"\x21\xf9\x04\0\0\0\0\0"
    return b"GIF89a" + struct.pack("<HH", 8, 6) + b"\0\0\0" + control * frames + b";"


def webp(*, animated: bool = False) -> bytes:
    """Return the bones of an extended WebP."""
    size = (8 - 1).to_bytes(3, "little") + (6 - 1).to_bytes(3, "little")
    chunks = b"WEBPVP8X" + struct.pack("<I", 10) + bytes([2 if animated else 0, 0, 0, 0]) + size
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def _flip(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def _drop(data: bytes, rng: random.Random) -> bytes:
    first = rng.randrange(len(data))
    return data[:first] + data[first + rng.randrange(1, 20) :]


def _repeat(data: bytes, rng: random.Random) -> bytes:
    first = rng.randrange(len(data))
    part = data[first : first + rng.randrange(1, 30)]
    return data[:first] + part * rng.randrange(2, 9) + data[first:]


def _noise(data: bytes, rng: random.Random) -> bytes:
    first = rng.randrange(len(data))
    return data[:first] + rng.randbytes(rng.randrange(1, 12)) + data[first + rng.randrange(12) :]


def _extreme(data: bytes, rng: random.Random) -> bytes:
    """Set a length or a size to what breaks arithmetic."""
    at, width = rng.randrange(len(data)), rng.choice((1, 2, 4))
    return data[:at] + rng.choice((b"\0", b"\x7f", b"\x80", b"\xff")) * width + data[at + width :]


_WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (_flip, _cut, _drop, _repeat, _noise, _extreme)


def mutated(seed: int) -> bytes:
    """Return a picture of some type, spoilt one to four times."""
    rng = random.Random(seed)  # noqa: S311 - a seed that finds a fault must find it again
    data = rng.choice((JPEG, png(), png(inserted=chunk(b"acTL", bytes(8))), gif(2), webp()))
    for _ in range(rng.randrange(1, 5)):
        data = rng.choice(_WAYS)(data, rng) or data
    return data
