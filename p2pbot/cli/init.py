"""``p2pbot init``: a place to start from – configuration, rules with tests, a home for the keys.

Promise: nothing that is there is touched; every file is made new or left alone, and a pack whose rules are there
already, in a file of another name, is left out. What is made sends nothing: its mode is shadow.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from p2pbot.adapters.files import read_rules
from p2pbot.cli.output import Paint, shown
from p2pbot.cli.rules_schema import schema_text
from p2pbot.cli.starter import starter_config, starter_rules
from p2pbot.cli.starter_choices import (
    NIGHT,
    Choices,
    parse_account,
    parse_languages,
    parse_packs,
    parse_zone,
    usual_packs,
)
from p2pbot.cli.starter_packs import (
    LANGUAGES,
    Pack,
    dialogue_texts,
    in_zone,
    only_clocks_differ,
    read_packs,
    rule_texts,
)
from p2pbot.cli.starter_questions import ask
from p2pbot.cli.starter_report import next_steps, told
from p2pbot.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

T = TypeVar("T")
_ABOUT = """\
Makes a working start in DIR (default: here): a configuration in which every key is explained, packs of rules for the
usual questions with their tests, and a directory for the keys. It never overwrites: a file that is there stays as it
is. The mode is shadow: answers are decided and recorded, and none is sent until you write `mode: live`.
On a terminal it asks a few questions; what an option says is not asked."""
_MORE = """\
examples:
  p2pbot init shop
  p2pbot init shop --yes                               asks nothing: all languages, all packs but night-hours
  p2pbot init shop --languages es,pt,en                three languages; Spanish for who has not written yet
  p2pbot init shop --languages ru,all --zone Asia/Almaty
  p2pbot init shop --packs greeting,paid-claim,waiting

exit codes: 0 done, 2 wrong command line, 78 the directory cannot be written"""
_SCHEMA = "rules.schema.json"
_MODELINE = "# yaml-language-server: $schema={}" + _SCHEMA + "\n"
_KEYS = """\
Your API key and its secret go here, each alone in a file of its own, readable by p2pbot's user only:

  {account}.key       the API key (it may read and use P2P, nothing else, and is bound to this machine's address)
  {account}.secret    the secret that belongs to it

  chmod 600 {account}.key {account}.secret

With an Ed25519 or RSA key put the private key into {account}.pem instead of {account}.secret, and see config.yaml.
Never send these files to anybody, and keep them out of backups that others can read.
"""
_IGNORED = "# Keys and state stay on this machine.\n/secrets/\n/state/\n"
_ID = re.compile(r"\bid: *[\"']?([\w.-]+)")


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
    parser.add_argument("--account", metavar="NAME", help="your word for the account (default: main)")
    codes = f"of {' '.join(LANGUAGES)}; the first is for who has not written yet (default: all)"
    parser.add_argument("--languages", metavar="CODES", help=codes)
    parser.add_argument("--packs", metavar="NAMES", help=f"topics of rules (default: all; {NIGHT} with --zone)")
    parser.add_argument("--zone", metavar="ZONE", help=f"your time zone, such as Europe/Istanbul, for {NIGHT}")
    parser.add_argument("--yes", action="store_true", help="ask nothing: the defaults for all that no option says")
    parser.set_defaults(handler=_init)


def _init(arguments: argparse.Namespace) -> int:
    directory: Path = arguments.directory
    packs = read_packs(starter_rules())
    choices = _choices(arguments, packs)
    chosen = [pack for pack in packs if pack.name in choices.packs]
    paint = Paint()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        there = {pack.name: file for pack in chosen if (file := _taken(directory, pack))}
        wanted = [pack for pack in chosen if pack.name not in there]
        planned = list(pieces(choices, wanted))
        done = [(piece.path, _make(directory / piece.path, piece)) for piece in planned]
        moved = planned if choices.zone else []
        notes = [note for piece in moved if (note := _of_another_zone(directory / piece.path, piece.text))]
    except OSError as error:
        place = error.filename or directory
        raise ConfigError(f"{place}: {error.strerror or 'cannot be written'}", remedy="name another DIR") from None
    print("\n".join(told(directory, done, there, paint)))
    print("".join(f"{paint('yellow', 'note')}  {shown(note)}\n" for note in notes), end="")
    if NIGHT not in choices.packs and not arguments.packs:
        print(f"{paint('dim', 'left')}  the pack {NIGHT}: call init again with --zone and your time zone")
    made = any(fresh for _, fresh in done)
    print("\n".join(next_steps(directory, paint) if made else ["", "Everything was there already."]))
    return 0


def _choices(arguments: argparse.Namespace, packs: Sequence[Pack]) -> Choices:
    """Return what is chosen by options, and on a terminal by answers. Raises UsageError."""
    account = _option(arguments.account, "--account", parse_account)
    languages = _option(arguments.languages, "--languages", parse_languages) or ()
    chosen = _option(arguments.packs, "--packs", lambda text: parse_packs(text, packs)) or ()
    zone = _option(arguments.zone, "--zone", parse_zone) or ""
    if not arguments.yes and sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty():
        return ask(packs, account, languages, chosen, zone, input)
    if NIGHT in chosen and not zone:
        raise UsageError(f"the pack {NIGHT} needs your time zone", remedy="add --zone, such as --zone Europe/Istanbul")
    return Choices(account or "main", languages or tuple(LANGUAGES), chosen or usual_packs(packs, zone), zone)


def _option(text: str | None, name: str, parse: Callable[[str], T]) -> T | None:
    try:
        return None if text is None else parse(text)
    except ValueError as error:
        raise UsageError(f"{name}: {error}", remedy="see: p2pbot init --help") from None


def pieces(choices: Choices, packs: Sequence[Pack]) -> Iterator[Piece]:
    """Yield what a start consists of. Raises ConfigError when this installation lacks it."""
    config = starter_config().read_text("utf-8").replace("# Copy this file to config.yaml and change", "# Change")
    named = config.replace("- name: main ", f"- name: {choices.account} ")
    yield Piece(Path("config.yaml"), named.replace("secrets/main.", f"secrets/{choices.account}."))
    for name, text in rule_texts(packs, choices.languages):
        yield Piece(Path("rules") / name, _MODELINE.format("../") + in_zone(text, choices.zone))
    for name, text in dialogue_texts(starter_rules(), packs, choices.languages):
        yield Piece(Path("rules") / name, _MODELINE.format("../../") + in_zone(text, choices.zone))
    yield Piece(Path(_SCHEMA), schema_text())
    yield Piece(Path("secrets/README.txt"), _KEYS.format(account=choices.account), 0o600)
    yield Piece(Path(".gitignore"), _IGNORED)


def _taken(directory: Path, pack: Pack) -> str:
    """Return the file of another name that has a rule of this pack already, or an empty text. Raises OSError."""
    rules = directory / "rules"
    if not any(rules.glob("*.y*ml")):
        return ""
    files = {Path(path).name: text for path, text in read_rules(rules).items()}
    others = (name for name, text in files.items() if name != pack.file and pack.rules.intersection(_ID.findall(text)))
    return next(others, "")


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


def _of_another_zone(path: Path, text: str) -> str:
    """Return what to do about a test that was kept and plays at other hours than ``text``, or an empty text."""
    if not path.is_file() or not only_clocks_differ(path.read_text("utf-8", errors="replace"), text):
        return ""
    return f"{path} tells the time of another zone: delete it, and call init again"
