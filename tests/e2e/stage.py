"""A stage for whole-daemon tests: the simulated exchange over real TLS sockets, and the daemon in this process."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from textwrap import dedent

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from p2pbot.adapters.logs import make_log
from p2pbot.app import App
from p2pbot.config import load_settings
from p2pbot.conversation.records import InboxEntry, OutboxRow
from p2pbot.daemon.account import Account
from p2pbot.ports import Clock
from p2pbot.sandbox import OrderSpec, Sandbox, SandboxAccount, SandboxOptions
from tests.fakes.canary import API_KEY, API_SECRET, secrets_below, secrets_in

_OWN = ("exchange", "*.key", "*.secret")  # where secrets belong: the simulated exchange's directory, the keys' files

RULES = """
version: 1
rules:
  - id: greeting
    on: order_created
    when: {side: sell}
    reply: "Hello! Please pay order {{ order.number }}."
  - id: paid-claim
    words: [paid, sent]
    when: {side: sell, order_status: unpaid}
    reply: "Thanks! Please press the button in order {{ order.number }}."
  - id: how
    words: [how, bank]
    limit: {every: 1s, per: order}
    reply: "Please use the payment method of order {{ order.number }}."
  - id: thanks
    on: order_completed
    reply: "Thank you for the trade {{ order.number }}."
"""

QUICK = """
order_spacing: 100ms
account_spacing: 0s
echo_timeout: 700ms
settle_after: 2s
order_poll: 1s
facts_max_age: 10s
connect_timeout: 2s
request_timeout: 2s
shutdown_settle: 3s
shutdown_close: 2s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a stage is set with: rules text, configuration parts, and the exchange's habits."""

    rules: str = RULES
    mode: str = "live"
    timings: str = QUICK
    limits: str = "{}"
    takeover: str = "{}"
    accounts: tuple[str, ...] = ("main",)
    ed25519: bool = False  # the accounts sign with a private key
    account_keys: str = ""  # more of each account's, such as ", futures: {enabled: true}"
    exchange: Mapping[str, object] = field(default_factory=lambda: {"history_lag_ms": 300, "variety": True})


