"""A directory of pictures: whole files, for their owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from p2pbot.adapters.picture_folder import PictureFolder
from p2pbot.errors import OurError, StateUnwritable


def test_a_picture_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Mode 0600 in a directory 0700, whatever the umask."""
    old = os.umask(0)
    try:
        kept = PictureFolder(tmp_path / "new" / "pictures").keep("a.jpg", b"x")
    finally:
        os.umask(old)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


def test_what_is_there_is_known_by_name(tmp_path: Path) -> None:
    """Without the ending; drafts, directories and links do not count."""
    folder = PictureFolder(tmp_path)
    folder.keep("one.jpg", b"abc")
    (tmp_path / ".two.jpg.part").write_bytes(b"half")
    (tmp_path / "three.jpg").mkdir()
    (tmp_path / "four.jpg").symlink_to(tmp_path / "one.jpg")
    assert folder.sizes() == {"one": 3}


def test_a_directory_that_is_not_there_is_empty(tmp_path: Path) -> None:
    """And looking does not make it."""
    assert PictureFolder(tmp_path / "none").sizes() == {}
    assert not (tmp_path / "none").exists()


def test_a_draft_of_a_run_that_was_cut_off_is_replaced(tmp_path: Path) -> None:
    """Nothing of it is left."""
    (tmp_path / ".a.jpg.part").write_bytes(b"half")
    PictureFolder(tmp_path).keep("a.jpg", b"whole")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.jpg", b"whole")]


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """A file elsewhere is never written."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a.jpg", ".a.jpg.part"):
        (folder / name).symlink_to(victim)
    kept = PictureFolder(folder).keep("a.jpg", b"theirs")
    assert victim.read_bytes() == b"mine"
    assert not kept.is_symlink()


@pytest.mark.parametrize("name", ["../a.jpg", "/a.jpg", ".hidden", "", "a/b", "a\0b", "é.jpg", "x" * 300])
def test_a_name_of_other_letters_is_a_bug(tmp_path: Path, name: str) -> None:
    """Names are built here; the folder does not trust even that."""
    with pytest.raises(OurError):
        PictureFolder(tmp_path).keep(name, b"")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """By name and cause, when reading as when writing."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StateUnwritable, match="file"):
        PictureFolder(tmp_path / "file").keep("a.jpg", b"")
    with pytest.raises(StateUnwritable, match="Not a directory"):
        PictureFolder(tmp_path / "file").sizes()
