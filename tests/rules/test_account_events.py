"""Rules on what happens to the merchant's own account."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p2pbot.model import EventKind, FiringCount, LimitScope, Order, Reason, Stimulus
from p2pbot.rules.figures import Figures
from p2pbot.rules.ruleset import RuleSet, load_rules
from tests.fakes.occasions import NOW_MS, Middle, an_order, some_facts

_LOW = 'on: balance_below, when: {balance: {USDT: "<100"}}'
_LOW_IN_ORDERS = 'on: balance_below, when: {balance: {USDT: "<100"}, order_status: unpaid}'
_FIGURES = Figures(balance={"USDT": Decimal(90)}, futures={"order.hedge-1": "filled"})


def loaded(*rules: str) -> RuleSet:
    """Return a set of rules in flow style, each without its id."""
    lines = [f"  - {{id: r{at}, {rule}}}\n" for at, rule in enumerate(rules)]
    read = load_rules({"a.yaml": "version: 1\nrules:\n" + "".join(lines)})
    assert read.ruleset is not None, [finding.render() for finding in read.findings]
    return read.ruleset


def faults(rule: str) -> list[str]:
    """Return what is wrong with one rule, without its place."""
    read = load_rules({"a.yaml": f"version: 1\nrules:\n  - {{id: a, {rule}}}\n"})
    return [f"{finding.message}; {finding.hint}" for finding in read.findings]


def told(
    rules: RuleSet, kind: EventKind, about: str, *, whole: bool, firings: tuple[FiringCount, ...] = ()
) -> list[str]:
    """Return which rules fire for an event of the account, decided for the account or for an order."""
    stimulus = Stimulus(kind=kind, order_no="account", key="e:x", at_ms=NOW_MS, about=about)
    order = Order(number="account", account="main") if whole else an_order()
    facts = some_facts(order, figures=_FIGURES, about=about, whole=whole)
    verdict = rules.evaluate(stimulus, facts, firings, NOW_MS, Middle(), "")
    return [firing.rule_id for firing in verdict.firings]


@pytest.mark.parametrize(
    ("rule", "whole", "fires"),
    [
        (f"{_LOW}, notify: low", True, True),
        (f"{_LOW}, notify: low", False, False),
        (f"{_LOW_IN_ORDERS}, reply: wait", True, False),
        (f"{_LOW_IN_ORDERS}, reply: wait", False, True),
        (f"{_LOW_IN_ORDERS.replace('unpaid', 'paid')}, reply: wait", False, False),
    ],
)
def test_an_event_of_the_account_reaches_chats_only_where_a_rule_names_the_orders(
    rule: str,
    whole: bool,  # noqa: FBT001 - a table
    fires: bool,  # noqa: FBT001
) -> None:
    """Once for the account, and once for each open order of the state that is named."""
    kind, about = EventKind.BALANCE_BELOW, "balance.USDT <100"
    assert bool(told(loaded(rule), kind, about, whole=whole)) is fires


def test_a_fall_is_told_to_the_rule_whose_limit_it_is() -> None:
    """A balance that fell below another rule's limit is no news to this one, whose limit it was below before."""
    rules = loaded(f"{_LOW}, notify: low, continue: yes", f"{_LOW.replace('100', '1000')}, notify: lower")
    assert [str(one) for one in rules.thresholds] == ["balance.USDT <100", "balance.USDT <1000"]
    assert told(rules, EventKind.BALANCE_BELOW, "balance.USDT <1000", whole=True) == ["r1"]


def test_a_fill_is_told_to_the_rule_whose_pattern_it_fits() -> None:
    """The condition on an order is about the order that was filled."""
    rule = "on: futures_order_filled, when: {futures: {order.hedge-*: filled}}, notify: hedged"
    assert told(loaded(rule), EventKind.FUTURES_ORDER_FILLED, "order.hedge-1", whole=True) == ["r0"]
    assert told(loaded(rule), EventKind.FUTURES_ORDER_FILLED, "order.grid-7", whole=True) == []


def test_when_people_try_rules_those_on_the_account_and_those_on_orders_are_both_asked() -> None:
    """Each kind ends its own search only, as in the daemon, where each is asked by itself."""
    rules = loaded(f"{_LOW}, notify: low", f"{_LOW}, notify: later", f"{_LOW_IN_ORDERS}, reply: wait")
    stimulus = Stimulus(kind=EventKind.BALANCE_BELOW, order_no="1", key="e:x", at_ms=NOW_MS)
    verdict = rules.evaluate(stimulus, some_facts(figures=_FIGURES), (), NOW_MS, Middle(), "")
    assert [firing.rule_id for firing in verdict.firings] == ["r0", "r2"]


