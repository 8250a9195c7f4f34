"""Spoilt and hostile pictures before the reader that decodes: a value comes out, in words, and memory stays small."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from p2pbot.adapters.pictures import MAX_PIXELS, examine
from p2pbot.model import Picture
from p2pbot.protocol.pictures import SENDABLE, read_picture
from p2pbot.rules.pictures import PictureFlaw
from tests.fakes.pictures import JPEG, chunk, mutated, png

MUTANTS = int(os.environ.get("P2PBOT_PICTURES", "400"))  # by hand: P2PBOT_PICTURES=10000
MOST_MIB = 450  # of a process that reads each bomb: Python and Pillow take 60, the largest allowed picture 100 decoded
ROOT = Path(__file__).parents[2]

BOMBS = ("pixels.png", "claims.png", "text.png", "profile.png", "longer.png", "claims.jpg", "largest.png")


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    """Return small files that unpack to 150 MB, or claim to."""
    packed = zlib.compress(bytes(150_000_000), 1)
    return {
        "pixels.png": png(60_000, 60_000, data=packed),
        "claims.png": png(2**31 - 1, 2**31 - 1, data=b"x"),
        "text.png": png(inserted=chunk(b"zTXt", b"k\0\0" + packed)),
        "profile.png": png(inserted=chunk(b"iCCP", b"k\0\0" + packed)),
        "longer.png": png(8, 6, data=packed),
        "claims.jpg": JPEG.replace(b"\0\x06\0\x08", b"\xff\xff\xff\xff", 1),
        "largest.png": png(5000, 5000, data=zlib.compress(bytes(5001 * 5000), 1)),
    }


def test_spoilt_pictures_are_values() -> None:
    """Hundreds of them (ten thousand by hand): none raises, a flaw is a sentence, and what passes is whole."""
    passed = 0
    for seed in range(MUTANTS):
        data = mutated(seed)
        found = examine("a.png", data)
        if isinstance(found, PictureFlaw):
            assert found.what.startswith("`a.png` ")
            continue
        passed += 1
        facts = read_picture(data)
        assert (facts.type in SENDABLE, facts.trouble) == (True, "")
        assert (found.width, found.height) == (facts.width, facts.height)
    assert passed < MUTANTS // 2


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_or_small(name: str, bombs: dict[str, bytes]) -> None:
    """By its claim, or because what it unpacks to beyond its pixels is never kept."""
    found = examine(name, bombs[name])
    assert isinstance(found, Picture) or any(word in found.what for word in ("claims", "pixels", "broken"))
    if isinstance(found, Picture):
        assert found.width * found.height <= MAX_PIXELS


def test_all_bombs_together_leave_memory_small(tmp_path: Path, bombs: dict[str, bytes]) -> None:
    """A process of its own reads each of them; its largest size is measured by the system."""
    for name, data in bombs.items():
        (tmp_path / name).write_bytes(data)
    script = (
        "import pathlib, resource, sys\n"
        "from p2pbot.adapters.pictures import examine\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    examine(path.name, path.read_bytes())\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
    )
    limits = (4 * 2**30, 4 * 2**30)  # a reader that unpacks all would not fit
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limits),
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < MOST_MIB


@pytest.mark.parametrize("tail", [b"PK\3\4" + bytes(100), b"%PDF-1.7", b"<script>alert(1)</script>"])
def test_a_polyglot_is_a_picture_with_its_true_size(tail: bytes) -> None:
    """What hangs behind a merchant's own picture is his affair; it does not change what the picture is."""
    for data in (JPEG, png()):
        found = examine("a", data + tail)
        assert isinstance(found, Picture)
        assert (found.width, found.height) == (8, 6)


@pytest.mark.parametrize("whole", [JPEG, png()])
def test_no_start_of_a_picture_is_sent(whole: bytes) -> None:
    """Cut anywhere, it is refused."""
    assert [end for end in range(len(whole)) if isinstance(examine("a", whole[:end]), Picture)] == []
