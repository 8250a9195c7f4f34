"""``Sandbox``: the simulated exchange as an object that runs, for tests, the demo and the command line.

Promise: leaving the ``async with`` closes everything; the files in ``directory`` stay.
Danger: it serves on loopback only, and refuses any other address.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from p2pbot.sandbox.actions import ACTIONS
from p2pbot.sandbox.certificate import make_certificates, server_context, write_private
from p2pbot.sandbox.control import Control
from p2pbot.sandbox.faults import Fault
from p2pbot.sandbox.life import Turn
from p2pbot.sandbox.link_shell import LinkShell
from p2pbot.sandbox.options import OrderSpec, SandboxOptions
from p2pbot.sandbox.shell import Shell
from p2pbot.sandbox.world import World

_LOG = logging.getLogger("p2pbot.sandbox")
_SHUTDOWN_S = 0.2  # nothing here is worth waiting for


class Sandbox:
    """A running simulated exchange. Raises ValueError at construction if ``host`` is not a loopback address."""

    def __init__(self, options: SandboxOptions) -> None:
        _refuse_open_host(options.host)
        self._options = options
        self.world = World(options, random.Random(options.seed))  # noqa: S311 – a repeatable world, not a secret
        self._shell = Shell(self.world)
        self._runner: web.AppRunner | None = None
        self.rest_url = ""
        self.chat_url = ""
        self.ws_url = ""
        self.ca_file: Path | None = None
        self.control_token_file = options.directory / "control.token"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Make the certificate and the control token, and serve. Raises OSError if the port is taken."""
        options = self._options
        options.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        context = None
        if options.tls:
            files = make_certificates(options.directory)
            self.ca_file, context = files.ca_file, server_context(files)
        token = secrets.token_urlsafe(32)
        write_private(self.control_token_file, token.encode())
        app = self._shell.application()
        Control(self._shell, token).serve(app)
        LinkShell(self._shell).serve(app)
        self._shell.serve_rest(app)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_S, handle_signals=False
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, options.host, options.port, ssl_context=context).start()
        except OSError:
            await self.stop()
            raise
        self._announce(self._runner.addresses[0][1])

    def _announce(self, port: int) -> None:
        host = f"[{self._options.host}]" if ":" in self._options.host else self._options.host
        suffix = "s" if self._options.tls else ""
        self.rest_url = f"http{suffix}://{host}:{port}"
        self.ws_url = f"ws{suffix}://{host}:{port}"
        self.chat_url = f"{self.ws_url}/chat"
        self.world.reachable_at(self.rest_url, self.chat_url)
        _LOG.info("SIMULATED exchange serves on %s", self.rest_url)

    async def stop(self) -> None:
        """Cut every connection and stop serving. Idempotent."""
        self._shell.stop()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def wait_for(self, condition: Callable[[World], object], timeout_s: float = 10.0, what: str = "") -> None:
        """Wait until ``condition(world)`` is true; it is asked again whenever the world was touched.

        Raises TimeoutError that names ``what``, or the place of the condition in the source.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not condition(self.world):
                    await self._shell.wait_changed()
        except TimeoutError:
            raise TimeoutError(f"waited {timeout_s} s in vain for {what or _place(condition)}") from None

    def perform(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Perform an action of the control table; return its JSON. Raises KeyError, ValueError, IllegalTransition."""
        if name not in ACTIONS:
            raise KeyError(f"there is no action {name!r}; there are: {', '.join(ACTIONS)}")
        return self._shell.run(lambda now_ms: ACTIONS[name].perform(self.world, arguments, now_ms))

    # ---- what people do ----

    async def open_order(self, account: str, spec: OrderSpec | None = None) -> str:
        """Open an order; return its number."""
        return self._shell.run(lambda now_ms: self.world.open_order(account, spec or OrderSpec(), now_ms))

    async def say(self, order_no: str, text: str, *, uuid: str = "") -> int:
        """Let the counterparty say a text; return the message id."""
        return self._shell.run(lambda now_ms: self.world.say(order_no, text, now_ms, uuid=uuid))

    async def say_as(self, order_no: str, kind: str, text: str) -> int:
        """Send a frame of another ``type`` in the counterparty's name (auto_reply, card, video, translate, mark)."""
        return self._shell.run(lambda now_ms: self.world.say(order_no, text, now_ms, kind=kind))

    async def auto_reply(self, order_no: str, text: str) -> int:
        """Let the counterparty's client send its automatic text; return the message id."""
        return await self.say_as(order_no, "auto_reply", text)

    async def send_image(
        self, order_no: str, data: bytes | None = None, *, declared: str = "png", content_type: str = ""
    ) -> int:
        """Let the counterparty send a picture (None: a sample); return the message id. What is declared may lie."""
        return self._shell.run(
            lambda now_ms: self.world.send_image(order_no, now_ms, data, declared=declared, content_type=content_type)
        )

    async def recall(self, order_no: str, message_id: int) -> int:
        """Let the counterparty take a message back; return the recall's id."""
        return self._shell.run(lambda now_ms: self.world.recall(order_no, message_id, now_ms))

    async def operator_says(self, order_no: str, text: str) -> int:
        """Let a person of ours type in the app; return the message id."""
        return self._shell.run(lambda now_ms: self.world.operator_says(order_no, text, now_ms))

    async def read(self, order_no: str, *, by_us: bool = True) -> int:
        """Let our person (or the counterparty) open the chat; return how many lines became read."""
        return self._shell.run(lambda now_ms: self.world.read(order_no, now_ms, by_us=by_us))

    async def system(self, order_no: str, event: str) -> int:
        """Post a system event of any name; return the message id."""
        return self._shell.run(lambda now_ms: self.world.system(order_no, event, now_ms))

    async def monitor_warns(self, order_no: str) -> int:
        """Post a warning of the exchange's monitor; return the message id."""
        return await self.system(order_no, "nlp_simulated_warning")

    async def about_to_expire(self, order_no: str) -> None:
        """Post that the payment window is nearly over."""
        self._shell.run(lambda now_ms: self.world.about_to_expire(order_no, now_ms))

    async def turn(self, order_no: str, turn: Turn, *, by_us: bool = False) -> None:
        """Let an order take a turn. Raises IllegalTransition."""
        self._shell.run(lambda now_ms: self.world.turn(order_no, turn, now_ms, by_us=by_us))

    async def verify(self, order_no: str) -> None:
        """Finish the extra verification."""
        await self.turn(order_no, Turn.VERIFY)

    async def pay(self, order_no: str) -> None:
        """Mark the order as paid (by whoever must pay)."""
        await self.turn(order_no, Turn.PAY)

    async def release(self, order_no: str) -> None:
        """Release the crypto: the order is completed."""
        await self.turn(order_no, Turn.RELEASE)

    async def cancel(self, order_no: str) -> None:
        """Cancel the order."""
        await self.turn(order_no, Turn.CANCEL)

    async def cancel_by_system(self, order_no: str) -> None:
        """Let the exchange cancel the order."""
        await self.turn(order_no, Turn.CANCEL_BY_SYSTEM)

    async def restore(self, order_no: str) -> None:
        """Flip a cancellation by the system back to trading, without a word, as was seen."""
        await self.turn(order_no, Turn.RESTORE)

    async def appeal(self, order_no: str, *, by_us: bool = False) -> None:
        """Open an appeal."""
        await self.turn(order_no, Turn.APPEAL, by_us=by_us)

    async def close_appeal(self, order_no: str) -> None:
        """Withdraw the appeal: the order is paid again."""
        await self.turn(order_no, Turn.CLOSE_APPEAL)

    # ---- faults ----

    async def inject(self, fault: Fault) -> int:
        """Play a fault; return its id (0 = over at once)."""
        return self._shell.run(lambda now_ms: self.world.inject(fault, now_ms))

    async def clear_faults(self, fault_id: int | None = None) -> None:
        """End one standing fault, or all and every silence."""
        self._shell.run(lambda _: self.world.clear_faults(fault_id))


def _refuse_open_host(host: str) -> None:
    try:
        open_to_others = host != "localhost" and not ipaddress.ip_address(host).is_loopback
    except ValueError:
        open_to_others = True
    if open_to_others:
        raise ValueError(f"a simulated exchange serves on loopback only, not on {host!r}")


def _place(condition: Callable[[World], object]) -> str:
    code = getattr(condition, "__code__", None)
    return f"the condition at {code.co_filename}:{code.co_firstlineno}" if code else repr(condition)
