"""Inbound texts on their way: folded, looked up, compared with what we said; and made fit to be shown or stored."""

from __future__ import annotations

import base64
import json
import unicodedata
from random import Random
from urllib.parse import quote

from p2pbot.adapters.redaction import escape, scrub, shorten
from p2pbot.adapters.sqlite.storable import storable_text
from p2pbot.conversation.inbox import machine_reason, own_said
from p2pbot.conversation.records import SaidText, Talk
from p2pbot.model import ChatMessage, MessageKind, Path
from p2pbot.protocol.fields import clean
from p2pbot.protocol.refusals import quoted
from p2pbot.rules.folding import MAX_TEXT, fold, visible
from p2pbot.rules.index import PhraseIndex
from p2pbot.rules.languages import guess_language
from p2pbot.rules.phrases import parse_phrase
from p2pbot.rules.replies import MAX_BUBBLE, split_text
from p2pbot.secret import Secret
from tests.fuzz.corpus import API_KEY, LISTEN_TOKEN, NOW_MS, ORDER
from tests.fuzz.mutation import FRAGMENTS, harms, pick
from tests.fuzz.shapes import text_ok
from tests.fuzz.target import Input, Target

TALK = (
    *(
        "I paid, please check",
        "Оплатила! Проверьте, пожалуйста",
        "我付款了，请放币",
        "لقد دفعت",
        "ödedim, kontrol edin",
    ),
    *("payé", "PAID!!!", "я не оплатил", "भुगतान कर दिया", "จ่ายแล้ว", "ok", "?", "paaid", "5000 EUR", "", "cảm ơn"),
)
_WORDS = ("paid", "оплат*", "付款", "*دفع*", "pay*", "*id", "not paid", "i paid", "จ่าย", "चुका", "5000", "प*", "ok")
_PHRASES = tuple(
    (parse_phrase(word, at_start=start, at_end=end, typos=typos))
    for word in _WORDS
    for start, end, typos in ((False, False, False), (True, False, False), (True, True, False), (False, False, True))
)
_SHARE = 5
_INDEX = PhraseIndex(_PHRASES)
_SAID = (
    SaidText(text="Thank you. Please press «Transferred, notify seller».", at_ms=NOW_MS, written_at_ms=NOW_MS),
    SaidText(text="ok", at_ms=NOW_MS, written_at_ms=NOW_MS - 500, uuid="u-1", message_id="7"),
)
_KEYS = (Secret(API_KEY), Secret(LISTEN_TOKEN))


def a_text(rng: Random) -> str:
    """Return what a stranger may write."""
    text = " ".join(pick(rng, TALK) for _ in range(1 + int(rng.random() ** 3 * 4)))
    if rng.random() < 0.02:
        text = (text + pick(rng, FRAGMENTS)) * (1 + int(rng.random() * 300))
    return harms(text, rng, 5)


def _judge_fold(given: Input) -> str:
    text = given[0]
    folded, seen = fold(text), visible(text)
    again = fold(folded.text)
    assert len(folded.text) > MAX_TEXT or again == folded, "folding twice is not folding once"
    assert all(word and not word.isspace() for word in folded.words), "an empty word"
    assert folded.text == " ".join(folded.words) == unicodedata.normalize("NFC", folded.text), "not composed"
    hits = _INDEX.hits(folded)
    for number in range(len(text) % _SHARE, len(_PHRASES), _SHARE):  # a share of them: asking one by one is dear
        asked = any(_PHRASES[number].matches_at(folded.words, at) for at in range(len(folded.words)))
        assert asked is (number in hits), f"the index and phrase {number} disagree"
    assert len(seen) <= MAX_TEXT * 20, "a text grew"
    return f"{len(folded.words).bit_length()} {len(hits).bit_length()} {guess_language(text)}"


def _judge_quotes(given: Input) -> str:
    theirs, before = given
    said = (*_SAID, SaidText(text=before, at_ms=NOW_MS, written_at_ms=NOW_MS - 1_000))
    message = ChatMessage(
        order_no=ORDER, kind=MessageKind.TEXT, path=Path.SOCKET, text=theirs, from_us=False, created_at_ms=NOW_MS
    )
    reason = machine_reason(message, Talk(said=said, last_inbound=before))
    bare = " ".join(before.split()).casefold()
    if bare and bare == " ".join(theirs.split()).casefold():
        assert reason is not None, "our own text came back and was taken for a person's"
    mine = own_said(message, said)
    assert mine is None or mine in said
    return f"{reason} {mine is not None}"


def _two_texts(rng: Random) -> Input:
    text = a_text(rng)
    return text, harms(text, rng, 2) if rng.random() < 0.7 else a_text(rng)


def _hidden(rng: Random) -> Input:
    """Return a text in which a key stands in one of the spellings in which a library might print it."""
    key = pick(rng, (API_KEY, LISTEN_TOKEN))
    spelt = pick(
        rng, (key, quote(key, safe=""), base64.b64encode(key.encode()).decode(), json.dumps(key), repr(key), f"'{key}'")
    )
    text = a_text(rng)
    at = int(rng.random() * (len(text) + 1))
    return (text[:at] + spelt + text[at:],)


def _judge_shown(given: Input) -> str:
    text = given[0]
    assert all(_KEYS), "the keys live while they are scrubbed"
    shown = escape(shorten(scrub(text), 2000))
    for key in (API_KEY, LISTEN_TOKEN):
        for form in (key, base64.b64encode(key.encode()).decode().rstrip("=")):
            assert form not in shown, "a key is shown"
    text_ok(shown, "shown", 40_000)
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in shown), "the cursor moves"
    kept = storable_text(clean(text))
    text_ok(kept, "kept", len(text) + 1)
    assert "\x00" not in kept
    line = quoted(text)
    assert line.isprintable(), "not one line"
    assert len(line) <= 160, "not a short line"
    parts = list(split_text(text))
    assert all(0 < len(part) <= MAX_BUBBLE for part in parts), "a bubble that the chat refuses"
    joined = "".join("".join(parts).split())
    assert joined == "".join(text.split()), "splitting lost something"
    return f"{len(parts)} {len(shown).bit_length()} {'<secret>' in shown}"


FOLD = Target("fold", lambda rng: (a_text(rng),), _judge_fold)
QUOTES = Target("quotes", _two_texts, _judge_quotes)
SHOWN = Target("shown", _hidden, _judge_shown)
