"""The merchant's own pictures: read from beside the rules alone, checked from their bytes, bounded."""

from __future__ import annotations

import io
import os
import zlib
from pathlib import Path

import pytest
from PIL import Image

from p2pbot.adapters import pictures as door
from p2pbot.adapters.pictures import PicturePolicy, read_pictures
from p2pbot.adapters.rule_stamps import RuleStamps
from p2pbot.model import Picture, PictureKind
from p2pbot.rules.pictures import PictureFlaw, PictureName, ReadPictures
from tests.fakes.pictures import JPEG, chunk, gif, mutated, png, webp

SMALL = PicturePolicy(max_bytes=1000)


def rules_in(directory: Path, *paths: str) -> dict[str, str]:
    """Write a rule file that names these pictures; return it as it is read."""
    file = directory / "a.yaml"
    images = ", ".join(f"{{image: '{path}'}}" for path in paths)
    file.write_text(f"version: 1\nrules:\n  - {{id: a, words: qr, reply: [{images}]}}\n", "utf-8")
    return {str(file): file.read_text("utf-8")}


def read(directory: Path, path: str, data: bytes | None, policy: PicturePolicy | None = None) -> ReadPictures:
    """Lay a picture beside the rules and read it."""
    if data is not None:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(data)
    return read_pictures(rules_in(directory, path), policy)


def flaw(directory: Path, path: str, data: bytes | None, policy: PicturePolicy | None = None) -> str:
    """Return what is wrong with it."""
    (found,) = read(directory, path, data, policy).known.values()
    assert isinstance(found, PictureFlaw), found
    return found.what


