"""The configuration file is read as it is, or a plain sentence says why not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from p2pbot.config import load_settings
from p2pbot.errors import ConfigError

TEXT = "version: 1\naccounts:\n  - {name: main, api_key_env: K, api_secret_env: S}\n"


def written(path: Path, data: str | bytes) -> Path:
    """Return ``path`` after writing ``data`` there."""
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """It does not matter where p2pbot is started."""
    settings = load_settings(written(tmp_path / "c.yaml", TEXT), {})
    assert (settings.accounts[0].rules, settings.state_dir) == (tmp_path / "rules", tmp_path / "state")


def test_a_relative_path_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file found by a relative name still gives absolute paths."""
    written(tmp_path / "c.yaml", TEXT)
    monkeypatch.chdir(tmp_path)
    assert load_settings(Path("c.yaml"), {}).accounts[0].rules == tmp_path / "rules"


@pytest.mark.parametrize(("given", "used"), [("/var/lib/p2pbot", "/var/lib/p2pbot"), ("/a:/b", "/a")])
def test_systemd_gives_the_state_directory(tmp_path: Path, given: str, used: str) -> None:
    """$STATE_DIRECTORY holds where the file names none; of several the first."""
    settings = load_settings(written(tmp_path / "c.yaml", TEXT), {"STATE_DIRECTORY": given})
    assert settings.state_dir == Path(used)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """Editors of Windows write one."""
    assert load_settings(written(tmp_path / "c.yaml", b"\xef\xbb\xbf" + TEXT.encode()), {}).accounts


def test_a_missing_file_says_how_to_start(tmp_path: Path) -> None:
    """The remedy names the example."""
    with pytest.raises(ConfigError, match=r"there is no configuration file .*copy config\.example\.yaml"):
        load_settings(tmp_path / "c.yaml", {})


def test_a_directory_is_not_a_file(tmp_path: Path) -> None:
    """Nor is a pipe, which would be waited for without end."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ConfigError, match="is not a file"):
            load_settings(path, {})


def test_a_file_of_another_encoding_is_told_its_line(tmp_path: Path) -> None:
    """The line of the first odd byte is named."""
    with pytest.raises(ConfigError, match=r"c\.yaml:2: a character that is not UTF-8"):
        load_settings(written(tmp_path / "c.yaml", b"version: 1\n# \xe9t\xe9\n"), {})


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    """A file of another kind is not read whole."""
    with pytest.raises(ConfigError, match="more than 256 KiB"):
        load_settings(written(tmp_path / "c.yaml", b"#" * 300_000), {})


def test_an_impossible_name_is_refused() -> None:
    """A name with a NUL is no file name."""
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(Path("a\0b"), {})


def test_nothing_is_written(tmp_path: Path) -> None:
    """Loading a good or a bad file changes nothing on disk."""
    good, bad = written(tmp_path / "good", TEXT), written(tmp_path / "bad", "x: [")
    load_settings(good, {})
    with pytest.raises(ConfigError):
        load_settings(bad, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "good"]
