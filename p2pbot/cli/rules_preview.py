"""``p2pbot rules preview``: every text in every language as it would come out, with its length."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from p2pbot.cli.explanation import order_and_clock
from p2pbot.cli.output import Paint, shown, wrapped
from p2pbot.cli.rules_files import add_clock, add_rules, rule_files, ruleset_of
from p2pbot.cli.rules_list import place_of, rule_of
from p2pbot.model import Picture
from p2pbot.rules.facts import Facts
from p2pbot.rules.replies import MAX_BUBBLE, Shown, texts_of
from p2pbot.rules.rule import Rule
from p2pbot.rules.templates import CannotSay, Text, lengths
from p2pbot.rules.variables import values

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

SAMPLE = (
    "side=sell,order_status=unpaid,asset=USDT,fiat=EUR,amount=900,total=828.50,price=0.92,"
    "counterparty.nickname=buyer7,counterparty.name=Ann Lee,counterparty.orders=12"
)
_ABOUT = f"""\
Shows every text of every rule, or of one, in every language: filled in for a sample order, with its length and the
most characters that it can come to. The chat takes {MAX_BUBBLE}; a longer text is sent in parts. A text that the sample
cannot fill is shown as it is written."""
_MORE = """\
example: p2pbot rules preview paid-claim --order order_status=paid,counterparty.name=Ivan

exit codes: 0 done, 2 wrong command line or no such rule, 78 the rules have errors"""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("preview", help="every text in every language", description=_ABOUT, epilog=_MORE)
    parser.add_argument("rule", metavar="ID", nargs="?", help="the texts of this rule alone")
    parser.add_argument("--order", metavar="FACTS", default="", help="what the order is, beside the sample's facts")
    add_clock(parser)
    add_rules(parser)
    parser.set_defaults(handler=_preview)


def _preview(arguments: argparse.Namespace) -> int:
    ruleset = ruleset_of(rule_files(arguments, arguments.rules), arguments)
    facts = order_and_clock(f"{SAMPLE},{arguments.order}", arguments.clock)
    rules = [rule_of(ruleset, arguments.rule)] if arguments.rule else list(ruleset.rules)
    paint = Paint()
    blocks = ["\n".join(_block(rule, facts, paint)) for rule in rules if rule.reply or rule.notify]
    print("\n\n".join(blocks) or "No rule has a text.")
    return 0


def _block(rule: Rule, facts: Facts, paint: Paint) -> Iterator[str]:
    yield f"{paint('bold', rule.id)}  {paint('dim', shown(place_of(rule)))}"
    for code, bubbles in rule.reply.bubbles if rule.reply else ():
        for number, bubble in enumerate(bubbles, 1):
            for own, line in bubble.wordings:
                language = own or code
                which = f"{language or 'all':8}" + (f"{number}. " if len(bubbles) > 1 else "")
                if isinstance(line, Shown):
                    yield _picture(which, line.picture, paint)
                for text in texts_of(line):
                    yield from _text(which, text, replace(facts, language=language or None), paint)
    for text in rule.notify:
        yield from _text("notify  ", text, facts, paint)


def _picture(which: str, picture: Picture, paint: Paint) -> str:
    size = f"{picture.width} × {picture.height} {picture.kind.value}"
    return f"  {which}{shown(str(picture))} {paint('dim', f'[{size}]')}"


def _text(which: str, text: Text, facts: Facts, paint: Paint) -> Iterator[str]:
    try:
        said, filled = text.render(values(facts, "the counterparty's text", ())).strip(), True
    except CannotSay:
        said, filled = text.source, False
    _, most = lengths(text)
    size = f"{len(said)}" + (f", at most {most}" if most != len(said) else "") if filled else f"at most {most}"
    colour = "red" if most > MAX_BUBBLE else "dim"
    yield f"  {which}{paint(colour, f'[{size}]')}"
    for line in said.split("\n"):
        yield from (f"    {part}" for part in _lines(shown(line)))


def _lines(text: str) -> Iterable[str]:
    """Return a text as a terminal shows it best; a program gets it whole."""
    return wrapped(text, shutil.get_terminal_size().columns - len("     ")) if sys.stdout.isatty() else [text]
