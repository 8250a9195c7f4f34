"""Reply texts: a closed list of Jinja2, over plain data."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.model import Counterparty, Order, PaymentMethod
from p2pbot.rules.templates import CannotSay, Text, compile_text, lengths
from p2pbot.rules.variables import values
from tests.fakes.occasions import an_order, some_facts

_BANK = PaymentMethod(
    method_id="7", identifier="BANK", name="Bank", fields=(("Account number", "pay_account", "DE12345678"),)
)


def render(source: str, order: Order | None = None, text: str | None = "I paid", zone: str = "UTC") -> str:
    """Render a template that must load."""
    compiled = compile_text(source, ["sum"])
    assert isinstance(compiled, Text), compiled
    return compiled.render(values(some_facts(order, timezone=zone), text, (("sum", "42"),)))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Order {{ order.number }}", "Order 20476365073825144832"),
        ("{{ order.amount }} {{ order.asset }}", "900 USDT"),
        ("{{ order.total|money }} {{ order.fiat }}", "828.50 EUR"),
        ("{{ order.price }}", "0.92"),
        ("{{ counterparty.first_name }}", "Ivan"),
        ("{{ counterparty.nickname|upper }}", "BUYER7"),
        ("{{ match.sum }} of {{ message.text|lower }}", "42 of i paid"),
        ("{{ payment.pay_account|mask }}", "••••5678"),
        ("{{ payment.account_number }} at {{ payment.method }}", "DE12345678 at Bank"),
        ("{{ order.pay_deadline|time }}", "10:15"),
        ("{{ order.pay_deadline|date }}", "2026-01-05"),
        ("{{ order.pay_deadline }}", "2026-01-05 10:15"),
        ("{{ order.release_deadline|default('soon') }}", "soon"),
        ("{% if order.amount > 500 and order.asset == 'USDT' %}large{% else %}small{% endif %}", "large"),
        ("{% if order.paid is defined %}x{% elif not order.fiat == 'USD' %}y{% endif %}", "y"),
        ("{{ 'a' if order.side == 'sell' else 'b' }}", "a"),
        ("{% raw %}{{ not.a.name }}{% endraw %}", "{{ not.a.name }}"),
        ("50% {off} # {{ order.side }}", "50% {off} # sell"),
    ],
)
def test_a_text_is_filled_in(source: str, expected: str) -> None:
    """What the language promises merchants."""
    order = an_order(pay_deadline_ms=1_767_597_300_000, payment_methods=(_BANK,))
    assert render(source, order, zone="Europe/Moscow") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("900", "900"),
        ("900.5", "900.50"),
        ("900.50", "900.50"),
        ("1E+3", "1000"),
        ("0.00012", "0.00012"),
        ("1234567.10", "1234567.10"),
    ],
)
def test_money_is_plain_so_that_it_can_be_copied(value: str, expected: str) -> None:
    """No exponent, no grouping, two decimals if there are any."""
    assert render("{{ order.total|money }}", an_order(total=Decimal(value))) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("IVAN PETROV", "Ivan"), ("王小明", "王小明"), ("anna-maria", "Anna-maria"), ("Li Wei", "Li")],
)
def test_a_first_name_is_what_one_calls_a_person(name: str, expected: str) -> None:
    """An undivided name is used whole."""
    order = an_order(counterparty=Counterparty(real_name=name))
    assert render("{{ counterparty.first_name }}", order) == expected


@pytest.mark.parametrize(
    "source",
    [
        "{{ counterparty.first_name }}",
        "{{ order.fiat }}",
        "{{ message.text }}",
        "{{ payment.pay_account }}",
        "{% if order.total > 5 %}x{% endif %}",
        "{{ order.total|money }}",
        "{{ order.paid|time }}",
        "{{ order.number|money|date }}",
        "{% if order.amount > 'x' %}y{% endif %}",
        "{{ order.asset|time }}",
    ],
)
def test_a_text_that_needs_what_is_not_known_is_not_said(source: str) -> None:
    """An unknown value is no empty text, and a wrong comparison is no crash."""
    order = an_order(fiat=None, total=None, counterparty=Counterparty())
    with pytest.raises(CannotSay):
        render(source, order, text=None)


def test_of_several_methods_none_is_taken_unless_it_was_selected() -> None:
    """Bank data of the wrong account is never shown."""
    other = PaymentMethod(method_id="8", identifier="WISE", name="Wise", fields=(("Account number", "", "GB999"),))
    order = an_order(payment_methods=(_BANK, other))
    with pytest.raises(CannotSay):
        render("{{ payment.account_number }}", order)
    selected = an_order(payment_methods=(_BANK, other), selected_payment_id="8")
    assert render("{{ payment.account_number }}", selected) == "GB999"


def test_inbound_text_is_data() -> None:
    """What a counterparty writes is never read as a template."""
    assert (
        render("{{ message.text }}", text="{{ order.number }}{% for x in y %}") == "{{ order.number }}{% for x in y %}"
    )


@pytest.mark.parametrize(
    "source",
    [
        "{{" + "(" * 3000 + "1" + ")" * 3000 + "}}",
        "{{ " + "not " * 1500 + "1 }}",
        "{% if 1 %}" * 500 + "{% endif %}" * 500,
        "{{ order.number" + "|upper" * 900 + " }}",
        "x" * 9000,
    ],
)
def test_a_text_that_is_too_deep_or_too_long_is_refused(source: str) -> None:
    """Neither recursion nor memory is for merchants' texts to use up."""
    assert isinstance(compile_text(source), list)


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        ("{{ order.totl }}", "unknown variable `order.totl`", "did you mean `order.total`?"),
        ("{{ total }}", "unknown variable `total`", "did you mean `order.total`?"),
        ("{{ order.total|mony }}", "unknown filter `mony`", "did you mean `money`?"),
        ("{{ match.x }}", "unknown variable `match.x`", "a name of `match` is a named group of the rule's regex"),
        ("{{ order.number|default }}", "the filter `default` needs one text in brackets", ""),
        ("{{ order.total * 2 }}", "a text cannot use arithmetic", "allowed are"),
        ("{{ order.number", "a {{ is not closed", "close it with }}"),
        ("{{ order.number }", "a {{ is not closed", "close it with }}"),
        ("{% if order.total %}", "an {% if … %} is not ended", "write {% endif %} where it ends"),
        ("{% unless x %}", "{% … %} knows if, elif, else and endif here", ""),
        ("{{ order number }}", "between {{ and }} stands one name and its filters", "order.total|money"),
        ("{{ }}", "between {{ and }} stands one name and its filters", ""),
    ],
)
def test_a_fault_is_told_with_its_remedy(source: str, message: str, hint: str) -> None:
    """In the merchant's words."""
    faults = compile_text(source)
    assert isinstance(faults, list)
    assert message in faults[0].message
    assert hint in faults[0].hint


