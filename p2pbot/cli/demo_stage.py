"""The demo's stage: the simulated exchange on loopback and the real daemon, both in this process, in one directory.

Promise: leaving the stage lets the daemon settle what is in flight and closes both; keys are made here and never shown.
Danger: the timings are quicker than any exchange deserves; they are for the stage alone.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from p2pbot.adapters.logs import foreign_lines, make_log
from p2pbot.app import App
from p2pbot.config import load_settings
from p2pbot.conversation.records import InboxEntry, OutboxRow
from p2pbot.daemon.account import Account
from p2pbot.errors import OurError
from p2pbot.sandbox import Life, OrderSpec, Sandbox, SandboxOptions, SeenLine, Speaker
from p2pbot.sandbox.kit import AccountKit, account_kits

ACCOUNT = "demo"
_POLL_S = 0.02  # two systems are watched that have no common event; a person does not see 20 ms
_MOST_LOG = 10_000_000  # bytes of the daemon's log: hours of a demo
_TAIL = 15  # lines of it that are shown if the daemon ends by itself
_TIMINGS = {
    "order_spacing": "300ms",
    "account_spacing": "0s",
    "echo_timeout": "700ms",
    "settle_after": "2s",
    "order_poll": "1s",
    "facts_max_age": "10s",
    "connect_timeout": "3s",
    "request_timeout": "3s",
    "shutdown_settle": "3s",
    "shutdown_close": "2s",
}
_HISTORY_LAG_MS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """All that is known of one order at one moment, on both sides."""

    number: str
    life: Life
    chat: tuple[SeenLine, ...]
    inbox: tuple[InboxEntry, ...]
    outbox: tuple[OutboxRow, ...]

    def decided(self, key: str) -> InboxEntry | None:
        """Return the decision about a message or an event."""
        return next((entry for entry in self.inbox if entry.key == key), None)

    @property
    def settled(self) -> bool:
        """Whether every line of the chat is decided and every reply has ended."""
        keys = {entry.key for entry in self.inbox}
        theirs = [line for line in self.chat if line.by is not Speaker.BOT]
        return all(f"m:{line.message_id}" in keys for line in theirs) and all(row.state.is_final for row in self.outbox)


@dataclass(slots=True)
class Stage:
    """The exchange (``box``) and the daemon (``app``) that talks to it."""

    directory: Path
    rules: Path
    box: Sandbox
    app: App
    orders: dict[str, OrderSpec] = field(default_factory=dict)
    _task: asyncio.Task[int] | None = None

    @property
    def account(self) -> Account:
        """The running account. Raises OurError when the daemon has ended."""
        if self.app.running is None:
            raise OurError("the daemon does not run")
        return self.app.running.accounts[ACCOUNT]

    @property
    def online(self) -> bool:
        """Whether the daemon's chat is open."""
        return self.app.running is not None and self.account.chat.online

    @property
    def log_file(self) -> Path:
        """The daemon's log."""
        return self.directory / "daemon.log"

    async def open_order(self, spec: OrderSpec) -> str:
        """Open an order on the exchange; return its number."""
        number = await self.box.open_order(ACCOUNT, spec)
        self.orders[number] = spec
        return number

    async def look(self, number: str) -> OrderView:
        """Return what both sides know of an order.

        Read in this order, every decision comes with its replies, and every reply that was sent with its line.
        """
        store = self.account.doors.store
        inbox = await store.inbox(number)
        outbox = await store.outbox(number)
        world = self.box.world
        return OrderView(number=number, life=world.life(number), chat=world.chat(number), inbox=inbox, outbox=outbox)

    async def until(self, condition: Callable[[], Awaitable[bool]], timeout_s: float) -> bool:
        """Wait for a condition; return whether it came true in time. Raises what ended the daemon, if it ended."""
        try:
            async with asyncio.timeout(timeout_s):
                while not await self._holds(condition):  # noqa: ASYNC110 - two systems have no common event
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            return False
        return True

    async def until_open(self, timeout_s: float = 10.0) -> bool:
        """Wait until the daemon's chat is open."""

        async def is_open() -> bool:
            return self.online

        return await self.until(is_open, timeout_s)

    async def until_settled(self, number: str, timeout_s: float = 30.0) -> bool:
        """Wait until an order's chat is decided and answered, by a daemon that is connected."""

        async def is_settled() -> bool:
            return self.online and (await self.look(number)).settled

        return await self.until(is_settled, timeout_s)

    def check(self) -> None:
        """Raise what ended the daemon, if it ended."""
        if self._task is not None and self._task.done():
            self._task.result()
            tail = "\n".join(self.log_file.read_text("utf-8").splitlines()[-_TAIL:])
            raise OurError(f"the daemon ended by itself; its last words:\n{tail}")

    async def start(self) -> None:
        """Start the daemon. Raises what it cannot start for, such as RulesError."""
        self._task = asyncio.create_task(self.app.run(), name="daemon")
        started = asyncio.create_task(self.app.started.wait(), name="daemon started")
        try:
            await asyncio.wait({self._task, started}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            started.cancel()
        self.check()

    async def stop(self) -> None:
        """Let the daemon settle and end. Raises OurError if it ended otherwise."""
        if self._task is None or self._task.done():
            return  # what ended it was raised by ``check``
        self.app.stop()
        code = await self._task
        if code:
            raise OurError(f"the daemon ended with exit code {code}")

    async def _holds(self, condition: Callable[[], Awaitable[bool]]) -> bool:
        self.check()
        return await condition()


@asynccontextmanager
async def open_stage(directory: Path, rules: Path) -> AsyncIterator[Stage]:
    """Set the stage: exchange, configuration, keys, daemon. Raises ConfigError for rules that do not load."""
    (kit,) = account_kits(directory, [ACCOUNT])
    options = SandboxOptions(directory=directory / "exchange", accounts=(kit.account,), history_lag_ms=_HISTORY_LAG_MS)
    with (directory / "daemon.log").open("wb") as raw, _CappedLog(raw, encoding="utf-8", errors="replace") as stream:
        log = make_log(stream, output="json", level="info")
        with foreign_lines(log):
            async with Sandbox(options) as box:
                config = _write_configuration(directory, kit, box, rules)
                app = App(load_settings(config, {}), environ={}, log=log)
                stage = Stage(directory=directory, rules=rules, box=box, app=app)
                try:
                    await stage.start()
                    yield stage
                finally:
                    await stage.stop()


def _write_configuration(directory: Path, kit: AccountKit, box: Sandbox, rules: Path) -> Path:
    """Write what ``p2pbot why`` and the others can read too. Texts are quoted as JSON, which YAML reads."""
    lines = [
        "# SIMULATED: written by `p2pbot demo`; the timings are far quicker than those for a real exchange.",
        "version: 1",
        "mode: live",
        "state_dir: state",
        "accounts:",
        f"  - name: {ACCOUNT}",
        f"    api_key_file: {json.dumps(kit.key_file.name)}",
        f"    api_secret_file: {json.dumps(kit.secret_file.name)}",
        f"    rules: {json.dumps(str(rules))}",
        "    futures: {enabled: true}",
        "exchange:",
        f"  rest_url: {json.dumps(box.rest_url)}",
        f"  futures_rest_url: {json.dumps(box.rest_url)}",
        f"  ws_api_url: {json.dumps(f'{box.ws_url}/ws-fapi/v1')}",
        f"  futures_stream_url: {json.dumps(box.ws_url)}",
        f"  ca_file: {json.dumps(str(box.ca_file))}",
        "timings:",
        *(f"  {name}: {value}" for name, value in _TIMINGS.items()),
    ]
    path = directory / "config.yaml"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


class _CappedLog(io.TextIOWrapper):
    """A log file that stops growing: what comes after the bound is left out, and the last line says so."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]  # passed through as they came
        self._left = _MOST_LOG

    def write(self, text: str) -> int:
        """Write the line while there is room."""
        if self._left <= 0:
            return len(text)
        self._left -= len(text)
        written = super().write(text)
        if self._left <= 0:
            super().write('{"event": "log_full"}\n')
        return written
