"""Dialogue tests: what passes, what fails, where, and with what it could be replaced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.dialogues import Fix, Played, failed_tests, load_tested, play_all, updated
from p2pbot.document import Severity
from p2pbot.rules.ruleset import load_rules

_RULES = """\
version: 1
rules:
  - {id: paid, words: paid, when: {side: sell}, reply: Press the button, delay: 2s}
  - {id: two, words: two, reply: [one, two]}
  - {id: person, words: human, notify: "look at {{ order.number }}", handover: yes}
  - {id: hi, words: hi, reply: {en: Hello, ru: Привет}}
  - {id: vip, words: tagged, when: {tag: {vip: gold}}, reply: Welcome back}
  - {id: more, words: more, when: {after_rule: two}, reply: three}
  - {id: low, words: figures, when: {balance: {USDT: "<100"}}, reply: low}
  - {id: short, words: figures, when: {futures: {position.BTCUSDT: "<-1"}}, reply: short}
  - {id: new, words: me, when: {counterparty: {orders: "<5", completion: ">=95%", registered: "<7d"}}, reply: new}
  - {id: iban, words: iban, when: {side: sell, order_status: unpaid}, reply: "{{ payment.iban }}"}
  - {id: named, words: name, reply: "Hello {{ counterparty.first_name }}"}
  - {id: hurry, on: payment_expiring, before: 5m, reply: "Until {{ order.pay_deadline|time }}"}
