"""A disk that is full, a directory that may not be written: said plainly, and over when it is over."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.adapters.sqlite.opening import open_owned
from p2pbot.conversation.records import Claim, ClaimResult
from p2pbot.errors import StateUnwritable
from tests.fakes.records import ORDER, claim, entry, reply
from tests.fakes.store import SwitchedLease

# A limit on the size of files is the full disk that every user can have: the kernel refuses the write itself.
NO_ROOM = """
import asyncio, resource, sys
from pathlib import Path
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.errors import StateUnwritable
from tests.fakes.records import ORDER, claim, entry, reply
from tests.fakes.store import SwitchedLease

def allow(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

async def until_full(store):
    for number in range(10_000):
        try:
            await store.claim(claim(entry(str(number)), reply(str(number))))
        except StateUnwritable as error:
            return number, str(error)

async def main(path):
    store = await SqliteStore.open(path, SwitchedLease())
    allow(300_000)
    number, sentence = await until_full(store)
    assert len(await store.inbox(ORDER, limit=10_000)) == number, "what was acknowledged can still be read"
    assert not await store.is_decided(entry(str(number))), "what was refused is not there"
    allow(resource.RLIM_INFINITY)
    print(await store.claim(claim(entry(str(number)), reply(str(number)))), sentence)
    await store.close()

asyncio.run(main(Path(sys.argv[1])))
"""

# Root may write anywhere, so the child becomes nobody before it tries. pathlib of 3.13 imports urllib when it needs it,
# and nobody may not read a Python that lies in root's home: so it is imported before.
FORBIDDEN = """
import asyncio, os, sys, urllib.parse
from pathlib import Path
from p2pbot.adapters.lease import FileLease
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.errors import StateUnwritable
from tests.fakes.store import SwitchedLease

async def main(directory):
    if os.geteuid() == 0:
        os.seteuid(65534)
    for attempt in (lambda: FileLease(directory), lambda: FileLease(directory / "new")):
        try:
            attempt()
        except StateUnwritable as error:
            print(error)
    for name in ("state.db", "other.db"):
        try:
            await SqliteStore.open(directory / name, SwitchedLease())
        except StateUnwritable as error:
            print(error)

asyncio.run(main(Path(sys.argv[1])))
"""


def child(program: str, path: Path) -> list[str]:
    """Run a program of ours and return the lines that it printed."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(  # noqa: S603 – the programs above
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_full_disk(tmp_path: Path) -> None:
    """Without room a claim is StateUnwritable and writes nothing; with room again the same store goes on."""
    (line,) = child(NO_ROOM, tmp_path / "state.db")
    assert line.startswith("claimed the state database ")
    assert "cannot be written" in line
    assert "free some space" in line


def talkative(number: int) -> Claim:
    """Return a claim with many replies."""
    return claim(entry(str(number)), *(reply(f"{number}/{at}") for at in range(20)))


async def claim_for_ever(store: SqliteStore) -> None:
    """Claim until something is raised."""
    for number in count():
        await store.claim(talkative(number))


async def test_a_database_at_its_largest(tmp_path: Path) -> None:
    """SQLite's own "full" is StateUnwritable, nothing half is left, and with room again the claim succeeds."""
    store = await SqliteStore.open(tmp_path / "state.db", SwitchedLease())

    async def most(pages: int) -> None:
        await store._worker.read(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone())

    await most(1)  # SQLite takes it as: no larger than it is
    with pytest.raises(StateUnwritable, match="the disk is full"):
        await claim_for_ever(store)
    number = len(await store.inbox(ORDER, limit=10_000))
    assert len(await store.outbox(ORDER, limit=10_000)) == 20 * number
    await most(1_000_000)
    assert await store.claim(talkative(number)) is ClaimResult.CLAIMED
    await store.close()


@pytest.fixture
def forbidden() -> Iterator[Path]:
    """Give a directory with a database that may be read and not written, outside pytest's private one."""
    directory = Path(tempfile.mkdtemp())
    open_owned(directory / "state.db").close()
    (directory / "state.db").chmod(0o444)
    directory.chmod(0o555)
    yield directory
    directory.chmod(0o700)
    shutil.rmtree(directory)


def test_a_directory_that_may_not_be_written(forbidden: Path) -> None:
    """Lease and store say that they may not write, and where; nothing appears in the directory."""
    before = (forbidden / "state.db").read_bytes()
    lines = child(FORBIDDEN, forbidden)
    assert len(lines) == 4
    assert all(str(forbidden) in line and "cannot be" in line for line in lines)
    assert [file.name for file in forbidden.iterdir()] == ["state.db"]
    assert (forbidden / "state.db").read_bytes() == before
