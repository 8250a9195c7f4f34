"""``p2pbot rules chat``: the merchant types as the counterparty, and the rules answer at once.

Promise: nothing is sent; the clock is moved by ``/wait`` alone; what ``/save`` writes is a dialogue test that passes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from p2pbot.cli.chat_room import ChatRoom
from p2pbot.cli.explanation import clock_ms, given_order
from p2pbot.cli.output import Paint
from p2pbot.cli.rules_files import add_clock, add_rules, rule_files, ruleset_of
from p2pbot.cli.rules_show import counted
from p2pbot.model import EventKind, OrderStatus, Side
from p2pbot.rules.dialogue import FOLLOWS
from p2pbot.rules.given import GivenCounterparty, GivenFacts

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

SAMPLE = (
    "side=sell,order_status=unpaid,asset=USDT,fiat=EUR,amount=900,total=828.50,price=0.92,"
    "counterparty.nickname=buyer7,counterparty.name=Ann Lee"
)
_ABOUT = """\
Type as the counterparty would; the rules answer. Nothing is sent, and no time passes but by /wait. Works with input
from a pipe too: one line, one message."""
COMMANDS = {
    "/order": "/order status=paid,amount=900   change the order; a new status raises its event",
    "/event": "/event order_created            raise an event",
    "/image": "/image                          send a picture",
    "/wait": "/wait 10m                       let time pass",
    "/operator": "/operator hi                    write from your own account: p2pbot leaves the order to you",
    "/why": "/why [all]                      what the rules said to the last message",
    "/save": "/save rules/tests/x.yaml [NAME] add this chat to a file of tests; it passes at once",
    "/new": "/new [side=buy,…]               a new order",
    "/help": "/help                           this list",
    "/quit": "/quit                           the end (or Ctrl-D)",
}
_MORE = "commands:\n  " + "\n  ".join(COMMANDS.values())
_MORE += "\n\nexit codes: 0 done, 2 wrong command line, 78 the rules have errors"


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("chat", help="type as the counterparty", description=_ABOUT, epilog=_MORE)
    parser.add_argument("--order", metavar="FACTS", default="", help="what the order is, beside the sample's facts")
    add_clock(parser)
    add_rules(parser)
    parser.set_defaults(handler=_chat)


def _chat(arguments: argparse.Namespace) -> int:
    ruleset = ruleset_of(rule_files(arguments, arguments.rules), arguments)
    sample = f"{SAMPLE},{arguments.order}"
    given_order(sample)  # a mistake in it ends the command
    if arguments.clock:
        clock_ms(arguments.clock)  # same
    room = ChatRoom(ruleset, sample, Paint(), arguments.clock)
    typed = sys.stdin.isatty()
    if typed:
        _prepare_line()
        print(f"{counted(len(ruleset), 'rule')}. Type as the counterparty; /help lists the commands.")
        print(room.order_line())
    for line in _lines("you> " if typed else ""):
        if line in {"/quit", "/exit"}:
            break
        told = _help if line == "/help" else room.answer
        for out in told(line):
            print(out, flush=True)
    return 0


def _help(_: str) -> Iterator[str]:
    yield from COMMANDS.values()


def _lines(prompt: str) -> Iterator[str]:
    """Yield what is typed or piped, until it ends."""
    read: Callable[[], str] = (lambda: input(prompt)) if prompt else _piped
    while True:
        try:
            line = read()
        except EOFError:
            if prompt:
                print()
            return
        if line.strip():
            yield line.strip()


def _piped() -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


def completions(line: str, word: str) -> list[str]:
    """Return what ``word``, the last one of ``line``, may become: commands, facts and their values, events, files."""
    command, blank, _ = line.partition(" ")
    if not blank:
        return [f"{name} " for name in COMMANDS if word.startswith("/") and name.startswith(word)]
    return [known for known in _ARGUMENTS.get(command, _nothing)(word) if known.startswith(word)]


def _nothing(_: str) -> list[str]:
    return []


def _facts(word: str) -> list[str]:
    name, equals, _ = word.partition("=")
    if equals:
        return [f"{name}={value}" for value in _VALUES.get(name, ())]
    return [*_SIMPLE, *_INNER, *(f"{group}." for group in _GROUPS[1:])]


def _files(word: str) -> list[str]:
    parent = Path(word).parent if word and not word.endswith("/") else Path(word or ".")
    entries = sorted(parent.iterdir())[:_MOST_FILES] if parent.is_dir() else []
    return [f"{entry}/" if entry.is_dir() else str(entry) for entry in entries if not entry.name.startswith(".")]


_MOST_FILES = 1000  # of one directory, to choose from
_STATUSES = tuple(status.value for status in OrderStatus if status is not OrderStatus.UNKNOWN)
_VALUES = {"side": tuple(Side), "order_status": _STATUSES, "status": _STATUSES}
_GROUPS = ("counterparty", "tag", "balance", "futures", "spot", "payment")
_SIMPLE = [f"{key}=" for key in GivenFacts.model_fields if key not in {*_GROUPS, *FOLLOWS}]
_INNER = [f"counterparty.{key}=" for key in GivenCounterparty.model_fields]
_ARGUMENTS: dict[str, Callable[[str], list[str]]] = {
    "/order": _facts,
    "/new": _facts,
    "/event": lambda _: [f"{event} " for event in EventKind],
    "/wait": lambda _: ["5m", "10m", "1h", "1d"],
    "/save": _files,
}


def _prepare_line() -> None:
    """History and completion of commands where this Python has readline; for this talk alone, nothing is kept."""
    try:
        import readline  # noqa: PLC0415 - it changes how input() works
    except ImportError:
        return

    def complete(text: str, state: int) -> str | None:
        found = completions(readline.get_line_buffer()[: readline.get_endidx()], text)
        return found[state] if state < len(found) else None

    readline.set_completer_delims(" ,")
    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
