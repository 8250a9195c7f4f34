"""Every toxic of the chaos proxy, on the chat and on REST: slow, thin, sliced, cut and reset connections."""

from __future__ import annotations

import pytest

from p2pbot.sandbox import Fault
from tests.faults.proxy import (
    Bandwidth,
    ChaosProxy,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Stream,
    Timeout,
    Toxic,
)
from tests.faults.trial import Trial, some

UP, DOWN = Stream.UP, Stream.DOWN
TOXICS: dict[str, tuple[Toxic, ...]] = {
    "latency": (Latency(stream=UP, latency_s=0.3, jitter_s=0.2), Latency(stream=DOWN, latency_s=0.3, jitter_s=0.2)),
    "bandwidth": (Bandwidth(stream=UP, rate_bytes=4000), Bandwidth(stream=DOWN, rate_bytes=4000)),
    "slow_close": (SlowClose(stream=UP, delay_s=1.5), SlowClose(stream=DOWN, delay_s=1.5)),
    "timeout": (Timeout(stream=DOWN, timeout_s=0.5),),
    "timeout_upstream": (Timeout(stream=UP, timeout_s=0.5),),
    "reset_peer": (ResetPeer(timeout_s=0.3),),
    "slicer": (
        Slicer(stream=UP, average_bytes=40, variation_bytes=39),
        Slicer(stream=DOWN, average_bytes=40, variation_bytes=39),
    ),
    "limit_data": (LimitData(stream=DOWN, limit_bytes=3000),),
    "half_of_them_reset": (ResetPeer(toxicity=0.5),),
}
CUTS = {"timeout", "timeout_upstream", "reset_peer"}


@pytest.mark.parametrize("name", TOXICS)
async def test_chat_through_a_toxic_connection(trial: Trial, name: str) -> None:
    """However bad the chat's connection is, each question is answered once."""
    async with trial.daemon():
        trial.chat.add(*TOXICS[name])
        await trial.ask(2)
        if name in CUTS:
            await trial.until(lambda: trial.said("chat_down"), "the chat is cut")
        await trial.scene.box.inject(Fault("close", account="main"))
        await trial.until(lambda: trial.said("chat_down"), "the chat is closed")
        await trial.ask(2)
        if name == "limit_data":
            await trial.until(lambda: trial.connects(101) > 1, "the chat is cut again")
        elif name not in CUTS:
            await trial.until_answered()
        trial.chat.heal()
        await trial.ask()
        await trial.verdict()


@pytest.mark.parametrize("name", some(TOXICS, "latency", "reset_peer", "limit_data"))
async def test_rest_through_a_toxic_connection(trial: Trial, name: str) -> None:
    """However bad the connection for requests is, each question is answered once."""
    async with trial.daemon():
        trial.rest.add(*TOXICS[name])
        await trial.scene.box.inject(Fault("drop", account="main"))
        await trial.ask(2)
        await _used(trial, trial.rest)
        await trial.ask()
        if name not in CUTS | {"limit_data"}:
            await trial.until_answered()
        trial.rest.heal()
        await trial.ask()
        await trial.verdict()


async def _used(trial: Trial, proxy: ChaosProxy) -> None:
    """Wait until requests went, or were to go, through the bad connection."""
    carried = proxy.carried[UP] + proxy.carried[DOWN]
    await trial.until(
        lambda: proxy.carried[UP] + proxy.carried[DOWN] > carried + 2000 or trial.said("chat_down", "127.0.0.1"),
        "requests pass or fail",
    )
