"""``p2pbot demo``: see it work against a simulated exchange."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from p2pbot.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from p2pbot.cli.demo_line import Typed
    from p2pbot.cli.demo_screen import Screen
    from p2pbot.cli.demo_show import Show
    from p2pbot.cli.demo_stage import Stage
    from p2pbot.cli.parser import Parser

_ABOUT = """\
Starts a SIMULATED exchange on this machine and the real p2pbot against it, and lets you type as the counterparty.
It shows the talk, the order's state, which rule spoke and why. Nothing leaves the machine; no keys are needed."""
_MORE = """\
examples:
  p2pbot demo
  p2pbot demo --rules my/rules        try your own rules
  p2pbot demo --script                unattended: plays the main job and its troubles, and checks every reply

exit codes: 0 done (--script: every expected reply arrived exactly once), 1 failure, 78 the rules do not load"""
_INTERRUPTED = 130
_REFRESH_S = 0.1


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    about = "see it work against a simulated exchange"
    parser = commands.add_parser("demo", help=about, description=_ABOUT, epilog=_MORE)
    parser.add_argument("--script", action="store_true", help="a scripted counterparty instead of you")
    parser.add_argument("--rules", type=Path, metavar="PATH", help="rules to answer by (default: the starter set)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep state, log and configuration in a new directory")
    parser.set_defaults(handler=_demo)


def _demo(arguments: argparse.Namespace) -> int:
    rules = _rules(arguments.rules)
    with _directory(arguments.keep) as directory:
        rules = _own(directory, rules) if arguments.rules is None else rules
        try:
            code = asyncio.run(_perform(arguments, directory, rules))
        except (KeyboardInterrupt, asyncio.CancelledError):  # Ctrl-C or SIGTERM, after all was settled and closed
            code = _INTERRUPTED if arguments.script else 0
        except BaseExceptionGroup as group:  # tasks ran side by side; a person is told what happened, not where
            raise _first(group) from group
    print("p2pbot has settled what was in flight and stopped")
    if arguments.keep:
        print(f"look at it again: p2pbot why ORDER --config {arguments.keep / 'config.yaml'}")
    return code


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _rules(given: Path | None) -> Path:
    """Return where the rules lie. Raises ConfigError before anything is started."""
    from p2pbot.cli.starter import starter_rules  # noqa: PLC0415 - help needs none of it

    path = given if given is not None else starter_rules()
    if not path.exists():
        raise ConfigError(f"there are no rules at {path}", remedy="--rules names a file or a directory")
    return path.resolve()


def _own(directory: Path, starter: Path) -> Path:
    from p2pbot.cli.demo_balance import add_balance_rules  # noqa: PLC0415 - help needs none of it
    from p2pbot.cli.demo_picture import demo_rules  # noqa: PLC0415 - same

    rules = demo_rules(directory, starter)
    add_balance_rules(rules)
    return rules


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="p2pbot-demo-") as made:
            yield Path(made)
        return
    try:
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)
        used = any(keep.iterdir())
    except OSError as error:
        raise UsageError(f"--keep {keep} cannot be used: {error.strerror}", remedy="name a new directory") from error
    if used:
        raise UsageError(f"--keep {keep} is not empty", remedy="name a new directory")
    yield keep.resolve()


async def _perform(arguments: argparse.Namespace, directory: Path, rules: Path) -> int:
    from p2pbot.cli.demo_line import Typed  # noqa: PLC0415 - help needs none of it
    from p2pbot.cli.demo_screen import Screen  # noqa: PLC0415 - same
    from p2pbot.cli.demo_show import Show, introduce  # noqa: PLC0415 - same
    from p2pbot.cli.demo_stage import open_stage  # noqa: PLC0415 - same

    _end_on_signals()
    at_keyboard = not arguments.script and _is_terminal(sys.stdin) and _is_terminal(sys.stdout)
    typed = Typed() if at_keyboard else None
    screen = Screen(sys.stdout, typed=typed)
    async with open_stage(directory, rules) as stage:
        introduce(stage, screen, "kept" if arguments.keep else "removed at the end")
        if arguments.script:
            return await _scripted(stage, screen)
        show = Show(stage, screen)
        await _converse(show, typed)
    return 0


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _end_on_signals() -> None:
    """Let SIGTERM and a terminal that is closed end it as Ctrl-C does."""
    task = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _scripted(stage: Stage, screen: Screen) -> int:
    from p2pbot.cli.demo_script import Play  # noqa: PLC0415 - same

    return await Play(stage, screen).run()


async def _converse(show: Show, typed: Typed | None) -> None:
    """Let a person type until they end, and tell meanwhile what happens. ``typed``: they sit at a terminal."""
    from p2pbot.cli.demo_line import Keyboard, keys_at_once  # noqa: PLC0415 - same
    from p2pbot.cli.demo_line import Typed as Line  # noqa: PLC0415 - same
    from p2pbot.cli.demo_typing import Typist, order_spec  # noqa: PLC0415 - same

    typist = Typist(show, patient=typed is None)
    keyboard = Keyboard(typed or Line(), show.screen.prompt)
    show.screen.say("You are the customer: type what one would write. /help lists the commands.")
    await show.open(order_spec(""))
    with nullcontext() if typed is None else keys_at_once(show.screen.prompt):
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(_watch(show), name="demo watch")
                await typist.work_off(keyboard.lines())
                watching.cancel()
        finally:
            show.screen.leave()


async def _watch(show: Show) -> NoReturn:
    while True:
        show.stage.check()
        await show.refresh()
        await asyncio.sleep(_REFRESH_S)
