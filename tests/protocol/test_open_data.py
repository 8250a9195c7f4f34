"""Open data: the canonical request, its digest and its token of authority, and what each answer means."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.errors import (
    AnswerMalformed,
    ExchangeUnavailable,
    KeyRefused,
    LocationRefused,
    P2pbotError,
    RateLimited,
    RequestRefused,
    UsageError,
)
from p2pbot.protocol.envelope import HttpAnswer
from p2pbot.protocol.open_data import (
    MAX_ANSWER_BYTES,
    MiniProgram,
    authority,
    canonical_request,
    digest,
    question,
    read_sealed,
)
from p2pbot.secret import Secret
from tests.fakes.mini_program import ACCESS_KEY, APP_ID, PROGRAM, SECRET_KEY

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
NOW_MS = 1_700_000_000_999
VECTORS = [
    ("tok-123_~.abc", "tok-123_~.abc", "333a6854eaa7a0aacdc14be157f6038924d48ebc45d88d102530e404dafe76d9"),
    ("a+b/c==", "a%2Bb%2Fc%3D%3D", "da278c1ab99133c51ed74e3e1914a4dea0748e24e8d70d82d1a9a86fec491da8"),
    ("naïve 100%", "na%C3%AFve%20100%25", "9f71f8c151cef9bd4895441535e39a0a514ca248b8c0bb1ad91ef2f61d9faa8f"),
]


def answer(body: object, status: int = 200, retry_after: str = "") -> HttpAnswer:
    """Return an HTTP answer with a JSON body, or with these bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpAnswer(status=status, body=raw, retry_after=retry_after)


def refusal(code: str, status: int = 200) -> HttpAnswer:
    """Return a refusal with this code."""
    return answer({"code": code, "message": "no", "data": None, "success": False}, status)


def failure(http: HttpAnswer) -> P2pbotError:
    """Return the error that an answer is."""
    with pytest.raises(P2pbotError) as caught:
        read_sealed(http)
    return caught.value


def part(token: Secret, at: int) -> Any:
    """Return one part of a JWT, decoded by hand."""
    text = token.reveal().split(".")[at]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@pytest.mark.parametrize(("token", "encoded", "wanted"), VECTORS, ids=["plain", "base64", "letters"])
def test_the_digest_is_that_of_the_vectors(token: str, encoded: str, wanted: str) -> None:
    """What is encoded once stands in the address, and the canonical request has the published digest."""
    asked = question(APP_ID, Secret(token))
    assert asked.target == f"/mp-api/v1/apps/{APP_ID}/user-open-data?openData={encoded}"
    assert digest(asked) == wanted


def test_the_canonical_request_has_four_lines() -> None:
    """Method, path with a slash at its end, query, and the digest of a body that is not there; no line break after."""
    asked = question(APP_ID, Secret("t"))
    lines = canonical_request("get", asked.path, asked.query)
    assert lines == f"GET\n/mp-api/v1/apps/{APP_ID}/user-open-data/\nopenData=t\n{EMPTY}"


def test_a_slash_at_the_end_is_not_doubled() -> None:
    """A path that ends in a slash stays, and its segments are encoded as RFC 3986 says."""
    assert canonical_request("GET", "/a b/ü/", "").split("\n")[1] == "/a%20b/%C3%BC/"
    assert canonical_request("GET", "/a%20b", "").split("\n")[1] == "/a%20b/"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip))
def test_any_token_arrives_as_it_is(token: str) -> None:
    """Whatever characters a token has, a server that decodes the query finds it; on the way all is unreserved ASCII."""
    asked = question(APP_ID, Secret(token))
    ((name, value),) = parse_qsl(asked.query, keep_blank_values=True, strict_parsing=True)
    assert (name, value) == ("openData", token)
    assert "+" not in asked.query
    assert asked.query.isascii()
    assert unquote(asked.query) == f"openData={token}"


def test_the_data_token_and_not_a_name_for_it_is_sent() -> None:
    """The sample code in circulation sends an undefined name; here the question holds the very token."""
    assert question(APP_ID, Secret("from-the-customer")).query == "openData=from-the-customer"


@pytest.mark.parametrize("token", ["", " ", "\n", "x" * 4097, "\ud800", "a\0b"], ids=ascii)
def test_what_cannot_be_a_token_is_refused(token: str) -> None:
    """An empty, endless or broken text is a mistake of the caller, and is not repeated to him."""
    with pytest.raises(UsageError, match="a data token is a text of 1 to 4096 characters"):
        question(APP_ID, Secret(token))


def test_the_authority_names_the_key_the_digest_and_whole_seconds() -> None:
    """The claims are exactly iss, dig and ts; ts is an integer of seconds, not milliseconds."""
    asked = question(APP_ID, Secret("tok-123_~.abc"))
    claims = part(authority(PROGRAM, asked, NOW_MS), 1)
    assert claims == {"iss": ACCESS_KEY, "dig": VECTORS[0][2], "ts": 1_700_000_000}
    assert type(claims["ts"]) is int


