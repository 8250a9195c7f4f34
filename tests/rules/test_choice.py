"""The decision: the first rule that fits speaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.model import EventKind, FiringCount, LimitScope, Reason
from p2pbot.rules.matching import Matcher, PatternCheck
from p2pbot.rules.regexes import compile_pattern
from p2pbot.rules.rule import Rule
from p2pbot.rules.ruleset import RuleSet
from p2pbot.rules.verdict import MAX_TRACE, Outcome
from tests.fakes.occasions import NOW_MS, NUMBER, Rules, an_order, rules, some_facts

_TWO = """
  - {id: first, words: hi, reply: One}
  - {id: second, words: hi, reply: Two}
"""


def spoke(
    group: str, scope: LimitScope = LimitScope.ORDER, scope_id: str = NUMBER, ago_ms: int = 0, count: int = 1
) -> FiringCount:
    """Return a count of earlier firings."""
    return FiringCount(group=group, scope=scope, scope_id=scope_id, count=count, last_ms=NOW_MS - ago_ms)


def test_the_first_rule_that_fits_speaks_alone() -> None:
    """One message gets the replies of one decision."""
    verdict = rules(_TWO).ask("hi")
    assert verdict.reason is Reason.ANSWERED
    assert [firing.bubbles for firing in verdict.firings] == [("One",)]
    assert [trace.outcome for trace in verdict.trace] == [Outcome.FIRED, Outcome.NOT_REACHED]


def test_priority_comes_before_file_name_and_file_name_before_position() -> None:
    """The order of evaluation is what a merchant sees in the directory."""
    asked = rules(
        "  - {id: a1, words: hi, reply: x, continue: yes}\n  - {id: a2, words: hi, reply: x, continue: yes}",
        "  - {id: b1, words: hi, reply: x, continue: yes}\n"
        "  - {id: b2, words: hi, reply: x, continue: yes, priority: 5}\n"
        "  - {id: b3, words: hi, reply: x, continue: yes, priority: -5}",
    )
    assert asked.winners("hi") == ["b2", "a1", "a2", "b1", "b3"]


def test_continue_lets_the_next_rule_speak_too() -> None:
    """And the one after that does not."""
    asked = rules(_TWO.replace("reply: One", "reply: One, continue: yes") + "  - {id: third, words: hi, reply: Three}")
    assert asked.winners("hi") == ["first", "second"]


def test_a_rule_without_text_checks_fits_any_message() -> None:
    """It is the last resort that a merchant writes with a low priority."""
    asked = rules(_TWO + "  - {id: rest, priority: -1, reply: A person will answer}")
    assert asked.winners("something else") == ["rest"]
    assert asked.winners("hi") == ["first"]


def test_no_rule_is_a_decision_too() -> None:
    """With the reason for each rule."""
    verdict = rules(_TWO).ask("bye")
    assert verdict.reason is Reason.NO_RULE
    assert {trace.check for trace in verdict.trace} == {"words"}


def test_a_rule_at_its_limit_ends_the_search_in_silence() -> None:
    """The next rule would answer in its place."""
    verdict = rules(_TWO).ask("hi", firings=[spoke("first")])
    assert verdict.reason is Reason.LIMITED
    assert verdict.firings == ()


def test_a_rule_at_its_limit_that_continues_lets_the_next_one_speak() -> None:
    """As if it had spoken."""
    asked = rules(_TWO.replace("reply: One", "reply: One, continue: yes"))
    assert [firing.rule_id for firing in asked.ask("hi", firings=[spoke("first")]).firings] == ["second"]


@pytest.mark.parametrize(
    ("limit", "counts", "speaks"),
    [
        ("{once_per: order}", [spoke("a")], False),
        ("{once_per: order}", [spoke("a", scope_id="another order")], True),
        ("{once_per: order}", [spoke("b")], True),
        ("{once_per: counterparty}", [spoke("a")], True),
        ("{once_per: counterparty}", [spoke("a", LimitScope.COUNTERPARTY, "person")], False),
        ("{once_per: counterparty}", [spoke("a", LimitScope.COUNTERPARTY, "somebody")], True),
        ("{once_per: day}", [spoke("a", LimitScope.DAY, "2026-01-05/person")], False),
        ("{once_per: day}", [spoke("a", LimitScope.DAY, "2026-01-04/person")], True),
        ("{every: 10m, per: order}", [spoke("a", ago_ms=599_999, count=7)], False),
        ("{every: 10m, per: order}", [spoke("a", ago_ms=600_000, count=7)], True),
        ("{every: 10m, per: account}", [spoke("a", LimitScope.ACCOUNT, "main", ago_ms=5)], False),
        ("{at_most: 3, per: order}", [spoke("a", count=2)], True),
        ("{at_most: 3, per: order}", [spoke("a", count=3)], False),
        ("[{every: 1m, per: order}, {at_most: 3, per: order}]", [spoke("a", ago_ms=90_000, count=3)], False),
        ("[{every: 1m, per: order}, {at_most: 3, per: order}]", [spoke("a", ago_ms=90_000, count=2)], True),
    ],
)
def test_a_limit_counts_within_its_scope(limit: str, counts: list[FiringCount], speaks: bool) -> None:  # noqa: FBT001 - a column of the table
    """Per order, person, account or day; keyed by the rule's id."""
    asked = rules(f"  - {{id: a, words: hi, reply: x, limit: {limit}}}")
    assert asked.winners("hi", firings=counts) == (["a"] if speaks else [])


