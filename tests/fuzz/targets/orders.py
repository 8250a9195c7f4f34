"""Orders from harmed lists, details, statistics and cards, through the merge to the facts that rules and texts use."""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random
from typing import Any

from p2pbot.conversation.orders import agreed, card_heard, order_heard, raised_by, remembered
from p2pbot.conversation.records import OrderMemory
from p2pbot.model import Order, OrderStatus, Stimulus
from p2pbot.protocol.orders import merge_counterparty, merge_order, read_order, read_statistics
from p2pbot.protocol.system_events import read_system_event
from p2pbot.rules.conditions import compile_when
from p2pbot.rules.facts import Facts
from p2pbot.rules.spec import WhenSpec
from p2pbot.rules.templates import CannotSay, Text, compile_text
from p2pbot.rules.variables import PAYMENT, VARIABLES, values
from tests.fuzz import corpus
from tests.fuzz.corpus import NOW_MS
from tests.fuzz.mutation import harmed_json, pick, trees
from tests.fuzz.shapes import check, text_ok
from tests.fuzz.target import Input, Target

_LISTED, _DETAIL, _STATISTICS = trees(corpus.LISTED, corpus.DETAIL, corpus.STATISTICS)
_WHEN = WhenSpec.model_validate(
    {
        "side": "sell",
        "order_status": ["unpaid", "paid"],
        "asset": "USDT",
        "fiat": "EUR",
        "amount": "500-2000",
        "total": "<=100000",
        "price": ">0.5",
        "payment_method": ["SEPA", "Wise"],
        "ad": "11",
        "counterparty": {"orders": ">5", "completion": ">=95%", "registered": ">7d", "trades_with_us": "0"},
    }
)
_CHECKS = compile_when(_WHEN, lambda path: ".".join(map(str, path)))
_EVERYTHING = [f"{{{{ {group}.{name} | default('-') }}}}" for group, named in VARIABLES.items() for name in named]
_TEXT = compile_text(" ".join([*_EVERYTHING, "{{ payment.iban | default('') }} {{ order.amount | money }}"]), ())


def _looks(rng: Random) -> Input:
    listed = harmed_json(_LISTED, rng, 3)
    return listed, harmed_json(_DETAIL, rng, 3), harmed_json(_STATISTICS, rng, 3), _card(rng)


def _card(rng: Random) -> str:
    return json.dumps({"type": pick(rng, corpus.EVENTS)})


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, parse_float=str)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _judge(given: Input) -> str:
    listed, detail, statistics, card = given
    found = [
        read_order(_object(listed), "main", NOW_MS),
        read_order(_object(detail), "main", NOW_MS + 1, detailed=True),
    ]
    orders = [order for order in found if order is not None]
    for order in orders:
        check(order, Order)
        assert order.amount is None or order.amount >= 0
    if not orders:
        return "no order"
    order = orders[-1]
    if len(orders) == 2 and orders[0].number == orders[1].number:
        order = merge_order(*orders)
        assert merge_order(orders[1], orders[0]).status is order.status, "the order of looks changed the state"
    person = merge_counterparty(order.counterparty, read_statistics(_object(statistics)))
    for share in (person.completion, person.completion_30d):
        assert share is None or 0 <= share <= 1, f"a share of {share}"
    memory = _memory(order, card)
    order = agreed(Order(**{**_fields(order), "counterparty": person}), memory)
    check(order, Order)
    return f"{order.status} {order.side} {_judge_facts(order)}"


def _fields(order: Order) -> dict[str, Any]:
    return {name: getattr(order, name) for name in order.__slots__}


def _memory(order: Order, card: str) -> OrderMemory:
    """Return what is remembered after the look and a card, and judge the events that were raised."""
    memory = None
    event = read_system_event(card)
    for heard in (order_heard(order, NOW_MS, order.counterparty.nickname), card_heard(event, NOW_MS + 5)):
        if heard is None:
            continue
        for stimulus in raised_by(memory, heard, order.number):
            check(stimulus, Stimulus)
        memory = remembered(memory, heard, "main", order.number)
    memory = memory or OrderMemory(account="main", order_no=order.number)
    check(memory, OrderMemory)
    return memory


def _judge_facts(order: Order) -> str:
    """Ask every condition, and say every variable: known, unknown or nothing, but never an exception."""
    facts = Facts(order=order, now_ms=NOW_MS, account="main")
    answers = [one.judge(facts) for one in _CHECKS]
    for answer in answers:
        text_ok(answer.actual, "actual", 1500)
    if order.status is OrderStatus.UNKNOWN:
        told = next(answer for one, answer in zip(_CHECKS, answers, strict=True) if one.name == "when.order_status")
        assert told.truth.name == "UNKNOWN", "a state that nobody knows was compared"
    known = values(facts, "hi", ())
    assert PAYMENT in known
    assert isinstance(_TEXT, Text)
    try:
        said = _TEXT.render(known)
    except CannotSay:
        return "cannot say"
    text_ok(said, "said", 10_000)
    money = said.rpartition(" ")[2]
    assert Decimal(money) == order.amount, "another amount was said"
    return "said"


ORDERS = Target("orders", _looks, _judge)
