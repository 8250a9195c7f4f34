"""The state directory fails: full, read-only, damaged, newer, taken, gone. No reply without a durable claim."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.stage import QUICK
from tests.faults.disks import failing_disk, small_disk, why_not
from tests.faults.trial import LONG, Trial, some

DEADLINE_S = 60
NO_SMALL_DISK, NO_FAILING_DISK = why_not("small"), why_not("failing")


async def _ended(process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(DEADLINE_S):
        return await process.wait()


async def _answered_afterwards(trial: Trial, *, note: str = "") -> None:
    """Start once more: what is open is answered, once."""
    async with trial.process() as process:
        await trial.until_process_open(process)
        await trial.verdict(note=note)
        process.terminate()
        assert await _ended(process) == 0


async def _asked_until_it_ends(trial: Trial, process: asyncio.subprocess.Process) -> int:
    """Ask on while the state cannot be written; return the exit code. The write-ahead log may have room for some."""
    async with asyncio.timeout(DEADLINE_S):
        while process.returncode is None:
            await trial.ask()
            await asyncio.sleep(0.2)
    return await process.wait()


@pytest.mark.skipif(bool(NO_SMALL_DISK), reason=f"not possible here: {NO_SMALL_DISK}")
async def test_disk_full(trial: Trial) -> None:
    """A full disk ends the daemon with exit code 1 and a sentence; nothing is said that is not written down."""
    with small_disk(trial.scene.store.parent) as disk:
        async with trial.process() as process:
            await trial.until_process_open(process)
            await trial.ask()
            await trial.until_answered()
            trial.begin()
            disk.fill()
            assert await _asked_until_it_ends(trial, process) == 1
            assert trial.said("ended", "the disk is full")
        disk.fill()  # the end may have moved the write-ahead log into the database, which made room for some answers
        async with trial.process() as process:
            assert await _asked_until_it_ends(trial, process) == 1, "a service manager must try again"
            assert "Traceback" not in trial.log()
        disk.make_room()
        await _answered_afterwards(
            trial, note="exit code 1, also when started on the full disk; works when there is room"
        )


@LONG
async def test_file_size_limit(trial: Trial) -> None:
    """A limit on the size of files (quota, ulimit) is met like a full disk."""
    async with trial.process("sh", "-c", 'ulimit -f 600; exec "$@"', "sh") as process:
        await trial.until_process_open(process)
        trial.begin()
        assert await _asked_until_it_ends(trial, process) == 1
    assert trial.said("ended", "cannot be written")
    await _answered_afterwards(trial)


@pytest.mark.skipif(bool(NO_FAILING_DISK), reason=f"not possible here: {NO_FAILING_DISK}")
async def test_disk_goes_read_only(trial: Trial, tmp_path: Path) -> None:
    """A device that fails under the daemon ends it, with the reason; nothing is said that is not written down."""
    place, image = trial.scene.store.parent, tmp_path / "image"
    with failing_disk(place, image) as disk:
        async with trial.process() as process:
            await trial.until_process_open(process)
            await trial.ask()
            await trial.until_answered()
            trial.begin()
            disk.break_off()
            assert await _asked_until_it_ends(trial, process) == 1
            assert trial.said("ended", "cannot be written") or trial.said("ended", "read-only")
    with failing_disk(place, image):
        await _answered_afterwards(trial)


@contextmanager
def _read_only(state: Path) -> Iterator[None]:
    """Make the state directory one that cannot be written: by its mount for root, by its mode for anybody else."""
    if os.geteuid() == 0:
        with small_disk(state) as disk:
            disk.protect()
            yield
    else:
        state.mkdir(mode=0o500, exist_ok=True)
        try:
            yield
        finally:
            state.chmod(0o700)


@pytest.mark.skipif(os.geteuid() == 0 and bool(NO_SMALL_DISK), reason=f"not possible here: {NO_SMALL_DISK}")
async def test_start_on_a_read_only_state_directory(trial: Trial) -> None:
    """A state directory that cannot be written ends the start with exit code 1 and a remedy; nothing is answered."""
    trial.begin()
    await trial.ask()
    with _read_only(trial.scene.store.parent):
        async with trial.process() as process:
            assert await _ended(process) == 1
    last = trial.log().splitlines()[-1]
    assert "cannot be used" in last
    assert "must be a directory on a local disk" in last
    assert "Traceback" not in trial.log()
    assert not trial.scene.box.world.connects("main")
    await _answered_afterwards(trial, note="exit code 1: a service manager tries again")


def _overwritten(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _cut_in_place(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _emptied_in_place(path: Path) -> None:
    os.truncate(path, 0)


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "overwritten": (_overwritten, "is damaged"),
    "cut_short": (_cut_short, "is damaged"),
    "emptied": (_emptied, "is damaged"),
    "of_a_newer_version": (_newer, "has schema 99"),
}


@pytest.mark.parametrize("kind", some(DAMAGE, "overwritten", "of_a_newer_version"))
async def test_database(trial: Trial, kind: str) -> None:
    """A database that cannot be read is refused with exit code 78 and left as it is; put back, it works."""
    async with trial.process() as process:
        await trial.until_process_open(process)
        await trial.ask()
        await trial.until_answered()
        process.terminate()
        assert await _ended(process) == 0
    trial.begin()
    damage, words = DAMAGE[kind]
    good = trial.scene.store.read_bytes()
    damage(trial.scene.store)
    bad = trial.scene.store.read_bytes()
    async with trial.process() as process:
        assert await _ended(process) == 78
    assert trial.scene.store.read_bytes() == bad
    last = trial.log().splitlines()[-1]
    assert words in last
    assert words != "is damaged" or f"{trial.scene.store.name}-wal" in last, "the remedy names the files as they are"
    assert "Traceback" not in trial.log()
    trial.scene.store.write_bytes(good)
    await trial.ask()
    await _answered_afterwards(trial, note="exit code 78; the file is not touched")


DAMAGE_WHILE_OPEN: dict[str, Callable[[Path], None]] = {
    "overwritten": _overwritten,
    "cut_short": _cut_in_place,
    "emptied": _emptied_in_place,
}


@pytest.mark.parametrize("kind", some(DAMAGE_WHILE_OPEN, "overwritten", "emptied"))
async def test_database_damaged_while_running(trial: Trial, tmp_path: Path, kind: str) -> None:
    """Damage that memory still hides ends the daemon, with the reason; the next start refuses the file as it is."""
    trial.scene.script = replace(trial.scene.script, timings=f"{QUICK}state_check: 1s\n")
    trial.scene.write()
    store, copy = trial.scene.store, tmp_path / "copy.sqlite3"
    async with trial.process() as process:
        await trial.until_process_open(process)
        await trial.ask(3)
        await trial.until_answered()
        with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(copy)) as target:
            source.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # else the log hides what lies under it
            source.backup(target)
        trial.begin()
        DAMAGE_WHILE_OPEN[kind](store)
        assert await _ended(process) == 1
    assert trial.said("ended", "is damaged")
    assert trial.said("operator.notice", "is damaged")
    async with trial.process() as process:
        assert await _ended(process) == 78
    for path in (store, store.with_name(f"{store.name}-wal"), store.with_name(f"{store.name}-shm")):
        path.unlink(missing_ok=True)
    copy.rename(store)
    await trial.ask()
    await _answered_afterwards(trial, note="exit code 1 within `state_check` (1 h), then 78; put back, it goes on")


async def test_database_locked_by_another_program(trial: Trial) -> None:
    """A database browser that holds the file for long ends the daemon with exit code 1; the next start goes on."""
    async with trial.process() as process:
        await trial.until_process_open(process)
        await trial.ask()
        await trial.until_answered()
        trial.begin()
        with closing(sqlite3.connect(trial.scene.store, isolation_level=None)) as browser:
            browser.execute("BEGIN IMMEDIATE")
            assert await _asked_until_it_ends(trial, process) == 1
            browser.execute("ROLLBACK")
    assert trial.said("ended", "locked")
    await _answered_afterwards(trial)


async def test_two_daemons_on_one_state_directory(trial: Trial) -> None:
    """The second one is refused with exit code 78 and the first one's process id; the first goes on."""
    async with trial.process() as first:
        await trial.until_process_open(first)
        trial.begin()
        async with trial.process() as second:
            assert await _ended(second) == 78
        assert f"in use by another p2pbot (process {first.pid})" in trial.log()
        await trial.ask(2)
        await trial.verdict(note="the second one ends with exit code 78, the first goes on")
        first.terminate()
        assert await _ended(first) == 0


@pytest.mark.parametrize("what", some(["lock", "directory"], "lock"))
async def test_state_removed_while_running(trial: Trial, tmp_path: Path, what: str) -> None:
    """A daemon whose lock or directory is taken away says nothing more, and says why."""
    state = trial.scene.store.parent
    async with trial.process() as process:
        await trial.until_process_open(process)
        await trial.ask()
        await trial.until_answered()
        trial.begin()
        if what == "lock":
            (state / "lock").unlink()
        else:
            state.rename(tmp_path / "elsewhere")
        before = len(trial.scene.box.world.received("main"))
        await trial.ask()
        await trial.until(lambda: trial.said("operator.notice", "lock"), "the operator is told")
        assert len(trial.scene.box.world.received("main")) == before
        process.terminate()
        assert await _ended(process) == 0
    if what == "directory":
        (tmp_path / "elsewhere").rename(state)
    await _answered_afterwards(trial)
