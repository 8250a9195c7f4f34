"""Phrases: whole words, and wildcards at their ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.rules.folding import fold
from p2pbot.rules.index import PhraseIndex
from p2pbot.rules.phrases import Part, Phrase, PhraseFault, parse_phrase


def holds(pattern: str, text: str, *, at_start: bool = False, at_end: bool = False) -> bool:
    """Ask an index of one phrase."""
    return bool(PhraseIndex([parse_phrase(pattern, at_start=at_start, at_end=at_end)]).hits(fold(text)))


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("paid", "I PAID!", True),
        ("paid", "unpaid", False),
        ("paid", "paidx", False),
        ("pay*", "payment sent", True),
        ("pay*", "I pay", True),
        ("pay*", "prepay", False),
        ("*pay", "prepay", True),
        ("*pay", "payment", False),
        ("*pay*", "prepayment", True),
        ("not paid", "I have not paid", True),
        ("not paid", "not yet paid", False),
        ("не оплат*", "я не оплатила", True),
        ("*дал деньги", "уже отдал деньги", True),
        ("付款", "我付款了", True),
        ("付款", "付了款", False),
        ("*付款*", "我付款了", True),
        ("付款*", "付款", True),
        ("don't", "I don't know", True),
        ("*دفع*", "لقد دفعتُ", True),
        ("оплачен*", "ОПЛАЧЕНО", True),
        ("मुझे", "मुझे भुगतान", True),
    ],
)
def test_a_phrase_matches_whole_words_unless_a_star_says_otherwise(pattern: str, text: str, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """Never a part of a word by default, in every script."""
    assert holds(pattern, text) is expected


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [("hi", "Hi!", "exact starts"), ("hi", "hi there", "starts"), ("hi", "oh hi", ""), ("h*", "hey", "exact starts")],
)
def test_exact_is_the_whole_message_and_starts_its_beginning(pattern: str, text: str, expected: str) -> None:
    """Bound to the ends of the message."""
    assert holds(pattern, text, at_start=True, at_end=True) is ("exact" in expected)
    assert holds(pattern, text, at_start=True) is ("starts" in expected)


@pytest.mark.parametrize("pattern", ["", "!!!", "👍", "*", "**", "p*d", "* pay"])
def test_a_phrase_that_cannot_match_is_refused(pattern: str) -> None:
    """It would be silent for ever."""
    with pytest.raises(PhraseFault):
        parse_phrase(pattern)


_WORD = st.text(alphabet="ab", min_size=1, max_size=6)
_PART = st.builds(Part, _WORD, st.booleans(), st.booleans())
_PHRASE = st.builds(Phrase, st.lists(_PART, min_size=1, max_size=3).map(tuple), st.booleans(), st.booleans())


@given(st.lists(_PHRASE, max_size=30), st.lists(_WORD, max_size=8))
def test_the_index_agrees_with_asking_each_phrase_in_turn(phrases: list[Phrase], words: list[str]) -> None:
    """Speed changes nothing: hits are those of the naive matcher."""
    text = fold(" ".join(words))
    naive = {
        number
        for number, phrase in enumerate(phrases)
        if any(phrase.matches_at(text.words, start) for start in range(len(text.words)))
    }
    assert PhraseIndex(phrases).hits(text) == naive


def test_a_message_costs_no_more_among_ten_thousand_phrases() -> None:
    """Only phrases that hang on two neighbours of the message are verified."""
    verified: list[Phrase] = []

    class Counted(Phrase):
        def matches_at(self, words: tuple[str, ...], start: int) -> bool:
            verified.append(self)
            return super().matches_at(words, start)

    phrases = [Counted((Part(f"word{number}"), Part("paid"))) for number in range(10_000)]
    assert PhraseIndex(phrases).hits(fold("hello word7 paid and word8 too")) == {7}
    assert len(verified) == 1
