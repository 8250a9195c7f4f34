"""The rules as one immutable set, and the decision: the first rule that fits speaks.

Promise: the same stimulus, facts, counts and chance give the same verdict. The cost of a message hardly grows with
the number of word rules: only those are asked whose words it holds.
Danger: a rule that fits and may not speak again ends the search in silence; the next rule would answer in its place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from p2pbot.model import EventKind, FiringCount, LimitScope, Reason, Stimulus
from p2pbot.rules.facts import Facts
from p2pbot.rules.index import PhraseIndex
from p2pbot.rules.languages import guess_language
from p2pbot.rules.leash import TOTAL_S, Leash
from p2pbot.rules.matching import Call, Heard
from p2pbot.rules.phrases import Phrase
from p2pbot.rules.prefilter import LiteralIndex
from p2pbot.rules.replies import Chance
from p2pbot.rules.rule import Meeting, Occasion, Rule, meet
from p2pbot.rules.verdict import MAX_TRACE, Firing, Outcome, RuleTrace, Verdict

_NEARNESS = {Outcome.FIRED: 0, Outcome.LIMITED: 1, Outcome.UNKNOWN: 2, Outcome.NO: 3, Outcome.NOT_REACHED: 4}


@dataclass(slots=True)
class _Decided:
    """What the walk along the rules has brought so far."""

    firings: list[Firing] = field(default_factory=list)
    trace: list[RuleTrace] = field(default_factory=list)
    timed_out: list[str] = field(default_factory=list)
    not_asked: list[str] = field(default_factory=list)
    limited: bool = False
    cannot_say: bool = False

    def add(self, rule: Rule, meeting: Meeting) -> None:
        self.trace.append(meeting.trace)
        self.cannot_say |= meeting.cannot_say
        self.limited |= meeting.trace.outcome is Outcome.LIMITED
        if meeting.firing:
            self.firings.append(meeting.firing)
        if meeting.timed_out:
            self.timed_out.append(rule.id)
        if meeting.not_asked:
            self.not_asked.append(rule.id)

    def verdict(self, *, thorough: bool) -> Verdict:
        """Return what came of it; ``thorough``: with the whole trace."""
        return Verdict(
            reason=self._reason(),
            firings=tuple(self.firings),
            trace=tuple(self.trace) if thorough else _nearest(self.trace),
            timed_out=tuple(self.timed_out),
            not_asked=tuple(self.not_asked),
        )

    def _reason(self) -> Reason:
        live = [firing for firing in self.firings if not firing.shadow]
        if live:
            return Reason.STOPPED if all(firing.is_stop for firing in live) else Reason.ANSWERED
        if self.firings:
            return Reason.SHADOW
        if self.limited:
            return Reason.LIMITED
        return Reason.RENDER_FAILED if self.cannot_say else Reason.NO_RULE


class RuleSet:
    """Rules in their order of evaluation. ``hash`` names the content of the files they came from.

    ``timezone``, ``default_language``: the merchant's, empty when the files do not say them. ``timers``: the timed
    events that rules wait for, with their spans in ms; ``debounces``: whether any rule waits for the end of a burst
    of messages; ``thresholds``: the limits below which rules want to hear of a balance; ``asks_of_account``: the
    groups of figures that rules ask for; ``for_orders``: the account's events that rules want in each open order;
    ``looks_at_pictures``, ``asks_statistics``: whether any asks what a picture's bytes say, or what the
    exchange tells of the counterparty's former trades.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        phrases: Iterable[Phrase] = (),
        content_hash: str = "",
        timezone: str = "",
        default_language: str = "",
    ) -> None:
        self.rules = tuple(sorted(rules, key=lambda rule: -rule.priority))
        self.hash = content_hash
        self.timezone = timezone
        self.default_language = default_language
        self._phrases = tuple(phrases)
        self._index = PhraseIndex(self._phrases)
        self._literals = LiteralIndex({literal for rule in self.rules for literal in rule.matcher.literals()})
        self._of_event: dict[EventKind, list[int]] = defaultdict(list)
        self._always: dict[EventKind, list[int]] = defaultdict(list)
        self._by_call: dict[Call, list[int]] = defaultdict(list)
        self.timers = frozenset(span for rule in self.rules for span in rule.spans)
        self.debounces = any(rule.debounce_ms for rule in self.rules)
        self.asks_statistics = any(rule.asks_statistics for rule in self.rules)
        self.looks_at_pictures = any(rule.asks_of_pictures for rule in self.rules)
        self.thresholds = tuple({str(one): one for rule in self.rules for one in rule.thresholds}.values())
        self.asks_of_account = frozenset(group for rule in self.rules for group in rule.asks_of_account)
        self.for_orders = frozenset(event for rule in self.rules if rule.wants_orders for event in rule.events)
        for number, rule in enumerate(self.rules):
            self._register(number, rule)

    def _register(self, number: int, rule: Rule) -> None:
        for event in rule.events:
            self._of_event[event].append(number)
        needed = rule.matcher.called_by()
        if needed is None:
            for event in rule.events:
                self._always[event].append(number)
        for call in needed or ():
            self._by_call[call].append(number)

    def __len__(self) -> int:
        return len(self.rules)

    def listens_to(self, event: EventKind) -> bool:
        """Whether any rule is ``on:`` this event."""
        return bool(self._of_event.get(event))

    def only(self, rule_id: str) -> RuleSet:
        """Return the set with no rule but this one."""
        kept = (rule for rule in self.rules if rule.id == rule_id)
        return RuleSet(kept, self._phrases, self.hash, self.timezone, self.default_language)

    def hear(self, text: str, leash: Leash | None = None) -> Heard:
        """Return a text as these rules hear it."""
        return Heard(text, self._index, self._literals, leash)

    def called(self, heard: Heard) -> Iterator[Rule]:
        """Yield the rules for messages that a text may be meant for, in order: no other rule can match it."""
        event = EventKind.MESSAGE
        return (rule for rule in map(self.rules.__getitem__, self._called(heard, event)) if event in rule.events)

    def evaluate(  # noqa: PLR0913 - all that a decision depends on, each by its name
        self,
        stimulus: Stimulus,
        facts: Facts,
        firings: Sequence[FiringCount],
        now_ms: int,
        rng: Chance,
        counterparty_key: str,
        *,
        left_out: frozenset[str] = frozenset(),
        thorough: bool = False,
        computed_s: Callable[[], float] | None = None,
    ) -> Verdict:
        """Return what to say to ``stimulus``.

        A language that the talk has not settled yet is guessed from the text. ``firings`` are the counts of this order,
        person, account and day. ``left_out``: rules whose pattern once ran into its deadline (``Verdict.timed_out``);
        they count as unknown. ``thorough``: every rule of the event is asked and traced, without bound; for people who
        try rules. ``computed_s``: seconds of the processor, for the bound on what all patterns may take together.
        """
        leash = Leash(computed_s, total_s=inf if thorough else TOTAL_S)
        heard = self.hear(stimulus.message.text, leash) if stimulus.message and stimulus.message.text else None
        if heard and facts.language is None:
            facts = replace(facts, language=guess_language(heard.text))
        occasion = Occasion(
            stimulus=stimulus,
            facts=self._completed(facts, firings),
            heard=heard,
            firings=tuple(firings),
            now_ms=now_ms,
            rng=rng,
            counterparty_key=counterparty_key,
            left_out=left_out,
        )
        return self._walk(occasion, self._asked(occasion, thorough=thorough)).verdict(thorough=thorough)

    def _completed(self, facts: Facts, firings: Iterable[FiringCount]) -> Facts:
        """Return the facts with what has spoken in this order, and with the merchant's zone and language."""
        order_no = facts.order.number
        spoken = {one.group for one in firings if one.scope is LimitScope.ORDER and one.scope_id == order_no}
        return replace(
            facts,
            spoken=facts.spoken | spoken,
            timezone=self.timezone or facts.timezone,
            default_language=self.default_language or facts.default_language,
        )

    @staticmethod
    def _walk(occasion: Occasion, rules: Iterable[Rule]) -> _Decided:
        decided = _Decided()
        ended, shadowed = set[bool](), set[bool]()  # rules on the account, and those on orders, each by themselves
        for rule in rules:
            if rule.of_account in ended or (rule.of_account in shadowed and rule.shadow):
                decided.trace.append(RuleTrace(rule.id, Outcome.NOT_REACHED, where=rule.where))
                continue
            meeting = meet(rule, occasion)
            decided.add(rule, meeting)
            if meeting.trace.outcome in {Outcome.FIRED, Outcome.LIMITED} and not rule.goes_on:
                # A rule in shadow hides other shadow rules, as it will when it is live, and never a live one.
                (shadowed if rule.shadow else ended).add(rule.of_account)
        return decided

    def _asked(self, occasion: Occasion, *, thorough: bool) -> Iterator[Rule]:
        """Yield the rules to ask, in order: all of the event's while they are few, else those that may fit."""
        event = occasion.stimulus.kind
        everybody = self._of_event.get(event, [])
        if thorough or occasion.heard is None or len(everybody) <= MAX_TRACE:
            numbers: Iterable[int] = everybody
        else:
            numbers = self._called(occasion.heard, event)
        return (rule for rule in map(self.rules.__getitem__, numbers) if event in rule.events)

    def _called(self, heard: Heard, event: EventKind) -> list[int]:
        called = {number for call in heard.calls for number in self._by_call.get(call, ())}
        return sorted(called.union(self._always.get(event, ())))


def _nearest(trace: list[RuleTrace]) -> tuple[RuleTrace, ...]:
    """Return a bounded trace in its order; when it is too long, the rules that came nearest to speaking."""
    if len(trace) <= MAX_TRACE:
        return tuple(trace)
    ranked = sorted(range(len(trace)), key=lambda at: (_NEARNESS[trace[at].outcome], at))[:MAX_TRACE]
    return tuple(trace[at] for at in sorted(ranked))
