"""The store suite runs twice: on the fake in memory and on the real file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.ports import Store
from tests.fakes.store import MemoryStore, SwitchedLease


class StoreWorld(ABC):
    """A store, the lease it asks, and a way to start it again on the same disk."""

    store: Store

    def __init__(self) -> None:
        self.lease = SwitchedLease()

    @abstractmethod
    async def restart(self) -> Store:
        """Close the store and return a new one on the same disk."""


class MemoryWorld(StoreWorld):
    """The fake."""

    def __init__(self) -> None:
        super().__init__()
        self.store = self._memory = MemoryStore(self.lease)

    async def restart(self) -> Store:
        """Return a new store on the same disk."""
        self.store = self._memory = self._memory.reopened()
        return self.store


class SqliteWorld(StoreWorld):
    """The real one."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    async def start(self) -> Store:
        """Open the file."""
        self.store = await SqliteStore.open(self._path, self.lease)
        return self.store

    async def restart(self) -> Store:
        """Close and open the file again."""
        await self.store.close()
        return await self.start()


@pytest.fixture(params=["memory", "sqlite"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StoreWorld]:
    """Give each kind of store in turn."""
    if request.param == "memory":
        yield MemoryWorld()
        return
    real = SqliteWorld(tmp_path / "state" / "state.db")
    await real.start()
    yield real
    await real.store.close()


@pytest.fixture
def store(world: StoreWorld) -> Store:
    """Give the store alone."""
    return world.store
