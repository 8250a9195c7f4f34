"""What the record of decisions says about the rules: how often each spoke, and what none of them took.

Promise: pure counting over what is stored; traces name rules and never hold texts of replies.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from p2pbot.conversation.records import InboxEntry
from p2pbot.model import MessageKind, Reason
from p2pbot.rules.folding import fold
from p2pbot.rules.verdict import Outcome, RuleTrace


@dataclass(slots=True)
class RuleCount:
    """How one rule met what was decided. ``last_ms``: when it spoke last, 0 = never."""

    rule_id: str
    spoke: int = 0
    limited: int = 0
    unknown: int = 0
    last_ms: int = 0


@dataclass(slots=True)
class Untaken:
    """A text that no rule took, however it was spelt. ``text`` is the newest."""

    text: str
    count: int = 0
    last_ms: int = 0


def rule_counts(entries: Iterable[InboxEntry], known: Iterable[str] = ()) -> dict[str, RuleCount]:
    """Return the counts of every rule in the traces and of the ``known`` ones."""
    counts = {rule_id: RuleCount(rule_id) for rule_id in known}
    for entry in entries:
        for line in _trace(entry):
            count = counts.setdefault(line.rule_id, RuleCount(line.rule_id))
            if line.outcome is Outcome.FIRED:
                count.spoke += 1
                count.last_ms = max(count.last_ms, entry.decided_at_ms)
            count.limited += line.outcome is Outcome.LIMITED
            count.unknown += line.outcome is Outcome.UNKNOWN
    return counts


def untaken(entries: Iterable[InboxEntry]) -> list[Untaken]:
    """Return the texts that no rule took, spelled alike or not, the most frequent first."""
    found: dict[str, Untaken] = {}
    for entry in entries:
        if entry.reason is not Reason.NO_RULE or entry.kind is not MessageKind.TEXT:
            continue
        group = found.setdefault(fold(entry.text).text.strip() or entry.text.strip(), Untaken(entry.text))
        group.count += 1
        if entry.decided_at_ms >= group.last_ms:
            group.text, group.last_ms = entry.text, entry.decided_at_ms
    return sorted(found.values(), key=lambda one: (-one.count, -one.last_ms))


def _trace(entry: InboxEntry) -> Iterator[RuleTrace]:
    try:
        lines = json.loads(entry.trace)
    except (ValueError, RecursionError):
        return
    for line in lines if isinstance(lines, list) else ():
        if isinstance(line, dict) and line.get("rule_id"):
            yield RuleTrace.from_json(line)
