"""No spelling of a known secret survives, and no text can move a reader's cursor."""

from __future__ import annotations

import base64
import gc
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.adapters.redaction import escape, scrub, shorten, shorten_middle
from p2pbot.secret import Secret, known_values

SPELLINGS: dict[str, Callable[[str], str]] = {
    "raw": lambda value: value,
    "repr": repr,
    "json": json.dumps,
    "json in letters": lambda value: json.dumps(value, ensure_ascii=False),
    "url": lambda value: quote(value, safe=""),
    "url path": quote,
    "form": quote_plus,
    "url in small hex": lambda value: "".join(
        part.lower() if part.startswith("%") else part for part in _split_percent(quote(value, safe=""))
    ),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 for urls": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "escaped": escape,
}


def _split_percent(text: str) -> list[str]:
    parts: list[str] = []
    while text:
        size = 3 if text[0] == "%" else 1
        parts.append(text[:size])
        text = text[size:]
    return parts


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("value", ["plainkey123", "a/b+c d&e=f?", 'quo"te\\back', "ключ-секрет", "two\nlines of it"])
def test_scrub_removes_every_spelling(value: str, spelling: str) -> None:
    """A secret goes whether it stands raw, escaped, URL-quoted or in base64."""
    secret = Secret(value)
    spelt = SPELLINGS[spelling](secret.reveal())
    assert spelt.strip("\"'=") not in scrub(f"before {spelt} after")


@given(st.text(min_size=6, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_scrub_leaves_no_known_value_in_any_text(value: str, before: str, after: str) -> None:
    """Whatever stands around a secret, the secret is gone."""
    secret = Secret(value)
    assert secret.reveal() not in scrub(before + value + after).replace("<secret>", "")


def test_scrub_removes_each_line_of_a_pem_key() -> None:
    """A traceback that prints one line of a private key shows nothing of it."""
    lines = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj", "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3S"]
    secret = Secret("\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""]))
    shown = [scrub(f"line: {line}") for line in lines]
    assert (shown, bool(secret)) == (["line: <secret>"] * 3, True)


def test_scrub_removes_the_longer_of_two_secrets_whole() -> None:
    """A secret that begins with another one leaves no tail."""
    secrets = [Secret("beginning"), Secret("beginning-and-end")]
    assert scrub("x beginning-and-end y") == "x <secret> y"
    assert len(secrets) == 2


def test_scrub_leaves_short_values_alone() -> None:
    """A secret of a few letters would blank ordinary words, so it is left to its type."""
    secret = Secret("abc")
    assert scrub("abcdef") == "abcdef"
    assert secret


def test_a_secret_stays_known_when_its_equal_dies() -> None:
    """Of two equal secrets the living one keeps the value known, however many others came since."""
    first, second = Secret("the same listen key"), Secret("the same listen key")
    del first
    for number in range(200):
        Secret(f"token number {number}")
    gc.collect()
    assert "the same listen key" in known_values()
    assert second


@given(st.text())
def test_escape_gives_one_line_without_controls(text: str) -> None:
    """Nothing of C0, DEL, C1, line separators, bidi marks or lone surrogates remains."""
    shown = escape(text)
    assert all(ord(char) >= 0x20 and not 0x7F <= ord(char) <= 0x9F for char in shown)
    assert not set(shown) & set("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert len(shown.splitlines()) <= 1
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("оплата 付款 دفع", "оплата 付款 دفع"),
    ],
)
def test_escape_shows_what_was_there(text: str, shown: str) -> None:
    """A control character is shown by its code, every letter as it is."""
    assert escape(text) == shown


def test_shorten_says_how_much_is_missing() -> None:
    """A cut text counts what it lost; a short one is unchanged."""
    assert (shorten("abcdef", 4), shorten("abcd", 4)) == ("abcd…[+2]", "abcd")


def test_shorten_middle_keeps_the_end() -> None:
    """Of a long traceback the beginning and, above all, the end remain."""
    cut = shorten_middle("head" + "x" * 1000 + "the error", 90)
    assert cut.startswith("head")
    assert cut.endswith("the error")
    assert len(cut) < 120
