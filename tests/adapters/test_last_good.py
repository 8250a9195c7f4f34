"""The door to the last good rules."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path

import pytest

from p2pbot.adapters.files import stamp_of_rules
from p2pbot.adapters.last_good import LastGood
from p2pbot.errors import StateUnwritable
from p2pbot.model import Picture, PictureKind
from p2pbot.rules.pictures import PictureName, ReadPictures

FILES = {"rules/a.yaml": "words: [оплатил]\n", "rules/b.yaml": ""}


def test_what_is_kept_is_found_again_by_its_account(tmp_path: Path) -> None:
    """Text for text, and for nobody else to read."""
    shelf = LastGood(tmp_path)
    shelf.keep("main", {"old.yaml": "x"}, ReadPictures())
    shelf.keep("main", FILES, ReadPictures())
    assert shelf.kept("main") == (FILES, {})
    assert shelf.kept("other") is None
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"a": 1}',
        "{",
        "\x00",
        '{"files": {"a": "b"}, "pictures": [1]}',
        '{"files": {"a": "b"}, "pictures": 1}',
    ],
)
def test_a_copy_that_cannot_be_read_counts_as_none(tmp_path: Path, content: str) -> None:
    """Whatever happened to it."""
    (tmp_path / "rules-main.json").write_text(content, "utf-8")
    assert LastGood(tmp_path).kept("main") is None


def test_a_directory_that_takes_nothing_is_an_error_of_ours(tmp_path: Path) -> None:
    """With the file's name."""
    with pytest.raises(StateUnwritable, match=r"rules-main\.json"):
        LastGood(tmp_path / "nowhere").keep("main", FILES, ReadPictures())


def test_pictures_are_part_of_the_copy(tmp_path: Path) -> None:
    """As long as their bytes are on the shelf, unchanged."""
    data = b"picture"
    picture = Picture(name="qr.png", sha256=hashlib.sha256(data).hexdigest(), kind=PictureKind.PNG, width=2, height=1)
    name = PictureName("rules/a.yaml", "qr.png")
    copies = LastGood(tmp_path)
    copies.keep("main", FILES, ReadPictures({name: picture}, {picture.sha256: data}))
    assert copies.kept("main") == (FILES, {name: picture})
    (tmp_path / "pictures" / "main" / picture.sha256).write_bytes(b"other")
    assert copies.kept("main") == (FILES, {})


def test_a_copy_of_before_there_were_pictures_is_read(tmp_path: Path) -> None:
    """It is the files alone."""
    (tmp_path / "rules-main.json").write_text(json.dumps(FILES), "utf-8")
    assert LastGood(tmp_path).kept("main") == (FILES, {})


def test_every_change_of_the_rule_files_changes_their_stamp(tmp_path: Path) -> None:
    """A write, a new file, a rename, a removal; what is no rule file changes nothing."""
    stamps = [stamp_of_rules(tmp_path)]
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    for change in (
        lambda: first.write_text("a", "utf-8"),
        lambda: first.write_text("ab", "utf-8"),
        lambda: first.rename(second),
        second.unlink,
    ):
        change()
        stamps.append(stamp_of_rules(tmp_path))
    assert all(before != after for before, after in pairwise(stamps))
    (tmp_path / "PAUSE").touch()
    assert stamp_of_rules(tmp_path) == stamps[-1] == ()


def test_what_cannot_be_looked_at_has_no_stamp(tmp_path: Path) -> None:
    """Reading it says why."""
    assert stamp_of_rules(tmp_path / "none") == ()
