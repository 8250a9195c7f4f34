"""SIGTERM in every state: exit code 0 within the budget, and the next start owes nobody an answer.

The budget of these tests is 3 s to settle and 2 s to close; what hangs longer than that is named in the log.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from p2pbot.sandbox import Fault
from tests.e2e.stage import Script
from tests.faults.namespace import Network, why_not
from tests.faults.proxy import Bandwidth, Stream, Timeout
from tests.faults.trial import LONG, SCRIPT, Trial, announce, some

DEADLINE_S = 30  # generous: the budget is 5 s, the rest is a busy machine
STARTS = 4
NO_NETWORK = why_not()


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


async def _renewing(trial: Trial) -> None:
    """The next socket's handshake hangs while the one before it is still in use."""
    trial.chat.toxics.append(Timeout())  # for connections to come, not for the one that is open
    before = trial.chat.accepted
    await trial.until(lambda: trial.chat.accepted > before, "it renews")
    await trial.ask()


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
    "renewing": _renewing,
    "half_open": _half_open,
}


@pytest.fixture
def script(request: pytest.FixtureRequest) -> Script:
    """Renewals are hours away, but for the test of them."""
    renewal = "chat_renewal: 10s\n" if "renewing" in request.node.name else ""
    return replace(SCRIPT, timings=SCRIPT.timings + renewal)


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
        await trial.until_process_open(process)
        await trial.verdict(note=f"stuck and named: {', '.join(stuck[0])}" if stuck else "")
        assert await _ended(process) == 0


async def test_sigterm_while_starting(trial: Trial) -> None:
    """Before it has begun it just ends by the signal; from then on it stops with exit code 0. Nothing is half done."""
    rng = random.Random(3)  # noqa: S311 - a test's chance
    trial.begin()
    await trial.ask()
    codes = []
    for _ in range(STARTS):
        async with trial.process() as process:
            await asyncio.sleep(rng.uniform(0.0, 1.5))
            codes.append(await _ended(process))
    assert set(codes) <= {0, -signal.SIGTERM}
    assert "Traceback" not in trial.log()
    async with trial.process() as process:
        await trial.until_process_open(process)
        await trial.verdict(note=f"of {STARTS} early ends {codes.count(0)} were stops, the others before it had begun")
        assert await _ended(process) == 0


@LONG
async def test_sigterm_twice(trial: Trial) -> None:
    """Who is impatient and asks again, by SIGTERM or Ctrl-C, breaks nothing: the budget is the same."""
    async with trial.process() as process:
        await trial.until_process_open(process)
        trial.begin()
        await _half_open(trial)
        process.terminate()
        await trial.until(lambda: trial.said("stopping"), "it is stopping")
        process.terminate()
        process.send_signal(signal.SIGINT)
        assert await _ended(process) == 0
        assert "Traceback" not in trial.log()
    await _heal(trial)
    async with trial.process() as process:
        await trial.until_process_open(process)
        await trial.verdict()
        assert await _ended(process) == 0


@pytest.mark.skipif(bool(NO_NETWORK), reason=f"not possible here: {NO_NETWORK}")
async def test_sigterm_while_a_name_is_looked_up(walled: Trial, network: Network) -> None:
    """A name server that never answers holds up no stop: the lookup is left to itself."""
    network.swallow_everything()
    world = walled.scene.box.world
    world.reachable_at(walled.scene.box.rest_url, "wss://chat.invalid:443/chat")
    walled.begin()
    async with walled.process("env", "RES_OPTIONS=timeout:30 attempts:5") as process:  # 150 s: more than the deadline
        await walled.until(lambda: bool(world.rest_calls("main", "retrieveChatCredential")), "it knows the chat's name")
        await walled.ask()
        assert await _ended(process) == 0
    announce(walled.scene, walled.chat, walled.rest)
    async with walled.process() as process:
        await walled.until_process_open(process)
        await walled.verdict()
        assert await _ended(process) == 0
