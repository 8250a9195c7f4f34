"""Pictures by their bytes: type, size and trouble, without decoding and without trust."""

from __future__ import annotations

import os
import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.protocol.pictures import (
    MAX_PIXELS,
    PictureFacts,
    PictureType,
    claimed_type,
    read_picture,
    type_of,
)
from tests.fakes.pictures import JPEG, chunk, gif, mutated, png, webp

MUTANTS = int(os.environ.get("P2PBOT_PICTURES", "600"))  # by hand: P2PBOT_PICTURES=10000
PROGRESSIVE = JPEG.replace(b"\xff\xc0", b"\xff\xc2")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (JPEG, "jpeg"),
        (PROGRESSIVE, "jpeg"),
        (png(), "png"),
        (gif(), "gif"),
        (webp(), "webp"),
        (b"BM\x10\0\0\0\0\0\0\0\0\0", "bmp"),
        (b"II*\0", "tiff"),
        (b"MM\0*", "tiff"),
        (b"\0\0\0\x18ftypheic", "heic"),
        (b"\0\0\0\x18ftypavif", "avif"),
        (b"\0\0\0\x18ftypisom", "other"),
        (b"<svg onload=alert(1)>", "other"),
        (b"%PDF-1.7", "other"),
        (b"PK\x03\x04", "other"),
        (b"BMW is a text", "other"),
        (b"", "other"),
    ],
)
def test_the_first_bytes_say_the_type(data: bytes, kind: str) -> None:
    """Whatever name it came under."""
    assert type_of(data[:32]).value == kind


@pytest.mark.parametrize("data", [JPEG, PROGRESSIVE, png(), gif(), webp()])
def test_a_whole_picture_has_a_size_and_no_trouble(data: bytes) -> None:
    """Width and height come from the bytes."""
    facts = read_picture(data)
    assert (facts.width, facts.height, facts.trouble, facts.trailing_bytes) == (8, 6, "", 0)
    assert facts.size_bytes == len(data)


@pytest.mark.parametrize("data", [png(inserted=chunk(b"acTL", bytes(8))), gif(2), webp(animated=True)])
def test_an_animation_is_noticed(data: bytes) -> None:
    """In each format that knows one."""
    assert read_picture(data).animated
    assert not read_picture(png()).animated


@pytest.mark.parametrize("whole", [JPEG, png(), gif(), webp()])
def test_a_picture_that_is_cut_anywhere_is_troubled(whole: bytes) -> None:
    """No start of a picture passes for a whole one, wherever it ends."""
    passed = [end for end in range(len(whole)) if not (read_picture(whole[:end]).trouble or end < 32)]
    assert passed == []
    assert read_picture(whole[:-1]).trouble


@pytest.mark.parametrize("whole", [JPEG, png(), webp()])
def test_a_polyglot_shows_what_hangs_behind_it(whole: bytes) -> None:
    """A zip archive or a script behind a picture is no trouble for showing it, and is counted."""
    tail = b"PK\x03\x04<script>alert(1)</script>"
    facts = read_picture(whole + tail)
    assert (facts.trailing_bytes, facts.trouble, facts.width) == (len(tail), "", 8)


def test_a_flipped_bit_anywhere_in_a_png_is_noticed() -> None:
    """Each chunk has its checksum; only its own signature has none, and without it it is no PNG."""
    whole = png()
    for at in range(len(whole)):
        spoilt = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        facts = read_picture(spoilt)
        assert facts.trouble or facts.type is PictureType.OTHER


