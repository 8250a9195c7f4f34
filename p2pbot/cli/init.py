"""``p2pbot init``: a place to start from – configuration, rules with tests, a home for the keys.

Promise: nothing that is there is touched; every file is made new or left alone. What is made sends nothing: its mode
is shadow.
"""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from p2pbot.adapters.files import read_rules
from p2pbot.cli.output import Paint, shown
from p2pbot.cli.rules_files import TESTS, test_files
from p2pbot.cli.rules_schema import schema_text
from p2pbot.cli.starter import starter_config, starter_rules
from p2pbot.errors import ConfigError

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_ABOUT = """\
Makes a working start in DIR (default: here): a configuration in which every key is explained, rules for the usual
questions with their tests, and a directory for the keys. It never overwrites: a file that is there stays as it is.
The mode is shadow: answers are decided and recorded, and none is sent until you write `mode: live`."""
_MORE = """\
exit codes: 0 done, 2 wrong command line, 78 the directory cannot be written"""
_SCHEMA = "rules.schema.json"
_MODELINE = "# yaml-language-server: $schema={}" + _SCHEMA + "\n"
_KEYS = """\
Your API key and its secret go here, each alone in a file of its own, readable by p2pbot's user only:

  main.key       the API key (it may read and use P2P, nothing else, and is bound to this machine's address)
  main.secret    the secret that belongs to it

  chmod 600 main.key main.secret

With an Ed25519 or RSA key put the private key into main.pem instead of main.secret, and see config.yaml.
Never send these files to anybody, and keep them out of backups that others can read.
"""
_IGNORED = "# Keys and state stay on this machine.\n/secrets/\n/state/\n"


@dataclass(frozen=True, slots=True)
class Piece:
    """One file to be made. ``mode`` is its rights."""

    path: Path
    text: str
    mode: int = 0o644


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("init", help="make a place to start from", description=_ABOUT, epilog=_MORE)
    parser.add_argument("directory", metavar="DIR", nargs="?", type=Path, default=Path(), help="where (default: here)")
    parser.set_defaults(handler=_init)


def _init(arguments: argparse.Namespace) -> int:
    directory: Path = arguments.directory
    paint = Paint()
    made = 0
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for piece in pieces():
            fresh = _make(directory / piece.path, piece)
            made += fresh
            print(f"{paint('green', 'made') if fresh else paint('dim', 'kept')}  {shown(str(directory / piece.path))}")
    except OSError as error:
        place = error.filename or directory
        raise ConfigError(f"{place}: {error.strerror or 'cannot be written'}", remedy="name another DIR") from None
    print("\n".join(_next_steps(directory, paint) if made else ["", "Everything was there already."]))
    return 0


def pieces() -> Iterator[Piece]:
    """Yield what a start consists of. Raises ConfigError when this installation lacks it."""
    config = starter_config().read_text("utf-8").replace("# Copy this file to config.yaml and change", "# Change")
    yield Piece(Path("config.yaml"), config)
    source = starter_rules()
    for name, text in read_rules(source).items():
        yield Piece(Path("rules") / Path(name).name, _MODELINE.format("../") + text)
    for name, text in test_files(source).items():
        yield Piece(Path("rules") / TESTS / Path(name).name, _MODELINE.format("../../") + text)
    yield Piece(Path(_SCHEMA), schema_text())
    yield Piece(Path("secrets/README.txt"), _KEYS, 0o600)
    yield Piece(Path(".gitignore"), _IGNORED)


def _make(path: Path, piece: Piece) -> bool:
    """Make a file with its directories; False when something of that name is there. Raises OSError."""
    path.parent.mkdir(mode=0o700 if piece.mode == 0o600 else 0o755, parents=True, exist_ok=True)  # noqa: PLR2004 - rights
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, piece.mode)
    except FileExistsError:
        return False
    with os.fdopen(number, "w", encoding="utf-8", newline="\n") as file:
        file.write(piece.text)
    return True


def _next_steps(directory: Path, paint: Paint) -> list[str]:
    here = directory.resolve() == Path.cwd().resolve()
    steps = [
        *([] if here else [(f"cd {shlex.quote(str(directory))}", "")]),
        ("p2pbot rules chat", "talk to your rules as a counterparty would; nothing is sent"),
        ("p2pbot rules test", "the tests beside the rules; change a text and see"),
        ("edit rules/*.yaml", "say it in your words; `p2pbot rules check` finds mistakes"),
        ("edit secrets/main.key, main.secret", "your API key; secrets/README.txt says which"),
        ("p2pbot check --online", "is everything right? (reads only)"),
        ("p2pbot run", "mode: shadow – it decides and records, and sends nothing"),
        ("p2pbot why ORDER", "what it would have said, and why; then write `mode: live` into config.yaml"),
    ]
    width = max(len(step) for step, _ in steps)
    lines = [f"  {at}. {paint('bold', step.ljust(width))}  {told}".rstrip() for at, (step, told) in enumerate(steps, 1)]
    return ["", "Next:", *lines]
