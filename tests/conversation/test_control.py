"""What a person asks of the daemon: a line is a request or a refusal, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.control import (
    MAX_ANSWER_BYTES,
    MAX_LINE_BYTES,
    Ask,
    Refusal,
    Request,
    answer_line,
    parse_answer,
    parse_request,
    request_line,
    told_action,
    told_entry,
    told_reply,
)
from p2pbot.conversation.records import Action, ActionWord
from p2pbot.protocol.outbound import MAX_CHAT_TEXT_CHARS
from tests.fakes.records import PICTURE, entry, reply

KEY = "6f1d2c3b-0000-4000-8000-000000000001"
REQUESTS = (
    Request(ask=Ask.STATUS),
    Request(ask=Ask.WHY, order="204"),
    Request(ask=Ask.PAUSE),
    Request(ask=Ask.PAUSE, account="main", order="204"),
    Request(ask=Ask.RESUME, order="204"),
    Request(ask=Ask.MUTE, order="204", for_ms=60_000),
    Request(ask=Ask.MUTE, order="204", account="shop-2"),
    Request(ask=Ask.UNMUTE, order="204"),
    Request(ask=Ask.SEND, order="204", text="Hi!\n您好 🙂", key=KEY),
    Request(ask=Ask.OUTBOX),
    Request(ask=Ask.RETRY, seq=17),
    Request(ask=Ask.DROP, seq=2**63 - 1),
    Request(ask=Ask.RELOAD),
    Request(ask=Ask.FORGET, who="Some Nick 名"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: one.ask.value)
def test_a_request_comes_back_from_its_line(request_: Request) -> None:
    """What the command line writes is what the daemon reads."""
    line = request_line(request_)
    assert parse_request(line) == request_
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


def test_every_word_is_tried() -> None:
    """The table above leaves no word out."""
    assert {one.ask for one in REQUESTS} == set(Ask)


def test_the_longest_request_fits_its_bound() -> None:
    """A text of the chat's full length, every letter of it escaped, is a line that the door takes."""
    text = "🙂" * MAX_CHAT_TEXT_CHARS
    assert len(request_line(Request(ask=Ask.SEND, order="2" * 64, text=text, key=KEY))) < MAX_LINE_BYTES


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"", "one JSON object"),
        (b"[]", "one JSON object"),
        (b"\xff", "one JSON object"),
        (b"[" * 10_000, "one JSON object"),
        (b"{}", "nothing that can be asked"),
        (b'{"ask": 5}', "nothing that can be asked"),
        (b'{"ask": "withdraw"}', "nothing that can be asked"),
        (b'{"ask": "pause", "uuid": "x"}', "`pause` has no `uuid`"),
        (b'{"ask": "pause", "\\ud800": 1}', "`pause` has no `\\ud800`"),
        (b'{"ask": "mute"}', "`mute` needs `order`"),
        (b'{"ask": "mute", "order": "*"}', "`mute` is for one order"),
        (b'{"ask": "send", "order": "204", "text": "x"}', "`send` needs `key`"),
        (b'{"ask": "pause", "order": "2 4"}', "`order` must be"),
        (b'{"ask": "pause", "order": 204}', "`order` must be"),
        (b'{"ask": "pause", "account": "A"}', "`account` must be"),
        (b'{"ask": "drop", "seq": true}', "`seq` must be"),
        (b'{"ask": "drop", "seq": 0}', "`seq` must be"),
        (b'{"ask": "drop", "seq": 1.5}', "`seq` must be"),
        (b'{"ask": "mute", "order": "204", "for_ms": 1}', "`for_ms` must be"),
        (b'{"ask": "forget", "who": "a\\u0000"}', "`who` must be"),
    ],
)
def test_what_is_no_request_is_refused(line: bytes, what: str) -> None:
    """Unknown words, unknown keys, missing and wrong values each have their sentence."""
    refusal = parse_request(line)
    assert isinstance(refusal, Refusal)
    assert what in refusal.what


@pytest.mark.parametrize("text", ["", " \n ", "x" * 1001, "a\x00b", "a\x1b[2J", "\u202eabc", "\ud800"])
def test_a_text_that_a_person_would_not_send_is_refused(text: str) -> None:
    """Empty, too long, with control characters, marks that turn the reading round, or half a character."""
    line = json.dumps({"ask": "send", "order": "204", "key": KEY, "text": text}).encode()
    refusal = parse_request(line)
    assert isinstance(refusal, Refusal)
    assert "`text` must be" in refusal.what


@given(st.one_of(st.binary(max_size=200), JSON.map(lambda value: json.dumps(value).encode())))
def test_no_line_raises(line: bytes) -> None:
    """Whatever comes is a request or a refusal."""
    assert isinstance(parse_request(line), Request | Refusal)
    parse_answer(line)


@given(st.sampled_from(sorted(Ask)), st.dictionaries(st.sampled_from(("order", "seq", "text", "who")), JSON))
def test_no_field_raises(ask: Ask, fields: dict[str, Any]) -> None:
    """Whatever a field holds is taken or refused."""
    assert isinstance(parse_request(json.dumps({"ask": ask, **fields}).encode()), Request | Refusal)


def test_an_answer_comes_back_from_its_line() -> None:
    """What was done and what was refused are told apart."""
    assert parse_answer(answer_line({"seq": 5, "accounts": ("main",)})) == {"seq": 5, "accounts": ["main"]}
    refusal = Refusal("it is paused", "resume it")
    assert parse_answer(answer_line(refusal)) == refusal
    assert isinstance(parse_answer(b"{}"), Refusal)


def test_an_answer_is_bounded() -> None:
    """One that would be too long says so instead."""
    answer = parse_answer(answer_line({"text": "x" * MAX_ANSWER_BYTES}))
    assert answer == Refusal("the answer is too long", "ask for less")


def test_no_text_of_a_chat_is_in_an_answer() -> None:
    """Messages, replies and actions are told without what people wrote and where pictures lie."""
    row = reply("u1", text="bank 1234", picture=PICTURE, image_url="https://pictures.invalid/1")
    told = [told_entry(entry("1", text="my name")), told_reply(row)]
    told.append(told_action(Action(at_ms=1, word=ActionWord.SEND)))
    line = answer_line({"told": told})
    for secret in (b"my name", b"bank 1234", b"pictures.invalid"):
        assert secret not in line


def test_a_request_hides_its_text() -> None:
    """What a person wants to say, and whom to forget, is in no log of a request."""
    shown = repr(Request(ask=Ask.SEND, text="my words", who="Anna"))
    assert "my words" not in shown
    assert "Anna" not in shown
