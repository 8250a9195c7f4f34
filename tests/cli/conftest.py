"""A place with a configuration, and the command line called in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from p2pbot.adapters.lease import FileLease
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.cli import main

CONFIG = "version: 1\naccounts:\n  - {name: main, api_key_file: k, api_secret_file: s}\n"
# The example keys of the exchange's public API documentation.
API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
API_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"


@dataclass(frozen=True)
class Place:
    """A directory with ``config.yaml``, keys and rules."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.path / "config.yaml"

    @property
    def state(self) -> Path:
        """The state directory; it does not exist at first."""
        return self.path / "state"

    def with_store(self, work: Callable[[SqliteStore], Coroutine[Any, Any, None]]) -> None:
        """Do ``work`` with the store, as the daemon would, and close it."""

        async def run() -> None:
            with FileLease(self.state) as lease:
                store = await SqliteStore.open(self.state / "p2pbot.sqlite3", lease)
                try:
                    await work(store)
                finally:
                    await store.close()

        asyncio.run(run())

    def files(self) -> dict[str, bytes]:
        """Return every file below with its content."""
        return {str(path): path.read_bytes() for path in sorted(self.path.rglob("*")) if path.is_file()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return a place that is right."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    for name, secret in (("k", API_KEY), ("s", API_SECRET)):
        (tmp_path / name).write_text(secret + "\n")
        (tmp_path / name).chmod(0o600)
    rules = tmp_path / "rules"
    rules.mkdir()
    rule = "version: 1\nrules:\n  - id: hello\n    words: [hello]\n    reply: Hello!\n"
    (rules / "10-hello.yaml").write_text(rule)
    return Place(tmp_path)


@pytest.fixture
def p2pbot(place: Place, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return the command line, called in the place without the caller's environment."""
    monkeypatch.chdir(place.path)
    for name in ("P2PBOT_CONFIG", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: main(list(arguments))
