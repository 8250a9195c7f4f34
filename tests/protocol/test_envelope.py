"""Envelopes: exactly the right error for each answer, in words for a merchant."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.errors import (
    AnswerMalformed,
    ClockSkew,
    ExchangeError,
    ExchangeUnavailable,
    KeyRefused,
    LocationRefused,
    P2pbotError,
    RateLimited,
    RequestRefused,
)
from p2pbot.protocol.envelope import MAX_ANSWER_BYTES, HttpAnswer, read_envelope, retry_after_s
from p2pbot.protocol.fields import decimal
from p2pbot.protocol.refusals import BANNED_S, LONGEST_WAIT_S, SLOW_DOWN_S

NOW_MS = 1_767_600_000_000


def http(status: int, body: object = b"", retry_after: str = "") -> HttpAnswer:
    """Return an answer as the door sees it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpAnswer(status=status, body=raw, retry_after=retry_after, asked_at_ms=NOW_MS - 80, received_at_ms=NOW_MS)


def refused(answer: HttpAnswer) -> P2pbotError:
    """Return the error that an answer is."""
    with pytest.raises(P2pbotError) as caught:
        read_envelope(answer)
    return caught.value


def gateway(code: int, msg: str = "no") -> dict[str, object]:
    """Return the gateway's envelope."""
    return {"code": code, "msg": msg}


def success(data: object, **more: object) -> dict[str, object]:
    """Return the application's envelope."""
    return {"code": "000000", "message": "success", "data": data, "success": True, **more}


def test_success_gives_data_total_and_the_time_of_asking() -> None:
    """A success gives its data, the total of all pages, and how fresh it is at least."""
    answer = read_envelope(http(200, success([1, 2], total=57)))
    assert (answer.data, answer.total, answer.as_of_ms) == ([1, 2], 57, NOW_MS - 80)


def test_a_byte_order_mark_does_no_harm() -> None:
    """A byte order mark before the JSON is read over."""
    assert read_envelope(http(200, b"\xef\xbb\xbf" + json.dumps(success(1)).encode())).data == 1


def test_fractions_do_not_pass_through_floats() -> None:
    """A money amount written as a JSON number keeps every digit."""
    body = b'{"code":"000000","success":true,"data":{"amount":12345678.123456789012345678}}'
    data = read_envelope(http(200, body)).data
    assert isinstance(data, dict)
    assert decimal(data["amount"]) == Decimal("12345678.123456789012345678")


def test_bare_answer_needs_no_envelope() -> None:
    """The clock's answer has no envelope, and only where that was said in advance is it a success."""
    assert read_envelope(http(200, {"serverTime": 1}), bare=True).data == {"serverTime": 1}
    assert isinstance(refused(http(200, {"serverTime": 1})), AnswerMalformed)


def test_bare_call_still_meets_refusals() -> None:
    """A gateway error is an error also where no envelope is expected."""
    with pytest.raises(ClockSkew):
        read_envelope(http(400, gateway(-1021)), bare=True)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (http(200), ExchangeUnavailable, "nothing"),
        (http(200, b" \n "), ExchangeUnavailable, "nothing"),
        (http(200, b"<html><body>maintenance"), ExchangeUnavailable, "web page"),
        (http(200, b"hello"), AnswerMalformed, "not a JSON object"),
        (http(200, b"[1]"), AnswerMalformed, "not a JSON object"),
        (http(200, b"\xff\xfe"), AnswerMalformed, "not a JSON object"),
        (http(200, b"[" * 100_000), AnswerMalformed, "not a JSON object"),
        (http(200, b'{"data":' * 100_000), AnswerMalformed, "not a JSON object"),
        (http(200, b" " * (MAX_ANSWER_BYTES + 1)), AnswerMalformed, "longer than"),
        (http(200, {}), AnswerMalformed, "neither success"),
        (http(200, {"code": "000000", "success": False}), AnswerMalformed, "neither success"),
        (http(200, {"code": "000001", "message": "order does not exist"}), RequestRefused, "order does not exist"),
        (http(200, {"code": 0, "msg": "x"}), RequestRefused, "code 0"),
        (http(200, gateway(-31002, "illegal parameter")), RequestRefused, "illegal"),
        (http(301, b"<html>"), AnswerMalformed, "redirects"),
        (http(400, gateway(-1021)), ClockSkew, "clocks differ"),
        (http(400, gateway(-1022)), KeyRefused, "signature"),
        (http(400, {"code": "-1022", "msg": "as text"}), KeyRefused, "signature"),
        (http(400, gateway(-1102, "Mandatory parameter 'orderNo' was not sent")), RequestRefused, "'orderNo'"),
        (http(400, gateway(-9999, "strange")), RequestRefused, "code -9999.*“strange”"),
        (http(400, b"<html>"), RequestRefused, "HTTP 400"),
        (http(401, gateway(-2008)), KeyRefused, "does not know this API key"),
        (http(401, gateway(-2014)), KeyRefused, "form of a key"),
        (http(401, gateway(-2015)), KeyRefused, "this machine's address"),
        (http(400, gateway(-2015)), KeyRefused, "this machine's address"),
        (http(401), KeyRefused, "this machine's address"),
        (http(403, b"<html>"), KeyRefused, "this machine's address"),
        (http(404, b"<html>"), RequestRefused, "does not know this call"),
        (http(410, b"<html>"), RequestRefused, "does not know this call"),
        (http(451, b"<html>"), LocationRefused, "country"),
        (http(418), RateLimited, "banned"),
        (http(429), RateLimited, "fewer requests"),
        (http(400, gateway(-1003)), RateLimited, "fewer requests"),
        (http(400, gateway(-1008)), ExchangeUnavailable, "cannot answer now"),
        (http(500), ExchangeUnavailable, "HTTP 500"),
        (http(503, b"<html>"), ExchangeUnavailable, "HTTP 503"),
        (http(502, gateway(-1021)), ExchangeUnavailable, "-1021"),
    ],
)
def test_each_refusal_is_its_own_error(answer: HttpAnswer, error: type[P2pbotError], words: str) -> None:
    """An answer that is no success raises the one error that says whose fault it is."""
    caught = refused(answer)
    assert type(caught) is error
    assert re.search(words, caught.what)


