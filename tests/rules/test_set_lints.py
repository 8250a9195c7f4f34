"""Lints that look at all rules together."""

from __future__ import annotations

import pytest

from tests.fakes.occasions import headlines

_A = "  - {id: a, words: [pay, bank], reply: One}\n"


def codes(*rules: str) -> list[str]:
    """Return the lints of rules."""
    return [line.rpartition("[")[2].rstrip("]") for line in headlines("".join(rules))]


def test_the_winner_is_named_with_its_place() -> None:
    """At the word that it takes."""
    found = headlines(_A + "  - {id: b, words: [my bank, hello], reply: Two}\n")
    assert len(found) == 1
    assert found[0].startswith(
        "a.yaml:4:21: warning: the rule `a` answers this instead of `b`; it stands at a.yaml:3:6;"
    )


@pytest.mark.parametrize(
    "other",
    [
        "  - {id: b, words: my bank, reply: Two, priority: 1}\n",
        "  - {id: b, words: bank card, on: order_paid, reply: Two}\n".replace("words: bank card, ", ""),
        "  - {id: b, words: hello, reply: Two}\n",
    ],
)
def test_who_comes_first_is_not_hidden(other: str) -> None:
    """By priority, by another event, by other words."""
    assert codes(_A, other) == []


@pytest.mark.parametrize(
    ("mine", "theirs", "hidden"),
    [
        ("{side: sell}", "{side: sell}", True),
        ("{side: [sell, buy]}", "{side: sell}", True),
        ("{side: buy}", "{side: sell}", False),
        ("{side: sell, fiat: EUR}", "{side: sell}", False),
        ("{side: sell}", "{side: sell, fiat: EUR}", True),
    ],
)
def test_a_rule_hides_only_where_it_speaks_whenever_the_other_would(mine: str, theirs: str, *, hidden: bool) -> None:
    """Conditions are compared."""
    first = f"  - {{id: a, words: bank, when: {mine}, reply: One}}\n"
    second = f"  - {{id: b, words: my bank, when: {theirs}, reply: Two}}\n"
    assert codes(first, second) == (["P010"] if hidden else [])


def test_a_rule_that_lets_others_speak_hides_nobody() -> None:
    """``continue``, and shadow for live rules."""
    second = "  - {id: b, words: my bank, reply: Two}\n"
    assert codes("  - {id: a, words: bank, continue: yes, reply: One}\n", second) == []
    assert codes("  - {id: a, words: bank, mode: shadow, reply: One}\n", second) == []


def test_an_example_that_another_rule_takes_is_told() -> None:
    """At the example."""
    assert codes(_A, "  - {id: b, words: card, reply: Two, examples: [bank card]}\n") == ["P010"]


@pytest.mark.parametrize(
    "text",
    [
        "We will release soon",
        "payment received",
        "Ваш платёж получен",
        "мы получили оплату",
        "已收到您的付款",
        "马上放币",
        "liberaremos",
        "ödemeniz alındı",
        "سنحرر",
    ],
)
def test_a_promise_is_known_in_many_languages(text: str) -> None:
    """Wherever no state is named."""
    rule = f'  - {{id: a, words: hi, reply: "{text}"}}\n'
    assert "P032" in codes(rule)
    assert "P032" not in codes(rule.replace("words: hi", "words: hi, when: {order_status: completed}"))
    assert "P032" not in codes(rule.replace("words: hi", "on: order_completed"))


@pytest.mark.parametrize(
    "rule",
    [
        "on: order_completed, when: {order_status: [paid, unpaid]}",
        "words: hi, when: {order_status: appeal}",
        "words: hi, when: {amount: '<0'}",
        "words: hi, when: {counterparty: {orders: '<0'}}",
        "words: hi, when: {first_message: yes, message_no: '>1'}",
        "words: hi, when: {first_message: no, message_no: 1}",
        "words: hi, when: {message_no: 0}",
        "words: hi, when: {counterparty: {completion: '>100%'}}",
        "on: order_paid, when: {first_message: yes}",
        "on: [order_paid, silence], for: 5m, when: {message_no: '<3'}",
    ],
)
def test_what_can_never_hold_is_told(rule: str) -> None:
    """Events against states, numbers below zero, first against later."""
    assert codes(f"  - {{id: a, {rule}, reply: Yes}}\n") == ["P041"]


