"""Many orders at once, each answered with a picture, while the daemon is killed again and again: what the exchange saw.

``python -m tests.faults.picture_flood --orders 100 --kills 50`` makes the figures of bench/README.md (four minutes).
The orders that only talk are there to see that texts do not wait for pictures.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.model import Side
from p2pbot.sandbox import OrderSpec
from p2pbot.sandbox.records import Speaker
from tests.e2e.stage import Script, Stage, stage
from tests.fakes.pictures import png
from tests.faults.storm import LIMITS

QR = png(210, 190)
RULES = """
version: 1
rules:
  - id: welcome
    on: order_created
    when: {side: sell}
    reply: {image: images/qr.png}
    expires: 30m
  - id: numbered
    regex: 'question (?P<n>\\d+)'
    limit: {at_most: 1000, per: order}
    reply: "Answer {{ match.n }}."
"""
SCRIPT = Script(
    rules=RULES,
    limits=LIMITS,
    timings="order_poll: 2s\nfacts_max_age: 20s\nrequest_timeout: 5s\nconnect_timeout: 5s\nshutdown_settle: 3s\n",
    exchange={"history_lag_ms": 500, "history_lag_jitter_ms": 500, "variety": True, "seed": 7},
)
MINUTE_MS = 60_000
_QUESTION_EVERY_S = 3.0
_TALKERS = 5
_LAST_ANSWER_S = 240.0  # fifty deaths leave each talk with a queue, of which one at a time is settled


@dataclass
class Figures:
    """What the exchange saw."""

    orders: int = 0
    kills: int = 0
    took_s: float = 0.0
    pictures: Counter[int] = field(default_factory=Counter)  # orders by how many pictures they show
    wrong: list[str] = field(default_factory=list)
    presigns: int = 0
    most_presigns: int = 0
    uploads: int = 0
    texts_ms: list[int] = field(default_factory=list)
    unanswered: int = 0

    def line(self) -> str:
        """Return the figures in one line."""
        texts = sorted(self.texts_ms) or [0]
        middle, high = texts[len(texts) // 2], texts[min(len(texts) - 1, len(texts) * 95 // 100)]
        return (
            f"orders {self.orders}, killed {self.kills} times, all settled after {self.took_s:.0f} s; "
            f"orders by pictures shown {dict(self.pictures)}, wrong talks {len(self.wrong)}; "
            f"presigns {self.presigns}, most in any minute {self.most_presigns}, uploads {self.uploads}; "
            f"texts of other orders answered {len(self.texts_ms)} (median {middle} ms, 95% {high} ms, "
            f"longest {texts[-1]} ms), unanswered {self.unanswered}"
        )


def most_within(times_ms: Sequence[int], window_ms: int) -> int:
    """Return the most of these times that lie in any half-open window."""
    ordered, most, first = sorted(times_ms), 0, 0
    for last, at_ms in enumerate(ordered):
        while at_ms - ordered[first] >= window_ms:
            first += 1
        most = max(most, last - first + 1)
    return most


@asynccontextmanager
async def daemon(scene: Stage) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the real command; kill it at the end if it is still there."""
    with (scene.directory / "daemon.log").open("ab") as log:
        command = (sys.executable, "-m", "p2pbot", "run", "--config", str(scene.config))
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def connected(scene: Stage, before: int) -> None:
    """Wait until a new daemon has opened its chat."""
    await scene.until(lambda: len(scene.box.world.connects("main")) > before, "the daemon connects", timeout_s=60)