@pytest.mark.parametrize("code", [-1022, -2008, -2014, -2015, -1102, -31002, -1021])
def test_known_refusals_say_what_to_do(code: int) -> None:
    """Each refusal that a merchant can do something about says what."""
    assert refused(http(400, gateway(code))).remedy


def test_remedy_for_a_key_that_is_not_allowed() -> None:
    """-2015 has three causes, and the remedy names the steps for all."""
    remedy = refused(http(401, gateway(-2015))).remedy
    assert "API Management" in remedy
    assert "address" in remedy
    assert "P2P" in remedy


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (http(429, retry_after="7"), 7.0),
        (http(429), SLOW_DOWN_S),
        (http(418), BANNED_S),
        (http(418, retry_after="soon"), BANNED_S),
        (http(429, retry_after="-5"), 1.0),
        (http(429, retry_after="1e9"), LONGEST_WAIT_S),
        (http(429, retry_after="Mon, 05 Jan 2026 08:00:30 GMT"), 30.0),
        (http(429, retry_after="Mon, 05 Jan 2026 07:00:00 GMT"), 1.0),
        (http(418, gateway(-1003, f"Way too many requests; IP banned until {NOW_MS + 90_000}."), "20"), 90.0),
        (http(418, gateway(-1003, f"IP banned until {NOW_MS + 90_000}."), "120"), 120.0),
        (http(400, gateway(-1003, f"IP banned until {NOW_MS + 90_000}.")), 90.0),
    ],
)
def test_how_long_to_be_silent(answer: HttpAnswer, seconds: float) -> None:
    """The wait is the longer of header and words, a safe default without both, and never absurd."""
    caught = refused(answer)
    assert isinstance(caught, RateLimited)
    assert caught.retry_after_s == pytest.approx(seconds)


@pytest.mark.parametrize(("answer", "banned"), [(http(418), True), (http(429), False)])
def test_a_ban_is_told_from_a_brake(answer: HttpAnswer, *, banned: bool) -> None:
    """418 is a ban, 429 a request to slow down."""
    caught = refused(answer)
    assert isinstance(caught, RateLimited)
    assert caught.banned is banned


@given(st.text())
def test_any_retry_after_is_read_or_nothing(header: str) -> None:
    """No Retry-After header can break the reader."""
    found = retry_after_s(header, NOW_MS)
    assert found is None or isinstance(found, float)


def test_codes_reach_the_error() -> None:
    """The exchange's code and the HTTP status stay readable by a program."""
    caught = refused(http(400, gateway(-31002)))
    assert isinstance(caught, ExchangeError)
    assert (caught.code, caught.status) == ("-31002", 400)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
envelopes = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("code", "msg", "message", "data", "success", "total"), json_values)
)


@given(st.sampled_from([200, 200, 301, 400, 401, 403, 404, 418, 429, 451, 500]), envelopes | json_values, st.text())
def test_any_answer_is_data_or_one_of_our_errors(status: int, body: object, retry_after: str) -> None:
    """Whatever JSON comes with whatever status: an answer for a success, else an error of our tree."""
    try:
        answer = read_envelope(http(status, body, retry_after))
    except P2pbotError as error:
        assert str(error)  # noqa: PT017 - either outcome is right, and each is checked
    else:
        assert status == 200
        assert isinstance(body, dict)
        assert answer.data == body.get("data") or answer.data != answer.data


@given(st.binary(max_size=300))
def test_any_bytes_are_data_or_one_of_our_errors(body: bytes) -> None:
    """Whatever bytes come with a 200, nothing but our own errors comes out."""
    with pytest.raises(P2pbotError):
        read_envelope(http(200, body))


def test_a_byte_that_is_no_text_hides_nothing_else() -> None:
    """In one message of a page it becomes a mark; the other messages are read."""
    answer = read_envelope(http(200, b'{"code":"000000","data":["a\xff","b"],"success":true}'))
    assert answer.data == ["a\ufffd", "b"]
