"""SIGTERM in every state: exit code 0 within the budget, and the next start owes nobody an answer.

The budget of these tests is 3 s to settle and 2 s to close; what hangs longer than that is named in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from p2pbot.sandbox import Fault
from tests.faults.proxy import Bandwidth, Stream, Timeout
from tests.faults.trial import Trial, some

DEADLINE_S = 30  # generous: the budget is 5 s, the rest is a busy machine


async def _connecting(trial: Trial) -> None:
    """The handshake hangs."""
    trial.hold_handshakes()
    trial.chat.cut()
    before = trial.chat.accepted
    await trial.until(lambda: trial.chat.accepted > before, "it connects")


async def _authorising(trial: Trial) -> None:
    """The credential does not come."""
    trial.rest.add(Timeout())
    trial.chat.cut()
    await trial.until(lambda: trial.said("chat_down"), "the chat is lost")


async def _backing_off(trial: Trial) -> None:
    """The chat's port is shut."""
    await trial.chat.down()
    await trial.until(lambda: trial.said("chat_down", "refuses the connection"), "it waits for the next try")
    await trial.ask()


async def _open_idle(trial: Trial) -> None:
    """Nothing is going on."""
    assert trial.scene.box.world.connects("main")


async def _reply_in_flight(trial: Trial) -> None:
    """A reply has left and its echo is late."""
    await trial.scene.box.inject(Fault("delay", account="main", delay_ms=1500))
    before = len(trial.scene.box.world.received("main"))
    await trial.ask()
    await trial.until(lambda: len(trial.scene.box.world.received("main")) > before, "a reply has left")


async def _reply_in_doubt(trial: Trial) -> None:
    """A reply has left and was swallowed; nobody will ever confirm it."""
    await trial.scene.box.inject(Fault("swallow", account="main"))
    await trial.ask()
    await trial.until(lambda: trial.said("reply", '"no_echo"'), "a reply is in doubt")
    await trial.scene.box.clear_faults()


async def _catching_up(trial: Trial) -> None:
    """The history is read, slowly."""
    trial.rest.add(Bandwidth(stream=Stream.DOWN, rate_bytes=4000))
    before = len(trial.scene.box.world.rest_calls("main", "retrieveChatMessagesWithPagination"))
    await trial.scene.box.inject(Fault("drop", account="main"))
    await trial.ask(2)
    await trial.until(
        lambda: len(trial.scene.box.world.rest_calls("main", "retrieveChatMessagesWithPagination")) > before,
        "the history is asked for",
    )


async def _rest_is_out(trial: Trial) -> None:
    """Requests fail while questions wait for their order's facts."""
    await trial.rest.down()
    await trial.scene.box.system(trial.orders[0], "order_about_timeout")
    await trial.ask()
    await trial.until(lambda: trial.said("orders_unavailable"), "requests fail")


async def _half_open(trial: Trial) -> None:
    """The chat's peer is gone without a word, so that closing takes its whole deadline."""
    trial.chat.add(Timeout(stream=Stream.UP), Timeout(stream=Stream.DOWN))
    await trial.ask()


STATES: dict[str, Callable[[Trial], Awaitable[None]]] = {
    "connecting": _connecting,
    "authorising": _authorising,
    "backing_off": _backing_off,
    "open_idle": _open_idle,
    "reply_in_flight": _reply_in_flight,
    "reply_in_doubt": _reply_in_doubt,
    "catching_up": _catching_up,
    "rest_is_out": _rest_is_out,
    "half_open": _half_open,
}


async def _ended(process: asyncio.subprocess.Process) -> int:
    process.terminate()
    async with asyncio.timeout(DEADLINE_S):
        return await process.wait()


async def _heal(trial: Trial) -> None:
    trial.chat.heal()
    trial.rest.heal()
    await trial.scene.box.clear_faults()
    for proxy in (trial.chat, trial.rest):
        await proxy.down()
        await proxy.up()


@pytest.mark.parametrize("state", some(STATES, "backing_off", "reply_in_flight", "rest_is_out", "half_open"))
async def test_sigterm_while(trial: Trial, state: str) -> None:
    """The daemon ends with exit code 0 within its budget; the next one answers what is open, once."""
    async with trial.process() as process:
        await trial.until_process_open(process)
        await trial.ask()
        await trial.until_answered()
        trial.begin()
        await STATES[state](trial)
        assert await _ended(process) == 0
        assert trial.said("stopped")
        assert not trial.said("ended_by_a_bug")
    stuck = [line["tasks"] for line in trial.lines() if line["event"] == "tasks_stuck"]
    assert all(name for tasks in stuck for name in tasks)
    await _heal(trial)
    await trial.ask()
    async with trial.process() as process:
        await trial.until(lambda: trial.said("chat_open"), "the next one's chat is open")
        await trial.verdict(note=f"stuck and named: {', '.join(stuck[0])}" if stuck else "")
        assert await _ended(process) == 0
