"""The world of each fault test. ``P2PBOT_FAULTS=all`` also runs those that are long, and those that vary a theme."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.stage import Script
from tests.faults.namespace import Network, own_network
from tests.faults.trial import SCRIPT, Trial, opened


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests out unless they are asked for."""
    if os.environ.get("P2PBOT_FAULTS") == "all":
        return
    long = [item for item in items if item.get_closest_marker("long")]
    items[:] = [item for item in items if item not in long]
    config.hook.pytest_deselected(items=long)


@pytest.fixture
def script() -> Script:
    """How the world is set; modules have their own where they need another."""
    return SCRIPT


@pytest.fixture
async def trial(request: pytest.FixtureRequest, tmp_path: Path, script: Script) -> AsyncIterator[Trial]:
    """A world with a chaos proxy before REST and one before the chat."""
    async with opened(tmp_path, _name(request), script) as made:
        yield made


@pytest.fixture
def network() -> Iterator[Network]:
    """A network of the test's own; entered before the world's sockets are opened."""
    with own_network() as network:
        yield network


@pytest.fixture
async def walled(
    network: Network, request: pytest.FixtureRequest, tmp_path: Path, script: Script
) -> AsyncIterator[Trial]:
    """A world inside that network."""
    assert network is not None
    async with opened(tmp_path, _name(request), script) as made:
        yield made


def _name(request: pytest.FixtureRequest) -> str:
    name: str = request.node.nodeid
    return name.removeprefix("tests/faults/")
