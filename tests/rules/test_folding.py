"""Folding: what people mean as the same word is the same word, in every script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.rules.folding import MAX_TEXT, fold, visible


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Paid!", "paid"),
        ("PAID", "paid"),
        ("  I   paid, now ", "i paid now"),
        ("__paid__", "paid"),
        ("pay\u200bment", "payment"),
        ("so\u00adft", "soft"),
        ("ﬁne", "fine"),
        ("ｐａｉｄ", "paid"),
        ("№5", "no5"),
        # Latin and Greek lose their marks, and the letters that have no mark to lose
        ("¿Cómo pagué?", "como pague"),
        ("Đặng Łódź Øre ısı İş", "dang lodz ore isi is"),
        ("Straße", "strasse"),
        ("Πληρώθηκε Ός", "πληρωθηκε οσ"),
        # Cyrillic keeps й, and ё is е
        ("Ёлка й мой", "елка й мой"),
        ("мои", "мои"),
        ("ОПЛАТИЛ(А)", "оплатил а"),
        # Arabic and Hebrew lose points and tatweel, and spellings of one letter meet
        ("دَفَعْتُ", "دفعت"),
        ("ســلام", "سلام"),
        ("أإآٱ", "اااا"),
        ("على علی", "علي علي"),
        ("کارت", "كارت"),
        ("دفعة", "دفعه"),
        ("ﷺ", "صلي الله عليه وسلم"),
        ("שָׁלוֹם", "שלום"),
        # Hindi keeps its vowels, which are marks
        ("भुगतान किया", "भुगतान किया"),
        # Digits of every script
        ("١٢٣ ۴۵ ४२ ๑๒ １２", "123 45 42 12 12"),
        ("1️⃣", "1"),
        # Each character of these scripts is a word
        ("我付款了OK", "我 付 款 了 ok"),
        ("入金しました", "入 金 し ま し た"),
        ("カタカナー ｶﾞ", "カ タ カ ナ ー ガ"),
        ("จ่ายแล้ว", "จ่ า ย แ ล้ ว"),
        ("ງິນ", "ງິ ນ"),
        ("បង់ប្រាក់", "ប ង់ ប្ រា ក់"),
        ("ငွေ", "ငွေ"),
        # Hangul is written in syllables and spaced like Latin
        ("입금 했어요", "입금 했어요"),
        ("👍🏽 !!!", ""),
        ("", ""),
    ],
)
def test_text_is_folded_as_specified(text: str, folded: str) -> None:
    """One line of the specification each."""
    assert fold(text).text == folded


def test_mine_and_my_stay_two_words() -> None:
    """мой and мои differ by a mark that is part of a letter."""
    assert fold("мой") != fold("мои")


@given(st.text(max_size=40))
def test_folding_is_idempotent(text: str) -> None:
    """Folded text folds to itself."""
    once = fold(text)
    assert fold(once.text) == once


@given(st.text(max_size=40))
def test_composed_and_decomposed_text_fold_alike(text: str) -> None:
    """Keyboards write é as one character or as two."""
    from unicodedata import normalize  # noqa: PLC0415 - only this property needs it

    assert fold(normalize("NFD", text)) == fold(normalize("NFC", text))


@given(st.text(max_size=40))
def test_no_word_is_empty_or_holds_a_blank(text: str) -> None:
    """A whole word is the substring `` word ``."""
    words = fold(text).words
    assert all(word and word.split() == [word] for word in words)


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=40))
def test_plain_ascii_folds_as_it_does_beside_other_letters(text: str) -> None:
    """Its short cut is no other road."""
    assert fold(f"{text} я").words == (*fold(text).words, "я")


def test_a_text_is_looked_at_up_to_its_bound() -> None:
    """What is behind 2000 characters is not compared."""
    assert len(fold("a" * 5000).text) == MAX_TEXT
    assert len(visible("a" * 5000)) == MAX_TEXT


def test_a_pattern_sees_case_and_punctuation_but_nothing_invisible() -> None:
    """Regular expressions look at the text as a person sees it."""
    assert visible("Ｐａｉｄ\u200b: 5.00") == "Paid: 5.00"
