"""Too much at once, and peers that read too slowly: queues stay bounded, answers stay right."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from p2pbot.sandbox import Fault
from tests.faults.proxy import Bandwidth, Stream
from tests.faults.storm import open_orders
from tests.faults.trial import Trial

FLOOD = int(os.environ.get("P2PBOT_FLOOD", "2000"))  # `make faults` asks for 10,000
MOST_WAITING = 20_000  # the desk's own bound
MOST_GROWN_KB = 100 * 1024  # of this process, exchange included: 10,000 messages of 1 KB, kept and in flight


def _resident_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


async def _pushed(trial: Trial, orders: list[str], frames: int) -> None:
    """Let the exchange push the flood at once, spread over orders; every kind of frame, and questions in between."""
    for number in range(frames):
        order_no = orders[number % len(orders)]
        if number % 4 == 0:
            await trial.scene.box.say(order_no, f"chatter {number}")
        else:
            await trial.scene.box.say_as(order_no, ("hologram", "auto_reply", "translate")[number % 3], "shining")
        if number % (frames // 5) == 0:
            await trial.ask()


@pytest.mark.parametrize(("orders", "frames"), [(40, FLOOD), (1, 1800)], ids=["many_orders", "one_order"])
async def test_flood_of_frames(trial: Trial, orders: int, frames: int) -> None:
    """Thousands of frames at once fill no memory and hide no question: each is answered once."""
    async with trial.daemon():
        account = trial.scene.account()
        more = await open_orders(trial.scene.box, orders - 1)
        before_kb = _resident_kb()
        await _pushed(trial, [trial.orders[0], *more], frames)
        most = 0

        def worked_off() -> bool:
            nonlocal most
            most = max(most, account.desk.waiting)
            return account.desk.waiting == 0 and sum(account.frames.values()) >= frames

        await trial.until(worked_off, "the flood is worked off", timeout_s=300)
        grown_kb = _resident_kb() - before_kb
        assert most <= MOST_WAITING
        assert grown_kb < MOST_GROWN_KB
        await trial.verdict(
            note=f"at most {most} waited at the desk; the process, exchange and all, grew by {grown_kb} KB"
        )


async def test_slow_reader(trial: Trial) -> None:
    """A peer that reads 300 bytes a second gets every reply once; what waits, waits in the store and not in buffers."""
    async with trial.daemon():
        trial.chat.add(Bandwidth(stream=Stream.UP, rate_bytes=300))
        await trial.ask(4)
        buffered = 0

        def settled() -> bool:
            nonlocal buffered
            connection = trial.scene.account().chat._connection
            if connection is not None:
                buffered = max(buffered, connection._socket.transport.get_write_buffer_size())  # type: ignore[attr-defined]
            return trial.said("reply", '"no_echo"')

        await trial.until(settled, "an echo is late")
        assert buffered < 64 * 1024
        trial.chat.heal()
        await trial.verdict(note=f"at most {buffered} bytes waited in the socket's buffer")


async def test_slow_history(trial: Trial) -> None:
    """A gap of many orders is read with four requests at a time, however slow they are."""
    async with trial.daemon():
        trial.rest.add(Bandwidth(stream=Stream.DOWN, rate_bytes=20_000))
        await trial.scene.box.inject(Fault("drop", account="main"))
        await trial.ask(3)
        await trial.until_answered()
        assert trial.rest.open <= 20
        await trial.verdict()


async def test_exchange_reads_nothing_any_more(trial: Trial) -> None:
    """A peer that takes no byte is given up when a write was not acknowledged in time, or by the pings."""
    async with trial.daemon():
        trial.chat.add(Bandwidth(stream=Stream.UP, rate_bytes=0))
        await trial.ask(2)
        await trial.until(lambda: trial.said("chat_down"), "the socket is given up")
        trial.chat.cut()  # what it was given it never reads: later than the settling delay it would be a second copy
        trial.chat.heal()
        await trial.verdict()
