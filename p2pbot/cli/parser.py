"""The parser of the command line. A command's module is imported when it is called, and only then.

Promise: ``p2pbot --help`` imports no command, so it is quick, and it lists the commands that are there.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import metadata
from importlib.util import find_spec
from typing import Any, NoReturn, Protocol, cast

from p2pbot.errors import UsageError

# The command's name, its module, and the line about it in ``p2pbot --help``.
COMMANDS = (
    ("init", "p2pbot.cli.init", "make a place to start from: configuration, rules, tests"),
    ("run", "p2pbot.cli.run", "answer the chats: the daemon"),
    ("check", "p2pbot.cli.check", "is everything right? configuration, rules, keys; with --online the exchange too"),
    ("status", "p2pbot.cli.status", "is it running, is it connected, what has it done"),
    ("health", "p2pbot.cli.health", "healthy? one line and an exit code, for a health check"),
    ("why", "p2pbot.cli.why", "why was a message of an order answered, or not"),
    ("history", "p2pbot.cli.history", "an order's whole talk: to read, to replay, as a page with its pictures"),
    ("images", "p2pbot.cli.images", "fetch all pictures of an order"),
    ("image", "p2pbot.cli.image", "upload a picture and print its address"),
    ("open-data", "p2pbot.cli.open_data", "who is the customer whose Mini Program sent this data token"),
    ("notify", "p2pbot.cli.notify", "do words reach your phone?"),
    ("pause", "p2pbot.cli.pause", "be silent: in an order, in an account, everywhere"),
    ("resume", "p2pbot.cli.pause", "end a pause"),
    ("mute", "p2pbot.cli.mute", "leave an order to you, for a time or until it ends"),
    ("unmute", "p2pbot.cli.mute", "take an order back"),
    ("send", "p2pbot.cli.send", "a text into an order's chat, by hand"),
    ("outbox", "p2pbot.cli.outbox", "replies that wait: list them, drop one, try one again"),
    ("reload", "p2pbot.cli.reload", "have the daemon read its rules again, now"),
    ("backup", "p2pbot.cli.backup", "the state in one file, while p2pbot runs or not"),
    ("restore", "p2pbot.cli.backup", "put a backup in the state's place, here or on another machine"),
    ("forget", "p2pbot.cli.forget", "delete an order or a person from the state, for good"),
    ("rules", "p2pbot.cli.rules", "check, test, try and explain the reply rules"),
    ("demo", "p2pbot.cli.demo", "see it work against a simulated exchange"),
    ("sandbox", "p2pbot.cli.sandbox", "run the simulated exchange"),
    ("completion", "p2pbot.cli.completion", "make your shell complete commands and options"),
)
_ABOUT = "p2pbot answers the order chat of Binance P2P (C2C) for merchants, by reply rules that they write in YAML."
_EXITS = """\
exit codes: 0 done, 1 failure, 2 wrong command line, 78 wrong configuration, keys, rules or state directory"""


class Register(Protocol):
    """What a command's module has."""

    def register(self, commands: argparse._SubParsersAction[Parser]) -> None:
        """Add the command's parser."""
        ...


class Parser(argparse.ArgumentParser):
    """Help keeps its line breaks; options are written out; a mistake is a sentence."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*args, **(options | {"allow_abbrev": False}))

    def error(self, message: str) -> NoReturn:
        """Raise UsageError, which becomes exit code 2."""
        raise UsageError(message, remedy=f"see: {self.prog} --help")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the parsed arguments with ``handler``. Raises UsageError, and SystemExit after help or version."""
    parser, commands = _top()
    called = called_command(arguments)
    modules = {name: module for name, module, _ in COMMANDS if find_spec(module)}
    if called in modules:
        cast("Register", importlib.import_module(modules[called])).register(commands)
        for command in dict.fromkeys(commands.choices.values()):
            _add_common(command)
    elif called:
        near = get_close_matches(called, modules, n=1)
        remedy = f"did you mean `{near[0]}`?" if near else "see: p2pbot --help"
        raise UsageError(f"there is no command `{called[:40]}`", remedy=remedy)
    for name, _, line in COMMANDS:
        if name in modules and name not in commands.choices:
            commands.add_parser(name, help=line)
    parsed = parser.parse_args(arguments)
    if not hasattr(parsed, "handler"):
        parser.error("a command is missing" if not called else f"`{called}` needs one of its commands")
    return parsed


def whole_parser() -> Parser:
    """Return the parser with every command registered, for the manual page and shell completion."""
    parser, commands = _top()
    for module in dict.fromkeys(module for _, module, _ in COMMANDS):
        cast("Register", importlib.import_module(module)).register(commands)
    for command in dict.fromkeys(commands.choices.values()):
        _add_common(command)
    return parser


def called_command(arguments: Sequence[str]) -> str:
    """Return the first argument that is neither an option nor the value of ``--config``, or an empty text."""
    words = iter(arguments)
    for word in words:
        if word == "--config":
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""


def _top() -> tuple[Parser, argparse._SubParsersAction[Parser]]:
    parser = Parser(prog="p2pbot", description=_ABOUT, epilog=f"p2pbot COMMAND --help tells more\n\n{_EXITS}")
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    _add_common(parser)
    return parser, parser.add_subparsers(title="commands", metavar="COMMAND")


class _Version(argparse.Action):
    """Looks the version up when it is asked for: that takes longer than all else of the help."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print it and end."""
        print(f"p2pbot {metadata.version('p2pbot')}")
        parser.exit()


def _add_common(parser: argparse.ArgumentParser) -> None:
    """Add ``--config`` and ``--debug`` where a command is complete and has no such option of its own."""
    nested = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001 - argparse offers no other way to walk
    for action in nested:
        for inner in dict.fromkeys(action.choices.values()):
            _add_common(inner)
    if nested:
        return
    known = parser._option_string_actions  # noqa: SLF001 - same
    if "--config" not in known:
        told = "the configuration (default: $P2PBOT_CONFIG, ./config.yaml, /etc/p2pbot/config.yaml)"
        parser.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help=told)
    if "--debug" not in known:
        told = "show where an error came from"
        parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=told)
