"""Another client uses the account's chat: the exchange says ``Bye`` to ours. The bot steps back, and says so."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect

from p2pbot.sandbox.gate import issue
from tests.faults.trial import Trial


@asynccontextmanager
async def _second_client(trial: Trial) -> AsyncIterator[ClientConnection]:
    """Open the account's chat as somebody else would who has the same key."""
    state = trial.scene.box.world._state
    credential = issue(state, state.account("main"))
    ca_file: Path | None = trial.scene.box.ca_file
    tls = ssl.create_default_context(cafile=ca_file)
    url = f"{credential['chatWssUrl']}/{credential['listenKey']}?token={credential['listenToken']}&clientType=web"
    async with connect(url, ssl=tls, proxy=None) as socket:
        yield socket


async def test_second_client_takes_the_chat(trial: Trial) -> None:
    """After a Bye the bot waits two minutes at least and tells the operator; it does not throw the other one out.

    What was asked meanwhile is answered by the next start.
    """
    async with trial.daemon(), _second_client(trial) as other:
        await trial.until(lambda: trial.said("operator.notice", "Another client"), "the operator is told")
        assert trial.scene.account().chat.session.wait_s >= 60
        await trial.ask()
        assert other.close_code is None
        assert trial.connects(101) == 1  # the other one's own
    async with trial.scene.daemon():
        await trial.scene.until_open()
        await trial.verdict(note="tried again after 1–2 minutes, then up to every quarter of an hour")


@pytest.mark.long
async def test_two_clients_that_both_come_back(trial: Trial) -> None:
    """Against a client that reconnects at once the bot steps back for longer each time; then it has the chat again."""
    async with trial.daemon():
        fighting = asyncio.create_task(_fighter(trial))
        await trial.ask()
        await trial.until(lambda: trial.said("operator.notice", "Another client"), "the operator is told")
        await trial.until(lambda: trial.said("chat_open"), "one more try", timeout_s=180)
        fighting.cancel()
        await asyncio.wait({fighting})
        ours = [line for line in trial.lines() if line["event"] == "chat_open"]
        assert len(ours) == 1
        await trial.until(lambda: trial.scene.account().chat.online, "the chat is ours again", timeout_s=400)
        await trial.verdict()


async def _fighter(trial: Trial) -> None:
    """Hold the chat for ever, coming back as soon as it is lost."""
    while True:
        async with _second_client(trial) as other:
            await other.wait_closed()
