"""A trial: the daemon, the simulated exchange, and two chaos proxies between them, one for REST and one for the chat.

Counterparties ask numbered questions before, during and after a fault; the verdict is taken from what they finally see
and from the store, never from what the daemon says of itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.app import App
from p2pbot.conversation.records import InboxEntry, OutboxRow
from p2pbot.ports import Clock
from p2pbot.sandbox.records import Speaker
from tests.e2e.stage import API_KEY, API_SECRET, QUICK, Script, Stage, stage
from tests.faults import report
from tests.faults.proxy import ChaosProxy, Timeout, proxied
from tests.faults.storm import LIMITS, RULES, Tally, is_settled, judge, open_orders

LONG = pytest.mark.long
SCRIPT = Script(
    rules=RULES,
    limits=LIMITS,
    timings=QUICK,
    exchange={"history_lag_ms": 300, "history_lag_jitter_ms": 300, "variety": True, "seed": 5},
)
T = TypeVar("T")
_SECRETS = re.compile(r"TOKEN[0-9a-f]{8}|c2c_[0-9a-f]{8}|SIMULATED (?:PERSON|PAYEE)|0000-SIMULATED")
_SETTLED_S = 120.0
_ALL = 100_000  # rows of an order


@dataclass
class Trial:
    """One fault test's world. ``name`` is the test's."""

    name: str
    scene: Stage
    chat: ChaosProxy
    rest: ChaosProxy
    orders: list[str] = field(default_factory=list)
    asked: int = 0
    began_line: int = 0
    began_connects: int = 0
    opens_before: int = 0

    @property
    def output(self) -> Path:
        """The log of daemons that run as processes."""
        return self.scene.directory / "daemon.log"

    def log(self) -> str:
        """Return all that any daemon of this trial has logged."""
        there = self.output.exists()
        return self.scene.log.getvalue() + (self.output.read_text(encoding="utf-8") if there else "")

    def lines(self) -> list[dict[str, Any]]:
        """Return the log's events since the fault began."""
        lines = self.log().splitlines()[self.began_line :]
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def said(self, event: str, text: str = "") -> bool:
        """Whether an event with this word in it was logged since the fault began."""
        return any(line["event"] == event and text in json.dumps(line) for line in self.lines())

    def connects(self, status: int | None = None) -> int:
        """Return how often the bot knocked at the exchange's chat since the fault began."""
        seen = self.scene.box.world.connects("main")[self.began_connects :]
        return sum(1 for one in seen if status in (None, one.status))

    def begin(self) -> None:
        """Note that the fault begins: what is seen from here on belongs to it."""
        self.began_line = len(self.log().splitlines())
        self.began_connects = len(self.scene.box.world.connects("main"))

    async def ask(self, times: int = 1) -> None:
        """Let every counterparty ask its next questions."""
        for _ in range(times):
            for order_no in self.orders:
                await self.scene.box.say(order_no, f"question {self.asked}")
            self.asked += 1

    async def until(self, condition: Callable[[], bool], what: str, *, timeout_s: float = 60.0) -> None:
        """Wait for a condition. Raises AssertionError with the log's end."""
        try:
            await self.scene.until(condition, what, timeout_s=timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()[-6000:]}") from None

    async def until_trouble(self, text: str, *, timeout_s: float = 60.0) -> None:
        """Wait until the chat of the daemon in this process says this of itself (``p2pbot status`` shows it)."""
        await self.until(lambda: text in self.scene.account().chat.trouble, f"trouble: {text}", timeout_s=timeout_s)

    async def until_answered(self, *, timeout_s: float = _SETTLED_S) -> None:
        """Wait until every question is decided and every reply has met its end."""
        store = await SqliteStore.open_readonly(self.scene.store)
        try:
            async with asyncio.timeout(timeout_s):
                for order_no in self.orders:
                    while not is_settled(*await _order(store, order_no), self.asked):  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
        except TimeoutError:
            told = (await self.tally()).line()
            raise AssertionError(f"not settled after {timeout_s} s: {told}\n{self.log()[-6000:]}") from None
        finally:
            await store.close()

    async def tally(self) -> Tally:
        """Count what the counterparties see against what they asked."""
        tally = Tally()
        store = await SqliteStore.open_readonly(self.scene.store)
        try:
            claimed: set[str] = set()
            for order_no in self.orders:
                entries, rows = await _order(store, order_no)
                judge(self.scene.box, order_no, entries, rows, tally)
                claimed |= {row.uuid for row in rows}
            written = {frame.uuid for frame in self.scene.box.world.received("main")}
            assert written <= claimed, "a reply was written that no claim holds"
        finally:
            await store.close()
        return tally

    async def verdict(self, *, silence: Collection[str] = (), note: str = "") -> Tally:
        """Wait for the last answer and judge: nothing lost, doubled or out of order, no secret in the log.

        ``silence``: reasons for which a question may stay unanswered here. Appends the test's row to the report.
        """
        await self.until_answered()
        if self.scene.app is not None:
            await self.until(lambda: self.scene.account().chat.online, "the chat is open again")
        tally = await self.tally()
        assert tally.asked == self.asked * len(self.orders), tally.line()
        assert tally.answered_twice == []
        assert tally.without_reason == []
        assert tally.out_of_order == []
        assert set(tally.unanswered) <= set(silence), tally.line()
        assert tally.answered_once + tally.unanswered.total() == tally.asked
        self.record(tally, note=note)
        return tally

    def record(self, tally: Tally | None = None, *, note: str = "") -> None:
        """Append the test's row to the report; a secret in the log ends the test."""
        self.refuse_secrets(self.log())
        lines = self.lines()
        deaf = [line["deaf_ms"] for line in lines if line["event"] == "chat_open" and "deaf_ms" in line]
        row = report.Row(
            test=self.name,
            saw=(*report.seen_by_operator(lines), *self._refusals()),
            deaf_ms=sum(deaf) if deaf else -1,
            wait_ms=max((self._longest_wait_ms(order_no) for order_no in self.orders), default=-1),
            connects=self.connects(),
            asked=tally.asked if tally else 0,
            answered_once=tally.answered_once if tally else 0,
            silent=dict(tally.unanswered) if tally else {},
            note=note,
        )
        report.append(row)
        sys.stdout.write(f"\n{row}\n")

    def _refusals(self) -> tuple[str, ...]:
        """Return what a start that was refused said on standard error."""
        lines = self.log().splitlines()[self.began_line :]
        return tuple(dict.fromkeys(report.plain(line) for line in lines if line.startswith("p2pbot: ")))

    @staticmethod
    def refuse_secrets(text: str) -> None:
        """Fail if a key, a token, a name or bank data is in a text."""
        assert API_KEY not in text
        assert API_SECRET not in text
        places = [text[max(0, found.start() - 300) : found.start()] for found in _SECRETS.finditer(text)]
        assert places == []

    def _longest_wait_ms(self, order_no: str) -> int:
        asked_ms: dict[str, int] = {}
        longest_ms = -1
        for line in self.scene.box.world.chat(order_no):
            number = line.text.rpartition(" ")[2].rstrip(".")
            if line.by is Speaker.COUNTERPARTY:
                asked_ms.setdefault(number, line.at_ms)
            elif line.by is Speaker.BOT and number in asked_ms:
                longest_ms = max(longest_ms, line.at_ms - asked_ms.pop(number))
        return longest_ms

    @asynccontextmanager
    async def daemon(self, clock: Clock | None = None) -> AsyncIterator[App]:
        """Run the daemon in this process, its chat open and one question answered; it must end well."""
        async with self.scene.daemon(clock) as app:
            await self.scene.until_open()
            await self.ask()
            await self.until_answered()
            self.begin()
            yield app

    def hold_handshakes(self) -> None:
        """Let nothing of the exchange's through on the chat, until the proxy is healed."""
        self.chat.add(Timeout())

    @asynccontextmanager
    async def stranger(self, greeting: bytes) -> AsyncIterator[int]:
        """Run a server of another kind; yield its port."""

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                writer.write(greeting)
                await reader.read()
                writer.close()
                await writer.wait_closed()

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    @asynccontextmanager
    async def process(self, *prefix: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run the daemon as a process; kill it at the end if it is still there."""
        self.opens_before = self._opens()
        command = (*prefix, sys.executable, "-m", "p2pbot", "run", "--config", str(self.scene.config))
        with self.output.open("ab") as log:
            process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
            try:
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    def _opens(self) -> int:
        return self.log().count('"event": "chat_open"')

    async def until_process_open(self, process: asyncio.subprocess.Process) -> None:
        """Wait until the process that was started last has opened its chat."""
        await self.until(
            lambda: self._opens() > self.opens_before or process.returncode is not None, "the daemon's chat is open"
        )
        assert process.returncode is None, self.log()[-3000:]


def some(names: Iterable[T], *always: T) -> list[object]:
    """Return parameters of which only ``always`` run in CI; ``make faults`` runs the others as well."""
    return [name if name in always else pytest.param(name, marks=LONG) for name in names]


async def _order(store: SqliteStore, order_no: str) -> tuple[tuple[InboxEntry, ...], tuple[OutboxRow, ...]]:
    return await store.inbox(order_no, limit=_ALL), await store.outbox(order_no, limit=_ALL)


def announce(scene: Stage, chat: ChaosProxy, rest: ChaosProxy) -> None:
    """Have the exchange give the proxies' ports for its own."""
    scene.box.rest_url = f"https://127.0.0.1:{rest.port}"
    scene.box.world.reachable_at(scene.box.rest_url, f"wss://127.0.0.1:{chat.port}/chat")
    scene.write()


@asynccontextmanager
async def opened(directory: Path, name: str, script: Script = SCRIPT, *, orders: int = 3) -> AsyncIterator[Trial]:
    """Open a world with proxies in between and some sell orders."""
    async with AsyncExitStack() as stack:
        scene = await stack.enter_async_context(stage(directory, script))
        upstream = int(scene.box.rest_url.rpartition(":")[2])
        chat = await stack.enter_async_context(proxied(upstream))
        rest = await stack.enter_async_context(proxied(upstream))
        announce(scene, chat, rest)
        yield Trial(name, scene, chat, rest, await open_orders(scene.box, orders))