class Flood:
    """One run."""

    def __init__(self, scene: Stage, *, orders: int, kills: int, within_s: float, seed: int = 11) -> None:
        self.scene = scene
        self.figures = Figures(orders=orders)
        self._kills = kills
        self._within_s = within_s
        self._rng = random.Random(seed)  # noqa: S311 - a test's chance
        self._opened: list[str] = []
        self._talkers: list[str] = []
        self._done = asyncio.Event()

    async def run(self) -> Figures:
        """Open the orders, kill, wait for the end, look."""
        began_s = time.monotonic()
        self._talkers = [await self._order(Side.BUY) for _ in range(_TALKERS)]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._open())
            group.create_task(self._talk())
            group.create_task(self._live())
        self.figures.took_s = time.monotonic() - began_s
        self._look()
        return self.figures

    async def _order(self, side: Side) -> str:
        return await self.scene.box.open_order("main", OrderSpec(side=side))

    async def _open(self) -> None:
        for _ in range(self.figures.orders):
            self._opened.append(await self._order(Side.SELL))
            await asyncio.sleep(self._rng.uniform(0, 2 * self._within_s / self.figures.orders))

    async def _talk(self) -> None:
        """Ask in the orders that have no picture, for as long as the others are busy."""
        number = 0
        while not self._done.is_set():
            for order_no in self._talkers:
                await self.scene.box.say(order_no, f"question {number}")
            number += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_QUESTION_EVERY_S):
                    await self._done.wait()

    async def _live(self) -> None:
        """Run daemons one after the other, each killed at a random moment, the last one to the end."""
        while self.figures.kills < self._kills:
            before = len(self.scene.box.world.connects("main"))
            async with daemon(self.scene) as process:
                await connected(self.scene, before)
                await asyncio.sleep(self._rng.uniform(0.0, 4.0 if self._kills > 10 else 1.5))
                process.kill()
                self.figures.kills += 1
        before = len(self.scene.box.world.connects("main"))
        async with daemon(self.scene) as process:
            await connected(self.scene, before)
            await self._settled()
            self._done.set()
            await self._answered()
            process.terminate()
            await process.wait()

    async def _settled(self) -> None:
        """Wait until every order has its replies and every reply its end."""
        async with asyncio.timeout(900), _reading(self.scene) as store:
            while len(self._opened) < self.figures.orders:  # noqa: ASYNC110 - two systems have no common event
                await asyncio.sleep(0.1)
            for order_no in self._opened:
                while True:
                    rows = await store.outbox(order_no)
                    if rows and all(row.state.is_final for row in rows):
                        break
                    await asyncio.sleep(0.2)

    async def _answered(self) -> None:
        """Wait for the last answers; what is left then counts as unanswered."""
        with contextlib.suppress(TimeoutError):
            await self._until_answered()

    async def _until_answered(self) -> None:
        async with asyncio.timeout(_LAST_ANSWER_S):
            while any(self._waits_ms(order_no)[1] for order_no in self._talkers):  # noqa: ASYNC110 - same
                await asyncio.sleep(0.1)

    def _look(self) -> None:
        world, figures = self.scene.box.world, self.figures
        for order_no in self._opened:
            lines = world.said_by_bot(order_no)
            figures.pictures[sum(line.kind == "image" for line in lines)] += 1
            if [line.kind for line in lines] != ["image"]:
                figures.wrong.append(order_no)
        calls = [call.at_ms for call in world.rest_calls("main", "pre-signed-url")]
        figures.presigns, figures.most_presigns = len(calls), most_within(calls, MINUTE_MS)
        figures.uploads = len(world.uploads("main"))
        for order_no in self._talkers:
            waits_ms, left = self._waits_ms(order_no)
            figures.texts_ms += waits_ms
            figures.unanswered += left

    def _waits_ms(self, order_no: str) -> tuple[list[int], int]:
        """Return how long each answered question of a talk waited, and how many wait still."""
        asked: dict[str, int] = {}
        waits_ms = []
        for line in self.scene.box.world.chat(order_no):
            number = line.text.rpartition(" ")[2].rstrip(".")
            if line.by is Speaker.COUNTERPARTY:
                asked[number] = line.at_ms
            elif line.by is Speaker.BOT and number in asked:
                waits_ms.append(line.at_ms - asked.pop(number))
        return waits_ms, len(asked)


@asynccontextmanager
async def _reading(scene: Stage) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open_readonly(scene.store)
    try:
        yield store
    finally:
        await store.close()


async def flood(directory: Path, *, orders: int, kills: int, within_s: float, script: Script = SCRIPT) -> Figures:
    """Run it in a directory; return what the exchange saw."""
    async with stage(directory, script) as scene:
        images = directory / "rules-main" / "images"
        images.mkdir()
        (images / "qr.png").write_bytes(QR)
        return await Flood(scene, orders=orders, kills=kills, within_s=within_s).run()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=100)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--within", type=float, default=50.0, metavar="SECONDS")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        figures = asyncio.run(
            flood(Path(directory), orders=arguments.orders, kills=arguments.kills, within_s=arguments.within)
        )
    sys.stdout.write(f"{figures.line()}\n")


if __name__ == "__main__":
    main()
