"""What a picture's bytes say: its true type, its size, and whether it is whole. No library, nothing is decoded.

Promise: ``read_picture`` never raises and never unpacks: its memory is bounded whatever the bytes claim (a "bomb" is a
large width and height here), its time by the number of bytes. What is odd is said in ``trouble``.
Danger: a name, a declared type and a Content-Type are claims; only ``type`` is a fact. A whole file may carry other
things behind its picture (``trailing_bytes``): phones do that, and polyglots do.
For whoever sends pictures: ``type in SENDABLE and not trouble and not animated`` is what the chat takes.
Sources: PNG (W3C, third edition), JPEG (ITU T.81, annex B), GIF89a, WebP (RFC 9649), ISO/IEC 23008-12 brands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from zlib import crc32

MAX_PIXELS = 100_000_000  # a phone's largest picture; decoded, four bytes each, that is 400 MB
_MAX_PARTS = 20_000  # chunks or segments; a picture of 20 MB has some hundreds
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}  # by colour type
# The end of JPEG's coded data: an FF that is neither stuffed (FF00), a restart (D0–D7) nor a filler (FFFF).
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FILLER = re.compile(rb"\xff+")
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # those that hold the size
_EOI, _SOS = 0xD9, 0xDA
_LONGEST_CLAIM = 200  # characters of a declared type


class PictureType(StrEnum):
    """What the first bytes say. OTHER is all that is no picture that a browser or a phone makes."""

    JPEG = "jpeg"
    PNG = "png"
    GIF = "gif"
    WEBP = "webp"
    BMP = "bmp"
    TIFF = "tiff"
    HEIC = "heic"
    AVIF = "avif"
    OTHER = "other"


_MAGIC = (
    (PictureType.PNG, re.compile(re.escape(_PNG))),
    (PictureType.JPEG, re.compile(rb"\xff\xd8\xff")),
    (PictureType.GIF, re.compile(rb"GIF8[79]a")),
    (PictureType.WEBP, re.compile(rb"RIFF....WEBP", re.DOTALL)),
    (PictureType.BMP, re.compile(rb"BM....\0\0\0\0", re.DOTALL)),
    (PictureType.TIFF, re.compile(rb"II\*\0|MM\0\*")),
)
SENDABLE = frozenset({PictureType.JPEG, PictureType.PNG})
"""What the chat takes."""
SHOWABLE = frozenset({PictureType.JPEG, PictureType.PNG, PictureType.GIF, PictureType.WEBP})
"""What every browser shows, and none runs as code."""
_SUFFIXES = {PictureType.JPEG: "jpg", PictureType.OTHER: "bin"}
_CLAIMS = {"jpg": PictureType.JPEG, "pjpeg": PictureType.JPEG, "jfif": PictureType.JPEG, "tif": PictureType.TIFF}
_CLAIMS |= {"heif": PictureType.HEIC, "x-ms-bmp": PictureType.BMP, "apng": PictureType.PNG}
_CLAIMS |= {kind.value: kind for kind in PictureType if kind is not PictureType.OTHER}


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFacts:
    """A picture as its bytes are. ``width`` and ``height`` are pixels, 0 = not known; ``trouble`` '' = none seen.

    ``lied``: what was declared is another type; None = nothing was declared that names a type.
    """

    type: PictureType
    size_bytes: int
    width: int = 0
    height: int = 0
    animated: bool = False
    trailing_bytes: int = 0
    trouble: str = ""
    lied: bool | None = None

    def for_rules(self) -> dict[str, str | bool | int]:
        """Return the facts by the names of the rules' ``when.picture``; what is not known is not there."""
        known: dict[str, str | bool | int] = {"type": self.type.value, "broken": bool(self.trouble)}
        known |= {"kib": -(-self.size_bytes // 1024)} | ({} if self.lied is None else {"lied": self.lied})
        return known | ({"width": self.width, "height": self.height} if self.width and self.height else {})

    @property
    def suffix(self) -> str:
        """The ending of a file's name that tells the truth, without its dot."""
        return _SUFFIXES.get(self.type, self.type.value)


@dataclass(frozen=True, slots=True)
class FetchedPicture:
    """A picture's bytes, and what its host called them."""

    data: bytes = field(repr=False)
    content_type: str = ""


def type_of(head: bytes) -> PictureType:
    """Return the type that the first bytes say; 32 of them are enough."""
    if head[4:8] == b"ftyp":
        return _by_brand(head[8:12])
    return next((kind for kind, magic in _MAGIC if magic.match(head)), PictureType.OTHER)


def _by_brand(brand: bytes) -> PictureType:
    if brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"):
        return PictureType.HEIC
    return PictureType.AVIF if brand in (b"avif", b"avis") else PictureType.OTHER


def read_picture(data: bytes, *declared: str) -> PictureFacts:
    """Return what the bytes are; never raises.

    ``declared``: what was said of them (``jpg``, ``image/png``); the first that names a type counts.
    """
    bare = PictureFacts(type=type_of(data[:32]), size_bytes=len(data))
    read = {PictureType.PNG: _png, PictureType.JPEG: _jpeg, PictureType.GIF: _gif, PictureType.WEBP: _webp}
    facts = read[bare.type](data, bare) if bare.type in read else bare
    if not data:
        facts = replace(facts, trouble="it is empty")
    elif not facts.trouble and facts.width * facts.height > MAX_PIXELS:
        facts = replace(facts, trouble=f"it claims {facts.width} × {facts.height} pixels")
    claim = next((found for text in declared if (found := claimed_type(text))), None)
    return replace(facts, lied=None if claim is None else claim is not facts.type)


def claimed_type(text: str) -> PictureType | None:
    """Return the type that a declaration names (``jpg``, ``.PNG``, ``image/jpeg; q=1``), None if it names none.

    The chat's own word ``IMAGE`` names none; a declared type that is no picture's counts as OTHER only with a slash.
    """
    word = text[:_LONGEST_CLAIM].partition(";")[0].strip().lower().removeprefix(".")
    family, slash, kind = word.partition("/")
    if not slash:
        return _CLAIMS.get(word)
    if word in ("application/octet-stream", "binary/octet-stream", "image/*"):
        return None  # "some bytes" is no claim
    return _CLAIMS.get(kind, PictureType.OTHER) if family == "image" else PictureType.OTHER


def _number(data: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _png(data: bytes, facts: PictureFacts) -> PictureFacts:
    """Walk the chunks. Each is a length, a name, its bytes and a checksum."""
    at, pixels, view = len(_PNG), False, memoryview(data)
    for part in range(_MAX_PARTS):
        length, name = _number(data, at), data[at + 4 : at + 8]
        end = at + 12 + length
        if at + 12 > len(data) or end > len(data):
            return replace(facts, trouble="it is cut off")
        if crc32(view[at + 4 : end - 4]) != _number(data, end - 4):
            return replace(facts, trouble="it is damaged")
        if (part == 0) != (name == b"IHDR"):
            return replace(facts, trouble="it is damaged")
        if part == 0:
            facts = _png_header(data[at + 8 : end - 4], facts)
        if facts.trouble:
            return facts
        facts = replace(facts, animated=True) if name == b"acTL" else facts
        pixels = pixels or (name == b"IDAT" and length > 0)
        if name == b"IEND":
            trouble = "" if pixels else "it holds no picture"
            return replace(facts, trailing_bytes=len(data) - end, trouble=trouble)
        at = end
    return replace(facts, trouble=f"it has more than {_MAX_PARTS} parts")


def _png_header(header: bytes, facts: PictureFacts) -> PictureFacts:
    """Return the facts with the size. A header has 13 bytes: size, depth, colours, methods."""
    width, height = _number(header, 0), _number(header, 4)
    known = len(header) == 13 and header[8] in _PNG_DEPTHS.get(header[9], ()) and header[10:12] == b"\0\0"  # noqa: PLR2004 - the PNG specification's own number
    if not known or not 0 < width < 2**31 or not 0 < height < 2**31:
        return replace(facts, trouble="it is damaged")
    return replace(facts, width=width, height=height)


def _jpeg(data: bytes, facts: PictureFacts) -> PictureFacts:
    """Walk the segments. Each is a marker and a length, but for those that stand alone and the coded data."""
    at, scans = 2, 0
    for _ in range(_MAX_PARTS):
        at = _past_filler(data, at)
        if at + 2 > len(data):
            return replace(facts, trouble="it is cut off")
        marker, body = data[at + 1], at + 2
        if data[at] != 0xFF or marker == 0:  # noqa: PLR2004 - what a marker begins with
            return replace(facts, trouble="it is damaged")
        if marker == _EOI:
            trouble = "" if scans and facts.width else "it holds no picture"
            return replace(facts, trailing_bytes=len(data) - body, trouble=trouble)
        at = body if marker in _BARE else body + max(_number(data, body, 2), 2)
        if at > len(data):
            return replace(facts, trouble="it is cut off")
        if marker in _FRAMES and not facts.width:
            facts = replace(facts, height=_number(data, body + 3, 2), width=_number(data, body + 5, 2))
        if marker == _SOS:
            scans += 1
            found = _MARKER.search(data, at)
            at = found.start() if found else len(data)
    return replace(facts, trouble=f"it has more than {_MAX_PARTS} parts")


def _past_filler(data: bytes, at: int) -> int:
    """Return where a marker's last FF stands: any number of them may come before it."""
    filler = _FILLER.match(data, at)
    return filler.end() - 1 if filler else at


def _gif(data: bytes, facts: PictureFacts) -> PictureFacts:
    width, height = (int.from_bytes(data[at : at + 2], "little") for at in (6, 8))
    frames = data.count(b"\x21\xf9\x04")  # one control block for each picture of an animation
    trouble = "it is cut off" if not data.endswith(b";") or not width or not height else ""
    return replace(facts, width=width, height=height, animated=frames > 1, trouble=trouble)


def _webp(data: bytes, facts: PictureFacts) -> PictureFacts:
    """Read the first chunk: lossy, lossless or extended, each with its own way to write the size."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if len(data) < min(end, 30) or len(data) < end:
        return replace(facts, trouble="it is cut off")
    name, body = data[12:16], data[20:30]
    if name == b"VP8X":
        width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
    elif name == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (int.from_bytes(body[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    trouble = "" if name in (b"VP8X", b"VP8L", b"VP8 ") and len(body) == 10 else "it is damaged"  # noqa: PLR2004 - the longest of the three headers
    animated = name == b"VP8X" and bool(body[:1]) and bool(body[0] & 2)
    return replace(
        facts, width=width, height=height, animated=animated, trailing_bytes=len(data) - end, trouble=trouble
    )