def test_a_rule_without_a_limit_is_heard_every_ten_minutes() -> None:
    """A balance may swing around its limit; an order is filled once, so each fill is told."""
    spoke = (FiringCount(group="r0", scope=LimitScope.ACCOUNT, scope_id="main", count=1, last_ms=NOW_MS - 599_999),)
    low = loaded(f"{_LOW}, notify: low")
    assert told(low, EventKind.BALANCE_BELOW, "balance.USDT <100", whole=True, firings=spoke) == []
    filled = loaded("on: futures_order_filled, notify: filled")
    assert told(filled, EventKind.FUTURES_ORDER_FILLED, "order.x", whole=True, firings=spoke) == ["r0"]


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (f"{_LOW}, reply: hi", "in which orders is `reply` meant?; add `when: {order_status: unpaid}`"),
        (f"{_LOW}, handover: yes", "in which orders is `handover` meant?"),
        (f"{_LOW}, set: {{a: b}}", "in which orders is `set` meant?"),
        ("on: balance_below, notify: low", 'below what?; write `when: {balance: {USDT: "<100"}}`'),
        ("on: balance_below, when: {balance: {USDT: '>1'}}, notify: low", "below what?"),
        ("on: [margin_call, message], notify: x", "`margin_call` cannot share a rule with events of an order"),
        ("on: margin_call, when: {side: sell}, notify: x", "`margin_call` is about your account, which has no `side`"),
        ("on: margin_call, limit: {once_per: order}, notify: x", "your account, which has no order; write {every: 10m"),
        ("on: margin_call, words: hi, notify: x", "`words` looks at a text, and `on: margin_call` has none"),
        ("on: margin_call, notify: 'Order {{ order.number }}'", "`order.number` is not known in `on: margin_call`"),
    ],
)
def test_what_an_account_cannot_do_is_an_error(rule: str, what: str) -> None:
    """Said at the key that is to blame."""
    assert [True for fault in faults(rule) if what in fault], faults(rule)


@pytest.mark.parametrize(
    "rule",
    [
        "on: margin_call, notify: Look at futures.",
        "on: margin_call, limit: {every: 1h, per: account}, notify: Look.",
        "on: [margin_call, futures_order_filled], notify: Look.",
        f"{_LOW_IN_ORDERS}, reply: 'Hello, one moment.', notify: 'Order {{{{ order.number }}}}'",
        "on: margin_call, when: {account: main, weekday: mon-fri, zone: Europe/Istanbul}, notify: Look.",
    ],
)
def test_what_an_account_can_do_is_no_finding(rule: str) -> None:
    """Words to the operator, with and without conditions that an account meets; replies where orders are named."""
    assert faults(rule) == []


def test_a_rule_on_the_account_hides_no_rule_on_its_orders() -> None:
    """Each kind is asked by itself, so neither stands in the other's way; two of a kind do."""
    called, spoken = (
        "on: margin_call, notify: Look.",
        "on: margin_call, when: {order_status: unpaid}, reply: One moment.",
    )

    def codes(*rules: str) -> list[str]:
        text = "version: 1\nrules:\n" + "".join(f"  - {{id: r{at}, {rule}}}\n" for at, rule in enumerate(rules))
        return [finding.code for finding in load_rules({"a.yaml": text}).findings]

    assert codes(called, spoken) == []
    assert codes(called, called) == ["P010"]


def test_a_set_says_what_it_asks_of_the_account() -> None:
    """So that the daemon knows what it needs, and which events are wanted in orders."""
    rules = loaded(f"{_LOW_IN_ORDERS}, reply: wait", "words: hi, when: {futures: {margin_call: yes}}, reply: hi")
    assert rules.asks_of_account == {"balance", "futures"}
    assert rules.for_orders == {EventKind.BALANCE_BELOW}
    assert (
        Reason.NO_RULE
        is rules.evaluate(
            Stimulus(kind=EventKind.MARGIN_CALL, order_no="1", key="e:m", at_ms=NOW_MS),
            some_facts(),
            (),
            NOW_MS,
            Middle(),
            "",
        ).reason
    )