@pytest.mark.parametrize(
    "rule",
    [
        "on: order_paid, when: {order_status: [paid, unpaid]}",
        "words: hi, when: {amount: '<1'}",
        "words: hi, when: {message_no: 0-2}",
        "words: hi, when: {balance: {USDT: '<100'}}",
        "words: hi, when: {futures: {position.BTCUSDT: '!=0'}}",
        "words: hi, when: {counterparty: {completion: '>=100%'}}",
        "on: [image, order_paid], when: {first_message: yes}",
        "words: hi, when: {first_message: yes, message_no: 1}",
        "words: hi, when: {first_message: no, message_no: '>1'}",
        "on: [order_paid, order_completed], when: {order_status: paid}",
    ],
)
def test_what_may_hold_is_left_alone(rule: str) -> None:
    """No guess."""
    assert codes(f"  - {{id: a, {rule}, reply: Yes}}\n") == []


@pytest.mark.parametrize(
    ("shared", "rule", "code"),
    [
        ("snippets: {wait: Please wait}", "words: hi, reply: {snippet: wait}", []),
        ("snippets: {wait: Please wait}", "words: hi, reply: Yes", ["P040"]),
        ("lists: {banks: [one]}", "words: [hi, {list: banks}], reply: Yes", []),
        ("lists: {banks: [one]}", "any: [{words: {list: banks}}], reply: Yes", []),
        ("lists: {vips: [one]}", "words: hi, when: {counterparty: {nickname: {list: vips}}}, reply: Yes", []),
        ("lists: {vips: [one]}", "words: hi, reply: Yes", ["P040"]),
    ],
)
def test_what_nobody_uses_is_told(shared: str, rule: str, code: list[str]) -> None:
    """Wherever it might be used."""
    assert codes(f"version: 1\n{shared}\nrules:\n  - {{id: a, {rule}}}\n") == code


def test_a_warning_is_waived_beside_the_text() -> None:
    """As every other."""
    assert codes(_A, "  - {id: b, words: my bank, reply: Two} # p2pbot: ignore P010\n") == []


def test_half_a_set_is_not_judged_for_what_it_does_not_use() -> None:
    """The rule that uses it may be the broken one."""
    assert "P040" not in codes(
        "version: 1\nlists: {banks: [one]}\nrules:\n  - {id: a, wrds: {list: banks}, reply: Yes}\n"
    )


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("[{en: Hello, ru: Привет}, {en: Bye}]", ["P024"]),
        ("[{en: Hello, ru: Привет}, {ru: Пока, en: Bye}]", []),
        ("[{en: Hello, ru: Привет}, 12345]", []),
        ("{en: [Hello, Bye], ru: Привет}", []),
    ],
)
def test_all_parts_of_a_reply_are_there_in_the_same_languages(reply: str, code: list[str]) -> None:
    """A part that is the same for everybody is."""
    assert codes(f"  - {{id: a, words: hi, reply: {reply}}}\n") == code


@pytest.mark.parametrize(
    ("first", "second", "hidden"),
    [
        ("on: order_paid", "on: order_paid, when: {side: sell}", True),
        ("on: order_paid, when: {side: sell}", "on: order_paid", False),
        ("on: order_paid, continue: yes", "on: order_paid", False),
        ("on: order_paid, mode: shadow", "on: order_paid", False),
        ("on: order_paid", "on: order_paid, mode: shadow", True),
        ("on: [image, order_paid]", "on: image", True),
        ("on: silence, for: 5m", "on: silence, for: 10m", False),
        ("on: silence, for: 5m", "on: silence, for: 5m", True),
        ("priority: 0", "words: hello", True),
        ("priority: 0", "words: hello, priority: 1", False),
        ("when: {first_message: yes}", "words: hello", False),
    ],
)
def test_a_rule_without_words_hides_what_comes_after_it(first: str, second: str, *, hidden: bool) -> None:
    """On the same event, whenever it speaks."""
    found = codes(f"  - {{id: a, {first}, reply: One}}\n", f"  - {{id: b, {second}, reply: Two}}\n")
    assert found == (["P010"] if hidden else [])


@pytest.mark.parametrize(
    ("reply", "lacks"),
    [
        ("{en: Hello, es: Hola}", True),
        ("{en: Hello, ru: Привет}", False),
        ("{en: Hello, default: Hi}", False),
        ("[{en: Hello, es: Hola}]", True),
        ("Hello", False),
    ],
)
def test_a_reply_by_language_has_the_merchants_own(reply: str, *, lacks: bool) -> None:
    """``default_language``, or ``default``."""
    text = f"  - {{id: a, words: hi, reply: {reply}}}\ndefault_language: ru\n"
    assert codes(text) == (["P024"] if lacks else [])
