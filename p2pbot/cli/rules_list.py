"""``p2pbot rules list``: the rules in the order in which they are asked, or everything about one."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from p2pbot.cli.output import Paint, cells, columns, print_json, shown
from p2pbot.cli.rules_files import add_rules, rule_files, ruleset_of
from p2pbot.errors import UsageError
from p2pbot.rules.matching import BlockCheck, PatternCheck, PhraseCheck
from p2pbot.rules.rule import Rule
from p2pbot.rules.ruleset import RuleSet
from p2pbot.rules.spec import TIMED

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_ABOUT = """\
Lists the rules in the order in which they are asked: by priority, then file, then place in the file. The first that
fits speaks, and ends the search unless it says `continue: true`. With ID it tells everything about one rule, the
defaults included."""
_MORE = """\
exit codes: 0 done, 2 wrong command line or no such rule, 78 the rules have errors"""
_WIDTH = 60  # of what a rule listens to, in a list of one line for each rule
_NARROW = 120  # columns; on a terminal with fewer, a rule has two lines
_PLAIN = ("when.side", "when.order_status")  # their values say what they are
_IDLE = "when.operator_idle"  # every rule has it


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("list", help="the rules in their order", description=_ABOUT, epilog=_MORE)
    parser.add_argument("rule", metavar="ID", nargs="?", help="tell all about this rule")
    add_rules(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(handler=_list)


def _list(arguments: argparse.Namespace) -> int:
    ruleset = ruleset_of(rule_files(arguments, arguments.rules), arguments)
    paint = Paint()
    rules = [rule_of(ruleset, arguments.rule)] if arguments.rule else list(ruleset.rules)
    if arguments.json:
        print_json([_document(rule) for rule in rules])
    elif arguments.rule:
        print("\n".join(columns((paint("bold", name), shown(told)) for name, told in _details(rules[0]))))
    else:
        narrow = sys.stdout.isatty() and shutil.get_terminal_size().columns < _NARROW
        print("\n".join(_stacked(rules, paint) if narrow else columns(_row(rule, paint) for rule in rules)))
    return 0


def rule_of(ruleset: RuleSet, rule_id: str) -> Rule:
    """Return a rule by its id. Raises UsageError."""
    for rule in ruleset.rules:
        if rule.id == rule_id:
            return rule
    raise UsageError(f"there is no rule `{rule_id[:64]}`", remedy="p2pbot rules list names them")


def place_of(rule: Rule) -> str:
    """Return where a rule stands, from here if it is below."""
    return rule.where.removeprefix(f"{Path.cwd()}/")


def _row(rule: Rule, paint: Paint) -> tuple[str, ...]:
    listens = shown(_listens(rule), _WIDTH)
    place = paint("dim", shown(place_of(rule)))
    return str(rule.priority), rule.id, _events(rule), _state(rule, paint), _conditions(rule), listens, place


def _stacked(rules: Iterable[Rule], paint: Paint) -> Iterator[str]:
    """Yield two lines for each rule: what it is, and below it in which orders it listens to what."""
    listed = list(rules)
    heads = columns(
        (str(rule.priority), rule.id, _events(rule), paint("dim", shown(place_of(rule)))) for rule in listed
    )
    room = shutil.get_terminal_size().columns - 1
    for rule, head in zip(listed, heads, strict=True):
        state, told = _state(rule, paint), shown(f"{_conditions(rule) or 'any order'}: {_listens(rule)}")
        yield head
        yield f"     {state}  " + paint("dim", _cut(told, room - cells(state) - len("       ")))


def _cut(text: str, room: int) -> str:
    """Return as much of a line as a terminal of ``room`` cells shows; a Chinese character takes two."""
    if cells(text) <= room:
        return text
    text = text[: room - 1]
    while cells(text) >= room:
        text = text[:-1]
    return text + "…"


def _state(rule: Rule, paint: Paint) -> str:
    return paint("yellow", "shadow") if rule.shadow else paint("green", "live")


def _listens(rule: Rule) -> str:
    return ", ".join(told for _, told in _hears(rule)) or "anything"


def _conditions(rule: Rule) -> str:
    """Return when it speaks, in few words: ``sell, unpaid, hours night``."""
    asked = [check for check in rule.checks if check.name not in {_IDLE, "on"}]
    told = (check.wanted if check.name in _PLAIN else f"{check.name[5:]} {check.wanted}" for check in asked)
    return ", ".join(told)


def _details(rule: Rule) -> Iterator[tuple[str, str]]:
    yield "rule", rule.id
    yield "where", place_of(rule)
    yield "on", _events(rule)
    for event, span_ms in rule.spans:
        yield TIMED[event], f"{span_ms / 60_000:g}m"
    yield "priority", str(rule.priority)
    yield "mode", "shadow" if rule.shadow else "live"
    yield from _hears(rule)
    for check in rule.checks:
        yield check.name, check.wanted
    yield "limit", ", ".join(limit.text for limit in rule.limits)
    if rule.group != rule.id:
        yield "group", rule.group
    yield from _actions(rule)
    if rule.goes_on:
        yield "continue", "yes: the next rule that fits speaks too"


def _actions(rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.reply:
        languages = [code or "any language" for code, _ in rule.reply.bubbles]
        yield "reply", ", ".join(dict.fromkeys(languages)) + "  (p2pbot rules preview shows the texts)"
        for picture in dict.fromkeys(rule.reply.pictures()):
            yield "picture", f"{picture.name} ({picture.width} × {picture.height} {picture.kind.value})"
    yield from _times(rule)
    for text in rule.notify:
        yield "notify", text.source
    if rule.handover:
        span = f"for {rule.handover.for_ms // 60_000}m" if rule.handover.for_ms else "until the order ends"
        yield "handover", f"{span} {rule.handover.reason}".strip()
    if rule.unmute:
        yield "unmute", "yes: p2pbot may speak in the order again"
    for name, value in rule.tags:
        yield "set", f"{name}: {value}"
    if not (rule.reply or rule.notify or rule.handover or rule.unmute or rule.tags):
        yield "stop", "yes: it says nothing, and no rule after it does"


def _times(rule: Rule) -> Iterator[tuple[str, str]]:
    low, high = rule.delay_ms
    if rule.typing_cps:
        yield "delay", f"as long as typing takes, at {rule.typing_cps} characters a second"
    elif high:
        yield "delay", f"{low / 1000:g}s" if low == high else f"{low / 1000:g}s..{high / 1000:g}s"
    if rule.debounce_ms:
        yield "debounce", f"{rule.debounce_ms / 1000:g}s"
    if rule.expires_ms is not None:
        yield "expires", f"{rule.expires_ms / 1000:g}s"


def _hears(rule: Rule) -> Iterator[tuple[str, str]]:
    matcher = rule.matcher
    checks: tuple[PhraseCheck | PatternCheck | BlockCheck, ...] = (*matcher.phrases, *matcher.patterns, *matcher.blocks)
    for check in checks:
        yield check.name, check.wanted


def _events(rule: Rule) -> str:
    return ", ".join(sorted(event.value for event in rule.events))


def _document(rule: Rule) -> dict[str, object]:
    return {"id": rule.id, "priority": rule.priority, "details": [list(pair) for pair in _details(rule)]}
