"""Which language somebody writes: by script where that decides, else by the commonest small words.

Promise: None when in doubt; a guess is for choosing among texts that a merchant wrote, nothing more.
"""

from __future__ import annotations

import unicodedata

import regex

from p2pbot.rules.folding import fold
from p2pbot.rules.small_words import INTERNATIONAL, SMALL_WORDS, TELLING_LETTERS

LANGUAGES = frozenset(
    [
        "default",
        "en",
        "es",
        "ru",
        "zh",
        "ar",
        "tr",
        "pt",
        "fr",
        "vi",
        "hi",
        "uk",
        "de",
        "it",
        "id",
        "ms",
        "ja",
        "ko",
        "th",
        "fa",
        "ur",
        "bn",
        "pl",
        "ro",
        "nl",
        "kk",
        "uz",
        "ka",
        "hy",
        "az",
        "he",
        "el",
        "cs",
        "sv",
    ]
)
_SCRIPTS = (
    ("ja", regex.compile(r"[\p{Hiragana}\p{Katakana}]")),
    ("zh", regex.compile(r"\p{Han}")),
    ("ko", regex.compile(r"\p{Hangul}")),
    ("th", regex.compile(r"\p{Thai}")),
    ("hi", regex.compile(r"\p{Devanagari}")),
    ("bn", regex.compile(r"\p{Bengali}")),
    ("he", regex.compile(r"\p{Hebrew}")),
    ("el", regex.compile(r"\p{Greek}")),
    ("ka", regex.compile(r"\p{Georgian}")),
    ("hy", regex.compile(r"\p{Armenian}")),
    ("ur", regex.compile(r"[ٹڈڑںے]")),
    ("fa", regex.compile(r"[پچژگ]")),
    ("ar", regex.compile(r"\p{Arabic}")),
    ("uk", regex.compile(r"[іїєґ]", regex.IGNORECASE)),
    ("ru", regex.compile(r"\p{Cyrillic}")),
)
_OF_SCRIPTS = frozenset(code for code, _ in _SCRIPTS)
_WORDS = SMALL_WORDS


def guess_language(text: str) -> str | None:
    """Return the code of the language that ``text`` seems to be in, or None."""
    return _by_script(text) or _by_words(text)


def settled_language(known: str, text: str) -> str:
    """Return the language of a talk after ``text``; empty while nothing told of one.

    It stays what it was, but a script decides over a guess by small words, and "hello bro" alone settles nothing: many
    say so and go on in their own.
    """
    if known in _OF_SCRIPTS:
        return known
    return _by_script(text) or known or ("" if INTERNATIONAL.issuperset(fold(text).words) else _by_words(text) or "")


def _by_script(text: str) -> str | None:
    return next((code for code, script in _SCRIPTS if script.search(text)), None)


def _by_words(text: str) -> str | None:
    words = fold(text).words
    scores = {code: sum(word in known for word in words) for code, known in _WORDS.items()}
    composed = unicodedata.normalize("NFC", text)
    for code, letters in TELLING_LETTERS.items():
        scores[code] += 2 * bool(letters.search(composed))
    best = max(scores.values())
    leaders = [code for code, score in scores.items() if score == best]
    return leaders[0] if best and len(leaders) == 1 else None
