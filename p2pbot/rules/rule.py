"""One compiled rule, and how it meets one occasion: every check in turn, the first that fails named.

Promise: a rule fires only when every check is known to hold; the order of checks is cheap before dear: text, order
facts, patterns, frequency, and at last the words themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from p2pbot.model import EventKind, FiringCount, FiringMark, LimitScope, Picture, Stimulus
from p2pbot.rules.account_events import Threshold
from p2pbot.rules.checks import Answer, Check, Truth
from p2pbot.rules.facts import STATISTICS, Facts
from p2pbot.rules.figures import GROUPS
from p2pbot.rules.limits import Limit, refusal, scope_ids
from p2pbot.rules.matching import BlockCheck, Heard, Matcher, PatternCheck, PhraseCheck, Searched
from p2pbot.rules.replies import DEFAULT, Chance, Reply
from p2pbot.rules.spec import ACCOUNT_EVENTS, TIMED
from p2pbot.rules.templates import CannotSay, Text
from p2pbot.rules.variables import values
from p2pbot.rules.verdict import Firing, Handover, Outcome, RuleTrace

_LONGEST_TYPING_MS = 60_000  # of one bubble: a longer wait looks like nobody is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule ready to be asked.

    ``scopes`` are those in which its firings are counted; ``where`` is its place; ``spans`` its timed events;
    ``thresholds``: the limits below which it wants to hear of a balance; ``of_account``: it is about the
    merchant's own account, not about an order; ``key``: under what its firings are counted for ``after_rule``.
    """

    id: str
    group: str
    where: str
    events: frozenset[EventKind]
    priority: int = 0
    matcher: Matcher = field(default_factory=Matcher)
    checks: tuple[Check, ...] = ()
    limits: tuple[Limit, ...] = ()
    limit_where: str = ""
    scopes: frozenset[LimitScope] = frozenset({LimitScope.ORDER})
    reply: Reply | None = None
    reply_where: str = ""
    delay_ms: tuple[int, int] = (0, 0)
    expires_ms: int | None = None
    notify: tuple[Text, ...] = ()
    handover: Handover | None = None
    unmute: bool = False
    tags: tuple[tuple[str, str], ...] = ()
    typing_cps: int = 0
    debounce_ms: int = 0
    spans: tuple[tuple[EventKind, int], ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    of_account: bool = False
    key: str = ""
    goes_on: bool = False
    shadow: bool = False

    @property
    def asks_of_pictures(self) -> bool:
        """Whether it wants to know what a picture's bytes say."""
        return any(check.name.startswith("when.picture.") for check in self.checks)

    @property
    def wants_orders(self) -> bool:
        """Whether it wants an account's event in each open order."""
        return not self.of_account and not ACCOUNT_EVENTS.isdisjoint(self.events)

    @property
    def asks_of_account(self) -> frozenset[str]:
        """The groups of figures that it asks for."""
        named = {check.name.split(".")[1] for check in self.checks if check.name.startswith("when.")}
        return frozenset(named.intersection(GROUPS))

    @property
    def asks_statistics(self) -> bool:
        """Whether a condition or a text needs what the exchange tells of the counterparty's former trades."""
        texts = (*(self.reply.texts() if self.reply else ()), *self.notify)
        named = {f"{group}.{name}" for text in texts for group, name in text.variables}
        return not STATISTICS.isdisjoint(named.union(check.name.removeprefix("when.") for check in self.checks))


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """A stimulus with all that is known, as every rule is asked about it."""

    stimulus: Stimulus
    facts: Facts
    heard: Heard | None
    firings: tuple[FiringCount, ...]
    now_ms: int
    rng: Chance
    counterparty_key: str
    left_out: frozenset[str] = frozenset()

    @cached_property
    def scope_ids(self) -> dict[LimitScope, str]:
        """What each frequency scope is now."""
        return dict(scope_ids(self.facts, self.counterparty_key))


@dataclass(frozen=True, slots=True)
class Meeting:
    """How one rule met one occasion."""

    trace: RuleTrace
    firing: Firing | None = None
    cannot_say: bool = False
    timed_out: bool = False
    not_asked: bool = False


def meet(rule: Rule, occasion: Occasion) -> Meeting:
    """Ask one rule about one occasion."""
    failed = _timer_failure(rule, occasion) or _text_failure(rule, occasion) or _fact_failure(rule, occasion)
    if failed:
        return Meeting(failed)
    searched = rule.matcher.search(occasion.heard) if occasion.heard else Searched(Answer(Truth.TRUE, ""))
    if searched.check is not None:
        trace = _failure(rule, searched.answer.truth, searched.check, searched.answer.actual)
        return Meeting(trace, timed_out=searched.timed_out, not_asked=searched.not_asked)
    return _limit_failure(rule, occasion) or _speak(rule, occasion, searched.groups)


def _timer_failure(rule: Rule, occasion: Occasion) -> RuleTrace | None:
    """Return the trace of a rule that waits for another span than has run out now."""
    kind, span_ms = occasion.stimulus.kind, occasion.stimulus.span_ms
    wanted_ms = dict(rule.spans).get(kind, 0)
    if wanted_ms == span_ms or kind not in TIMED or (kind is EventKind.SILENCE and not span_ms):
        return None
    return RuleTrace(rule.id, Outcome.NO, TIMED[kind], _span(wanted_ms), _span(span_ms), rule.where)


def _span(span_ms: int) -> str:
    minutes, rest_ms = divmod(span_ms, 60_000)
    return "the exchange's own card" if not span_ms else f"{span_ms // 1000}s" if rest_ms else f"{minutes}m"


def _text_failure(rule: Rule, occasion: Occasion) -> RuleTrace | None:
    if rule.id in occasion.left_out:
        wanted = "a pattern within its deadline"
        return RuleTrace(rule.id, Outcome.UNKNOWN, "regex", wanted, "left out since it took too long", rule.where)
    if not rule.matcher.needs_text:
        return None
    if occasion.heard is None:
        return RuleTrace(rule.id, Outcome.NO, "text", "a text", "there is none", rule.where)
    missing = rule.matcher.missing(occasion.heard.hits)
    if missing is None:
        return None
    return _failure(rule, Truth.FALSE, missing, missing.actual(occasion.heard.hits))


def _fact_failure(rule: Rule, occasion: Occasion) -> RuleTrace | None:
    """Return the first condition that is false, else the first that is unknown, else None."""
    unknown: RuleTrace | None = None
    for check in rule.checks:
        answer = check.judge(occasion.facts)
        if answer.truth is Truth.FALSE:
            return _failure(rule, answer.truth, check, answer.actual)
        if answer.truth is Truth.UNKNOWN and unknown is None:
            unknown = _failure(rule, answer.truth, check, answer.actual)
    return unknown


def _failure(
    rule: Rule, truth: Truth, check: Check | PhraseCheck | PatternCheck | BlockCheck, actual: str
) -> RuleTrace:
    outcome = Outcome.NO if truth is Truth.FALSE else Outcome.UNKNOWN
    return RuleTrace(rule.id, outcome, check.name, check.wanted, actual, check.where)


def _limit_failure(rule: Rule, occasion: Occasion) -> Meeting | None:
    met = refusal(rule.limits, rule.group, occasion.firings, occasion.scope_ids, occasion.now_ms)
    if met is None:
        return None
    limit, count = met
    minutes = max(0, occasion.now_ms - count.last_ms) // 60_000
    often = "once" if count.count == 1 else f"{count.count} times"
    actual = f"{often} already, {minutes}m ago"
    return Meeting(RuleTrace(rule.id, Outcome.LIMITED, "limit", limit.text, actual, rule.limit_where))


def _speak(rule: Rule, occasion: Occasion, groups: tuple[tuple[str, str], ...]) -> Meeting:
    text = occasion.heard.text if occasion.heard else None
    known = values(occasion.facts, text, groups)
    try:
        bubbles = rule.reply.render(_languages(occasion.facts), known, occasion.rng) if rule.reply else ()
        notify = tuple(text.render(known) for text in rule.notify)
    except CannotSay as error:
        wanted = "all that the text needs"
        trace = RuleTrace(rule.id, Outcome.UNKNOWN, "reply", wanted, str(error), rule.reply_where)
        return Meeting(trace, cannot_say=True)
    if rule.reply and not bubbles:
        return Meeting(RuleTrace(rule.id, Outcome.NO, "reply", "a text", "it came out empty", rule.reply_where))
    return Meeting(RuleTrace(rule.id, Outcome.FIRED, where=rule.where), _firing(rule, occasion, bubbles, notify))


def _languages(facts: Facts) -> tuple[str | None, ...]:
    """Return the languages to speak, the best first: the counterparty's, ``default``, the merchant's."""
    return facts.language, DEFAULT, facts.default_language


def _firing(rule: Rule, occasion: Occasion, said: tuple[str | Picture, ...], notify: tuple[str, ...]) -> Firing:
    low, high = rule.delay_ms
    delays_ms = _typed(said, rule.typing_cps) if rule.typing_cps else ()
    drawn_ms = low if low == high else round(occasion.rng.uniform(low, high))
    return Firing(
        rule_id=rule.id,
        bubbles=tuple(map(str, said)),
        pictures=tuple((at, one) for at, one in enumerate(said) if isinstance(one, Picture)),
        delay_ms=delays_ms[0] if delays_ms else drawn_ms,
        delays_ms=delays_ms,
        expires_ms=rule.expires_ms,
        notify=notify,
        handover=rule.handover,
        unmute=rule.unmute,
        tags=rule.tags,
        debounce_ms=rule.debounce_ms,
        marks=tuple(_marks(rule, occasion)),
        shadow=rule.shadow,
    )


def _typed(said: tuple[str | Picture, ...], cps: int) -> tuple[int, ...]:
    """Return when each bubble would be typed to its end: one after the other, none longer than a minute."""
    lengths = (0 if isinstance(one, Picture) else len(one) for one in said)  # a picture is not typed
    spans = (min(length * 1000 // cps, _LONGEST_TYPING_MS) for length in lengths)
    return tuple(accumulate(spans))


def _marks(rule: Rule, occasion: Occasion) -> Iterator[FiringMark]:
    ids, at_ms = occasion.scope_ids, occasion.now_ms
    for scope in sorted(rule.scopes):
        yield FiringMark(group=rule.group, scope=scope, scope_id=ids[scope], at_ms=at_ms)
    if rule.key and rule.key != rule.group:
        order = LimitScope.ORDER
        yield FiringMark(group=rule.key, scope=order, scope_id=ids[order], at_ms=at_ms)
