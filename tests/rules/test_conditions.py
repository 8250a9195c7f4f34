"""Conditions: true, false or not known, and not known never fires."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from p2pbot.model import Counterparty, OrderStatus, PaymentMethod, Side
from p2pbot.rules.checks import Truth
from p2pbot.rules.conditions import compile_when
from p2pbot.rules.facts import Facts
from p2pbot.rules.spec import WhenSpec
from tests.fakes.occasions import NOW_MS, an_order, rules, some_facts

_WISE = PaymentMethod(method_id="1", identifier="Wise", name="Wise (USD)")
_BANK = PaymentMethod(method_id="2", identifier="BANK", name="Bank transfer")


def truth_of(when: dict[str, Any], facts: Facts) -> Truth:
    """Return the answer of the one check that ``when`` makes."""
    first, *_ = compile_when(WhenSpec.model_validate(when), lambda _: "a.yaml:1:1")
    return first.judge(facts).truth


@pytest.mark.parametrize(
    ("when", "known", "otherwise"),
    [
        ({"side": "sell"}, {"side": Side.SELL}, {"side": Side.BUY}),
        ({"order_status": ["unpaid", "paid"]}, {"status": OrderStatus.PAID}, {"status": OrderStatus.APPEAL}),
        ({"asset": "usdt"}, {"asset": "USDT"}, {"asset": "BTC"}),
        ({"fiat": ["EUR", "USD"]}, {"fiat": "USD"}, {"fiat": "RUB"}),
        ({"amount": "<=900"}, {"amount": Decimal(900)}, {"amount": Decimal("900.01")}),
        ({"total": "100-200"}, {"total": Decimal(150)}, {"total": Decimal(99)}),
        ({"price": [">2", "1"]}, {"price": Decimal(1)}, {"price": Decimal("1.5")}),
        ({"ad": "77"}, {"ad": "77"}, {"ad": "78"}),
        (
            {"counterparty": {"orders": "<5"}},
            {"counterparty": Counterparty(orders=4)},
            {"counterparty": Counterparty(orders=5)},
        ),
        (
            {"counterparty": {"completion": ">=95%"}},
            {"counterparty": Counterparty(completion=Decimal("0.95"))},
            {"counterparty": Counterparty(completion=Decimal("0.9"))},
        ),
        (
            {"counterparty": {"registered": "<7d"}},
            {"counterparty": Counterparty(registered_days=6)},
            {"counterparty": Counterparty(registered_days=7)},
        ),
        (
            {"counterparty": {"trades_with_us": "0"}},
            {"counterparty": Counterparty(trades_with_us=0)},
            {"counterparty": Counterparty(trades_with_us=1)},
        ),
        (
            {"counterparty": {"nickname": ["Ann", "bob"]}},
            {"counterparty": Counterparty(nickname="BOB")},
            {"counterparty": Counterparty(nickname="eve")},
        ),
        (
            {"counterparty": {"open_id": ["oA", "oB"]}},
            {"counterparty": Counterparty(open_id="oB")},
            {"counterparty": Counterparty(open_id="oC")},
        ),
        ({"payment_method": "wise"}, {"payment_methods": (_WISE,)}, {"payment_methods": (_BANK,)}),
        (
            {"payment_method": "bank transfer"},
            {"payment_methods": (_BANK, _WISE), "selected_payment_id": "2"},
            {"payment_methods": (_BANK, _WISE), "selected_payment_id": "1"},
        ),
    ],
)
def test_a_condition_on_the_order_is_true_false_or_unknown(
    when: dict[str, Any], known: dict[str, Any], otherwise: dict[str, Any]
) -> None:
    """An order of which nothing is known makes it unknown, never false."""
    nothing = {"side": None, "asset": None, "fiat": None, "amount": None, "total": None, "price": None}
    unknown = an_order(**nothing, status=OrderStatus.UNKNOWN, counterparty=Counterparty())
    assert truth_of(when, some_facts(an_order(**known))) is Truth.TRUE
    assert truth_of(when, some_facts(an_order(**otherwise))) is Truth.FALSE
    assert truth_of(when, some_facts(unknown)) is Truth.UNKNOWN


@pytest.mark.parametrize(
    ("when", "known", "otherwise"),
    [
        ({"first_message": "yes"}, {"first_message": True}, {"first_message": False}),
        ({"first_message": "no"}, {"first_message": False}, {"first_message": True}),
        ({"message_no": "<=2"}, {"message_no": 2}, {"message_no": 3}),
        ({"language": ["ru", "uk"]}, {"language": "ru"}, {"language": "en"}),
    ],
)
def test_a_condition_on_the_talk_is_true_false_or_unknown(
    when: dict[str, Any], known: dict[str, Any], otherwise: dict[str, Any]
) -> None:
    """The same three answers."""
    assert truth_of(when, some_facts(**known)) is Truth.TRUE
    assert truth_of(when, some_facts(**otherwise)) is Truth.FALSE
    assert truth_of(when, some_facts()) is Truth.UNKNOWN


def test_methods_of_which_only_some_fit_are_unknown_until_one_is_selected() -> None:
    """A guess about the account that is paid would be a guess about money."""
    facts = some_facts(an_order(payment_methods=(_BANK, _WISE)))
    assert truth_of({"payment_method": "wise"}, facts) is Truth.UNKNOWN
    assert truth_of({"payment_method": ["wise", "bank"]}, facts) is Truth.TRUE


@pytest.mark.parametrize(
    ("when", "minutes", "speaks"),
    [
        ("{}", None, True),
        ("{}", 9, False),
        ("{}", 10, True),
        ("{operator_idle: 2m}", 3, True),
        ("{operator_idle: 0}", 0, True),
    ],
)
def test_every_rule_waits_until_a_person_of_ours_was_silent(when: str, minutes: int | None, speaks: bool) -> None:  # noqa: FBT001 - a column of the table
    """Ten minutes unless the rule says otherwise."""
    last = None if minutes is None else NOW_MS - minutes * 60_000
    asked = rules(f"  - {{id: a, words: hi, when: {when}, reply: Hello}}")
    assert asked.winners("hi", some_facts(last_operator_ms=last)) == (["a"] if speaks else [])


def test_a_false_condition_is_named_before_an_unknown_one() -> None:
    """What is certain explains more."""
    asked = rules("  - {id: a, words: hi, when: {amount: '>5', side: buy}, reply: Hello}")
    (trace,) = asked.ask("hi", some_facts(an_order(amount=None))).trace
    assert (trace.check, trace.outcome, trace.wanted, trace.actual) == ("when.side", "no", "buy", "sell")


def test_a_nickname_is_compared_and_never_shown() -> None:
    """Traces are stored."""
    asked = rules("  - {id: a, words: hi, when: {counterparty: {nickname: ann}}, reply: Hello}")
    (trace,) = asked.ask("hi").trace
    assert trace.actual == "another"


def test_a_star_means_any_customer_who_is_known() -> None:
    """Whoever stands in the merchant's file meets it; of everybody else it is not known."""
    when = {"counterparty": {"open_id": "*"}}
    assert truth_of(when, some_facts(an_order(counterparty=Counterparty(open_id="oA")))) is Truth.TRUE
    assert truth_of(when, some_facts(an_order(counterparty=Counterparty()))) is Truth.UNKNOWN


