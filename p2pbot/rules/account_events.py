"""Rules on what happens to the merchant's own account: an order of futures is filled, a margin call, a low balance.

Promise: such an event has no chat. A rule on it may tell the operator; it acts in a chat only where it says in which
state an order must be (``when: {order_status: …}``), and is then asked for each open order. A balance counts as fallen
when it goes below the limit that the rule itself writes, not at each change below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from p2pbot.model import EventKind, LimitScope
from p2pbot.rules.checks import Answer, Check, Truth, truth
from p2pbot.rules.facts import Facts
from p2pbot.rules.figures import Figures, accepts, figure_faults, fits, found
from p2pbot.rules.limits import Limit
from p2pbot.rules.measures import Bound
from p2pbot.rules.spec import ACCOUNT_EVENTS, OncePerSpec, RuleSpec, WhenSpec

Fault = tuple[tuple[str, ...], str, str]
PAUSE_MS = 600_000  # an account's rule that has no limit of its own: a balance may swing around its limit
_IN_A_CHAT = ("reply", "handover", "unmute", "set")
_ON_NOBODY = frozenset({"order_status", "hours", "weekday", "zone", "account", "balance", "futures", "spot"})
_BELOW = ("<", "<=")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit below which a rule wants to hear of a balance."""

    group: str
    name: str
    bound: Bound

    def __str__(self) -> str:
        return f"{self.group}.{self.name} {self.bound}"

    def holds(self, figures: Figures) -> bool | None:
        """Whether the balance is below; None while it is not known."""
        value = found(getattr(figures, self.group), self.name)
        return None if value is None else accepts(self.bound, value)


def is_of_account(spec: RuleSpec) -> bool:
    """Whether a rule is about the account alone: on its events, and without the state of an order."""
    return bool(ACCOUNT_EVENTS & set(spec.on)) and not spec.when.order_status


def thresholds(spec: RuleSpec) -> tuple[Threshold, ...]:
    """Return the limits that a rule ``on: balance_below`` writes."""
    return tuple(_thresholds(spec.when)) if EventKind.BALANCE_BELOW in spec.on else ()


def _thresholds(when: WhenSpec) -> Iterator[Threshold]:
    for group, asked in when.figures.items():
        for name, tests in asked.items():
            for test in tests if group != "futures" or name.startswith("balance.") else ():
                if isinstance(test, Bound) and test.sign in _BELOW:
                    yield Threshold(group, name, test)


def account_faults(spec: RuleSpec) -> Iterator[Fault]:
    """Yield what is wrong with a rule's figures and with its account's events: the key's path, what, what to do."""
    for group, asked in spec.when.figures.items():
        for name, what, hint in figure_faults(group, asked):
            yield ("when", group, name), what, hint
    events = sorted(ACCOUNT_EVENTS & set(spec.on))
    if not events:
        return
    if len(events) != len(spec.on):
        yield ("on",), f"`{events[0].value}` cannot share a rule with events of an order", "write two rules"
    if EventKind.BALANCE_BELOW in spec.on and not thresholds(spec):
        yield ("on",), "below what?", 'write `when: {balance: {USDT: "<100"}}`'
    if is_of_account(spec):
        yield from _without_order(spec, events[0])


def _without_order(spec: RuleSpec, event: EventKind) -> Iterator[Fault]:
    for action in _IN_A_CHAT:
        if getattr(spec, action):
            hint = "add `when: {order_status: unpaid}` to have it in each open order that fits, or use `notify`"
            yield (action,), f"`{event.value}` is about your account: in which orders is `{action}` meant?", hint
    for limit in spec.limit if "limit" in spec.model_fields_set else ():
        scope = limit.once_per if isinstance(limit, OncePerSpec) else limit.per
        if scope in {"order", "counterparty"}:
            hint = "write {every: 10m, per: account}"
            yield ("limit",), f"`{event.value}` is about your account, which has no {scope}", hint
    for name in sorted(spec.when.model_fields_set - _ON_NOBODY):
        hint = "add `order_status` to ask it of each open order, or remove it"
        yield ("when", name), f"`{event.value}` is about your account, which has no `{name}`", hint


def account_checks(spec: RuleSpec, where: str) -> Iterator[Check]:
    """Yield the checks by which a rule on an account's event is asked only about what it is meant for."""
    if not ACCOUNT_EVENTS & set(spec.on):
        return
    wanted_whole = is_of_account(spec)

    def of_its_kind(facts: Facts) -> Answer:
        holds = facts.whole is None or facts.whole is wanted_whole
        return Answer(truth(holds=holds), "the account" if facts.whole else "an order")

    yield Check("on", "the account" if wanted_whole else "an order", where, of_its_kind)
    limits = {str(limit) for limit in thresholds(spec)}
    if EventKind.BALANCE_BELOW in spec.on:
        yield Check("on", " or ".join(sorted(limits)), where, _about(lambda about: about in limits))
    patterns = tuple(name for name in spec.when.futures or {} if name.startswith("order."))
    if set(spec.on) == {EventKind.FUTURES_ORDER_FILLED} and patterns:
        fitting = _about(lambda about: any(fits(about, pattern) for pattern in patterns))
        yield Check("on", " or ".join(patterns), where, fitting)


def _about(is_meant: Callable[[str], bool]) -> Callable[[Facts], Answer]:
    def judge(facts: Facts) -> Answer:
        if not facts.about:
            return Answer(Truth.TRUE, "")  # people try the rule without saying what happened
        return Answer(truth(holds=is_meant(facts.about)), facts.about)

    return judge


def usual_limits(spec: RuleSpec) -> tuple[Limit, ...] | None:
    """Return the limits of an account's rule that writes none; None for every other rule.

    An order is filled once; the other two may come again and again.
    """
    if not is_of_account(spec) or "limit" in spec.model_fields_set:
        return None
    repeats = set(spec.on) != {EventKind.FUTURES_ORDER_FILLED}
    return (Limit(LimitScope.ACCOUNT, pause_ms=PAUSE_MS, text="every 10m per account"),) if repeats else ()
