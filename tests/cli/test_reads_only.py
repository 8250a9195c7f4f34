"""What only looks changes nothing: no file appears, none goes, none is written to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from p2pbot.adapters.sqlite import SqliteStore
from tests.cli.conftest import Place
from tests.fakes.records import ORDER, claim, entry, reply

LOOKS = (
    ("check",),
    ("status",),
    ("status", "--json"),
    ("health",),
    ("why", ORDER),
    ("outbox", "list"),
    ("outbox", "list", ORDER),
    ("outbox", "drop", "1"),
    ("forget", ORDER),
    ("send", ORDER, "hello"),
    ("rules", "check"),
    ("rules", "test"),
    ("rules", "list"),
    ("rules", "stats"),
    ("rules", "unanswered"),
    ("rules", "explain", "hello"),
)
Trace = dict[str, tuple[int, int, bytes]]


def trace(directory: Path) -> Trace:
    """Return of every file and directory below: when it was last changed, its mode, its content."""
    found: Trace = {}
    for path in sorted((directory, *directory.rglob("*"))):
        status = path.stat()
        found[str(path)] = (status.st_mtime_ns, status.st_mode, path.read_bytes() if path.is_file() else b"")
    return found


async def _one_answer(store: SqliteStore) -> None:
    await store.claim(claim(entry("1"), reply("u1")))


@pytest.mark.parametrize("arguments", LOOKS, ids=" ".join)
def test_a_look_leaves_the_state_directory_as_it_was(
    place: Place, p2pbot: Callable[..., int], arguments: tuple[str, ...]
) -> None:
    """Also no write-ahead log and no index of one, which SQLite makes for a reader if it is let."""
    place.with_store(_one_answer)
    before = trace(place.path)
    p2pbot(*arguments)
    assert trace(place.path) == before


@pytest.mark.parametrize("arguments", LOOKS, ids=" ".join)
def test_a_look_makes_no_state_directory(place: Place, p2pbot: Callable[..., int], arguments: tuple[str, ...]) -> None:
    """Where the daemon never ran nothing begins to be."""
    before = trace(place.path)
    p2pbot(*arguments)
    assert trace(place.path) == before


@pytest.mark.parametrize("arguments", [("check",), ("status",), ("why", ORDER), ("rules", "stats")], ids=" ".join)
def test_a_look_beside_a_daemon_adds_and_writes_nothing(
    place: Place, p2pbot: Callable[..., int], arguments: tuple[str, ...]
) -> None:
    """The log that is there is read; its index, which is shared memory, is no state."""
    seen: list[tuple[Trace, Trace]] = []

    async def beside(store: SqliteStore) -> None:
        await _one_answer(store)
        before = trace(place.state)
        await asyncio.to_thread(p2pbot, *arguments)
        seen.append((before, trace(place.state)))

    place.with_store(beside)
    before, after = ({name: told for name, told in one.items() if not name.endswith("-shm")} for one in seen[0])
    assert after == before
