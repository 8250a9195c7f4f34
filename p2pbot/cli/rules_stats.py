"""``p2pbot rules stats`` and ``unanswered``: what the record of decisions says about the rules."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.cli.options import settings_of
from p2pbot.cli.output import Paint, clock_time, columns, print_json, shown
from p2pbot.cli.rules_files import add_rules, rule_files, ruleset_of
from p2pbot.conversation.records import InboxEntry
from p2pbot.conversation.statistics import RuleCount, rule_counts, untaken
from p2pbot.errors import UsageError
from p2pbot.rules.measures import duration_ms

if TYPE_CHECKING:
    from p2pbot.cli.parser import Parser

_DAY_MS = 86_400_000
_KEPT_DAYS = 30  # traces are forgotten after this
_STATS = f"""\
Counts from the state directory how often each rule spoke, was held back by its limit, or lacked a fact. Traces are kept
for {_KEPT_DAYS} days. Rules that are no longer there are marked."""
_UNANSWERED = """\
Shows the texts of counterparties that no rule took, grouped whatever their spelling, the most frequent first: what the
next rule should be about. They are people's words; they stay on this machine."""
_EXITS = "exit codes: 0 done, 2 wrong command line, 78 configuration, rules or state directory"


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the commands."""
    stats = commands.add_parser("stats", help="how often each rule spoke", description=_STATS, epilog=_EXITS)
    stats.add_argument("--never-fired", metavar="SPAN", help="only the rules that did not speak for so long (30d)")
    _add_common(stats)
    add_rules(stats)
    stats.set_defaults(handler=_stats)
    rest = commands.add_parser("unanswered", help="what no rule took", description=_UNANSWERED, epilog=_EXITS)
    rest.add_argument("--limit", metavar="N", type=int, default=30, help="at most so many groups (default: 30)")
    _add_common(rest)
    rest.set_defaults(handler=_unanswered)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", metavar="SPAN", default="30d", help="how far back to look (default and most: 30d)")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def _stats(arguments: argparse.Namespace) -> int:
    ruleset = ruleset_of(rule_files(arguments, arguments.rules), arguments)
    span = arguments.never_fired or arguments.since
    counts = rule_counts(_entries(arguments, span), (rule.id for rule in ruleset.rules))
    known = {rule.id for rule in ruleset.rules}
    rows = list(counts.values())
    if arguments.never_fired:
        rows = [count for count in rows if not count.spoke and count.rule_id in known]
    if arguments.json:
        print_json([_document(count, known=count.rule_id in known) for count in rows])
    elif rows:
        print("\n".join(columns(_table(rows, known, Paint()))))
    else:
        print(f"Every rule spoke within {span}.")
    return 0


def _table(rows: list[RuleCount], known: set[str], paint: Paint) -> Iterator[tuple[str, ...]]:
    yield tuple(paint("bold", word) for word in ("rule", "spoke", "limited", "fact unknown", "last"))
    for count in rows:
        gone = "" if count.rule_id in known else paint("dim", " (no longer there)")
        numbers = (str(count.spoke), str(count.limited), str(count.unknown))
        yield shown(count.rule_id, 64) + gone, *numbers, clock_time(count.last_ms)


def _document(count: RuleCount, *, known: bool) -> dict[str, object]:
    return {
        "rule": count.rule_id,
        "spoke": count.spoke,
        "limited": count.limited,
        "unknown": count.unknown,
        "last_ms": count.last_ms,
        "known": known,
    }


def _unanswered(arguments: argparse.Namespace) -> int:
    found = untaken(_entries(arguments, arguments.since))[: max(0, arguments.limit)]
    if arguments.json:
        print_json([{"text": one.text, "count": one.count, "last_ms": one.last_ms} for one in found])
    elif found:
        print("\n".join(columns((f"{one.count} ×", clock_time(one.last_ms), shown(one.text, 120)) for one in found)))
    else:
        print(f"No text was left without a rule within {arguments.since}.")
    return 0


def _entries(arguments: argparse.Namespace, span: str) -> tuple[InboxEntry, ...]:
    """Return what was decided within ``span``. Raises UsageError, ConfigError, StateError."""
    try:
        span_ms = duration_ms(span)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if span_ms > _KEPT_DAYS * _DAY_MS:
        raise UsageError(f"{span} is too far back", remedy=f"traces are kept for {_KEPT_DAYS} days")
    database = settings_of(arguments).database
    since_ms = time.time_ns() // 1_000_000 - span_ms

    async def read() -> tuple[InboxEntry, ...]:
        store = await SqliteStore.open_readonly(database)
        try:
            return await store.decided(since_ms)
        finally:
            await store.close()

    return asyncio.run(read())