def test_a_group_shares_its_limit_and_each_of_its_scopes_is_marked() -> None:
    """What one rule of the group has said, the other does not say again."""
    asked = rules(
        "  - {id: a, words: hi, reply: x, group: greet}\n"
        "  - {id: b, words: hey, reply: y, group: greet, limit: {once_per: counterparty}}"
    )
    (firing,) = asked.ask("hi").firings
    assert [(mark.group, mark.scope.value, mark.scope_id) for mark in firing.marks] == [
        ("greet", "counterparty", "person"),
        ("greet", "order", NUMBER),
    ]
    counts = [
        FiringCount(group=mark.group, scope=mark.scope, scope_id=mark.scope_id, count=1, last_ms=mark.at_ms)
        for mark in firing.marks
    ]
    assert asked.winners("hey", firings=counts) == []


def test_the_day_is_the_merchants() -> None:
    """At 22:00 UTC it is tomorrow in Tokyo."""
    late = some_facts(now_ms=NOW_MS + 15 * 3_600_000, timezone="Asia/Tokyo")
    (firing,) = rules("  - {id: a, words: hi, reply: x, limit: {once_per: day}}").ask("hi", late).firings
    assert "2026-01-06/person" in {mark.scope_id for mark in firing.marks}


def test_a_shadow_rule_says_what_it_would_and_hides_no_live_rule() -> None:
    """It can be tried beside the rules that answer."""
    asked = rules(
        "  - {id: try, words: hi, reply: Maybe, mode: shadow}\n"
        "  - {id: other, words: hi, reply: Or, mode: shadow}\n"
        "  - {id: live, words: hi, reply: Yes}"
    )
    verdict = asked.ask("hi")
    assert verdict.reason is Reason.ANSWERED
    assert [(firing.rule_id, firing.shadow) for firing in verdict.firings] == [("try", True), ("live", False)]


def test_a_decision_by_shadow_rules_alone_is_shadow() -> None:
    """Nothing is sent, and the reason says so."""
    assert rules("  - {id: a, words: hi, reply: x, mode: shadow}").ask("hi").reason is Reason.SHADOW


def test_a_text_that_cannot_be_said_leaves_the_word_to_the_next_rule() -> None:
    """A missing fact is no reason for silence where another rule fits."""
    text = "  - {id: a, words: hi, reply: 'It is {{ order.paid }}'}\n"
    assert rules(text).ask("hi").reason is Reason.RENDER_FAILED
    assert rules(text + "  - {id: b, words: hi, reply: Hello}").winners("hi") == ["b"]