"""
_HEAD = "version: 1\ntests:\n  - name: it\n    order: {side: sell}\n    chat:\n"


def play(*steps: str) -> Played:
    """Play one test of these steps."""
    files = {"r.yaml": _RULES, "t.yaml": _HEAD + "".join(f"      - {step}\n" for step in steps)}
    loaded = load_rules(files)
    assert loaded.ruleset is not None, [finding.headline for finding in loaded.findings]
    (played,) = play_all(loaded.ruleset, files)
    return played


@pytest.mark.parametrize(
    "steps",
    [
        ["counterparty: I paid", "bot: press the BUTTON"],
        ["counterparty: I paid", "bot: {rule: paid, text: Press the button}", "counterparty: paid!", "none: limit"],
        ["counterparty: I paid", "wait: 5s", "bot:"],
        ["counterparty: two", "bot: {text: [one, two]}"],
        ["counterparty: human", "bot: {notify: look at, handover: yes}", "counterparty: paid", "none: muted"],
        ["counterparty: I paid", "operator: hello", "none: {because: taken_over}"],
        ["counterparty: hello", "none:"],
        ["image: receipt.png", "none: no_rule"],
        ["order: {order_status: appeal}", "counterparty: I paid", "none: in_appeal"],
        ["event: order_completed", "none: no_rule"],
        ["order: {language: ru}", "counterparty: hi", "bot: {text: Привет}"],
        ["order: {tag: {vip: gold}}", "counterparty: tagged", "bot: {rule: vip}"],
        ["counterparty: tagged", "none: no_rule"],
        ["order: {after_rule: two}", "counterparty: more", "bot: {rule: more}", "counterparty: two", "none: limit"],
        ["counterparty: more", "none: no_rule"],
        ["order: {balance: {USDT: 50}}", "counterparty: figures", "bot: {rule: low}"],
        ["order: {balance: {usdt: 150}}", "counterparty: figures", "none: no_rule"],
        ["counterparty: figures", "none: no_rule"],
        ["order: {futures: {position.BTCUSDT: -2}}", "counterparty: figures", "bot: {rule: short}"],
        ["order: {counterparty: {orders: 2, completion: 99%, registered: 5d}}", "counterparty: me", "bot: {rule: new}"],
        ["order: {payment: {iban: DE01}, order_status: unpaid}", "counterparty: iban", "bot: DE01"],
        ["counterparty: name", "bot: {text: Hello Ann}"],
        ["order: {pay_deadline: 15m}", "wait: 10m", "bot: {rule: hurry, text: Until 10:15}"],
    ],
)
def test_what_is_right_passes(steps: list[str]) -> None:
    """Every kind of step and of expectation."""
    assert play(*steps).failures == ()


@pytest.mark.parametrize(
    ("steps", "headline"),
    [
        (
            ["counterparty: hello", "bot: {rule: paid}"],
            "t.yaml:7:9: rule `paid` was to speak; nothing is said: no_rule (paid: words wanted paid, is none of them)",
        ),
        (["counterparty: I paid"], "t.yaml:6:9: no step expects a reply; rule `paid` speaks `Press the button`"),
        (
            ["counterparty: I paid", "wait: 1m", "counterparty: hm"],
            "t.yaml:6:9: no step expects a reply; rule `paid` speaks `Press the button`",
        ),
        (
            ["counterparty: I paid", "none:"],
            "t.yaml:7:9: nothing was to be said; rule `paid` speaks `Press the button`",
        ),
        (
            ["counterparty: two", "bot: {rule: paid}", "counterparty: x"],
            "t.yaml:7:21: rule `paid` was to speak, `two` did (paid: words wanted paid, is none of them)",
        ),
        (["counterparty: I paid", "bot: thanks"], "t.yaml:7:14: `thanks` is not in the reply `Press the button`"),
        (
            ["counterparty: I paid", "bot: {text: Press}"],
            "t.yaml:7:21: the reply is not as written: `Press the button`",
        ),
        (["counterparty: two", "bot: {text: one}"], "t.yaml:7:21: 1 texts were wanted, 2 came"),
        (
            ["counterparty: I paid", "bot: {handover: yes}"],
            "t.yaml:7:25: rule `paid` does not hand the order over",
        ),
        (
            ["counterparty: I paid", "bot: {notify: look}"],
            "t.yaml:7:23: the operator was to be told `look`, is: nothing",
        ),
        (
            ["counterparty: hello", "none: {because: limit}"],
            "t.yaml:7:25: silent, but not because of limited: no_rule",
        ),
        (["bot: hello"], "t.yaml:6:9: the bot was to speak; nothing is said: nothing happened before"),
    ],
)
def test_a_failure_names_its_place_and_why(steps: list[str], headline: str) -> None:
    """The step, to the column."""
    assert play(*steps).failures[0].finding.headline == headline


def test_a_reply_too_few_ends_the_test() -> None:
    """What follows would fail because of it."""
    assert len(play("counterparty: hello", "bot: a", "bot: b", "bot: c").failures) == 1


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("{counterparty: a, bot: b}", "a step of a chat has exactly one key"),
        ("{}", "a step of a chat has exactly one key"),
        ("counterparti: a", "unknown key `counterparti`; did you mean `counterparty`?"),
        ("none: {because: limt}", "`limt` is no reason for silence; did you mean `limit`?"),
        ("bot: {rul: a}", "unknown key `rul`; did you mean `rule`?"),
        ("wait: soon", "soon"),
        ("order: {message_no: 2}", "`message_no` follows from the chat itself"),
        ("order: {side: sel}", "did you mean `sell`?"),
        ("event: dance", "expected one of"),
    ],
)
def test_a_step_that_is_written_wrongly_is_a_finding(step: str, fault: str) -> None:
    """With a way to mend it."""
    found = load_rules({"t.yaml": f"{_HEAD}      - {step}\n"}).findings
    assert [fault in finding.headline for finding in found] == [True]


@pytest.mark.parametrize(("clock", "fault"), [("noon", "is not a moment"), ("2026-01-05T10:00", "offset from UTC")])
def test_a_clock_has_an_offset(clock: str, fault: str) -> None:
    """Or nobody knows what time it is."""
    text = f"version: 1\ntests:\n  - {{name: it, clock: {clock}, chat: [none: ]}}\n"
    assert [fault in finding.message for finding in load_rules({"t.yaml": text}).findings] == [True]


def test_a_file_with_nothing_is_refused() -> None:
    """Neither rules nor tests."""
    assert [f.message for f in load_rules({"t.yaml": "version: 1\n"}).findings] == ["the key `rules` is missing"]


def test_the_first_failure_of_each_test_is_what_a_reload_hears() -> None:
    """One finding a test."""
    files = {"r.yaml": _RULES, "t.yaml": f"{_HEAD}      - bot: a\n"}
    ruleset = load_rules(files).ruleset
    assert ruleset is not None
    assert [finding.position.line for finding in failed_tests(ruleset, files)] == [6]


def test_rules_whose_own_tests_fail_do_not_load() -> None:
    """As with an example that does not match."""
    good = {"r.yaml": _RULES, "t.yaml": f"{_HEAD}      - counterparty: I paid\n      - bot: button\n"}
    assert load_tested(good).ruleset is not None
    loaded = load_tested(good | {"t.yaml": good["t.yaml"].replace("button", "Bye")})
    assert loaded.ruleset is None
    errors = [finding for finding in loaded.findings if finding.severity is Severity.ERROR]
    assert [finding.position.file for finding in errors] == ["t.yaml"]
    assert load_tested({"r.yaml": "rules"}).ruleset is None


def test_a_text_that_lacks_a_value_says_which() -> None:
    """And where to give it."""
    steps = ['order: {counterparty: {name: ""}}', "counterparty: name", "bot: {rule: named}"]
    (failure,) = play(*steps).failures
    assert "reply wanted all that the text needs, is not known: counterparty.first_name" in failure.finding.message
    assert failure.finding.hint.startswith("say it in the test's `order:`")


@pytest.mark.parametrize("steps", [["order: {after_rule: pair}"], ["counterparty: hm", "order: {after_rule: [pair]}"]])
def test_a_rule_that_is_said_to_have_spoken_must_exist(steps: list[str]) -> None:
    """Or the test would try nothing."""
    (failure,) = play(*steps).failures
    assert "there is no rule `pair`; did you mean `paid`?" in failure.finding.headline


def test_what_is_replaced_passes_then() -> None:
    """``--update``."""
    steps = ["counterparty: I paid", "bot: {rule: two, contains: 'x, y', text: [z]}", "counterparty: hm", "none: limit"]
    files = {"r.yaml": _RULES, "t.yaml": _HEAD + "".join(f"      - {step}\n" for step in steps)}
    ruleset = load_rules(files).ruleset
    assert ruleset is not None
    (played,) = play_all(ruleset, files)
    text = updated(files["t.yaml"], [failure.fix for failure in played.failures if failure.fix])
    (again,) = play_all(ruleset, files | {"t.yaml": text})
    assert again.failures == ()


@given(st.text(max_size=30), st.integers(0, 30), st.integers(0, 30), st.text(max_size=5))
def test_a_fix_leaves_the_rest_as_it_is(text: str, start: int, length: int, new: str) -> None:
    """What stands before and behind."""
    text = text.removeprefix("\ufeff")
    end = min(len(text), start + length)
    start = min(start, len(text))
    changed = updated(text, [Fix(start, end, new)])
    assert changed == text[:start] + new + text[end:]


def test_events_of_the_account_are_played_with_the_figures_that_are_given() -> None:
    """What the operator is told, and what is said in the order; without the figures nothing is."""
    low = "balance: {USDT: '<100'}"
    rules = (
        "version: 1\nrules:\n"
        f"  - {{id: low, on: balance_below, when: {{{low}}}, notify: nearly out}}\n"
        f"  - {{id: refill, on: balance_below, when: {{{low}, order_status: unpaid}}, reply: We refill.}}\n"
    )
    given = "tests:\n  - name: it\n    order: {balance: {USDT: 40}}\n    chat:\n      - event: balance_below\n"
    told = "      - bot: {rule: low, notify: nearly out}\n      - bot: We refill.\n"
    unknown = "  - name: unknown\n    chat:\n      - event: balance_below\n      - none: no_rule\n"
    text = rules + given + told + unknown
    loaded = load_rules({"a.yaml": text})
    assert loaded.ruleset is not None, [finding.render() for finding in loaded.findings]
    assert [played.failures for played in play_all(loaded.ruleset, {"a.yaml": text})] == [(), ()]
