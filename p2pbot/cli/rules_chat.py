"""``p2pbot rules chat``: the merchant types as the counterparty, and the rules answer at once.

Promise: nothing is sent; the clock is moved by ``/wait`` alone; what ``/save`` writes is a dialogue test that passes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from p2pbot.cli.chat_room import ChatRoom
from p2pbot.cli.explanation import given_order
from p2pbot.cli.output import Paint
from p2pbot.cli.rules_files import add_rules, rule_files, ruleset_of

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
    "/why": "/why                            what each rule said to the last message",
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
    add_rules(parser)
    parser.set_defaults(handler=_chat)


def _chat(arguments: argparse.Namespace) -> int:
    ruleset = ruleset_of(rule_files(arguments, arguments.rules))
    sample = f"{SAMPLE},{arguments.order}"
    given_order(sample)  # a mistake in it ends the command
    room = ChatRoom(ruleset, sample, Paint())
    typed = sys.stdin.isatty()
    if typed:
        _prepare_line()
        print(f"{len(ruleset)} rules. Type as the counterparty; /help lists the commands.")
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


def _prepare_line() -> None:
    """History and completion of commands where this Python has readline; for this talk alone, nothing is kept."""
    try:
        import readline  # noqa: PLC0415 - it changes how input() works
    except ImportError:
        return

    def complete(text: str, state: int) -> str | None:
        found = [word for word in COMMANDS if word.startswith(text)] if text.startswith("/") else []
        return f"{found[state]} " if state < len(found) else None

    readline.set_completer_delims(" ")
    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