def test_a_bomb_is_told_by_its_claim_and_costs_nothing() -> None:
    """A hundred gigapixels in a few bytes, or gigabytes in a packed text: nothing is unpacked."""
    packed = zlib.compress(bytes(20_000_000), 9)
    bombs = [
        png(1_000_000, 100_000, data=packed),
        png(inserted=chunk(b"zTXt", b"k\0\0" + packed)),
        JPEG.replace(struct.pack(">HH", 6, 8), b"\xff\xff\xff\xff"),
    ]
    tracemalloc.start()
    facts = [read_picture(bomb) for bomb in bombs]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [found.trouble for found in facts] == [
        "it claims 1000000 × 100000 pixels",
        "",
        "it claims 65535 × 65535 pixels",
    ]
    assert peak < 1_000_000
    assert facts[0].width * facts[0].height > MAX_PIXELS


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff\xe0\0\2" * 100_000,
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
        + chunk(b"tEXt", b"") * 50_000,
    ],
)
def test_a_picture_of_endless_parts_is_given_up(data: bytes) -> None:
    """The bound is told."""
    assert read_picture(data).trouble == "it has more than 20000 parts"


@pytest.mark.parametrize(
    ("data", "trouble"),
    [
        (b"", "it is empty"),
        (JPEG[:2] + JPEG[-2:], ""),
        (b"\xff\xd8\xff\xd9", "it holds no picture"),
        (b"\xff\xd8\xff\xe0\0\4ab\0", "it is cut off"),
        (b"\xff\xd8\xff\xe0\0\4abcdef", "it is damaged"),
        (png(data=b""), "it holds no picture"),
        (png(width=0), "it is damaged"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "it is damaged"),
        (b"GIF89a", "it is cut off"),
        (webp().replace(b"VP8X", b"ABCD"), "it is damaged"),
    ],
)
def test_what_is_wrong_is_told_in_words(data: bytes, trouble: str) -> None:
    """Plain ones, for a merchant."""
    assert read_picture(data).trouble == (trouble or read_picture(b"\xff\xd8\xff\xd9").trouble)


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        ("jpg", PictureType.JPEG),
        (".JPEG", PictureType.JPEG),
        ("image/png; charset=binary", PictureType.PNG),
        ("image/svg+xml", PictureType.OTHER),
        ("text/html", PictureType.OTHER),
        ("IMAGE", None),
        ("application/octet-stream", None),
        ("", None),
        ("?" * 100_000, None),
    ],
)
def test_a_declaration_may_name_a_type(declared: str, kind: PictureType | None) -> None:
    """Words that name none are no claim, so they cannot lie."""
    assert claimed_type(declared) is kind


@pytest.mark.parametrize(
    ("data", "declared", "lied"),
    [
        (JPEG, ("jpg",), False),
        (JPEG, ("png", "image/jpeg"), True),
        (JPEG, ("IMAGE", "image/jpeg"), False),
        (b"%PDF-1.7", ("jpg",), True),
        (JPEG, ("IMAGE", ""), None),
        (JPEG, (), None),
    ],
)
def test_a_lie_is_a_claim_that_the_bytes_deny(data: bytes, declared: tuple[str, ...], lied: bool | None) -> None:  # noqa: FBT001 - a column of the table
    """The first claim that names a type counts; without one nobody lied."""
    assert read_picture(data, *declared).lied is lied


@pytest.mark.parametrize(("kind", "suffix"), [("jpeg", "jpg"), ("png", "png"), ("other", "bin")])
def test_the_suffix_tells_the_truth(kind: str, suffix: str) -> None:
    """It follows the bytes; what is no picture is called so."""
    assert PictureFacts(type=PictureType(kind), size_bytes=1).suffix == suffix


def test_spoilt_pictures_never_raise() -> None:
    """Hundreds of them (ten thousand by hand): a value comes out, and most spoilt ones say so."""
    found = [read_picture(mutated(seed), "jpg") for seed in range(MUTANTS)]
    troubled = sum(1 for facts in found if facts.trouble or facts.type is PictureType.OTHER)
    assert len(found) == MUTANTS
    assert troubled > MUTANTS // 2
    assert all(facts.width >= 0 and facts.trailing_bytes >= 0 for facts in found)


@given(st.binary(max_size=400), st.sampled_from([b"", JPEG[:20], png()[:33], b"GIF89a", b"RIFF\xff\0\0\0WEBPVP8L"]))
def test_no_bytes_raise(data: bytes, start: bytes) -> None:
    """Also those that begin like a picture."""
    facts = read_picture(start + data)
    assert facts.size_bytes == len(start) + len(data)
