"""The starter packs as tests look at them: read, cut, loaded, and each rule in an order that it is for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from p2pbot.cli.starter_packs import LANGUAGES, Pack, dialogue_texts, read_packs, rule_texts
from p2pbot.conversation.dialogues import play_all
from p2pbot.document import load_document
from p2pbot.model import OrderStatus, Side
from p2pbot.rules.facts import Facts
from p2pbot.rules.ruleset import load_rules
from p2pbot.rules.spec import FileSpec, RuleSpec
from tests.fakes.occasions import Rules, an_order, some_facts

DIRECTORY = Path(__file__).parents[2] / "rules"
PACKS = read_packs(DIRECTORY)
CODES = tuple(LANGUAGES)
NOON_MS = 1_767_610_800_000  # 2026-01-05 11:00 UTC
NIGHT_MS = NOON_MS - 8 * 3_600_000  # 03:00 UTC, in the hours of the pack night-hours as it is delivered


def files_of(packs: Iterable[Pack] = PACKS, codes: Sequence[str] = CODES) -> dict[str, str]:
    """Return rule and test files together, as `p2pbot rules test` reads them."""
    chosen = list(packs)
    return dict([*rule_texts(chosen, codes), *dialogue_texts(DIRECTORY, chosen, codes)])


def complete() -> Rules:
    """Return all packs in all languages."""
    loaded = load_rules(dict(rule_texts(PACKS, CODES)))
    assert loaded.ruleset is not None, [finding.render() for finding in loaded.findings]
    return Rules(loaded.ruleset)


def specs(pack: Pack, codes: Sequence[str] = CODES) -> tuple[RuleSpec, ...]:
    """Return a pack's rules as they are written, in some languages."""
    ((name, text),) = rule_texts([pack], codes)
    file = load_document(text, name, FileSpec).value
    assert file is not None
    return tuple(file.rules)


def occasions(rule: RuleSpec) -> list[Facts]:
    """Return a sale in each state that the rule is for, at an hour that it is for."""
    statuses = sorted(rule.when.statuses) or [OrderStatus.UNPAID, OrderStatus.PAID]
    now_ms = NIGHT_MS if rule.when.hours else NOON_MS
    return [some_facts(an_order(side=Side.SELL, status=status), now_ms=now_ms) for status in statuses]


def faults(files: dict[str, str]) -> list[str]:
    """Return what `p2pbot rules check --strict` and `p2pbot rules test` find."""
    loaded = load_rules(files)
    if loaded.ruleset is None:
        return [finding.headline for finding in loaded.findings]
    played = play_all(loaded.ruleset, files)
    failed = [failure.finding.headline for test in played for failure in test.failures]
    return [finding.headline for finding in loaded.findings] + failed