def test_an_event_asks_the_rules_of_that_event_only() -> None:
    """Words do not answer an order, nor events a message."""
    asked = rules("  - {id: a, on: order_paid, reply: Thanks}\n  - {id: b, on: [message, image], reply: Hello}")
    assert asked.winners(EventKind.ORDER_PAID) == ["a"]
    assert asked.winners(EventKind.ORDER_CREATED) == []
    assert asked.winners("x") == ["b"]


@pytest.mark.parametrize(
    ("checks", "yes", "no"),
    [
        ("words: [paid, sent]", "I sent it", "I lent it"),
        ("words: paid, not_words: not paid", "paid", "not paid"),
        ("all_words: [bank, pay*]", "payment by bank", "payment"),
        ("words: x, not_all_words: [a, b]", "x a", "x a b"),
        ("exact: [hi, hello]", "Hello!", "hello there"),
        ("not_exact: ok", "ok then", "OK"),
        ("starts: good", "good day", "a good day"),
        ("not_starts: re", "I re", "Re: paid"),
        (r"regex: 'order \d+'", "Order 55", "order"),
        (r"not_regex: 'order \d+'", "order", "order 5"),
        (r"words: paid, regex: ['\d{3,} usd', '\d+ eur']", "paid 5 EUR", "paid 5 usd"),
    ],
)
def test_all_text_checks_of_a_rule_must_hold(checks: str, yes: str, no: str) -> None:
    """Within one check any of its words will do."""
    asked = rules(f"  - {{id: a, {checks}, reply: x}}")
    assert asked.winners(yes) == ["a"]
    assert asked.winners(no) == []


def test_named_groups_of_a_pattern_are_words_of_the_reply() -> None:
    """``match.name``."""
    (firing,) = (
        rules(r"  - {id: a, regex: 'sum (?P<sum>[\d.]+)', reply: 'So {{ match.sum }}?'}").ask("sum 5.50").firings
    )
    assert firing.bubbles == ("So 5.50?",)


def test_a_pattern_that_runs_into_its_deadline_is_unknown_and_reported() -> None:
    """Whoever keeps the rules leaves it out from then on."""
    slow = PatternCheck("regex", (compile_pattern("(a|aa)+$"),), "a.yaml:3:5")
    rule = Rule(id="a", group="a", where="", events=frozenset({EventKind.MESSAGE}), matcher=Matcher(patterns=(slow,)))
    asked = Rules(RuleSet([rule]))
    verdict = asked.ask("a" * 100 + "b")
    assert verdict.timed_out == ("a",)
    assert (verdict.trace[0].outcome, verdict.trace[0].actual) == (Outcome.UNKNOWN, "took too long")
    left_out = asked.ask("aa", left_out=frozenset(verdict.timed_out))
    assert (left_out.firings, left_out.trace[0].actual) == ((), "left out since it took too long")


def test_a_firing_carries_what_the_rule_says_beside_its_text() -> None:
    """Delay, life, words to the operator, handover."""
    asked = rules(
        "  - id: a\n    words: hi\n    reply: [Hello, Bye]\n    delay: 2s..4s\n    expires: 1m\n"
        "    notify: 'order {{ order.number }}'\n    handover: {for: 2h, reason: asked}"
    )
    (firing,) = asked.ask("hi").firings
    assert firing.bubbles == ("Hello", "Bye")
    assert (firing.delay_ms, firing.expires_ms, firing.notify) == (3000, 60_000, (f"order {NUMBER}",))
    assert firing.handover is not None
    assert (firing.handover.for_ms, firing.handover.reason) == (7_200_000, "asked")


