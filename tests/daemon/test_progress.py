"""Loops are watched in their own tasks, doors speak for them, and who hangs is named with its line."""

from __future__ import annotations

import asyncio
from typing import NoReturn, TypeVar

import pytest

from p2pbot.conversation.progress import WORK_S
from p2pbot.daemon.progress import Progress, where_of
from p2pbot.daemon.supervisor import guarded
from p2pbot.daemon.watchdog import Watchdog
from p2pbot.daemon.watched import WatchedClock, WatchedRest, WatchedSource, WatchedUploader, WatchedWire
from p2pbot.errors import ConnectFailed, OurError, RequestRefused
from p2pbot.model import Picture, PictureKind
from p2pbot.ports import Connection
from p2pbot.protocol.calls import order_detail
from p2pbot.protocol.pictures import FetchedPicture
from p2pbot.protocol.rest import RestCall
from p2pbot.secret import Secret
from tests.fakes.world import Recorder, StillClock

T = TypeVar("T")
PICTURE = Picture(name="qr.png", sha256="0" * 64, kind=PictureKind.PNG, width=1, height=1)


class Gate:
    """A door that answers when it is opened, and then with a failure if it was told to."""

    clock_offset_ms = None

    def __init__(self, error: Exception | None = None) -> None:
        self.opened = asyncio.Event()
        self.error = error

    async def passed(self) -> None:
        """Wait until it is opened."""
        await self.opened.wait()
        if self.error is not None:
            raise self.error

    async def call(self, request: RestCall[T]) -> T:  # noqa: ARG002 - the port's name for it
        """Fail when it is opened."""
        await self.passed()
        raise RequestRefused("no")

    async def connect(self, url: Secret) -> Connection:  # noqa: ARG002 - the port's name for it
        """Fail when it is opened."""
        await self.passed()
        raise ConnectFailed("no")

    async def fetch(self, address: str, most_bytes: int) -> FetchedPicture:  # noqa: ARG002 - the port's names
        """Fail when it is opened."""
        await self.passed()
        raise ConnectFailed("no")

    async def put(self, url: Secret, picture: Picture, data: bytes) -> None:  # noqa: ARG002 - the port's names
        """Fail when it is opened."""
        await self.passed()
        raise ConnectFailed("no")


class GateClock(StillClock):
    """A clock whose sleeps last until a gate is opened."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(0)
        self._gate = gate

    async def sleep(self, delay_s: float) -> None:  # noqa: ARG002 - the port's name for it
        """Wait for the gate."""
        await self._gate.passed()


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def hangs(gate: asyncio.Event) -> None:
    """Wait for ever, at the line that the test looks for."""
    await gate.wait()


async def test_a_loop_that_hangs_is_named_with_its_line() -> None:
    """Not merely that something hangs: which loop, for how long, and where."""
    clock = StillClock(0)
    progress = Progress(clock.monotonic_s)
    task = asyncio.create_task(guarded(hangs(asyncio.Event()), "main: orders", progress))
    await settle()
    assert progress.hung() == ()
    clock.at_ms = round(WORK_S * 1000) + 1000
    (hung,) = progress.hung()
    assert (hung.loop, hung.silent_s) == ("main: orders", WORK_S + 1)
    line = hangs.__code__.co_firstlineno + 2
    assert any(place.endswith(f":{line} hangs") for place in hung.where)
    task.cancel()
    await asyncio.wait({task})
    assert progress.hung() == ()


async def test_a_task_that_nobody_watches_owes_nothing() -> None:
    """Loops run in tests and in programs that embed them: their words are no-ops there."""
    progress = Progress()
    progress.step()
    progress.rest()
    assert progress.loops() == ()
    assert progress.hung() == ()


async def test_two_tasks_of_one_name_are_two() -> None:
    """While a socket is renewed it has two readers: the end of the old one does not speak for the new one."""
    clock = StillClock(0)
    progress = Progress(clock.monotonic_s)
    gates = asyncio.Event(), asyncio.Event()
    old, new = (asyncio.create_task(_watched(progress, gate)) for gate in gates)
    await settle()
    gates[0].set()
    await old
    clock.at_ms = 10_000_000
    assert [hung.loop for hung in progress.hung()] == ["reader"]
    gates[1].set()
    await new


async def _watched(progress: Progress, gate: asyncio.Event) -> None:
    with progress.watched("reader"):
        await gate.wait()


@pytest.mark.parametrize("door", ["sleep", "call", "connect", "fetch", "put"])
async def test_a_door_speaks_for_who_waits_at_it(door: str) -> None:
    """Within the door's own deadline nobody is late; after it whoever still waits there is, and an answer ends it."""
    clock, gate = StillClock(0), Gate()
    progress = Progress(clock.monotonic_s)
    task = asyncio.create_task(guarded(_use(door, gate, progress), "main: chat", progress))
    await settle()
    clock.at_ms = 500_000
    assert progress.hung() == ()
    clock.at_ms = 500_000 + round(WORK_S * 1000) + 1000
    assert [hung.loop for hung in progress.hung()] == ["main: chat"]
    gate.opened.set()
    await settle()
    assert progress.hung() == ()
    task.cancel()
    await asyncio.wait({task})


