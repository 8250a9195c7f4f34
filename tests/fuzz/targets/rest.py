"""HTTP answers: statuses, Retry-After, both envelopes, and the parser of every call that p2pbot can make."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from math import isfinite
from random import Random
from typing import Any
from urllib.parse import urlsplit

from p2pbot import errors
from p2pbot.model import ChatCredential, Counterparty, Order, Side
from p2pbot.protocol import calls
from p2pbot.protocol.answers import HistoryPage, OrderPage, PresignedUpload
from p2pbot.protocol.envelope import HttpAnswer, read_envelope, retry_after_s
from p2pbot.protocol.outbound import chat_url
from p2pbot.protocol.refusals import LONGEST_WAIT_S
from p2pbot.protocol.rest import RestCall
from tests.fuzz import corpus
from tests.fuzz.corpus import NOW_MS, ORDER, enveloped
from tests.fuzz.mutation import harmed_json, harms, pick, trees
from tests.fuzz.shapes import check, text_ok
from tests.fuzz.target import Input, Target
from tests.fuzz.trees import Tree

CALLS: dict[str, tuple[Callable[[], RestCall[Any]], Any, tuple[Tree, ...]]] = {
    "time": (calls.server_time, int, trees({"serverTime": NOW_MS})),
    "rights": (calls.key_rights, frozenset[str], trees({"ipRestrict": True, "enableReading": True, "n": 1})),
    "credential": (calls.chat_credential, ChatCredential, trees(enveloped(corpus.CREDENTIAL))),
    "presign": (
        lambda: calls.presign("x.jpg"),
        PresignedUpload,
        trees(enveloped(corpus.UPLOAD), enveloped({"preSignedUrl": corpus.UPLOAD_URL, "imageUrl": "https://a/x.jpg"})),
    ),
    "history": (
        lambda: calls.history(ORDER),
        HistoryPage,
        trees(enveloped(list(corpus.FRAMES[:6]), total=6), enveloped([corpus.TEXT], total="1"), enveloped(None)),
    ),
    "orders": (
        lambda: calls.list_orders("main"),
        OrderPage,
        trees(enveloped([corpus.LISTED, {**corpus.LISTED, "orderNumber": corpus.OTHER_ORDER}], total=2)),
    ),
    "detail": (lambda: calls.order_detail("main", ORDER), Order, trees(enveloped(corpus.DETAIL))),
    "statistics": (lambda: calls.counterparty_statistics(ORDER), Counterparty, trees(enveloped(corpus.STATISTICS))),
    "past": (
        lambda: calls.order_history("main", Side.SELL, start_ms=0, end_ms=NOW_MS),
        OrderPage,
        trees(enveloped([corpus.PAST])),
    ),
    "mark": (lambda: calls.mark_read(ORDER, "1"), type(None), trees(enveloped(None))),
}
_NAMES = tuple(CALLS)
_MADE = {name: make() for name, (make, _, _) in CALLS.items()}
_REFUSALS = trees(*corpus.REFUSALS)
_STATUSES = (*("200",) * 12, "400", "401", "403", "404", "418", "429", "451", "500", "503", "302", "204", "599", "0")
_WAITS = ("", "", "3", "0", "-5", "1e999", "1e18", "NaN", "999999999999", "Wed, 21 Oct 2026 07:28:00 GMT", "1" * 5000)
_DATES = ("Fri, 31 Dec 9999 23:59:59 -9999", "Mon, 1 Jan 0001 00:00:00 +2400", "1 Jan 70", "x" * 300 + ":::", ",,,:::")
_ADDRESS = re.compile(r"://\S*\.example")  # every address of the corpus has it; one that harm broke is none
REFUSALS = (
    *(errors.KeyRefused, errors.LocationRefused, errors.RateLimited, errors.ClockSkew, errors.ExchangeUnavailable),
    *(errors.AnswerMalformed, errors.RequestRefused),
)


def body_of(text: str) -> bytes:
    """Return a text as bytes; the surrogates U+DC80 to U+DCFF stand for single bytes that are no UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _an_answer(rng: Random) -> Input:
    name = pick(rng, _NAMES)
    sound = CALLS[name][2]
    root = (
        _REFUSALS[int(rng.random() * len(_REFUSALS))] if rng.random() < 0.2 else sound[int(rng.random() * len(sound))]
    )
    body = (
        harmed_json(root, rng)
        if rng.random() < 0.97
        else pick(rng, ("", " ", "<html>", "null", "[]", "\udcff", "\ufeff{}"))
    )
    wait = pick(rng, _WAITS + _DATES)
    return name, pick(rng, _STATUSES), harms(wait, rng, 2) if rng.random() < 0.3 else wait, body


