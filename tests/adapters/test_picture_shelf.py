"""The shelf of pictures: what is sent is what was checked, and nothing stays for ever."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from p2pbot.adapters import picture_shelf
from p2pbot.adapters.picture_shelf import KEPT_S, DiskShelf
from p2pbot.errors import StateUnwritable
from tests.fakes.records import PICTURE


def hashed(*contents: bytes) -> dict[str, bytes]:
    """Return contents by their hash."""
    return {hashlib.sha256(data).hexdigest(): data for data in contents}


async def test_what_was_laid_down_is_taken_byte_for_byte(tmp_path: Path) -> None:
    """For nobody else to read, by its account alone."""
    shelf = DiskShelf(tmp_path, "main")
    ((sha256, data),) = hashed(b"one").items()
    shelf.keep({sha256: data})
    picture = replace(PICTURE, sha256=sha256)
    assert await shelf.take(picture) == data
    assert await DiskShelf(tmp_path, "other").take(picture) is None
    file = tmp_path / "pictures" / "main" / sha256
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(b"two")
    assert await shelf.take(picture) is None
    shelf.keep({sha256: data})
    assert await shelf.take(picture) == data


def test_nothing_is_made_for_rules_without_pictures(tmp_path: Path) -> None:
    """Most have none."""
    DiskShelf(tmp_path, "main").keep({})
    assert list(tmp_path.iterdir()) == []


def test_a_picture_stays_three_days_after_the_last_rule_that_named_it(tmp_path: Path) -> None:
    """A reply that was claimed before a reload still finds it."""
    shelf, (first, second) = DiskShelf(tmp_path, "main"), hashed(b"1", b"2").items()
    shelf.keep(dict([first]))
    shelf.keep(dict([second]))
    assert shelf.read(first[0]) == b"1"
    old = (tmp_path / "pictures" / "main" / first[0]).stat().st_mtime - KEPT_S - 1
    os.utime(tmp_path / "pictures" / "main" / first[0], (old, old))
    shelf.keep(dict([second]))
    assert shelf.read(first[0]) is None
    assert shelf.read(second[0]) == b"2"


def test_all_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who saves a picture again and again fills no disk; those in use stay."""
    monkeypatch.setattr(picture_shelf, "MOST_BYTES", 10)
    shelf = DiskShelf(tmp_path, "main")
    for number in range(20):
        ((sha256, data),) = hashed(b"%04d" % number).items()
        shelf.keep({sha256: data})
    assert len(list((tmp_path / "pictures" / "main").iterdir())) == 2
    assert shelf.read(sha256) == data


def test_a_disk_that_takes_nothing_is_an_error_of_ours(tmp_path: Path) -> None:
    """With the place."""
    (tmp_path / "pictures").touch()
    with pytest.raises(StateUnwritable, match="pictures"):
        DiskShelf(tmp_path, "main").keep(hashed(b"1"))