def test_an_open_id_is_compared_and_never_shown() -> None:
    """It says who somebody is, and traces are stored."""
    asked = rules("  - {id: a, words: hi, when: {counterparty: {open_id: oA}}, reply: Hello}")
    (trace,) = asked.ask("hi", some_facts(an_order(counterparty=Counterparty(open_id="oB")))).trace
    assert (trace.outcome, trace.actual) == ("no", "another")


def test_no_rule_with_an_unknown_fact_fires() -> None:
    """Whatever the condition, not known is not enough."""
    conditions = [
        "side: sell",
        "order_status: unpaid",
        "asset: USDT",
        "amount: '>0'",
        "payment_method: x",
        "counterparty: {orders: '>=0'}",
        "first_message: no",
        "message_no: '>0'",
        "language: en",
        "ad: '1'",
    ]
    written = [f"  - {{id: r{at}, words: xyz, when: {{{one}}}, reply: Hello}}" for at, one in enumerate(conditions)]
    asked = rules("\n".join(written))
    facts = some_facts(replace(an_order(), side=None, status=OrderStatus.UNKNOWN, asset=None, amount=None))
    verdict = asked.ask("xyz", facts)
    assert verdict.firings == ()
    assert {trace.outcome for trace in verdict.trace} == {"unknown"}


@pytest.mark.parametrize(
    ("when", "tags", "truth"),
    [
        ({"tag": {"vip": "gold"}}, (("vip", "Gold"),), Truth.TRUE),
        ({"tag": {"vip": ["gold", "silver"]}}, (("vip", "tin"),), Truth.FALSE),
        ({"tag": {"vip": "no"}}, (), Truth.TRUE),
        ({"tag": {"vip": "yes"}}, (), Truth.FALSE),
    ],
)
def test_a_tag_is_known_and_an_unset_one_reads_no(
    when: dict[str, Any], tags: tuple[tuple[str, str], ...], truth: Truth
) -> None:
    """Tags are ours, so nothing about them is unknown."""
    assert truth_of(when, some_facts(tags=tags)) is truth
