"""The demo's rules: the starter set, and one rule more that replies with a picture, which is drawn here.

Promise: the picture looks like a payment code and is none: no reader finds anything in it, and it says so.
"""

from __future__ import annotations

import shutil
import struct
import zlib
from pathlib import Path

_SIDE = 33  # modules, of eight pixels each, with a margin of two
_PIXELS, _MARGIN = 8, 2
_EYE = ("1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111")
_WORD = ("110 111 101 111", "101 100 111 101", "101 110 101 101", "101 100 101 101", "110 111 101 111")  # DEMO
_IMAGE = "images/simulated-qr.png"
_RULE = f"""\
# SIMULATED: written by `p2pbot demo`, to show a reply with a picture.
version: 1
rules:
  - id: demo-picture
    words: [show me the picture, sample picture]
    when: {{side: sell, order_status: unpaid}}
    priority: 10
    reply: {{image: {_IMAGE}, caption: "This is a SIMULATED code for order {{{{ order.number }}}}."}}
    examples: [Can you show me the picture?]
"""


def demo_rules(directory: Path, starter: Path) -> Path:
    """Make the demo's rules in a directory of its own; return where they are."""
    rules = directory / "rules"
    rules.mkdir(mode=0o700, exist_ok=True)
    for file in sorted(starter.glob("*.y*ml")):
        shutil.copyfile(file, rules / file.name)
    add_picture_rule(rules)
    return rules


def add_picture_rule(rules: Path) -> None:
    """Write the rule and its picture beside other rules."""
    (rules / _IMAGE).parent.mkdir(exist_ok=True)
    (rules / _IMAGE).write_bytes(sample_picture())
    (rules / "95-demo-picture.yaml").write_text(_RULE, "utf-8")


def sample_picture() -> bytes:
    """Return a PNG, black on white, the same each time."""
    size = (_SIDE + 2 * _MARGIN) * _PIXELS
    rows = [_row(y // _PIXELS - _MARGIN, size) for y in range(size)]
    header = struct.pack(">IIBBBBB", size, size, 1, 0, 0, 0, 0)  # one bit a pixel
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in parts)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _row(y: int, size: int) -> bytes:
    """Return one line of pixels behind its filter byte; a white pixel is a set bit."""
    bits = "".join("0" if _is_black(x // _PIXELS - _MARGIN, y) else "1" for x in range(size))
    return b"\0" + int(bits, 2).to_bytes(size // 8, "big")


def _is_black(x: int, y: int) -> bool:
    if not (0 <= x < _SIDE and 0 <= y < _SIDE):
        return False
    for left, top in ((0, 0), (_SIDE - 7, 0), (0, _SIDE - 7)):
        if -1 <= x - left <= 7 and -1 <= y - top <= 7:  # noqa: PLR2004 - an eye has seven modules and a white border
            return 0 <= x - left < 7 and 0 <= y - top < 7 and _EYE[y - top][x - left] == "1"  # noqa: PLR2004 - same
    word_x, word_y = x - (_SIDE - len(_WORD[0])) // 2, y - (_SIDE - len(_WORD)) // 2
    if -_MARGIN <= word_x < len(_WORD[0]) + _MARGIN and -_MARGIN <= word_y < len(_WORD) + _MARGIN:
        inside = 0 <= word_x < len(_WORD[0]) and 0 <= word_y < len(_WORD)
        return inside and _WORD[word_y][word_x] == "1"
    return zlib.crc32(f"{x} {y}".encode()) % 2 == 0