def test_all_faults_of_a_text_are_told_at_once() -> None:
    """One look is enough."""
    faults = compile_text("{{ oder.a }} {{ order.totl|mony }}")
    assert isinstance(faults, list)
    assert len(faults) == 3


@pytest.mark.parametrize(
    ("source", "least", "most"),
    [
        ("abc", 3, 3),
        ("a{{ order.side }}", 1, 5),
        ("{% if order.fiat == 'USD' %}long text{% else %}no{% endif %}!", 3, 10),
        ("{% if order.fiat == 'USD' %}abc{% endif %}", 0, 3),
    ],
)
def test_lengths_are_known_before_anything_is_sent(source: str, least: int, most: int) -> None:
    """The fewest and the most characters, with plausible long values."""
    text = compile_text(source)
    assert isinstance(text, Text)
    assert lengths(text) == (least, most)


@given(st.text(alphabet="{}%#|.'\"() \nabiforde_nu1", max_size=60))
def test_any_text_is_a_template_or_faults(source: str) -> None:
    """No exception of the engine leaves, at load or when rendering."""
    text = compile_text(source)
    if isinstance(text, Text):
        try:
            text.render(values(some_facts(), "x", ()))
        except CannotSay:
            return


@pytest.mark.parametrize("constant", ["9" * 5000, "0x" + "f" * 5000, "1e999", "1e31", "'\\ud800'"])
@pytest.mark.parametrize("frame", ["{{{{ {} }}}}", "{{% if order.amount < {} %}}a{{% endif %}}"])
def test_a_constant_that_nobody_can_say_is_a_fault(constant: str, frame: str) -> None:
    """What the engine would choke on when the text is said is refused when it is loaded."""
    faults = compile_text(frame.format(constant), ())
    assert isinstance(faults, list)
    (fault,) = faults
    assert "too large" in fault.message