@pytest.mark.parametrize(("data", "kind"), [(JPEG, PictureKind.JPEG), (png(), PictureKind.PNG)])
@pytest.mark.parametrize("path", ["a.png", "images/deep/a.jpeg"])
def test_type_and_size_are_those_of_the_bytes(tmp_path: Path, path: str, data: bytes, kind: PictureKind) -> None:
    """Whatever the name says; the bytes are kept by their hash."""
    got = read(tmp_path, path, data)
    (picture,) = got.sound.values()
    assert (picture.name, picture.kind, picture.width, picture.height) == (path, kind, 8, 6)
    assert got.contents == {picture.sha256: data}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (None, "there is no file `a.png`"),
        (b"", "`a.png` is no picture"),
        (gif(), "`a.png` is a picture of type gif"),
        (webp(), "type webp"),
        (b"%PDF-1.7", "no picture that the chat takes"),
        (b"<svg/>", "no picture that the chat takes"),
        (png()[:-20], "is broken: it is cut off"),
        (JPEG[:-9], "is broken"),
        (png(inserted=chunk(b"acTL", bytes(8))), "is animated"),
        (png(data=zlib.compress(b"\0\x80")), "is broken: it cannot be shown"),
        (png(data=b"no deflate at all"), "is broken: it cannot be shown"),
        (png(6000, 5000, data=b""), "is broken"),
        (png(60_000, 50_000, data=zlib.compress(b"")), "is broken: it claims 60000"),
        (png(6_000, 5_000, data=zlib.compress(b"")), "has 6000 × 5000 pixels, more than 25 million"),
        (png() + bytes(1000), "has more than 0.000954 MiB"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_said(tmp_path: Path, data: bytes | None, told: str) -> None:
    """Missing, another type, cut off, damaged, animated, a bomb, too large."""
    assert told in flaw(tmp_path, "a.png", data, SMALL)


def test_no_link_leads_out_of_the_directory(tmp_path: Path) -> None:
    """Of a file or of a directory; a link that stays inside is a file like any other, as containers mount them."""
    outside, rules = tmp_path / "outside", tmp_path / "rules"
    outside.mkdir()
    rules.mkdir()
    (outside / "secret.png").write_bytes(png())
    (rules / "a.png").symlink_to(outside / "secret.png")
    (rules / "images").symlink_to(outside)
    assert "a symbolic link leads out" in flaw(rules, "a.png", None)
    assert "a symbolic link leads out" in flaw(rules, "images/secret.png", None)
    assert "leads out of the rules' directory" in flaw(rules, "../outside/secret.png", None)
    (rules / "..data").mkdir()
    (rules / "..data" / "b.png").write_bytes(png())
    (rules / "b.png").symlink_to("..data/b.png")
    assert len(read(rules, "b.png", None).sound) == 1


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A directory, and a pipe that nobody writes to."""
    (tmp_path / "dir.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    assert "it is not a file" in flaw(tmp_path, "dir.png", None)
    assert "it is not a file" in flaw(tmp_path, "pipe.png", None)


def test_number_and_bytes_of_a_set_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond is said of those pictures."""
    monkeypatch.setattr(door, "MAX_PICTURES", 3)
    monkeypatch.setattr(door, "MAX_ALL_BYTES", len(png()) + 10)
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(png(grey=number))
    got = read_pictures(rules_in(tmp_path, *(f"{number}.png" for number in range(4))))
    told = [found.what if isinstance(found, PictureFlaw) else "" for found in got.known.values()]
    assert told[0] == ""
    assert ["all pictures together" in one for one in told] == [False, True, True, False]
    assert "more than 3 pictures" in told[3]


def noise(kind: PictureKind, side: int) -> bytes:
    """Return a picture that hardly compresses, with a note of the camera."""
    image = Image.frombytes("RGB", (side, side), os.urandom(side * side * 3))
    note = Image.Exif()
    note[0x010F] = "CAMERA CANARY"
    out = io.BytesIO()
    image.save(out, "JPEG" if kind is PictureKind.JPEG else "PNG", quality=95, exif=note)
    return out.getvalue()


@pytest.mark.parametrize("kind", list(PictureKind))
def test_a_picture_that_is_too_large_is_made_smaller_if_that_is_wanted(tmp_path: Path, kind: PictureKind) -> None:
    """Of the same type, in the same proportions, and without what the camera wrote; else it is refused."""
    data, policy = noise(kind, 300), PicturePolicy(max_bytes=60_000, shrink=True)
    assert "more than" in flaw(tmp_path, "a.png", data, PicturePolicy(max_bytes=60_000))
    got = read(tmp_path, "a.png", data, policy)
    (picture,) = got.sound.values()
    (kept,) = got.contents.values()
    assert len(kept) <= 60_000
    assert (picture.kind, picture.width) == (kind, picture.height)
    assert 40 < picture.width < 300
    assert b"CANARY" not in kept
    assert "is broken" in flaw(tmp_path, "a.png", data[:-100], policy)


def test_no_bytes_whatever_are_more_than_a_flaw(tmp_path: Path) -> None:
    """Spoilt pictures of all kinds: a picture or a sentence, never an exception."""
    files = rules_in(tmp_path, "a.png")
    for seed in range(300):
        (tmp_path / "a.png").write_bytes(mutated(seed))
        (found,) = read_pictures(files).known.values()
        assert isinstance(found, Picture | PictureFlaw)


def test_the_watch_sees_pictures_too(tmp_path: Path) -> None:
    """One that comes, changes or goes; one that no rule names changes nothing."""
    rules_in(tmp_path, "images/a.png")
    look = RuleStamps(tmp_path)
    stamps = [look()]
    (tmp_path / "images").mkdir()
    picture = tmp_path / "images" / "a.png"
    for change in (lambda: picture.write_bytes(b"1"), lambda: picture.write_bytes(b"12"), picture.unlink):
        change()
        stamps.append(look())
    assert stamps[0] == stamps[3] != stamps[1] != stamps[2] != stamps[0]
    (tmp_path / "images" / "b.png").write_bytes(b"1")
    assert look() == stamps[0]
    rules_in(tmp_path, "images/b.png")
    assert len(look()) == 2


def test_a_name_is_of_its_rule_file() -> None:
    """The same path beside two files is two pictures."""
    assert PictureName("a/x.yaml", "qr.png") != PictureName("b/x.yaml", "qr.png")
