"""The sandbox's side of open data: what it verifies by hand, and how it refuses."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from p2pbot.sandbox.gateway import Answer, Request
from p2pbot.sandbox.open_data import OpenDataDesk
from tests.fakes.mini_program import ACCESS_KEY, APP_ID, OPEN_ID, SECRET_KEY, program, rsa_key

NOW_MS = 1_700_000_000_000
PATH = f"/mp-api/v1/apps/{APP_ID}/user-open-data"
# From the protocol notes: a data token's query and the digest of its request.
VECTOR_TOKEN, VECTOR_QUERY = "a+b/c==", "openData=a%2Bb%2Fc%3D%3D"
VECTOR_DIGEST = "da278c1ab99133c51ed74e3e1914a4dea0748e24e8d70d82d1a9a86fec491da8"


def segment(value: Mapping[str, Any]) -> str:
    """Return one part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def jwt(claims: Mapping[str, Any], secret: str = SECRET_KEY, alg: str = "HS256") -> str:
    """Return a JWT, made by hand."""
    signed = f"{segment({'alg': alg, 'typ': 'JWT'})}.{segment(claims)}"
    signature = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


CLAIMS: dict[str, Any] = {"iss": ACCESS_KEY, "dig": VECTOR_DIGEST, "ts": NOW_MS // 1000}


def ask(
    desk: OpenDataDesk,
    token: str = "",
    *,
    query: str = VECTOR_QUERY,
    path: str = PATH,
    method: str = "GET",
    at_ms: int = NOW_MS,
) -> Answer:
    """Ask the desk with this JWT (one that is right, unless given)."""
    return desk.answer(Request(method, path, query, {"x-mp-open-api-token": token or jwt(CLAIMS)}), at_ms)


def new_desk(*, status: int = 200) -> OpenDataDesk:
    """Return a desk that has issued nothing."""
    return OpenDataDesk((program(status=status),), random.Random(1))  # noqa: S311 - a repeatable desk, not a secret


@pytest.fixture
def desk() -> OpenDataDesk:
    """A desk that issued the vector's token now."""
    made = new_desk()
    made.issue(APP_ID, OPEN_ID, NOW_MS, VECTOR_TOKEN)
    return made


def test_a_right_question_gets_the_open_id_sealed(desk: OpenDataDesk) -> None:
    """The digest of the protocol's vector is taken, and the answer opens with the merchant's private key."""
    said = json.loads(ask(desk).body)
    assert (said["code"], said["success"], said["message"]) == ("000000", True, None)
    opened = rsa_key().decrypt(base64.b64decode(said["data"]["userData"], validate=True), PKCS1v15())
    assert opened.decode() == OPEN_ID


@pytest.mark.parametrize(
    ("token", "query"),
    [
        (jwt(CLAIMS, secret="another"), VECTOR_QUERY),
        (jwt(CLAIMS, alg="none"), VECTOR_QUERY),
        (jwt(CLAIMS | {"iss": "somebody"}), VECTOR_QUERY),
        (jwt(CLAIMS | {"ts": NOW_MS}), VECTOR_QUERY),
        (jwt(CLAIMS | {"ts": str(NOW_MS // 1000)}), VECTOR_QUERY),
        (jwt(CLAIMS | {"ts": NOW_MS // 1000 - 61}), VECTOR_QUERY),
        (jwt(CLAIMS | {"ts": NOW_MS // 1000 + 61}), VECTOR_QUERY),
        (jwt(CLAIMS | {"dig": VECTOR_DIGEST.upper()}), VECTOR_QUERY),
        (jwt(CLAIMS), "openData=another"),
        ("a.b.c", VECTOR_QUERY),
        ("nothing", VECTOR_QUERY),
        (f"{jwt(CLAIMS)}.x", VECTOR_QUERY),
    ],
    ids=["secret", "alg", "iss", "ms", "text", "slow", "fast", "upper", "query", "noise", "word", "four"],
)
def test_a_wrong_authority_is_900002(desk: OpenDataDesk, token: str, query: str) -> None:
    """Another key, algorithm, time, digest or request under the same JWT is refused."""
    assert ask(desk, token, query=query).code == "900002"


def test_a_token_lives_two_minutes(desk: OpenDataDesk) -> None:
    """At two minutes it serves, a moment later it has expired."""
    late = jwt(CLAIMS | {"ts": NOW_MS // 1000 + 120})
    assert ask(desk, late, at_ms=NOW_MS + 120_000).code == "000000"
    assert ask(desk, late, at_ms=NOW_MS + 120_001).code == "900200"


def test_a_token_that_was_never_issued_is_900201() -> None:
    """A data token that nobody got is invalid, not expired."""
    assert ask(new_desk()).code == "900201"


@pytest.mark.parametrize(
    ("path", "query", "method"),
    [
        (PATH.replace(APP_ID, "unknown"), VECTOR_QUERY, "GET"),
        ("/mp-api/v1/apps", VECTOR_QUERY, "GET"),
        (PATH, "", "GET"),
        (PATH, "openData=", "GET"),
        (PATH, f"{VECTOR_QUERY}&{VECTOR_QUERY}", "GET"),
        (PATH, VECTOR_QUERY, "POST"),
    ],
    ids=["app", "path", "none", "empty", "twice", "post"],
)
def test_a_wrong_question_is_900001(desk: OpenDataDesk, path: str, query: str, method: str) -> None:
    """What is not the one documented call is an invalid parameter."""
    assert ask(desk, path=path, query=query, method=method).code == "900001"


def test_a_token_that_is_made_up_must_be_encoded() -> None:
    """The tokens of the sandbox hold + / and =, so that a client that does not encode fails."""
    made = new_desk().issue(APP_ID, OPEN_ID, NOW_MS)
    assert {"+", "/", "="} <= set(made)


def test_an_unknown_mini_program_issues_nothing(desk: OpenDataDesk) -> None:
    """A control client that misspells the app id is told so."""
    with pytest.raises(KeyError, match="there is no Mini Program"):
        desk.issue("other", OPEN_ID, NOW_MS)


def test_a_refusal_may_come_with_any_http_status() -> None:
    """The status of refusals is a habit of the Mini Program; the code is the same."""
    answer = ask(new_desk(status=400))
    assert (answer.status, answer.code) == (400, "900201")


def test_old_tokens_are_forgotten(desk: OpenDataDesk) -> None:
    """A thousand tokens are kept; the first of them is invalid by then."""
    for _ in range(1000):
        desk.issue(APP_ID, OPEN_ID, NOW_MS)
    assert ask(desk).code == "900201"
