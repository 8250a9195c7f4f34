"""Blocks in matching, and words with a typo."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.rules.folding import fold
from p2pbot.rules.index import PhraseIndex
from p2pbot.rules.phrases import is_near, parse_phrase
from tests.fakes.occasions import rules

LETTERS = st.text(alphabet="abcde", max_size=8)


@pytest.mark.parametrize(
    ("blocks", "yes", "no"),
    [
        ("any: [{words: paid}, {regex: 'sent \\d+'}]", ["I paid", "sent 50"], ["sent it", "hello"]),
        ("all: [{words: paid}, {words: [bank, card]}]", ["paid by card"], ["paid", "card"]),
        ("not: {words: not}, words: paid", ["paid"], ["not paid"]),
        ("not: [{words: not}, {starts: if}], words: paid", ["paid"], ["not paid", "if paid"]),
        ("any: [{all: [{words: a}, {words: b}]}, {exact: c}]", ["b a", "c"], ["a", "c c"]),
        ("all: [{not: {words: a}}, {words: b}]", ["b"], ["a b"]),
        ("words: x, any: [{words: y, not_words: z}]", ["x y"], ["x", "x y z"]),
    ],
)
def test_blocks_mean_what_they_say(blocks: str, yes: list[str], no: list[str]) -> None:
    """One of any, each of all, none of not; beside the rule's own keys."""
    asked = rules(f"  - {{id: a, {blocks}, reply: Hello}}")
    assert [text for text in yes if asked.winners(text) != ["a"]] == []
    assert [text for text in no if asked.winners(text) == ["a"]] == []


def test_a_pattern_in_a_block_names_parts_of_the_message() -> None:
    """As one of the rule itself does."""
    asked = rules("  - {id: a, any: [{regex: 'sent (?P<sum>\\d+)'}], reply: 'You sent {{ match.sum }}'}")
    assert asked.ask("I sent 50").firings[0].bubbles == ("You sent 50",)


def test_a_block_that_fails_is_named_in_the_trace() -> None:
    """With its place."""
    asked = rules("  - {id: a, any: [{words: x}, {words: y}], reply: Hello}")
    (trace,) = asked.ask("hi").trace
    assert (trace.check, trace.wanted, trace.actual, trace.where) == (
        "any",
        "one of 2 blocks",
        "does not hold",
        "a.yaml:3:18",
    )


def test_a_rule_of_blocks_is_found_among_many() -> None:
    """The index calls it by the words in its blocks, whatever the number of rules."""
    many = "".join(f"  - {{id: r{at}, words: word{at}, reply: x}}\n" for at in range(100))
    block = "  - {id: a, any: [{words: alpha}, {all: [{words: beta}, {not_words: gamma}]}], reply: x}\n"
    late = "  - {id: b, any: [{words: delta}, {regex: 'eps.lon'}], reply: x}\n"
    any_text = "  - {id: c, any: [{words: delta}, {regex: '[0-9]{4}'}], reply: x}\n"
    asked = rules(many + block + late + any_text)
    assert asked.winners("alpha") == ["a"]
    assert asked.winners("beta") == ["a"]
    assert asked.winners("beta gamma") == []
    assert asked.winners("epsilon") == ["b"]
    assert asked.winners("in 2026") == ["c"]
    called = [rule.matcher.called_by() for rule in asked.ruleset.rules[100:]]
    assert [needed and len(needed) for needed in called] == [2, 2, None]


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("transferred", True),
        ("tranferred", True),
        ("transfered", True),
        ("transfferred", True),
        ("trasnferred", True),
        ("transfarred", True),
        ("tranfered", False),
        ("transfer", False),
        ("piad", False),
        ("оплотил", True),
    ],
)
def test_a_typo_is_forgiven_in_words_of_five_letters_or_more(text: str, matches: bool) -> None:  # noqa: FBT001 - a column
    """One letter wrong, missing, too many, or swapped with its neighbour."""
    asked = rules("  - {id: a, words: [transferred, paid, оплатил], typos: 1, reply: Hello}")
    assert (asked.winners(text) == ["a"]) is matches


def test_typos_are_forgiven_on_request_only_and_never_in_what_must_not_be_there() -> None:
    """A near word does not silence a rule."""
    assert rules("  - {id: a, words: transferred, reply: Hello}").winners("tranferred") == []
    asked = rules("  - {id: a, words: money, not_words: refund, typos: 1, reply: Hello}")
    assert asked.winners("monye refunds") == ["a"]
    assert asked.winners("money refund") == []


def distance(a: str, b: str) -> int:
    """Return the optimal string alignment distance, in its plainest form."""
    rows = [[i + j if not i * j else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            cost = int(a[i - 1] != b[j - 1])
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + cost)
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


@given(LETTERS, LETTERS)
def test_near_is_a_distance_of_one(a: str, b: str) -> None:
    """Neither more nor less."""
    assert is_near(a, b) is (distance(a, b) <= 1)


@given(
    st.lists(st.text(alphabet="abc", min_size=4, max_size=6), min_size=1, max_size=5),
    st.text(alphabet="abc ", max_size=20),
)
def test_the_index_finds_near_words_as_asking_each_does(words: list[str], text: str) -> None:
    """Agreement with the plain way."""
    phrases = [parse_phrase(word, typos=True) for word in words]
    folded = fold(text)
    plain = {
        n
        for n, phrase in enumerate(phrases)
        if any(phrase.matches_at(folded.words, at) for at in range(len(folded.words)))
    }
    assert PhraseIndex(phrases).hits(folded) == plain
