"""Languages: typical first messages tell theirs; what two languages share tells nothing."""

from __future__ import annotations

import pytest

from p2pbot.rules.languages import LANGUAGES, guess_language, settled_language
from p2pbot.rules.small_words import SMALL_WORDS, TELLING_LETTERS

FIRST = {
    "en": ["hi bro", "hello, which bank?", "how to pay", "good morning sir", "i am paying now", "can you check please"],
    "es": ["buenas", "hola amigo", "buenos días", "¿a qué cuenta?", "ya hice el pago", "un momento por favor"],
    "ru": ["привет", "добрый день", "куда платить", "privet", "oplatil", "щас переведу"],
    "zh": ["你好", "在吗", "怎么付", "老板", "付了", "稍等"],
    "ar": ["السلام عليكم", "مرحبا", "كيف ادفع", "تم", "لحظة من فضلك", "salam alaikum"],
    "tr": ["selam", "merhaba", "iyi günler", "hangi banka", "ödemeyi yaptım", "bir dakika lütfen", "odeme yaptim"],
    "pt": ["bom dia", "oi", "boa tarde", "qual o pix", "fiz o pix", "um momento por favor", "obg"],
    "fr": ["bonjour", "salut", "bjr", "c'est quelle banque", "je paye comment", "un instant svp", "merci"],
    "vi": ["chào bạn", "shop ơi", "xin stk", "cho mình xin số tài khoản", "ck rồi", "chuyen khoan roi nhe"],
    "hi": ["नमस्ते", "namaste ji", "kaise pay karu", "payment ho gaya", "पैसे भेज दिए", "kab karoge bhai"],
}


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in FIRST.items() for text in texts])
def test_a_first_message_tells_its_language(code: str, text: str) -> None:
    """As people type it: short, without accents, in Latin letters."""
    assert guess_language(text) == code


@pytest.mark.parametrize("text", ["ok", "USDT", "pago", "como pago", "hello bhai", "500", "👍", "la", "alo", "scam"])
def test_what_languages_share_tells_none(text: str) -> None:
    """The text is then the rule's default, or its first."""
    assert guess_language(text) is None


@pytest.mark.parametrize(
    ("known", "text", "language"),
    [
        ("", "hola", "es"),
        ("es", "thank you for everything", "es"),
        ("en", "привет", "ru"),
        ("ru", "hello, how are you", "ru"),
        ("", "500", ""),
        ("", "hello bro", ""),
        ("", "Hi! thank you", ""),
        ("", "hello, how do I pay", "en"),
        ("es", "hello", "es"),
    ],
)
def test_a_talk_keeps_its_language_until_a_script_tells_another(known: str, text: str, language: str) -> None:
    """Many say "hi" and go on in their own."""
    assert settled_language(known, text) == language


def test_the_tables_are_of_known_languages_and_of_folded_words() -> None:
    """A word with an accent would never be found."""
    assert set(SMALL_WORDS) | set(TELLING_LETTERS) <= LANGUAGES
    assert all(word.isascii() and word == word.lower() for words in SMALL_WORDS.values() for word in words)
