"""The canary: a secret that shows anywhere in a whole daemon's log, files or output fails the test that showed it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from p2pbot.model import Side
from p2pbot.sandbox import Fault, OrderSpec
from tests.e2e.stage import stage
from tests.fakes.canary import API_KEY, API_SECRET, credentials_in, secrets_in

CREDENTIALS = (
    API_KEY,
    f"x{API_SECRET}main",
    base64.b64encode(API_KEY.encode()).decode(),
    "wss://h/chat/c2c_0123456789abcdef0123456789abcdef_v2",
    "token=TOKEN0123456789abcdef0123456789abcdef",
    "https://h/upload/x?X-Amz-Date=1&X-Amz-Signature=0123",
    "/sapi/v1/x?timestamp=1&signature=0123456789abcdef",
)


@pytest.mark.parametrize("secret", CREDENTIALS)
def test_each_kind_of_secret_is_seen_and_not_repeated(secret: str) -> None:
    """Raw, in an address, or in base64; the finding shows what stands before it."""
    (place,) = secrets_in(f"some line {secret}")
    assert "some line" in place
    assert secret[-20:] not in place


def test_private_data_is_no_business_of_a_log() -> None:
    """A name and a bank line are told apart from credentials: the store keeps talk."""
    assert len(secrets_in("paid by SIMULATED PERSON 7, 0000-SIMULATED-1")) == 2
    assert credentials_in("paid by SIMULATED PERSON 7") == []


async def _shown_in(place: str, directory: Path) -> None:
    async with stage(directory) as scene:
        if place == "the log":
            scene.log.write("connecting to wss://h/c?token=TOKEN0123456789abcdef0123456789abcdef\n")
        else:
            (directory / "state").mkdir()
            (directory / "state" / "debug.log").write_text("TOKEN0123456789abcdef0123456789abcdef")


@pytest.mark.parametrize("place", ["the log", "a file"])
async def test_a_stage_refuses_a_secret_that_was_shown(tmp_path: Path, place: str) -> None:
    """Nobody need remember to look: the stage looks when it is taken down."""
    with pytest.raises(AssertionError, match="listen_token"):
        await _shown_in(place, tmp_path)


async def test_a_daemon_that_was_let_down_shows_no_secret(tmp_path: Path) -> None:
    """At the most talkative level, with a refused token, a lost socket and an answer that is none."""
    async with stage(tmp_path) as scene:
        await scene.box.inject(Fault("upgrade_status", account="main", status=401, count=1))
        await scene.box.inject(Fault("rest_garbage", account="main", count=2))
        async with scene.daemon():
            await scene.until_open()
            order = await scene.box.open_order("main", OrderSpec(side=Side.SELL))
            await scene.box.inject(Fault("drop", account="main"))
            await scene.box.say(order, "I paid")
            await scene.until(lambda: len(scene.bot_texts(order)) == 2, "greeting and answer")
        assert "chat_down" in scene.log.getvalue()
