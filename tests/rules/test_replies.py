"""What is said: by language, by chance, and never longer than the chat takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.model import Reason
from p2pbot.rules.languages import guess_language
from p2pbot.rules.replies import MAX_BUBBLE, in_language, one_of, split_text
from tests.fakes.occasions import rules, some_facts


class Fixed:
    """Chance that says what the test wants."""

    def __init__(self, share: float) -> None:
        self.share = share

    def uniform(self, low: float, high: float) -> float:
        """Return a fixed share of the way."""
        return low + (high - low) * self.share


@pytest.mark.parametrize(
    ("language", "expected"), [("ru", "Привет"), ("en", "Hello"), ("tr", "Default"), (None, "Default")]
)
def test_a_language_that_has_no_text_gets_the_default(language: str | None, expected: str) -> None:
    """Its own text, else ``default``."""
    choices = (("en", "Hello"), ("ru", "Привет"), ("default", "Default"))
    assert in_language(choices, (language, "default", "en")) == expected


def test_without_a_default_the_first_text_is_taken() -> None:
    """As it is written."""
    assert in_language((("es", "Hola"), ("en", "Hello")), ("ru", "default", "")) == "Hola"


def test_without_a_default_the_merchants_language_comes_before_the_first() -> None:
    """``default_language``."""
    assert in_language((("es", "Hola"), ("en", "Hello")), ("ru", "default", "en")) == "Hello"


def test_the_language_settled_in_the_talk_comes_before_a_guess() -> None:
    """A Russian speaker who writes one English word is still answered in Russian."""
    asked = rules("  - {id: a, reply: {en: Hello, ru: Привет}}")
    assert asked.ask("hello, how are you", some_facts(language="ru")).firings[0].bubbles == ("Привет",)
    assert asked.ask("как дела").firings[0].bubbles == ("Привет",)


@pytest.mark.parametrize(("share", "expected"), [(0.0, "a"), (0.5, "b"), (0.99, "c"), (1.0, "c")])
def test_one_of_several_wordings_is_taken_by_chance(share: float, expected: str) -> None:
    """Both ends of chance included."""
    assert one_of(["a", "b", "c"], Fixed(share)) == expected


def test_bubbles_mix_texts_languages_and_chance() -> None:
    """Each bubble is chosen by itself."""
    asked = rules("  - {id: a, reply: [One, {en: Two, ru: Два}, {text_any: [x, y, z]}]}")
    assert asked.ask("привет").firings[0].bubbles == ("One", "Два", "y")


def test_a_long_text_is_cut_behind_a_sentence() -> None:
    """People read whole sentences."""
    first, second = "a" * 600 + ".", "b" * 600 + "."
    assert list(split_text(f"{first} {second}")) == [first, second]


def test_a_chinese_text_is_cut_behind_a_sentence_too() -> None:
    """Its full stop has no blank behind it."""
    first, second = "付" * 600 + "。", "款" * 600 + "。"
    assert list(split_text(first + second)) == [first, second]


def test_a_text_without_sentences_is_cut_behind_a_word() -> None:
    """And where there are no words, where it must be."""
    assert [len(part) for part in split_text("abcd " * 300)] == [999, 499]
    assert [len(part) for part in split_text("x" * 2500)] == [1000, 1000, 500]


@given(st.text(alphabet="a .\n。b", max_size=4000))
def test_no_part_is_too_long_and_no_letter_is_lost(text: str) -> None:
    """Only blanks at the cuts go."""
    parts = list(split_text(text))
    assert all(len(part) <= MAX_BUBBLE for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_an_empty_text_is_not_sent() -> None:
    """An ``if`` that comes out empty leaves no empty message, and a reply that is empty is no answer."""
    asked = rules("  - {id: a, reply: ['{% if order.fiat == ''USD'' %}x{% endif %}', There]}\n  - {id: b, reply: B}")
    assert asked.ask("hi").firings[0].bubbles == ("There",)
    silent = rules("  - {id: a, reply: '{% if order.fiat == ''USD'' %}x{% endif %}'}\n  - {id: b, reply: B}")
    assert silent.winners("hi") == ["b"]


def test_a_reply_of_too_many_parts_is_not_said() -> None:
    """More than ten messages are a flood."""
    text = "{{ message.text }}" * 6
    asked = rules(f"  - {{id: a, reply: '{text}'}}")
    assert asked.ask("word " * 200).firings != ()
    assert asked.ask("word " * 400).firings == ()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I have sent the money, thanks", "en"),
        ("ya pagué, gracias", "es"),
        ("я оплатил", "ru"),
        ("я вже сплатив, дякую і чекаю", "uk"),
        ("我付款了", "zh"),
        ("支払いました", "ja"),
        ("입금했어요", "ko"),
        ("لقد دفعت", "ar"),
        ("چطور پرداخت کنم", "fa"),
        ("merhaba, ödeme nasıl", "tr"),
        ("já paguei, obrigado", "pt"),
        ("bonjour, comment je paye", "fr"),
        ("tôi đã chuyển khoản rồi", "vi"),
        ("मैंने भुगतान किया", "hi"),
        ("จ่ายแล้ว", "th"),
        ("xyz 123", None),
        ("", None),
        ("👍", None),
    ],
)
def test_a_language_is_told_by_script_or_small_words(text: str, language: str | None) -> None:
    """None when in doubt."""
    assert guess_language(text) == language


def test_a_text_that_repeats_a_long_message_is_given_up_soon() -> None:
    """Only as many parts are cut as tell that there are too many: cutting all of them would hold the daemon."""
    repeated = "{{ message.text }} " * 400
    asked = rules(f"  - {{id: a, words: long, reply: '{repeated}'}}").ask("long " * 3_200)
    assert asked.reason is Reason.RENDER_FAILED
    assert asked.firings == ()
