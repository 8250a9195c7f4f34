"""One decision about an event of the merchant's own account, for the rules that tell the operator of it.

Promise: nothing is said in a chat and no order is touched: the claim holds an entry, what limits count, and nothing
else. What an event means in the open orders is decided there, order by order, by ``conversation.decision``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from p2pbot.conversation.account_events import ACCOUNT_TALK
from p2pbot.conversation.decision import Chance, Decision, Policy
from p2pbot.conversation.records import Claim, InboxEntry, Talk
from p2pbot.model import LimitScope, Mode, Notice, Order, Path, Reason, Stimulus, Topic
from p2pbot.rules.facts import Facts
from p2pbot.rules.figures import Figures
from p2pbot.rules.ruleset import RuleSet
from p2pbot.rules.verdict import Firing, Verdict

_COUNTED = frozenset({LimitScope.ACCOUNT, LimitScope.DAY})  # there is no order and no counterparty


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSituation:
    """What is known when an event of the account is decided; ``talk`` is that of ``ACCOUNT_TALK``."""

    account: str
    stimulus: Stimulus
    talk: Talk
    figures: Figures
    rules: RuleSet
    now_ms: int


def decide_account(situation: AccountSituation, policy: Policy, rng: Chance) -> Decision:
    """Return what the operator is told of ``situation.stimulus``, and what is written down of it."""
    if situation.talk.paused:
        return _decision(situation, Verdict(reason=Reason.PAUSED))
    if situation.now_ms - situation.stimulus.at_ms > policy.inbox.max_age_ms:
        return _decision(situation, Verdict(reason=Reason.TOO_OLD))
    facts = Facts(
        account=situation.account,
        order=Order(number=ACCOUNT_TALK, account=situation.account),
        now_ms=situation.now_ms,
        figures=situation.figures,
        about=situation.stimulus.about,
        whole=True,
    )
    counted = [count for count in situation.talk.firings if count.scope in _COUNTED]
    verdict = situation.rules.evaluate(situation.stimulus, facts, counted, situation.now_ms, rng, "")
    live = [one for one in verdict.firings if not (one.shadow or policy.mode is Mode.SHADOW)]
    return _decision(situation, verdict, live)


def _decision(situation: AccountSituation, verdict: Verdict, live: list[Firing] | None = None) -> Decision:
    stimulus, reason = situation.stimulus, verdict.reason
    if reason is Reason.ANSWERED and not live:
        reason = Reason.SHADOW
    entry = InboxEntry(
        account=situation.account,
        order_no=ACCOUNT_TALK,
        key=stimulus.key,
        kind=stimulus.kind,
        path=Path.SOCKET,
        reason=reason,
        created_at_ms=stimulus.at_ms,
        decided_at_ms=situation.now_ms,
        ruleset=situation.rules.hash,
        trace=json.dumps([line.to_json() for line in verdict.trace], ensure_ascii=False),
    )
    marks = tuple(mark for one in verdict.firings for mark in one.marks if mark.scope in _COUNTED)
    notices = tuple(_notice(situation, one, text) for one in live or () for text in one.notify)
    return Decision(claim=Claim(entry=entry, firings=marks), notices=notices, verdict=verdict)


def _notice(situation: AccountSituation, firing: Firing, text: str) -> Notice:
    about = situation.stimulus.about
    key = f"rule.{firing.rule_id}:{situation.account}:{about}"
    return Notice(key=key, text=f"{text} ({about})", account=situation.account, topic=Topic.RULE)