def test_the_authority_is_signed_with_the_secret_key() -> None:
    """The JWT is HS256 under the secret key, as computed by hand."""
    token = authority(PROGRAM, question(APP_ID, Secret("t")), NOW_MS)
    assert part(token, 0)["alg"] == "HS256"
    signed, _, signature = token.reveal().rpartition(".")
    wanted = hmac.new(SECRET_KEY.encode(), signed.encode(), hashlib.sha256).digest()
    assert signature == base64.urlsafe_b64encode(wanted).decode().rstrip("=")


def test_a_short_secret_key_signs_without_a_word() -> None:
    """How long a secret key is, the exchange decides: no warning of a library reaches the merchant."""
    program = MiniProgram(app_id=APP_ID, access_key=Secret("a"), secret_key=Secret("short"))
    assert authority(program, question(APP_ID, Secret("t")), NOW_MS)


def test_nothing_secret_shows() -> None:
    """Neither keys nor data token are in a repr."""
    asked = question(APP_ID, Secret("from-the-customer"))
    shown = f"{asked!r} {PROGRAM!r} {authority(PROGRAM, asked, NOW_MS)!r}"
    assert not any(secret in shown for secret in ("from-the-customer", ACCESS_KEY, SECRET_KEY, "eyJ"))


@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_success_is_judged_by_the_answer_not_by_http(status: int) -> None:
    """The code decides, whatever the HTTP status says."""
    good = {"code": "000000", "message": None, "data": {"userData": "c2VhbGVk"}, "success": True}
    assert read_sealed(answer(good, status)) == "c2VhbGVk"


@pytest.mark.parametrize("status", [200, 400, 401, 500])
@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("900001", RequestRefused, "app_id"),
        ("900002", KeyRefused, "clock"),
        ("900003", ExchangeUnavailable, "try again"),
        ("900200", RequestRefused, "two minutes"),
        ("900201", RequestRefused, "new one"),
        ("999999", RequestRefused, "999999"),
    ],
)
def test_each_code_is_one_error(code: str, kind: type[P2pbotError], words: str, status: int) -> None:
    """A refusal says what to do, whatever HTTP status it came with."""
    error = failure(refusal(code, status))
    assert type(error) is kind
    assert words in str(error)


@pytest.mark.parametrize(
    "data",
    [None, {}, [], "x", {"userData": None}, {"userData": ""}, {"userData": 5}, {"userData": "a" * 20_000}],
    ids=str,
)
def test_success_without_data_is_malformed(data: object) -> None:
    """``data: null`` beside a success is an error with a sentence, not a crash."""
    assert type(failure(answer({"code": "000000", "data": data, "success": True}))) is AnswerMalformed


@pytest.mark.parametrize(
    "said", [{"code": "000000", "success": False}, {"success": False}, {"code": "000000", "success": "yes"}], ids=str
)
def test_a_contradiction_is_no_success(said: dict[str, object]) -> None:
    """An answer that does not clearly say success is none, whatever data it holds."""
    assert type(failure(answer(said | {"data": {"userData": "c2VhbGVk"}}))) is AnswerMalformed


@pytest.mark.parametrize(
    ("http", "kind"),
    [
        (answer(b"<html>maintenance</html>"), ExchangeUnavailable),
        (answer(b""), ExchangeUnavailable),
        (answer(b"[]"), AnswerMalformed),
        (answer(b"{}"), AnswerMalformed),
        (answer(b"nonsense"), AnswerMalformed),
        (answer(b"[" * 100_000), AnswerMalformed),
        (answer(b" " * (MAX_ANSWER_BYTES + 1)), AnswerMalformed),
        (answer(b"<html>", 502), ExchangeUnavailable),
        (answer(b"", 429, "7"), RateLimited),
        (answer(b"", 418), RateLimited),
        (answer(b"", 451), LocationRefused),
        (answer(b"", 404), RequestRefused),
        (answer(b"", 302), RequestRefused),
    ],
    ids=str,
)
def test_an_answer_of_somebody_else_is_an_error_too(http: HttpAnswer, kind: type[P2pbotError]) -> None:
    """Web pages, gateways and nothing at all are told apart from the interface's own words."""
    assert type(failure(http)) is kind


def test_a_wait_that_is_asked_for_is_handed_on() -> None:
    """Retry-After reaches the caller."""
    error = failure(answer(b"", 429, "7"))
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 7


@given(st.binary(max_size=300), st.sampled_from([200, 204, 302, 400, 429, 500]))
def test_no_answer_raises_anything_else(body: bytes, status: int) -> None:
    """Whatever comes back, it is data or one of our errors."""
    try:
        read_sealed(answer(body, status))
    except P2pbotError:
        return
    assert b"userData" in body
