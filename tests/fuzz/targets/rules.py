"""Rule files and facts given by hand: from YAML to a decision, or to findings with a place."""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random

from p2pbot.conversation.dialogues import load_tested
from p2pbot.document import Severity
from p2pbot.model import ChatMessage, Counterparty, EventKind, MessageKind, Order, OrderStatus, Path, Side, Stimulus
from p2pbot.rules.choice import RuleSet
from p2pbot.rules.given import GivenFacts, given_facts
from p2pbot.rules.replies import MAX_BUBBLE, MAX_BUBBLES
from p2pbot.rules.ruleset import LoadedRules, load_rules
from tests.fakes.chance import FixedChance
from tests.fakes.occasions import some_facts
from tests.fuzz.corpus import NOW_MS, ORDER
from tests.fuzz.mutation import FRAGMENTS, harmed, harms, pick
from tests.fuzz.target import Input, Target
from tests.fuzz.targets.texts import a_text

_MATCHES = (
    *(
        "words: [paid, 'оплат*', 付款]",
        "not_words: not paid",
        "exact: ok",
        "starts: [hi, hello]",
        "all_words: [i, paid]",
    ),
    *("any: [{words: a}, {exact: 'b c'}]", "typos: 1", "not: {exact: [x]}", "words: {list: thanks}"),
    *("all: [{words: paid}]", "not_starts: ['*x']", "words: '*'"),
)
# Seldom: each is probed with a hundred pump strings when it is loaded.
_PATTERNS = (
    "regex: '(?P<name>[0-9]{4,6})'",
    "not_regex: 'https?://'",
    "any: {regex: 'b+c'}",
    "regex: ['x{1,9}y', '[']",
)
_WHENS = (
    *("side: sell", "order_status: [unpaid, paid]", "amount: '<=50000'", "amount: 500-2000", "asset: USDT"),
    *("counterparty: {orders: '>5', completion: '>=95%', registered: '<7d'}", "hours: open", "weekday: mon-fri"),
    *("operator_idle: 0s", "first_message: yes", "message_no: '>1'", "language: en", "after_rule: a", "tag: {k: v}"),
    *("zone: Europe/Istanbul", "payment_method: SEPA", "futures: {position.BTCUSDT: '!=0'}", "balance: {USDT: '<9'}"),
    *("spot: {free.USDT: '>0'}", "futures: {order.a*b*: [new, filled], margin_call: yes}", "balance: {'*': filled}"),
)
_DOES = (
    *("reply: hello", "reply: [one, two {{ order.number }}]", "reply: {en: hi, default: hello}", "notify: look"),
    *("reply: {text_any: [a, b]}", "handover: {for: 2h, reason: r}", "stop: yes", "unmute: yes", "set: {k: v}"),
    *("reply: {snippet: wait}", "reply: '{{ message.text }} {{ match.name }}'", "handover: yes", "reply: ''"),
)
_EXTRAS = (
    *("limit: {once_per: order}", "limit: [{every: 10m}, {at_most: 3, per: counterparty}]", "delay: 2s..4s"),
    *(
        "delay: {typing: 12cps}",
        "debounce: 5s",
        "expires: 2m",
        "priority: 5",
        "continue: yes",
        "group: g",
        "mode: shadow",
    ),
    *("on: [message, image]", "on: order_paid", "on: silence", "for: 5m", "before: 5m", "examples: [I paid, 付款了]"),
    *("not_examples: no", "on: payment_expiring", "on: operator_message", "# p2pbot: ignore P012"),
    *("on: balance_below", "on: [margin_call, futures_order_filled]", "limit: {every: 1h, per: account}"),
)
_SHARED = (
    *("timezone: Europe/Berlin", "snippets: {wait: please wait}", "lists: {thanks: [thx, danke]}"),
    "windows: {open: {zone: Asia/Dubai, days: mon-fri, hours: '09:00-18:00'}}",
    "tests: [{name: t, order: {side: sell, order_status: unpaid}, chat: [{counterparty: I paid}, {bot: hello}]}]",
    "tests: [{name: t, chat: [{wait: 5m}, {counterparty: x}, {none: }]}]",
)
_GIVEN = (
    *("side", "order_status", "asset", "amount", "total", "price", "payment_method", "ad", "number", "message_no"),
    *("counterparty.orders", "counterparty.completion", "counterparty.registered", "counterparty.nickname"),
    *("first_message", "language", "operator_idle", "after_rule", "tag", "tag.k", "counterparty", "counterparty.x.y"),
)
_WRITTEN = (
    *("sell", "unpaid", "900", "95%", "²%", "0.95", "1e999999999", "NaN", "-1", "9" * 30, "10m", "1h30m", "yes", "en"),
    *("", "~", "[1,2]", "{a: b}", "٣", "1_000", " 7 ", "0x10", "5d", "999999999d", "\ud800", "\x00", "'", "a: b", "#x"),
)
_EVENTS = (EventKind.MESSAGE, EventKind.IMAGE, EventKind.ORDER_PAID, EventKind.SILENCE, EventKind.OPERATOR_MESSAGE)
_ORDER = Order(
    number=ORDER,
    account="main",
    status=OrderStatus.UNPAID,
    side=Side.SELL,
    asset="USDT",
    amount=Decimal(900),
    counterparty=Counterparty(nickname="b", real_name="IVAN", orders=7, completion=Decimal("0.99")),
)