@pytest.mark.parametrize("short", ["handover: yes", "handover: 2h", "handover: {for: 2h}"])
def test_a_handover_alone_is_an_action(short: str) -> None:
    """The order goes to a person without a word."""
    (firing,) = rules(f"  - {{id: a, words: hi, {short}}}").ask("hi").firings
    assert firing.handover is not None
    assert firing.bubbles == ()


def _many(count: int) -> Rules:
    return rules("\n".join(f"  - {{id: r{at}, words: [word{at}, 'pre{at}x*'], reply: x}}" for at in range(count)))


def test_of_many_word_rules_only_those_are_asked_whose_words_the_message_holds() -> None:
    """So a message costs about the same among 2000 rules as among ten."""
    verdict = _many(2000).ask("hello word7 and pre1999xy")
    assert [(trace.rule_id, trace.outcome) for trace in verdict.trace] == [("r7", "fired"), ("r1999", "not_reached")]


def test_people_who_try_rules_see_every_rule() -> None:
    """``thorough`` asks them all."""
    asked = _many(MAX_TRACE + 5)
    assert len(asked.ask("word7", thorough=True).trace) == MAX_TRACE + 5


def test_a_stored_trace_is_bounded_and_keeps_what_came_nearest() -> None:
    """The rule that spoke is in it, however late it comes."""
    text = "\n".join(f"  - {{id: r{at}, words: hi, when: {{side: buy}}, reply: x}}" for at in range(100))
    verdict = rules(text + "\n  - {id: last, words: hi, reply: y}").ask("hi")
    assert len(verdict.trace) == MAX_TRACE
    assert verdict.trace[-1].rule_id == "last"


def test_a_set_can_be_reduced_to_one_rule() -> None:
    """To ask why that one does not speak."""
    assert Rules(rules(_TWO).ruleset.only("second")).winners("hi") == ["second"]


_WORDS = st.sampled_from(["hi", "paid", "not", "bank", "付款", "x"])


@given(st.lists(_WORDS, max_size=6).map(" ".join))
def test_the_same_question_has_the_same_answer(text: str) -> None:
    """Nothing but the arguments decides."""
    asked = _SET
    assert asked.ask(text) == asked.ask(text)


@given(st.lists(_WORDS, max_size=6).map(" ".join))
def test_the_index_changes_no_decision(text: str) -> None:
    """Asking all rules gives the firings of asking those that may fit."""
    assert _SET.ask(text).firings == _SET.ask(text, thorough=True).firings


_SET = rules(
    "  - {id: a, words: [paid, 付款], not_words: not paid, reply: {text_any: [x, y, z]}}\n"
    "  - {id: b, all_words: [hi, bank], reply: b, continue: yes}\n"
    "  - {id: c, exact: x, reply: c}\n"
    "  - {id: d, starts: hi, not_words: bank, reply: d}\n"
    + "\n".join(f"  - {{id: r{at}, words: none{at}, reply: x}}" for at in range(MAX_TRACE))
)


def test_an_order_of_the_other_side_is_never_answered_as_ours() -> None:
    """A rule for sales is silent in purchases, and where the side is not known."""
    asked = rules("  - {id: a, words: paid, when: {side: sell}, reply: x}")
    assert asked.winners("paid", some_facts(an_order(side=None))) == []


@pytest.mark.parametrize(
    ("rule", "asks"),
    [
        ("{id: a, words: hi, reply: x}", False),
        ("{id: a, words: hi, when: {counterparty: {orders: '>5'}}, reply: x}", True),
        ("{id: a, words: hi, when: {counterparty: {nickname: bob}}, reply: x}", False),
        ("{id: a, words: hi, reply: 'your {{ counterparty.trades_with_us }} trades'}", True),
        ("{id: a, words: hi, reply: 'dear {{ counterparty.first_name }}'}", False),
    ],
)
def test_a_set_says_whether_it_needs_the_counterpartys_statistics(rule: str, asks: bool) -> None:  # noqa: FBT001
    """They take a call of their own."""
    assert rules(f"  - {rule}").ruleset.asks_statistics is asks
