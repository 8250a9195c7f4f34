"""The door to rule files."""

from __future__ import annotations

from pathlib import Path

import pytest

from p2pbot.adapters.files import MAX_BYTES, MAX_FILES, read_rules
from p2pbot.errors import ConfigError


def test_a_directory_is_its_yaml_files_in_order_of_names(tmp_path: Path) -> None:
    """No subdirectories, no hidden files, nothing else."""
    for name in ("b.yaml", "a.yml", ".hidden.yaml", "notes.txt", "PAUSE"):
        (tmp_path / name).write_text(name, "utf-8")
    (tmp_path / "old.yaml").mkdir()
    assert read_rules(tmp_path) == {str(tmp_path / "a.yml"): "a.yml", str(tmp_path / "b.yaml"): "b.yaml"}


def test_a_file_is_itself(tmp_path: Path) -> None:
    """Whatever it is called."""
    file = tmp_path / "rules.txt"
    file.write_text("version: 1", "utf-8")
    assert read_rules(file) == {str(file): "version: 1"}


def test_a_file_that_cannot_be_used_is_named_with_the_reason(tmp_path: Path) -> None:
    """Missing, not text, too large, or an empty directory."""
    (tmp_path / "bad.yaml").write_bytes(b"a: b\nc: \xff\n")
    (tmp_path / "large").write_bytes(b"x" * (MAX_BYTES + 1))
    (tmp_path / "empty").mkdir()
    expected = {
        "none": "No such file",
        "bad.yaml": "bad.yaml:2: not UTF-8",
        "large": "more than",
        "empty": "no rule file",
    }
    for name, reason in expected.items():
        with pytest.raises(ConfigError, match=reason):
            read_rules(tmp_path / name)


def test_no_more_files_are_read_than_tell_that_they_are_too_many(tmp_path: Path) -> None:
    """The loader refuses them; memory is bounded before."""
    for number in range(MAX_FILES + 5):
        (tmp_path / f"{number:03}.yaml").touch()
    assert len(read_rules(tmp_path)) == MAX_FILES + 1