async def _use(door: str, gate: Gate, progress: Progress) -> None:
    """Wait 500 s at most at a door, then do something else."""
    try:
        match door:
            case "sleep":
                await WatchedClock(GateClock(gate), progress).sleep(500.0)
            case "call":
                await WatchedRest(gate, progress, 500.0).call(order_detail("main", "1"))
            case "connect":
                await WatchedWire(gate, progress, 500.0).connect(Secret("wss://x"))
            case "fetch":
                await WatchedSource(gate, progress, 500.0).fetch("https://x", 1)
            case _:
                await WatchedUploader(gate, progress, 500.0).put(Secret("https://x"), PICTURE, b"")
    except (RequestRefused, ConnectFailed):
        pass
    await asyncio.Event().wait()


def hung_progress() -> tuple[StillClock, Progress, asyncio.Task[NoReturn]]:
    """Return a clock, a progress and a task that will hang when the clock is set on."""
    clock = StillClock(0)
    progress = Progress(clock.monotonic_s)
    return clock, progress, asyncio.create_task(guarded(hangs(asyncio.Event()), "main: desk", progress))


async def test_a_hanging_loop_is_not_fed_and_told_once() -> None:
    """The food stops with the loop, the log has one line with the place, and what is asked for health names it."""
    clock, progress, task = hung_progress()
    fed: list[float] = []
    events = Recorder()
    watchdog = Watchdog(clock, progress, lambda: fed.append(clock.monotonic_s()), events)
    await settle()
    for at_s in (1, 2, 200, 201):
        clock.at_ms = at_s * 1000
        watchdog.look(0.0)
    assert fed == [1.0, 2.0]
    assert watchdog.hanging == ("main: desk",)
    ((event, values),) = events.events
    assert (event, values["loop"], values["silent_s"]) == ("loop_hangs", "main: desk", 200)
    assert "hangs" in str(values["where"])
    task.cancel()
    await asyncio.wait({task})
    watchdog.look(0.0)
    assert len(fed) == 3


async def test_a_hanging_loop_ends_a_daemon_that_nobody_watches() -> None:
    """Without a supervisor that waits for food, a loop that hangs is a bug like any other."""
    clock, progress, task = hung_progress()
    watchdog = Watchdog(clock, progress, None, Recorder())
    await settle()
    watchdog.look(0.0)
    clock.at_ms = 200_000
    with pytest.raises(OurError, match="'main: desk' hangs"):
        watchdog.look(0.0)
    task.cancel()
    await asyncio.wait({task})


async def test_an_event_loop_that_is_late_is_not_fed() -> None:
    """Ten seconds late with everything is no progress; on time again, it is fed again."""
    fed: list[None] = []
    watchdog = Watchdog(StillClock(0), Progress(), lambda: fed.append(None), Recorder())
    watchdog.look(10.1)
    assert fed == []
    watchdog.look(0.2)
    assert fed == [None]


async def test_a_machine_that_stood_still_breaks_no_word() -> None:
    """The lateness of the watchdog itself is everybody's: after a stop of an hour nobody is called hung."""
    clock, progress, task = hung_progress()
    watchdog = Watchdog(clock, progress, None, Recorder())
    await settle()
    clock.at_ms = 3_600_000
    watchdog.look(3600.0)
    assert watchdog.hanging == ()
    task.cancel()
    await asyncio.wait({task})


async def test_the_watchdog_looks_each_second() -> None:
    """Its own loop feeds as long as all is well, and notes how late it was woken."""
    clock = StillClock(0)
    fed: list[int] = []

    def feed() -> None:
        fed.append(clock.at_ms)
        if len(fed) == 3:
            raise OurError("enough")

    with pytest.raises(OurError, match="enough"):
        await Watchdog(clock, Progress(clock.monotonic_s), feed, Recorder()).run()
    assert fed == [1000, 2000, 3000]


async def test_only_a_task_can_be_watched() -> None:
    """A callback has no place to be named by."""
    failures: list[str] = []

    def enter() -> None:
        try:
            with Progress().watched("nobody"):
                pass
        except RuntimeError as error:
            failures.append(str(error))

    asyncio.get_running_loop().call_soon(enter)
    await settle()
    assert failures == ["only a task can be watched"]


async def test_a_place_in_a_generator_is_told() -> None:
    """A task that waits inside old-style awaitables is followed as far as Python shows."""
    task = asyncio.create_task(asyncio.wait_for(hangs(asyncio.Event()), 60))
    await settle()
    assert any("wait_for" in place for place in where_of(task))
    task.cancel()
    await asyncio.wait({task})