def _a_rule(rng: Random, number: int) -> str:
    lines = [f"id: {pick(rng, ('a', 'b', 'rule-' + str(number)))}", pick(rng, _DOES)]
    lines += [pick(rng, _MATCHES) for _ in range(int(rng.random() * 3))]
    if rng.random() < 0.03:
        lines.append(pick(rng, _PATTERNS))
    lines += [pick(rng, _EXTRAS) for _ in range(int(rng.random() * 3))]
    if rng.random() < 0.5:
        lines.append("when: {" + ", ".join(pick(rng, _WHENS) for _ in range(1 + int(rng.random() * 3))) + "}")
    return "  - " + "\n    ".join(lines)


def _a_file(rng: Random) -> str:
    parts = ["version: 1"] + [line for line in _SHARED if rng.random() < 0.15]
    parts += ["rules:"] + [_a_rule(rng, number) for number in range(1 + int(rng.random() ** 2 * 3))]
    text = "\n".join(parts) + "\n"
    return harms(text, rng, 3) if rng.random() < 0.5 else text


def _files(rng: Random) -> Input:
    count = 1 if rng.random() < 0.85 else 2
    return (a_text(rng), *(_a_file(rng) for _ in range(count)))


def _judge_files(given: Input) -> str:
    said, files = given[0], {f"{at}.yaml": text for at, text in enumerate(given[1:])}
    tested = any("tests" in text for text in files.values())
    loaded = load_tested(files) if tested else load_rules(files)
    broken = judge_findings(loaded, files)
    ruleset = loaded.ruleset
    if ruleset is None:
        first = next(one for one in loaded.findings if one.severity is Severity.ERROR)
        return f"refused {first.code} {first.message[:20]}"
    assert not broken, "a set with an error in it was loaded"
    outcomes = sorted({str(judge_verdict(ruleset, event, said)) for event in _EVENTS})
    return f"{len(loaded.findings)} {' '.join(outcomes)}"


def judge_findings(loaded: LoadedRules, files: dict[str, str]) -> bool:
    """Judge what was found: a place within a file, words, a line to show. Returns whether a finding is an error."""
    assert len(loaded.findings) <= 200, "unbounded findings"
    for finding in loaded.findings:
        text, place = files[finding.position.file], finding.position
        lines = text.replace("\r\n", "\n").count("\n") + sum(text.count(mark) for mark in "\r\x85\u2028\u2029") + 1
        assert 1 <= place.line <= lines, f"line {place.line} of {lines}"
        assert place.column >= 1
        assert finding.message.strip(), "a finding without words"
        assert "\n" not in finding.headline, f"a headline of several lines: {finding.headline!r}"
        finding.render().encode()
        finding.headline.encode()
        json.dumps(finding.to_json())
    return any(finding.severity is Severity.ERROR for finding in loaded.findings)


def judge_verdict(ruleset: RuleSet, event: EventKind, said: str) -> str:
    """Ask the rules about an occasion; what they say can be sent, and its trace stored."""
    kind = MessageKind.IMAGE if event is EventKind.IMAGE else MessageKind.TEXT
    words = "" if event is EventKind.IMAGE else said
    message = ChatMessage(order_no=ORDER, kind=kind, path=Path.SOCKET, message_id="1", text=words, from_us=False)
    theirs = event in (EventKind.MESSAGE, EventKind.IMAGE)
    stimulus = Stimulus(kind=event, order_no=ORDER, key="k", at_ms=NOW_MS, message=message if theirs else None)
    verdict = ruleset.evaluate(stimulus, some_facts(_ORDER), (), NOW_MS, FixedChance(), "b")
    for firing in verdict.firings:
        assert len(firing.bubbles) <= MAX_BUBBLES
        assert all(0 < len(bubble) <= MAX_BUBBLE for bubble in firing.bubbles), "a bubble that the chat refuses"
        assert 0 <= firing.delay_ms <= 600_000 * 10
    trace = json.dumps([line.to_json() for line in verdict.trace], ensure_ascii=False)
    assert len(trace) <= 100_000, "a trace that is not stored"
    assert not theirs or len(said) < 24 or said not in trace, "a stranger's words in a trace"
    return verdict.reason.value


def _some_facts(rng: Random) -> Input:
    pairs = []
    for _ in range(1 + int(rng.random() * 5)):
        value = pick(rng, _WRITTEN)
        pairs += [harmed(pick(rng, _GIVEN), rng) if rng.random() < 0.05 else pick(rng, _GIVEN)]
        pairs += [harms(value, rng, 2, FRAGMENTS)]
    return tuple(pairs)


_RULESET = load_rules(
    {
        "a.yaml": "version: 1\nrules:\n  - {id: a, words: paid, when: {amount: '<=50000', price: '>0', "
        "counterparty: {orders: '>5', completion: '>=95%', registered: '<7d'}}, "
        "reply: '{{ order.amount | money }} {{ order.price }} {{ counterparty.orders }}'}\n"
    }
).ruleset


def _judge_facts(given: Input) -> str:
    found = given_facts(dict(zip(given[::2], given[1::2], strict=False)), "--order")
    if not isinstance(found, GivenFacts):
        assert found, "refused without a word"
        for finding in found:
            finding.render().encode("utf-8", "backslashreplace")
        return f"refused {found[0].message[:30]}"
    facts = found.facts(NOW_MS)
    assert _RULESET is not None
    message = ChatMessage(order_no=ORDER, kind=MessageKind.TEXT, path=Path.SOCKET, text="paid", from_us=False)
    stimulus = Stimulus(kind=EventKind.MESSAGE, order_no=ORDER, key="k", at_ms=NOW_MS, message=message)
    verdict = _RULESET.evaluate(stimulus, facts, (), NOW_MS, FixedChance(), "b")
    for line in verdict.trace:
        line.to_json()
    return f"{verdict.reason} {verdict.trace[0].check}"


FILES = Target("rules", _files, _judge_files)
GIVEN = Target("given", _some_facts, _judge_facts)