def _judge_answer(given: Input) -> str:
    name, status, retry_after, body = given
    http = HttpAnswer(
        status=int(status), body=body_of(body), retry_after=retry_after, asked_at_ms=NOW_MS, received_at_ms=NOW_MS + 50
    )
    request, declared = _MADE[name], CALLS[name][1]
    try:
        value = request.parse(read_envelope(http, bare=request.bare))
    except errors.P2pbotError as error:
        _judge_error(error)
        return f"{name} {type(error).__name__}"
    assert http.status == 200, "a refusal passed for a success"
    assert _says_success(http.body, bare=request.bare), "no success was said"
    check(value, declared)
    if isinstance(value, ChatCredential):
        return f"{name} {_judge_url(value)}"
    return f"{name} {_size(value)}"


def _says_success(body: bytes, *, bare: bool) -> bool:
    said: Any = json.loads(body.decode("utf-8-sig", "replace"))
    return isinstance(said, dict) and (bare or said.get("success") is True or said.get("code") in ("000000", 0))


def _judge_error(error: errors.P2pbotError) -> None:
    assert isinstance(error, REFUSALS), f"{type(error).__name__} is not named by ports.Rest"
    for words in (str(error), error.what, error.remedy):
        text_ok(words, "words", 700)
        assert words.isprintable(), f"not one line: {words!r}"
        assert not any(secret in words for secret in corpus.SECRETS), "a secret in an error's words"
        assert not _ADDRESS.search(words), f"an address in an error's words: {words}"
    if isinstance(error, errors.RateLimited):
        assert 1 <= error.retry_after_s <= LONGEST_WAIT_S, f"a wait of {error.retry_after_s} s"


def _judge_url(credential: ChatCredential) -> str:
    """Ask for the address of a connect: it must lead to the host that was named, with the token where it belongs."""
    try:
        url = chat_url(credential).reveal()
    except errors.AnswerMalformed as error:
        _judge_error(error)
        return "not a chat address"
    parts, named = urlsplit(url), urlsplit(credential.wss_url.strip())
    assert (parts.hostname, parts.scheme) == (named.hostname, named.scheme), "another host"
    assert not parts.fragment, "the query hides behind a #"
    assert parts.query.endswith("&clientType=web"), "the query is not whole"
    assert url.isprintable(), f"a line break in an address: {url!r}"
    assert " " not in url, "a blank in an address"
    return parts.scheme


def _size(value: object) -> str:
    match value:
        case HistoryPage():
            return f"{len(value.messages)} of {value.rows} {bool(value.lowest_id)} {value.total is not None}"
        case OrderPage():
            return f"{len(value.orders)} of {value.rows}, {value.skipped} skipped"
        case Order():
            return f"{value.status} {value.side} {value.amount is None} {len(value.payment_methods or ())}"
        case Counterparty():
            return f"{value.orders is None} {value.completion is None}"
    return type(value).__name__


def _a_wait(rng: Random) -> Input:
    return (harms(pick(rng, _WAITS + _DATES), rng, 5),)


def _judge_wait(given: Input) -> str:
    wait_s = retry_after_s(given[0], NOW_MS)
    assert wait_s is None or isfinite(wait_s), "a wait that never ends"
    return "none" if wait_s is None else f"1e{len(str(int(abs(wait_s))))}"


ANSWER = Target("answer", _an_answer, _judge_answer)
RETRY_AFTER = Target("retry-after", _a_wait, _judge_wait)
