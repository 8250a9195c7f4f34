"""The archive of received pictures: a directory for each order, for the owner alone, with a bound and an end."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from p2pbot.adapters.picture_archive import DiskArchive
from p2pbot.errors import StateUnwritable
from tests.fakes.pictures import JPEG, png

NOW_MS = 1_767_600_000_000
DAY_MS = 86_400_000
ORDER = "20476365073825144832"


def name(number: int) -> str:
    """Return a picture's name."""
    return f"20260105T100000Z-{number}"


def archive(root: Path, *, most_bytes: int = 10_000_000) -> DiskArchive:
    """Return an archive that keeps pictures for ten days."""
    return DiskArchive(root / "archive", keep_ms=10 * DAY_MS, most_bytes=most_bytes)


def aged(root: Path) -> list[str]:
    """Make each file a day older than the next in the order of names; return the names."""
    found = sorted(path for path in (root / "archive").rglob("*") if path.is_file())
    for at, path in enumerate(found):
        changed_s = (NOW_MS - (len(found) - at) * DAY_MS) / 1000
        os.utime(path, (changed_s, changed_s))
    return [path.name for path in found]


async def test_a_picture_is_kept_by_order_under_its_true_ending(tmp_path: Path) -> None:
    """0600 in 0700, and it is known afterwards."""
    kept = archive(tmp_path)
    await kept.keep(ORDER, name(1), JPEG)
    path = tmp_path / "archive" / ORDER / f"{name(1)}.jpg"
    assert path.read_bytes() == JPEG
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]
    assert await kept.has(ORDER, name(1))
    assert not await kept.has(ORDER, name(2))


@pytest.mark.parametrize("order_no", ["../../etc", "/etc", "..", "", "a/b", "x" * 400])
async def test_no_order_number_leads_out_of_the_archive(tmp_path: Path, order_no: str) -> None:
    """Numbers come from outside."""
    await archive(tmp_path).keep(order_no, name(1), JPEG)
    (found,) = aged(tmp_path)
    assert found == f"{name(1)}.jpg"


async def test_what_is_too_old_is_forgotten(tmp_path: Path) -> None:
    """With drafts of old runs and directories that become empty; a day more is a day more."""
    kept = archive(tmp_path)
    for number in range(1, 4):
        await kept.keep(ORDER, name(number), JPEG)
    await kept.keep("another", name(9), JPEG)
    (tmp_path / "archive" / ORDER / f".{name(0)}.jpg.part").write_bytes(b"half")
    assert len(aged(tmp_path)) == 5
    assert await kept.prune(NOW_MS + 6 * DAY_MS + DAY_MS // 2) == 2
    assert await kept.prune(NOW_MS + 100 * DAY_MS) == 3
    assert list((tmp_path / "archive").iterdir()) == []


async def test_nothing_else_is_ever_deleted(tmp_path: Path) -> None:
    """A person's own file, a link, and what a link points to stay."""
    kept = archive(tmp_path)
    await kept.keep(ORDER, name(1), JPEG)
    folder = tmp_path / "archive" / ORDER
    victim = tmp_path / f"{name(5)}.jpg"
    victim.write_bytes(b"mine")
    (folder / f"{name(5)}.jpg").symlink_to(victim)
    (folder / "notes.txt").write_text("mine")
    (tmp_path / "archive" / "linked").symlink_to(tmp_path)
    aged(tmp_path)
    assert await kept.prune(NOW_MS + 1000 * DAY_MS) == 1
    assert victim.read_bytes() == b"mine"
    assert (folder / "notes.txt").exists()


async def test_the_oldest_make_room(tmp_path: Path) -> None:
    """The bound holds, over a restart too, and the newest stay."""
    picture = png(data=bytes(10_000))
    for _ in range(2):
        kept = archive(tmp_path, most_bytes=5 * len(picture))
        for number in range(10, 19):
            await kept.keep(ORDER, name(number), picture)
            aged(tmp_path)
    found = aged(tmp_path)
    assert 3 <= len(found) <= 5
    assert found == [f"{name(number)}.png" for number in range(19 - len(found), 19)]
    assert sum(path.stat().st_size for path in (tmp_path / "archive").rglob("*.png")) <= 5 * len(picture)


async def test_a_disk_that_does_not_take_it_is_told(tmp_path: Path) -> None:
    """As ours, with the path."""
    (tmp_path / "archive").write_bytes(b"a file in its place")
    with pytest.raises(StateUnwritable, match="archive"):
        await archive(tmp_path).keep(ORDER, name(1), JPEG)
    with pytest.raises(StateUnwritable, match="archive"):
        await archive(tmp_path).prune(NOW_MS)