@dataclass(slots=True)
class Stage:
    """The exchange, and how to run daemons against it."""

    directory: Path
    box: Sandbox
    script: Script
    log: io.StringIO = field(default_factory=io.StringIO)
    app: App | None = None

    @property
    def config(self) -> Path:
        """The daemon's configuration file."""
        return self.directory / "config.yaml"

    @property
    def store(self) -> Path:
        """The daemon's database."""
        return load_settings(self.config, {}).database

    def account(self, name: str = "main") -> Account:
        """Return a running account."""
        if self.app is None or self.app.running is None:
            raise AssertionError("the daemon does not run")
        return self.app.running.accounts[name]

    def write(self) -> None:
        """Write configuration, rules and keys."""
        for name in self.script.accounts:
            rules = self.directory / f"rules-{name}"
            rules.mkdir(exist_ok=True)
            (rules / "10-test.yaml").write_text(dedent(self.script.rules), encoding="utf-8")
            own = _private_pem() if self.script.ed25519 else f"{API_SECRET}{name}"
            for kind, text in (("key", f"{API_KEY}{name}"), ("secret", own)):
                path = self.directory / f"{name}.{kind}"
                path.touch(mode=0o600)
                path.write_text(text, encoding="utf-8")
        self.config.write_text(self._config(), encoding="utf-8")

    def _config(self) -> str:
        secret = "private_key" if self.script.ed25519 else "api_secret"
        accounts = "".join(
            f"  - {{name: {name}, api_key_file: {name}.key, {secret}_file: {name}.secret, rules: rules-{name}"
            f"{self.script.account_keys}}}\n"
            for name in self.script.accounts
        )
        timings = "".join(f"  {line}\n" for line in self.script.timings.split("\n") if line)
        return (
            f"version: 1\nmode: {self.script.mode}\nstate_dir: state\n"
            f"exchange: {{{self._addresses()}, ca_file: '{self.box.ca_file}'}}\n"
            f"accounts:\n{accounts}limits: {self.script.limits}\ntakeover: {self.script.takeover}\n"
            f"timings:\n{timings}"
        )

    def _addresses(self) -> str:
        rest, sockets = self.box.rest_url, self.box.ws_url
        places = {
            "rest_url": rest,
            "futures_rest_url": rest,
            "ws_api_url": f"{sockets}/ws-fapi/v1",
            "spot_ws_api_url": f"{sockets}/ws-api/v3",
            "futures_stream_url": sockets,
            "spot_stream_url": sockets,
        }
        return ", ".join(f"{key}: '{place}'" for key, place in places.items())

    @asynccontextmanager
    async def daemon(self, clock: Clock | None = None) -> AsyncIterator[App]:
        """Run the daemon in this process until the block ends; its exit code must be 0."""
        settings = load_settings(self.config, {})
        self.app = App(settings, environ={}, log=make_log(self.log, output="json", level="debug"), clock=clock)
        task = asyncio.create_task(self.app.run(), name="daemon")
        started = asyncio.create_task(self.app.started.wait())
        await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if task.done():
            task.result()
            raise AssertionError(f"the daemon ended at once:\n{self.log.getvalue()}")
        try:
            yield self.app
        finally:
            self.app.stop()
            code = await task
            self.app = None
        assert code == 0, self.log.getvalue()

    async def until_open(self, name: str = "main") -> None:
        """Wait until the account's chat is open and its first look is done."""
        await self.until(lambda: self.account(name).chat.online, "the chat is open")

    async def until(self, condition: Callable[[], bool], what: str, *, timeout_s: float = 20.0) -> None:
        """Wait for a condition of the daemon or the world. Raises AssertionError with the log's end."""
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():  # noqa: ASYNC110 - conditions of two systems have no common event
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"not within {timeout_s} s: {what}\n{self.log.getvalue()[-6000:]}") from None

    async def until_settled(
        self,
        order_no: str,
        settled: Callable[[tuple[InboxEntry, ...], tuple[OutboxRow, ...]], bool],
        *,
        timeout_s: float = 120.0,
    ) -> None:
        """Wait until an order's stored messages and replies satisfy ``settled``. Raises AssertionError with both."""
        try:
            async with asyncio.timeout(timeout_s):
                while not settled(await self.inbox(order_no), await self.outbox(order_no)):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            entries, rows = await self.inbox(order_no), await self.outbox(order_no)
            told = "\n".join([*map(repr, entries), *map(repr, rows), self.log.getvalue()[-4000:]])
            raise AssertionError(f"order {order_no} is not settled after {timeout_s} s:\n{told}") from None

    def bot_texts(self, order_no: str) -> list[str]:
        """Return what the counterparty sees of the bot in an order."""
        return [line.text for line in self.box.world.said_by_bot(order_no)]

    async def inbox(self, order_no: str) -> tuple[InboxEntry, ...]:
        """Return the decided messages of an order, from the running daemon's store."""
        return await self.account().doors.store.inbox(order_no)

    async def outbox(self, order_no: str) -> tuple[OutboxRow, ...]:
        """Return the replies of an order, from the running daemon's store."""
        return await self.account().doors.store.outbox(order_no)


@cache
def _ed25519() -> Ed25519PrivateKey:
    """Return a key that was made for this run."""
    return Ed25519PrivateKey.generate()


def _private_pem() -> str:
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return _ed25519().private_bytes(*form).decode()


def _public_pem() -> str:
    return _ed25519().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@asynccontextmanager
async def stage(directory: Path, script: Script | None = None) -> AsyncIterator[Stage]:
    """Open an exchange with the script's accounts; at the end no secret may be in a log or a file of the daemon."""
    script = script or Script()
    accounts = tuple(
        SandboxAccount(name=name, api_key=f"{API_KEY}{name}", public_key_pem=_public_pem())
        if script.ed25519
        else SandboxAccount(name=name, api_key=f"{API_KEY}{name}", hmac_secret=f"{API_SECRET}{name}")
        for name in script.accounts
    )
    options = SandboxOptions(directory=directory / "exchange", accounts=accounts, **script.exchange)  # type: ignore[arg-type]
    async with Sandbox(options) as box:
        made = Stage(directory=directory, box=box, script=script)
        made.write()
        yield made
    shown = [*secrets_in(made.log.getvalue()), *secrets_below(directory, own=_OWN)]
    assert not shown, "\n".join(("a secret is shown:", *shown[:10]))


__all__ = ["API_KEY", "API_SECRET", "OrderSpec", "Script", "Stage", "stage"]
