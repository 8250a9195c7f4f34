"""``p2pbot sandbox``: the simulated exchange."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from p2pbot.errors import OperatorError, UsageError

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser
    from p2pbot.sandbox import Sandbox
    from p2pbot.sandbox.kit import AccountKit
    from p2pbot.sandbox.script import Step

_ABOUT = """\
Serves a SIMULATED exchange on this machine alone: orders, chats, counterparties and every fault by name. Nothing in it
is real. It writes keys and a configuration for a daemon that talks to it."""
_HURRY = "a socket's 24 h, a listenKey's hour and the pings come N times sooner"
_MORE = """\
examples:
  p2pbot sandbox --directory play            then, elsewhere: p2pbot run --config play/config.yaml
  p2pbot sandbox --script day.jsonl          play a script and end; exit code 0 if all of it went as written

docs/sandbox.md tells the actions, the faults and the script's steps"""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("sandbox", help="run the simulated exchange", description=_ABOUT, epilog=_MORE)
    parser.add_argument("--port", type=_port, default=0, metavar="N", help="serve on this port (default: a free one)")
    parser.add_argument("--directory", type=Path, metavar="DIR", help="keys, certificate, configuration (default: new)")
    parser.add_argument("--account", action="append", metavar="NAME", help="an account (default: main); repeatable")
    parser.add_argument("--no-tls", action="store_true", help="serve without TLS")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed makes the same world")
    parser.add_argument("--plain", action="store_true", help="no variety: no noise, no repeats, one form of everything")
    parser.add_argument("--facts", action="store_true", help="the configuration asks for balances too (docs/facts.md)")
    parser.add_argument("--mini-program", action="store_true", help="with a Mini Program (docs/open-data.md)")
    parser.add_argument("--hurry", type=_times, default=1, metavar="N", help=_HURRY)
    parser.add_argument("--script", type=Path, metavar="FILE", help="play a script of JSON lines, then end")
    parser.set_defaults(handler=_sandbox)


def _times(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:  # noqa: PLR2004 - as options.hurried says
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100000")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:  # noqa: PLR2004 - the largest port
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _sandbox(arguments: argparse.Namespace) -> int:
    directory = arguments.directory or Path(tempfile.mkdtemp(prefix="p2pbot-sandbox-"))
    steps = _steps(arguments.script)
    try:
        return asyncio.run(_serve(arguments, directory, steps))
    except (OSError, ValueError) as error:
        remedy = "choose another --port or --directory"
        raise OperatorError(f"the sandbox cannot start: {error}", remedy=remedy) from error


def _steps(script: Path | None) -> tuple[Step, ...] | None:
    """Read the script before anything is started. Raises UsageError."""
    from p2pbot.sandbox.script import ScriptError, read_script  # noqa: PLC0415 - help needs none of it

    if script is None:
        return None
    try:
        return read_script(script.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the script cannot be read: {error}") from error
    except ScriptError as error:
        raise UsageError(f"{script}: {error}", remedy="docs/sandbox.md tells the steps") from error


async def _serve(arguments: argparse.Namespace, directory: Path, steps: tuple[Step, ...] | None) -> int:
    from p2pbot.sandbox import Sandbox, SandboxOptions  # noqa: PLC0415 - same
    from p2pbot.sandbox.kit import account_kits, write_configuration  # noqa: PLC0415 - same
    from p2pbot.sandbox.mini_program import mini_program_kit  # noqa: PLC0415 - same
    from p2pbot.sandbox.options import hurried  # noqa: PLC0415 - same

    kits = account_kits(directory, list(dict.fromkeys(arguments.account or ["main"])))
    options = SandboxOptions(
        directory=directory,
        accounts=tuple(kit.account for kit in kits),
        port=arguments.port,
        tls=not arguments.no_tls,
        seed=arguments.seed,
        variety=not arguments.plain,
        mini_programs=(mini_program_kit(directory),) if arguments.mini_program else (),
    )
    stop = _stop_when_told()
    async with Sandbox(hurried(options, arguments.hurry)) as box:
        wanted = {"facts": arguments.facts, "mini_program": arguments.mini_program}
        written = write_configuration(directory, kits, box.rest_url, box.ca_file, **wanted)
        _introduce(box, kits, directory, written=written)
        if steps is None:
            await stop.wait()
            print("SIMULATED exchange stopped")
            return 0
        return await _play(box, steps, stop)


def _introduce(box: Sandbox, kits: tuple[AccountKit, ...], directory: Path, *, written: bool) -> None:
    print("SIMULATED exchange (p2pbot sandbox): nothing here is real")
    print(f"  REST     {box.rest_url}")
    print(f"  chat     {box.chat_url}")
    print(f"  control  {box.rest_url}/control  (token: {box.control_token_file})")
    if box.ca_file:
        print(f"  CA file  {box.ca_file}")
    for kit in kits:
        print(f"  account  {kit.account.name}: {kit.key_file} {kit.secret_file}")
    print(f"  config   {directory / 'config.yaml'}" + ("" if written else "  (yours; left as it is)"))
    print(f"try: p2pbot run --config {directory / 'config.yaml'}")
    sys.stdout.flush()


def _stop_when_told() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _play(box: Sandbox, steps: tuple[Step, ...], stop: asyncio.Event) -> int:
    """Play the script to its end, or until told to stop."""
    from p2pbot.sandbox.script import Player, ScriptError  # noqa: PLC0415 - same

    def tell(line: str) -> None:
        print(line, flush=True)

    playing = asyncio.create_task(Player(box, tell).play(steps))
    told = asyncio.create_task(stop.wait())
    await asyncio.wait((playing, told), return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if playing.cancel():
        print("SIMULATED exchange stopped before the script's end", file=sys.stderr)
        return 1
    try:
        playing.result()
    except ScriptError as error:
        print(f"SIMULATED exchange: the script failed: {error}", file=sys.stderr)
        return 1
    print("SIMULATED exchange: the script went as written")
    return 0
