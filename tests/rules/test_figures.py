"""Figures of the account: names, what may be asked of them, and how one is found."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.rules.checks import Truth
from p2pbot.rules.conditions import compile_when
from p2pbot.rules.figures import NO_FIGURES, Figures, fits, found
from p2pbot.rules.ruleset import load_rules
from p2pbot.rules.spec import WhenSpec
from tests.fakes.occasions import some_facts

_KNOWN = Figures(
    balance={"USDT": Decimal(99)},
    futures={
        "position.BTCUSDT": Decimal(-6),
        "position.*": Decimal(0),
        "balance.USDT": Decimal("12.5"),
        "order.hedge-1": "filled",
        "order.hedge-2": "canceled",
        "margin_call": False,
    },
    spot={"free.USDT": Decimal(10), "locked.USDT": Decimal(0)},
    notes={"balance": "told 3s ago", "futures": "", "spot": ""},
)


def answer(when: dict[str, Any], figures: Figures) -> tuple[Truth, str]:
    """Return the answer of the one check that ``when`` makes."""
    first, *_ = compile_when(WhenSpec.model_validate(when), lambda _: "a.yaml:1:1")
    return first.judge(some_facts(figures=figures))


@pytest.mark.parametrize(
    ("when", "truth", "actual"),
    [
        ({"balance": {"USDT": "<100"}}, Truth.TRUE, "99 (told 3s ago)"),
        ({"balance": {"usdt": "<99"}}, Truth.FALSE, "99 (told 3s ago)"),
        ({"balance": {"BTC": "<1"}}, Truth.UNKNOWN, "not known: told 3s ago"),
        ({"futures": {"position.BTCUSDT": ["<-5", ">=10"]}}, Truth.TRUE, "-6"),
        ({"futures": {"position.ETHUSDT": "!=0"}}, Truth.FALSE, "0"),
        ({"futures": {"position.ETHUSDT": "0"}}, Truth.TRUE, "0"),
        ({"futures": {"balance.USDT": "12-13"}}, Truth.TRUE, "12.5"),
        ({"futures": {"order.hedge-1": "filled"}}, Truth.TRUE, "filled"),
        ({"futures": {"order.hedge-*": "filled"}}, Truth.FALSE, "canceled"),
        ({"futures": {"order.hedge-*": ["filled", "cancelled"]}}, Truth.TRUE, "canceled"),
        ({"futures": {"order.grid-*": "filled"}}, Truth.UNKNOWN, "not known"),
        ({"futures": {"margin_call": "no"}}, Truth.TRUE, "no"),
        ({"futures": {"margin_call": "yes"}}, Truth.FALSE, "no"),
        ({"spot": {"free.USDT": "<100"}}, Truth.TRUE, "10"),
        ({"spot": {"locked.USDT": ">0"}}, Truth.FALSE, "0"),
    ],
)
def test_a_figure_meets_what_is_asked_of_it_or_not(when: dict[str, Any], truth: Truth, actual: str) -> None:
    """Numbers, states of orders and a margin call; the newest of several orders counts; the trace says the age."""
    assert answer(when, _KNOWN) == (truth, actual)


@pytest.mark.parametrize(
    "when",
    [{"balance": {"USDT": "<100"}}, {"futures": {"margin_call": "no"}}, {"spot": {"free.USDT": ">0"}}],
)
def test_what_nobody_tells_of_is_unknown_and_says_why(when: dict[str, Any]) -> None:
    """A rule that asks is silent, and its trace says what is missing."""
    (group,) = when
    assert answer(when, NO_FIGURES) == (Truth.UNKNOWN, "not known")
    noted = Figures(notes={group: "the futures stream is interrupted for 12s"})
    assert answer(when, noted) == (Truth.UNKNOWN, "not known: the futures stream is interrupted for 12s")


@pytest.mark.parametrize(
    ("condition", "what"),
    [
        ("balance: {USDT: filled}", '`USDT` cannot be compared with that; write "<100"'),
        ("balance: {'US*': '<1'}", "`US*` is no figure of `balance`; write the name of an asset"),
        ("futures: {positon.BTCUSDT: '!=0'}", "`positon.BTCUSDT` is no figure of `futures`; did you mean `position`?"),
        ("futures: {position: '!=0'}", "`position` is no figure of `futures`"),
        ("futures: {position.*: '!=0'}", "`position.*` is no figure of `futures`"),
        ("futures: {order.a: '>1'}", "`order.a` cannot be compared with that; write one of new, partially_filled"),
        ("futures: {order.a: filed}", "`filed` is not understood; did you mean `filled`?"),
        ("futures: {margin_call: '>1'}", "`margin_call` cannot be compared with that; write yes or no"),
        ("futures: {xyz: yes}", "`xyz` is no figure of `futures`; known here: position.BTCUSDT"),
        ("spot: {USDT: '<1'}", "`USDT` is no figure of `spot`; known here: free.USDT, locked.USDT"),
        ("balance: {USDT: much}", '`much` is not understood; write "!=0"'),
    ],
)
def test_what_no_figure_can_answer_is_an_error(condition: str, what: str) -> None:
    """At the figure's place, with the way out."""
    text = f"version: 1\nrules:\n  - {{id: a, words: hi, when: {{{condition}}}, reply: hi}}\n"
    told = [finding.render().splitlines()[0] for finding in load_rules({"a.yaml": text}).findings]
    assert len(told) == 1, told
    assert what in told[0]


def test_what_has_no_name_of_its_own_is_the_rest_of_its_kind() -> None:
    """Each kind of figures has a rest of its own."""
    assert found({"position.*": Decimal(0), "A": Decimal(1)}, "B") is None
    assert found({"*": Decimal(0), "A": Decimal(1)}, "B") == 0
    assert found({"position.*": Decimal(0)}, "position.X") == 0


@given(st.text("ab*", max_size=6), st.text("ab", max_size=8))
def test_a_star_stands_for_anything(pattern: str, text: str) -> None:
    """As every reader of patterns expects, by comparison with a naive matcher."""

    def naive(left: str, right: str) -> bool:
        if not left:
            return not right
        if left[0] == "*":
            return naive(left[1:], right) or (bool(right) and naive(left, right[1:]))
        return bool(right) and left[0] == right[0] and naive(left[1:], right[1:])

    assert fits(text, pattern) is naive(pattern, text)
