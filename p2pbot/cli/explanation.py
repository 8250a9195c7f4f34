"""What the rules would say to one message or event, and of each rule why not: readable at a glance.

Promise: the decision is the daemon's own (``RuleSet.evaluate``), with chance replaced by its middle, so that the same
question has the same answer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from p2pbot.cli.output import Paint, columns, print_json, shown
from p2pbot.errors import UsageError
from p2pbot.model import ChatMessage, EventKind, MessageKind, Path, Stimulus
from p2pbot.rules.facts import Facts
from p2pbot.rules.given import GivenFacts, given_facts
from p2pbot.rules.measures import moment_ms
from p2pbot.rules.ruleset import RuleSet
from p2pbot.rules.verdict import Firing, Outcome, RuleTrace, Verdict

_LABELS = {
    Outcome.FIRED: ("YES", "green"),
    Outcome.NO: ("NO", "dim"),
    Outcome.UNKNOWN: ("UNKNOWN", "yellow"),
    Outcome.LIMITED: ("LIMITED", "yellow"),
    Outcome.NOT_REACHED: ("later", "dim"),
}
_REASONS = {
    "answered": "answered",
    "shadow": "a rule in shadow speaks: recorded, not sent",
    "no_rule": "no rule speaks",
    "limited": "a rule fits, and has spoken as often as its limit allows",
    "stopped": "a rule ends the search in silence",
    "render_failed": "a rule fits, and its text needs something that is not known",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One question to the rules."""

    stimulus: Stimulus
    facts: Facts


class Middle:
    """Chance without chance."""

    def uniform(self, low: float, high: float) -> float:
        """Return the middle."""
        return (low + high) / 2


def trial_of(text: str, order: str, event: EventKind, clock: str = "") -> Trial:
    """Return the question that a command line asks; ``now=…`` in the order is a clock too. Raises UsageError."""
    if event is EventKind.MESSAGE and not text:
        raise UsageError("what does the counterparty write?", remedy='p2pbot rules explain "TEXT", or --event EVENT')
    facts = order_and_clock(order, clock)
    kind = MessageKind.IMAGE if event is EventKind.IMAGE else MessageKind.TEXT
    from_chat = event in {EventKind.MESSAGE, EventKind.IMAGE}
    number = facts.order.number
    message = ChatMessage(order_no=number, kind=kind, path=Path.SOCKET, message_id="1", text=text, from_us=False)
    stimulus = Stimulus(
        kind=event, order_no=number, key="m:1", at_ms=facts.now_ms, message=message if from_chat else None
    )
    return Trial(stimulus, facts)


def explain(ruleset: RuleSet, trial: Trial, *, expect: str | None, as_json: bool) -> int:
    """Print the decision; return 1 when ``expect`` (a rule's id or ``none``) is not met."""
    verdict = ruleset.evaluate(trial.stimulus, trial.facts, (), trial.facts.now_ms, Middle(), "nobody", thorough=True)
    if as_json:
        print_json(_as_json(verdict, ruleset.hash))
    else:
        _show(verdict, Paint())
    spoke = [firing.rule_id for firing in verdict.firings] or ["none"]
    met = expect is None or expect in spoke
    if not met and not as_json:
        print(f"\nexpected {shown(str(expect))}, got {', '.join(spoke)}")
    return 0 if met else 1


def order_and_clock(order: str, clock: str = "") -> Facts:
    """Return what ``--order`` and ``--clock`` give; without a clock it is now. Raises UsageError."""
    pairs = pairs_of(order)
    wanted = clock or pairs.pop("now", "")
    return _given(pairs).facts(clock_ms(wanted) if wanted else time.time_ns() // 1_000_000)


def clock_ms(text: str) -> int:
    """Read ``2026-01-05T10:00+03:00``. Raises UsageError."""
    try:
        return moment_ms(text)
    except ValueError as error:
        raise UsageError(f"--clock: {error}") from None


def given_order(order: str) -> GivenFacts:
    """Read ``side=sell,amount=900``. Raises UsageError."""
    return _given(pairs_of(order))


def pairs_of(order: str) -> dict[str, str]:
    """Read ``side=sell,amount=900`` as names and values. Raises UsageError."""
    pairs: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in order.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"--order: `{part[:60]}` is not name=value", remedy="for example side=sell,amount=900")
        pairs[name.strip()] = value.strip()
    return pairs


def _given(pairs: dict[str, str]) -> GivenFacts:
    given = given_facts(pairs, "--order")
    if isinstance(given, GivenFacts):
        return given
    first = given[0]
    raise UsageError(f"--order: {first.message}", remedy=first.hint)


def _show(verdict: Verdict, paint: Paint) -> None:
    print(paint("bold", _REASONS.get(verdict.reason.value, verdict.reason.value)))
    for firing in verdict.firings:
        _show_firing(firing, paint)
    if verdict.trace:
        print()
    rows = [trace_row(trace, paint) for trace in verdict.trace]
    print("\n".join(columns(rows)))


def _show_firing(firing: Firing, paint: Paint) -> None:
    after = f" after {firing.delay_ms / 1000:g} s" if firing.delay_ms else ""
    print(f"\n{paint('green', firing.rule_id)}{' (shadow)' if firing.shadow else ''}{after}:")
    for bubble in firing.bubbles:
        first, *rest = bubble.split("\n")
        print(f"  > {shown(first)}")
        for line in rest:
            print(f"    {shown(line)}")
    for text in firing.notify:
        print(f"  notify: {shown(text)}")
    if firing.handover:
        until = f" for {firing.handover.for_ms // 60_000}m" if firing.handover.for_ms else ""
        print(f"  handover{until}: {shown(firing.handover.reason) or 'no reason given'}")


def trace_row(trace: RuleTrace, paint: Paint) -> tuple[str, str, str]:
    """Return a rule's id, its outcome, and why."""
    label, colour = _LABELS[trace.outcome]
    why = ""
    if trace.check:
        why = f"{trace.check}: wanted {shown(trace.wanted)}, is {shown(trace.actual)}  "
    return trace.rule_id, paint(colour, label), why + paint("dim", f"({shown(trace.where)})")


def _as_json(verdict: Verdict, ruleset: str) -> dict[str, object]:
    return {
        "reason": verdict.reason.value,
        "replies": [_firing_json(firing) for firing in verdict.firings],
        "rules": [trace.to_json() for trace in verdict.trace],
        "ruleset": ruleset,
    }


def _firing_json(firing: Firing) -> dict[str, object]:
    return {
        "rule_id": firing.rule_id,
        "bubbles": list(firing.bubbles),
        "delay_ms": firing.delay_ms,
        "shadow": firing.shadow,
        "notify": list(firing.notify),
        "handover": firing.handover is not None,
    }
