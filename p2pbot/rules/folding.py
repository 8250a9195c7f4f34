"""Text as the matcher sees it: folded so that what people mean as the same word is the same word, in every script.

Promise: ``fold`` is total and idempotent. Folded text is words joined by one space; each Han, Kana, Thai, Lao, Khmer
and Burmese character is a word of its own, so that a whole word is the substring `` word `` in every script.
Danger: folding loses what people read (accents, points, case, punctuation). Folded text is for matching, never shown.
Combining marks are dropped after Latin and Greek letters only: elsewhere they are letters (мой is not мои; Hindi
vowels are marks).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import regex

MAX_TEXT = 2000  # characters of an inbound text that are looked at; the chat's own limit is about 1000

_LETTERS = str.maketrans(
    {"đ": "d", "ł": "l", "ø": "o", "ı": "i", "ё": "е", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه"}
)
_UNSEEN = regex.compile(r"[\p{Cf}\p{Me}\p{Variation_Selector}\u0640]+")  # zero width, enclosing, tatweel
_POINTS = regex.compile(
    r"(?:(?<=[\p{Latin}\p{Greek}])\p{M}+)|[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    r"\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed]+"
)
_YO = regex.compile("(?<=е)\u0308+")  # ё as it stands after NFD
_DIGIT = regex.compile(r"(?![0-9])\p{Nd}")
_ALONE = r"[[\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]&&[\p{L}\p{N}]]\p{M}*+"
# Of ASCII only letters and digits are words, and nothing is left to fold but case: half of all messages.
_ASCII = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
_WORD = regex.compile(rf"{_ALONE}|(?:(?!{_ALONE})[\p{{L}}\p{{M}}\p{{N}}])++", regex.V1)
_LONER = regex.compile(_ALONE, regex.V1)
_JOINED = regex.compile(r"[\p{L}\p{M}\p{N}]++", regex.V1)  # the same where no character stands alone, and much quicker


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text as its words."""

    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """The words joined by one space."""
        return " ".join(self.words)


def fold(text: str) -> Folded:
    """Return the words of ``text`` (its first 2000 characters) as they are compared."""
    if text.isascii():
        return Folded(tuple(text[:MAX_TEXT].translate(_ASCII).split()))
    letters = _folded_letters(text[:MAX_TEXT])
    words = _WORD if _LONER.search(letters) else _JOINED
    return Folded(tuple(words.findall(letters)))


def visible(text: str) -> str:
    """Return the first 2000 characters as a regular expression sees them: NFKC, nothing invisible, case kept."""
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", text[:MAX_TEXT]))


def _folded_letters(text: str) -> str:
    """Return the text with case, compatibility forms, unseen characters and points folded away."""
    # NFKC twice: folding the case of a compatibility character may make another one (Unicode's toNFKC_Casefold).
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = unicodedata.normalize("NFD", text.casefold())
    text = _POINTS.sub("", _UNSEEN.sub("", text))
    text = _YO.sub("", text).translate(_LETTERS)
    text = _DIGIT.sub(lambda found: str(unicodedata.decimal(found[0], found[0])), text)
    return unicodedata.normalize("NFC", text)
