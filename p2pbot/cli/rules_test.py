"""``p2pbot rules test``: the examples beside the rules, and the dialogue tests, played without any network."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from p2pbot.adapters.files import read_rules, read_tests
from p2pbot.adapters.redaction import escape, scrub
from p2pbot.cli.output import Paint, shown
from p2pbot.cli.rules_files import add_rules, load_files, rule_places
from p2pbot.cli.rules_show import counted, show_finding
from p2pbot.conversation.dialogues import Failure, Played, play_all, updated
from p2pbot.document import Severity, load_document
from p2pbot.errors import ConfigError
from p2pbot.rules.dialogue import RuleFile

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_ABOUT = """\
Runs the tests of the rules: every `examples` and `not_examples` text, and every dialogue under `tests:`, in the rule
files or in files of their own. A directory is read with its directory tests/. Without PATH the rules of the
configuration are tested, or else the directory ./rules. Nothing is sent; the clock is the test's own."""
_MORE = """\
A dialogue, in a rule file or in rules/tests/NAME.yaml (which begins with `version: 1`):

  tests:
    - name: asks twice, answered once
      order: {side: sell, order_status: unpaid, amount: 900}      # the names of `when:`; unpaid if not given
      clock: 2026-01-05T10:00+03:00
      chat:
        - counterparty: I paid
        - bot: {rule: paid-claim, contains: notify seller}        # or text: the whole reply; notify: …; handover: yes
        - wait: 5m
        - counterparty: paid!!
        - none: {because: limit}
        - image: receipt.png
        - order: {order_status: paid}                             # raises order_paid
        - event: order_completed
        - operator: I am here

order: also says what has been before: language: ru, tag: {vip: yes}, after_rule: how-to-pay, balance: {USDT: 50},
pay_deadline: 15m, payment: {iban: …}, counterparty: {name: "", orders: 3}. What it does not say is not known.

exit codes: 0 all pass, 1 something fails, 2 wrong command line, 78 files that cannot be read"""


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser("test", help="examples and dialogue tests", description=_ABOUT, epilog=_MORE)
    parser.add_argument("paths", metavar="PATH", nargs="*", type=Path, help="rule files, test files, or directories")
    add_rules(parser)
    parser.add_argument("--diff", action="store_true", help="show wanted and actual texts line by line")
    parser.add_argument("--junit", metavar="FILE", type=Path, help="write the results as JUnit XML too")
    parser.add_argument("--update", action="store_true", help="write what the rules say now into the test files")
    parser.set_defaults(handler=_test)


def _test(arguments: argparse.Namespace) -> int:
    paint = Paint()
    files = _files(arguments)
    loaded = load_files(files, arguments)
    if loaded.ruleset is None:
        for finding in loaded.findings:
            if finding.severity is Severity.ERROR:
                show_finding(finding, paint)
        print(paint("bold", "The rules do not load; no test was played."))
        _write_junit(arguments.junit, (), [finding.render() for finding in loaded.findings])
        return 1
    played = play_all(loaded.ruleset, files)
    if arguments.update and (changed := _update(files, played)):
        for name in changed:
            print(f"updated {shown(name)}")
        files = files | changed
        played = play_all(loaded.ruleset, files)
    for test in played:
        _show(test, paint, diff=arguments.diff)
    _write_junit(arguments.junit, played)
    return _summary(files, played, paint)


def _files(arguments: argparse.Namespace) -> dict[str, str]:
    """Return rule files and test files together. A test file alone is tried on the rules that are meant otherwise."""
    files: dict[str, str] = {}
    rules = [arguments.rules] if arguments.rules else []
    for path in [*rules, *arguments.paths] or rule_places(arguments):
        files |= read_rules(path)
        if path.is_dir():
            files |= read_tests(path)
    if rules or any(_has_rules(name, text) for name, text in files.items()):
        return files
    return {name: text for place in rule_places(arguments) for name, text in read_rules(place).items()} | files


def _has_rules(name: str, text: str) -> bool:
    loaded = load_document(text, name, RuleFile)
    return loaded.value is None or bool(loaded.value.rules)


def _show(test: Played, paint: Paint, *, diff: bool) -> None:
    for failure in test.failures:
        place = failure.finding
        print(paint("red", f"FAIL {shown(test.name, 100)}"))
        show_finding(place, paint)
        for line in _difference(failure, paint) if diff else ():
            print(line)


def _difference(failure: Failure, paint: Paint) -> Iterator[str]:
    if not failure.wanted and not failure.actual:
        return
    lines = difflib.ndiff(failure.wanted.splitlines(), failure.actual.splitlines())
    for line in lines:
        colour = {"-": "red", "+": "green"}.get(line[:1], "dim")
        yield "    " + paint(colour, shown(line.rstrip()))


def _summary(files: Mapping[str, str], played: Iterable[Played], paint: Paint) -> int:
    tests = list(played)
    failed = sum(bool(test.failures) for test in tests)
    examples = sum(_examples(name, text) for name, text in files.items())
    words = f"{counted(examples, 'example')} and {counted(len(tests), 'dialogue')}"
    print(paint("red" if failed else "green", f"{words}: {failed} failed." if failed else f"{words}: all pass."))
    return 1 if failed else 0


def _examples(name: str, text: str) -> int:
    value = load_document(text, name, RuleFile).value
    rules = value.rules if value else []
    return sum(len(rule.examples or ()) + len(rule.not_examples or ()) for rule in rules)


def _update(files: Mapping[str, str], played: Iterable[Played]) -> dict[str, str]:
    """Write what can be replaced, and return the changed files. Raises ConfigError."""
    changed = dict(files)
    for name in files:
        failures = [failure for test in played if test.position.file == name for failure in test.failures]
        changed[name] = updated(files[name], [failure.fix for failure in failures if failure.fix])
    changed = {name: text for name, text in changed.items() if text != files[name].removeprefix("\ufeff")}
    for name, text in changed.items():
        write_text(Path(name), text)
    return changed


def _write_junit(path: Path | None, played: Iterable[Played], errors: Iterable[str] = ()) -> None:
    if path is None:
        return
    tests, broken = list(played), list(errors)
    failed = sum(bool(test.failures) for test in tests)
    suite = ET.Element("testsuite", name="p2pbot rules", tests=str(len(tests) + bool(broken)))
    suite.set("failures", str(failed + bool(broken)))
    for test in tests:
        lines = [failure.finding.headline for failure in test.failures]
        _junit_case(suite, test.position.file, test.name, lines)
    if broken:
        _junit_case(suite, "rules", "the rules load", broken)
    write_text(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suite, encoding="unicode")}\n')


def _junit_case(suite: ET.Element, file: str, name: str, lines: list[str]) -> None:
    case = ET.SubElement(suite, "testcase", classname=_plain(file), name=_plain(name))
    if lines:
        failure = ET.SubElement(case, "failure", message=_plain(lines[0]))
        failure.text = "\n".join(_plain(line) for line in lines)


def _plain(text: str) -> str:
    """Return a text that XML can hold, without known secrets."""
    return "\n".join(escape(line) for line in scrub(text).split("\n"))


def write_text(path: Path, text: str) -> None:
    """Write a file. Raises ConfigError."""
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or 'cannot be written'}", remedy="check the path") from None
