"""The file of open ids on disk: seen when it changes, harmless when it is wrong, written whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from p2pbot.adapters.open_ids import OpenIdTable, load_open_ids, remember_order
from p2pbot.config.open_ids import MAX_BYTES
from p2pbot.errors import ConfigError
from tests.fakes.world import Recorder


def customers(*lines: str) -> str:
    """Return a file with these lines."""
    return "customers:\n" + "".join(f"  - {{{line}}}\n" for line in lines)


def test_a_change_is_seen_at_the_next_look(tmp_path: Path) -> None:
    """A file that comes, changes and goes is followed without a restart."""
    file, told = tmp_path / "ids.yaml", Recorder()
    table = OpenIdTable(file, "main", told)
    assert table.open_id("1", "ann") == ""
    file.write_text(customers("order: '1', open_id: oA"))
    assert table.open_id("1", "ann") == "oA"
    file.write_text(customers("order: '1', open_id: oBB"))
    assert table.open_id("1", "ann") == "oBB"
    file.unlink()
    assert table.open_id("1", "ann") == ""
    assert told.events == []


@pytest.mark.parametrize(
    "content",
    [b"customers: [", b"customers: 5", b"\xff\xfe", b"#" * (MAX_BYTES + 1)],
    ids=["yaml", "shape", "bytes", "large"],
)
def test_a_wrong_file_means_that_nobody_is_known_and_is_said_once(tmp_path: Path, content: bytes) -> None:
    """Rules that ask are silent; the log has one warning for each change, without a word of the file."""
    file, told = tmp_path / "ids.yaml", Recorder()
    file.write_bytes(content)
    table = OpenIdTable(file, "main", told)
    assert [table.open_id("1", "ann") for _ in range(3)] == ["", "", ""]
    ((event, values),) = told.events
    assert (event, values["account"]) == ("open_ids_refused", "main")
    assert not any("customers" in str(value) for value in values.values())


def test_a_directory_in_its_place_is_a_wrong_file_too(tmp_path: Path) -> None:
    """Whatever stands there, a decision is not harmed."""
    told = Recorder()
    (tmp_path / "ids.yaml").mkdir()
    assert OpenIdTable(tmp_path / "ids.yaml", "main", told).open_id("1", "ann") == ""
    assert len(told.events) == 1


def test_an_order_is_remembered_in_a_new_file_for_its_owner_alone(tmp_path: Path) -> None:
    """The file says who somebody is: mode 0600."""
    file = tmp_path / "ids.yaml"
    remember_order(file, "77", "oC")
    assert load_open_ids(file).find("77", "") == "oC"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["ids.yaml"]  # noqa: PTH208 - no draft is left


def test_an_order_is_added_to_a_file_that_a_person_wrote(tmp_path: Path) -> None:
    """Its lines and its mode stay."""
    file = tmp_path / "ids.yaml"
    text = "# ours\n" + customers("nickname: ann, open_id: oA")
    file.write_text(text)
    file.chmod(0o640)
    remember_order(file, "77", "oC")
    assert file.read_text().startswith(text)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert OpenIdTable(file, "main", Recorder()).open_id("77", "x") == "oC"


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A directory that is not there is a matter of the configuration."""
    with pytest.raises(ConfigError, match="cannot be written"):
        remember_order(tmp_path / "nowhere" / "ids.yaml", "77", "oC")
