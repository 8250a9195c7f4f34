"""``p2pbot rules list``: the rules in the order in which they are asked, or everything about one."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from p2pbot.cli.output import Paint, columns, print_json, shown
from p2pbot.cli.rules_files import add_rules, rule_files, ruleset_of
from p2pbot.errors import UsageError
from p2pbot.rules.matching import BlockCheck, PatternCheck, PhraseCheck
from p2pbot.rules.rule import Rule
from p2pbot.rules.ruleset import RuleSet

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_ABOUT = """\
Lists the rules in the order in which they are asked: by priority, then file, then place in the file. The first that
fits speaks, and ends the search unless it says `continue: true`. With ID it tells everything about one rule, the
defaults included."""
_MORE = """\
exit codes: 0 done, 2 wrong command line or no such rule, 78 the rules have errors"""
_WIDTH = 60  # of what a rule listens to, in the list


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
        print("\n".join(columns(_row(rule, paint) for rule in rules)))
    return 0


def rule_of(ruleset: RuleSet, rule_id: str) -> Rule:
    """Return a rule by its id. Raises UsageError."""
    for rule in ruleset.rules:
        if rule.id == rule_id:
            return rule
    raise UsageError(f"there is no rule `{rule_id[:64]}`", remedy="p2pbot rules list names them")


def _row(rule: Rule, paint: Paint) -> tuple[str, ...]:
    state = paint("yellow", "shadow") if rule.shadow else paint("green", "live")
    listens = shown(", ".join(told for _, told in _hears(rule)) or "anything", _WIDTH)
    return str(rule.priority), rule.id, _events(rule), state, listens, paint("dim", shown(rule.where))


def _details(rule: Rule) -> Iterator[tuple[str, str]]:
    yield "rule", rule.id
    yield "where", rule.where
    yield "on", _events(rule)
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
    low, high = rule.delay_ms
    if high:
        yield "delay", f"{low / 1000:g}s" if low == high else f"{low / 1000:g}s..{high / 1000:g}s"
    for text in rule.notify:
        yield "notify", text.source
    if rule.handover:
        span = f"for {rule.handover.for_ms // 60_000}m" if rule.handover.for_ms else "until the order ends"
        yield "handover", f"{span} {rule.handover.reason}".strip()


def _hears(rule: Rule) -> Iterator[tuple[str, str]]:
    matcher = rule.matcher
    checks: tuple[PhraseCheck | PatternCheck | BlockCheck, ...] = (*matcher.phrases, *matcher.patterns, *matcher.blocks)
    for check in checks:
        yield check.name, check.wanted


def _events(rule: Rule) -> str:
    return ", ".join(sorted(event.value for event in rule.events))


def _document(rule: Rule) -> dict[str, object]:
    return {"id": rule.id, "priority": rule.priority, "details": [list(pair) for pair in _details(rule)]}
