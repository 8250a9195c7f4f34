"""A sandbox with an account of each kind of key, and foreign clients that use it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from p2pbot.sandbox import Sandbox
from tests.clients.foreign import PYTHON
from tests.sandbox.keys import ed25519_account, rsa_account
from tests.sandbox.peer import MAIN, options

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, where nobody asked for them or the clients are not installed."""
    if not os.environ.get("P2PBOT_CLIENTS"):
        reason = "clients of others, asked for by `make clients`"
    elif not PYTHON.exists():
        reason = "clients of others are not installed: `make clients` does it"
    else:
        return
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """Serve over TLS a plain world where spot's old listenKeys live on; each account has a futures order."""
    accounts = (MAIN, ed25519_account(), rsa_account())
    async with Sandbox(options(tmp_path, accounts=accounts, spot_listen_keys=True)) as running:
        for account in accounts:
            order = {"account": account.name, "symbol": "BTCUSDT", "client_order_id": "hedge-1", "price": "60000"}
            running.perform("place_futures_order", order)
        yield running
