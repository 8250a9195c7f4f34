"""The lock on the state directory, against real processes."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from p2pbot.adapters.lease import FileLease
from p2pbot.errors import StateError, StateLocked, StateUnwritable

HOLDER = """
import sys
from pathlib import Path
from p2pbot.adapters.lease import FileLease
with FileLease(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(state_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """Run another process that holds the directory until its stdin ends."""
    with subprocess.Popen(  # noqa: S603 – our own program above
        [sys.executable, "-c", HOLDER, str(state_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_it_is_held_for_every_account(tmp_path: Path) -> None:
    """Who has the directory may act for all its accounts, until it is closed."""
    lease = FileLease(tmp_path)
    assert lease.held("main")
    assert lease.held("second")
    lease.close()
    lease.close()
    assert not lease.held("main")


def test_directory_and_file_are_private(tmp_path: Path) -> None:
    """A directory that is made is 0700 and the lock 0600, with the process id inside."""
    with FileLease(tmp_path / "deep" / "state"):
        assert (tmp_path / "deep" / "state").stat().st_mode & 0o777 == 0o700
        lock = tmp_path / "deep" / "state" / "lock"
        assert lock.stat().st_mode & 0o777 == 0o600
        assert lock.read_text() == f"{os.getpid()}\n"


def test_the_last_holders_pid_is_overwritten_whole(tmp_path: Path) -> None:
    """What an earlier process left in the lock is gone."""
    (tmp_path / "lock").write_text("12345678901234567890\n")
    with FileLease(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_second_holder_is_refused_with_the_first_ones_pid(tmp_path: Path) -> None:
    """A directory in use is refused in a sentence that names the process."""
    with (
        holder(tmp_path) as other,
        pytest.raises(StateLocked, match=rf"in use by another p2pbot \(process {other.pid}\)"),
    ):
        FileLease(tmp_path)


def test_refusal_within_one_process(tmp_path: Path) -> None:
    """Two leases of one process exclude each other too, and the refusal costs the first one nothing."""
    with FileLease(tmp_path) as first:
        with pytest.raises(StateLocked):
            FileLease(tmp_path)
        assert first.held("main")
    with FileLease(tmp_path) as again:
        assert again.held("main")


def test_killed_holder_leaves_no_stale_lock(tmp_path: Path) -> None:
    """After kill -9 of the holder the directory is free at once."""
    with holder(tmp_path) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
        with FileLease(tmp_path) as lease:
            assert lease.held("main")


def test_a_child_process_does_not_inherit_it(tmp_path: Path) -> None:
    """A program that we start and that outlives us does not keep the directory."""
    lease = FileLease(tmp_path)
    command = [sys.executable, "-c", "print('up', flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False) as child:  # noqa: S603 – our own words
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        lease.close()
        with FileLease(tmp_path) as again:
            assert again.held("main")
        child.communicate(b"\n")


def test_removed_lock_is_a_lost_lease(tmp_path: Path) -> None:
    """When somebody removes the lock file, another process could take the directory: we no longer hold it."""
    with FileLease(tmp_path) as lease:
        (tmp_path / "lock").unlink()
        assert not lease.held("main")
        with FileLease(tmp_path) as other:
            assert other.held("main")
            assert not lease.held("main")


class Raced(FileLease):
    """A lease whose lock file is removed by somebody right after it was locked, so many times."""

    removals = 0

    def _lock(self, handle: int) -> None:
        super()._lock(handle)
        if type(self).removals:
            type(self).removals -= 1
            self._path.unlink()


def test_a_lock_on_a_removed_file_is_not_taken_for_one(tmp_path: Path) -> None:
    """If the file is removed between opening and locking, the lease is taken on the file that is there."""
    Raced.removals = 2
    with Raced(tmp_path) as lease:
        assert lease.held("main")
        with pytest.raises(StateLocked):
            FileLease(tmp_path)


def test_a_lock_that_is_removed_for_ever_is_given_up(tmp_path: Path) -> None:
    """Somebody who keeps removing the file is told of, after a few tries."""
    Raced.removals = 1000
    with pytest.raises(StateError, match="removed again and again"):
        Raced(tmp_path)


def test_unknown_holder_is_said_plainly(tmp_path: Path) -> None:
    """A lock whose text is no process id still gives a sentence."""
    with FileLease(tmp_path):
        (tmp_path / "lock").write_text("\x00garbage")
        with pytest.raises(StateLocked, match="another process"):
            FileLease(tmp_path)


def test_not_a_directory(tmp_path: Path) -> None:
    """A file in the directory's place is StateUnwritable, and is left alone."""
    (tmp_path / "state").write_text("mine")
    with pytest.raises(StateUnwritable, match="cannot be used"):
        FileLease(tmp_path / "state")
    assert (tmp_path / "state").read_text() == "mine"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A symbolic link in the lock's place is refused: we would write into somebody's file."""
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(StateUnwritable):
        FileLease(tmp_path)
    assert (tmp_path / "victim").read_text() == "mine"


def test_who_only_asks_does_not_keep_a_daemon_from_starting(tmp_path: Path) -> None:
    """The shared lock of `p2pbot check` is gone after microseconds; a start in that moment waits for it."""
    FileLease(tmp_path).close()
    asking = os.open(tmp_path / "lock", os.O_RDONLY)
    fcntl.flock(asking, fcntl.LOCK_SH)
    waits: list[float] = []

    def pause(delay_s: float) -> None:
        waits.append(delay_s)
        if len(waits) == 2:
            os.close(asking)

    with FileLease(tmp_path, pause=pause) as lease:
        assert lease.held("main")
    assert len(waits) == 2


def test_a_lock_that_stays_is_refused_soon(tmp_path: Path) -> None:
    """A daemon that runs is no passing question: the second start ends after a tenth of a second."""
    waits: list[float] = []
    with FileLease(tmp_path), pytest.raises(StateLocked):
        FileLease(tmp_path, pause=waits.append)
    assert 0 < sum(waits) <= 0.1
