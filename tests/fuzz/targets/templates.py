"""Reply texts: harmed sources, and values that a stranger chose."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice
from random import Random

from jinja2 import Environment, nodes

from p2pbot.rules.replies import split_text
from p2pbot.rules.templates import CannotSay, Text, compile_text, lengths
from p2pbot.rules.variables import VARIABLES, Value
from tests.fuzz.mutation import FRAGMENTS, harms, pick
from tests.fuzz.target import Input, Target
from tests.fuzz.targets.texts import a_text

_NAMES = (
    *(f"{group}.{name}" for group, named in VARIABLES.items() for name in named),
    *("payment.iban", "payment.method", "match.name", "order", "order.x", "message.text.upper", "self", "loop.index"),
    *("bot.__class__", "order.values", "cycler", "range", "0", "'a'", '"{{ x }}"', "1.5", "none", "true", "[]", "{}"),
)
_FILTERS = (
    "money",
    "first_name",
    "date",
    "time",
    "mask",
    "upper",
    "lower",
    "default('-')",
    "default",
    "e",
    "attr('x')",
)
_PIECES = (
    *("{{ ", " }}", "{% if ", " %}", "{% endif %}", "{% else %}", "{% elif ", " | ", " == ", " and ", " or ", " not "),
    *("(", ")", "()", "[0]", ".", " is defined", " is undefined", " is none", " if ", " else ", "~", "+", "*", "**"),
    *("{% for a in ", "{% endfor %}", "{% set x = ", "{% include ", "{% raw %}", "{% endraw %}", "{# ", " #}", "-%}"),
    *(
        "{% macro m() %}",
        "{% endmacro %}",
        "{% extends ",
        "{% import ",
        "{% block b %}",
        "{% filter upper %}",
        "'",
        '"',
    ),
    *(
        "9" * 20,
        "9" * 5000,
        "1e999",
        "1e5",
        "1_000",
        "0x1",
        "'\\ud800'",
        "'\\x00'",
        "<",
        " >= ",
        " != ",
        " in ",
        ",",
        ":",
        "|",
        "{{",
        "}}",
    ),
)
_SEED = (
    "Thanks {{ counterparty.first_name }}! Order {{ order.number }}.",
    "{% if order.amount > 500 %}{{ order.total | money }} {{ order.fiat }}{% else %}-{% endif %}",
    "{{ message.text }} {{ payment.iban | default('none') | upper }}",
    "{{ order.pay_deadline | time }} {{ order.created | date }} {{ bot.now }}",
    "{{ counterparty.nickname | mask }} {{ match.name if match.name is defined else 'you' }}",
)
_NUMBERS = ("0", "-0", "900.00", "1E+18", "1E-18", "1E+999999", "NaN", "Infinity", "1.10", "0.000000001")
ACCOUNT = "ACCOUNTCANARY"
_GROUPS = frozenset({"name"})
_PLAIN = Environment(autoescape=False)  # noqa: S701 - nothing is rendered by it
_NEVER = (
    *(nodes.Call, nodes.For, nodes.Assign, nodes.AssignBlock, nodes.Include, nodes.Macro, nodes.Import, nodes.Extends),
    *(nodes.Getitem, nodes.Mul, nodes.Pow, nodes.Concat, nodes.Add, nodes.Block, nodes.FilterBlock, nodes.CallBlock),
)


def _a_template(rng: Random) -> Input:
    if rng.random() < 0.5:
        source = "".join(_piece(rng) for _ in range(1 + int(rng.random() * 8)))
    else:
        source = harms(pick(rng, _SEED), rng, 4, _PIECES + FRAGMENTS[:30])
    return source, a_text(rng), harms(pick(rng, _SEED), rng, 1), pick(rng, _NUMBERS)


def _piece(rng: Random) -> str:
    kind = rng.random()
    if kind < 0.4:
        tail = "".join(f" | {pick(rng, _FILTERS)}" for _ in range(int(rng.random() ** 2 * 3)))
        return f"{{{{ {pick(rng, _NAMES)}{tail} }}}}"
    if kind < 0.6:
        return f"{{% if {pick(rng, _NAMES)}{pick(rng, _PIECES)}{pick(rng, _NAMES)} %}}a{{% endif %}}"
    return pick(rng, _PIECES) if kind < 0.9 else pick(rng, FRAGMENTS)


def _judge_tree(source: str) -> None:
    """Parse the source with a plain Jinja: nothing that calls, loops, computes, assigns or includes may be in it."""
    forbidden = next(_PLAIN.parse(source).find_all(_NEVER), None)
    assert forbidden is None, f"a text was taken that holds {type(forbidden).__name__}"


def _judge(given: Input) -> str:
    source, theirs, nickname, number = given
    text = compile_text(source, _GROUPS)
    if not isinstance(text, Text):
        assert text, "neither a text nor a fault"
        assert all(fault.message for fault in text)
        return f"{len(text)} faults {text[0].message[:24]}"
    _judge_tree(source)
    low, high = lengths(text)
    assert 0 <= low <= high
    known: dict[str, dict[str, Value]] = {
        "order": {"number": "7", "amount": Decimal(number), "total": Decimal(number), "fiat": "EUR"},
        "counterparty": {"nickname": nickname, "first_name": theirs},
        "message": {"text": theirs},
        "bot": {"account": ACCOUNT},
        "payment": {"iban": "DE00"},
        "match": {"name": theirs},
    }
    try:
        said = text.render(known)
    except CannotSay:
        return "cannot say"
    assert isinstance(said, str)
    assert len(said) <= (len(source) + 1) * (len(theirs) + len(nickname) + 60), "a text grew out of nothing"
    if "account" not in source:
        assert ACCOUNT not in said, "a value that the text does not name"
    if source == "{{ message.text }}":
        assert said == theirs, "a stranger's words were changed"
    parts = sum(1 for _ in islice(split_text(said), 50))
    return f"said {len(text.variables)} {min(parts, 3)}"


TEMPLATE = Target("template", _a_template, _judge)
