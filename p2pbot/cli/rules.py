"""``p2pbot rules``: check the reply rules, try them and look at them. No network object exists here."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from p2pbot.cli import rules_chat, rules_list, rules_preview, rules_replay, rules_schema, rules_stats, rules_test
from p2pbot.cli.explanation import explain, trial_of
from p2pbot.cli.output import Paint, print_json
from p2pbot.cli.rules_files import add_clock, add_rules, load_files, rule_files, ruleset_of
from p2pbot.cli.rules_show import counted, show_finding
from p2pbot.document import Severity
from p2pbot.errors import UsageError
from p2pbot.model import EventKind
from p2pbot.rules.ruleset import LoadedRules

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_ABOUT = "Works with rule files alone: nothing is sent, nothing is read from the exchange."
_CHECK = """\
Reads rule files and says everything that is wrong with them, with file, line and column. PATH is a file or a
directory; without it the rules of the configuration are checked, or else the directory ./rules."""
_CHECK_MORE = "exit codes: 0 clean (warnings included, unless --strict), 1 findings, 2 wrong command line"
_EXPLAIN = """\
Says what the rules would answer, and of each rule why it would not: the first check that failed, what it wanted and
what it found. What --order does not give is not known, and a rule that asks for it does not speak."""
_EXPLAIN_MORE = """\
--order takes the names of `when:`, counterparty.* too, and counterparty.name, payment.*, pay_deadline=15m, now=MOMENT:
  p2pbot rules explain "I paid" --order side=sell,order_status=unpaid,amount=900
  p2pbot rules explain --event order_created --order side=sell,counterparty.orders=0
  p2pbot rules explain "hello" --order side=sell,balance.USDT=50 --clock 2026-01-05T23:30+03:00
  p2pbot rules explain "付款了" --rules rules/ --expect paid-claim

exit codes: 0 done, 1 --expect was not met, 2 wrong command line, 78 the rules have errors"""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command and its commands."""
    rules = commands.add_parser("rules", help="check, test, try and explain the reply rules", description=_ABOUT)
    inner = rules.add_subparsers(title="commands", metavar="COMMAND")
    check = inner.add_parser("check", help="errors and lints", description=_CHECK, epilog=_CHECK_MORE)
    check.add_argument("path", metavar="PATH", nargs="?", type=Path, help="a rule file or a directory of them")
    check.add_argument("--json", action="store_true", help="print findings as JSON")
    check.add_argument("--strict", action="store_true", help="warnings count as findings too")
    check.set_defaults(handler=_check)
    tell = inner.add_parser(
        "explain", help="what would be answered, and why", description=_EXPLAIN, epilog=_EXPLAIN_MORE
    )
    tell.add_argument("text", metavar="TEXT", nargs="?", default="", help="what the counterparty writes")
    tell.add_argument("--order", metavar="FACTS", default="", help="side=sell,order_status=unpaid,…")
    add_clock(tell)
    add_rules(tell)
    tell.add_argument("--event", default="message", choices=list(EventKind), help="what happened (default: message)")
    tell.add_argument("--rule", metavar="ID", help="ask this rule alone")
    tell.add_argument("--expect", metavar="ID", help="exit 1 unless this rule speaks (none: unless no rule does)")
    tell.add_argument("--json", action="store_true", help="print the decision as JSON")
    tell.set_defaults(handler=_explain)
    for command in (rules_test, rules_chat, rules_replay, rules_list, rules_preview, rules_stats, rules_schema):
        command.register(inner)


def _check(arguments: argparse.Namespace) -> int:
    loaded = load_files(rule_files(arguments, arguments.path), arguments)
    errors = sum(finding.severity is Severity.ERROR for finding in loaded.findings)
    failing = len(loaded.findings) if arguments.strict else errors
    if arguments.json:
        count, named = (len(loaded.ruleset), loaded.ruleset.hash) if loaded.ruleset else (None, None)
        print_json({"rules": count, "ruleset": named, "findings": [finding.to_json() for finding in loaded.findings]})
        return 1 if failing else 0
    paint = Paint()
    for finding in loaded.findings:
        show_finding(finding, paint)
    print(_summary(loaded, errors, paint))
    return 1 if failing else 0


def _summary(loaded: LoadedRules, errors: int, paint: Paint) -> str:
    warnings = len(loaded.findings) - errors
    if loaded.ruleset is None:
        return paint("bold", f"{counted(errors, 'error')}, {counted(warnings, 'warning')}: the rules do not load.")
    words = f"{counted(len(loaded.ruleset), 'rule')}, {counted(warnings, 'warning')}."
    return paint("yellow" if warnings else "green", words)


def _explain(arguments: argparse.Namespace) -> int:
    trial = trial_of(arguments.text, arguments.order, EventKind(arguments.event), arguments.clock)
    ruleset = ruleset_of(rule_files(arguments, arguments.rules), arguments)
    known = [rule.id for rule in ruleset.rules]
    for wanted in (arguments.rule, arguments.expect):
        if wanted and wanted != "none" and wanted not in known:
            raise UsageError(f"there is no rule `{wanted[:64]}`", remedy="p2pbot rules check names the files")
    asked = ruleset.only(arguments.rule) if arguments.rule else ruleset
    return explain(asked, trial, expect=arguments.expect, as_json=arguments.json)
