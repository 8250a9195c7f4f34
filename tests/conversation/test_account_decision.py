"""Decisions about events of the account itself: words to the operator, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from p2pbot.conversation.account_decision import AccountSituation, decide_account
from p2pbot.conversation.decision import Policy
from p2pbot.conversation.records import Talk
from p2pbot.model import EventKind, FiringCount, LimitScope, Mode, Reason, Stimulus, Topic
from p2pbot.rules.figures import NO_FIGURES
from p2pbot.rules.ruleset import load_rules
from tests.fakes.chance import FixedChance

_T = 1_767_596_400_000
_RULE = "{id: called, on: margin_call, notify: Look at futures}"


def situation(rule: str = _RULE, **known: Any) -> AccountSituation:
    """Return a margin call's situation under one rule."""
    rules = load_rules({"a.yaml": f"version: 1\nrules:\n  - {rule}\n"}).ruleset
    assert rules is not None
    stimulus = Stimulus(
        kind=EventKind.MARGIN_CALL, order_no="account", key="e:margin_call:1", at_ms=_T, about="BTCUSDT"
    )
    usual = AccountSituation(account="main", stimulus=stimulus, talk=Talk(), figures=NO_FIGURES, rules=rules, now_ms=_T)
    return replace(usual, **known)


def test_the_operator_is_told_with_what_it_is_about() -> None:
    """The claim holds the entry and what the account's limits count: no reply, no order, no memory."""
    decision = decide_account(situation(), Policy(mode=Mode.LIVE), FixedChance())
    (notice,) = decision.notices
    assert (notice.text, notice.key, notice.order_no) == ("Look at futures (BTCUSDT)", "rule.called:main:BTCUSDT", "")
    assert notice.topic is Topic.RULE
    claim = decision.claim
    assert (claim.replies, claim.memory, claim.entry.reason) == ((), None, Reason.ANSWERED)
    assert (claim.entry.order_no, claim.entry.key) == ("account", "e:margin_call:1")
    assert {mark.scope for mark in claim.firings} == {LimitScope.ACCOUNT}
    assert json.loads(claim.entry.trace)[0]["rule_id"] == "called"


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"talk": Talk(paused=True)}, Reason.PAUSED),
        ({"now_ms": _T + 600_001}, Reason.TOO_OLD),
        (
            {
                "talk": Talk(
                    firings=(
                        FiringCount(group="called", scope=LimitScope.ACCOUNT, scope_id="main", count=1, last_ms=_T),
                    )
                )
            },
            Reason.LIMITED,
        ),
    ],
)
def test_what_is_not_told_has_its_reason(known: dict[str, Any], reason: Reason) -> None:
    """Paused, of the past, or told a moment ago."""
    decision = decide_account(situation(**known), Policy(mode=Mode.LIVE), FixedChance())
    assert (decision.reason, decision.notices) == (reason, ())


@pytest.mark.parametrize(
    ("mode", "rule"), [(Mode.SHADOW, _RULE), (Mode.LIVE, _RULE.replace("id:", "mode: shadow, id:"))]
)
def test_in_shadow_it_is_recorded_and_not_told(mode: Mode, rule: str) -> None:
    """As with every rule."""
    decision = decide_account(situation(rule), Policy(mode=mode), FixedChance())
    assert (decision.reason, decision.notices) == (Reason.SHADOW, ())
