"""Ask who a customer of the merchant's Mini Program is: the signed question and its answer, as values. No I/O here.

Promise: one data token is encoded once, and the same text stands in the digest and in the address. A token of
authority (JWT) is minted for one request. No error holds a key, a token or what the exchange echoed.
Danger: the exchange judges by ``code`` and ``success`` whatever the HTTP status, and so do we. A data token lives two
minutes: only a request within them may be repeated, and none after 900200 or 900201.
Source: the open-data notes; vectors in tests/protocol/test_open_data.py.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

import jwt

from p2pbot.errors import AnswerMalformed, ExchangeUnavailable, KeyRefused, P2pbotError, RequestRefused, UsageError
from p2pbot.protocol import fields
from p2pbot.protocol.envelope import SUCCESS, HttpAnswer, retry_after_s
from p2pbot.protocol.refusals import Refusal, error_of, quoted
from p2pbot.secret import Secret

TOKEN_LIFE_MS = 120_000
_APPS = "/mp-api/v1/apps"
HEADER = "X-Mp-Open-Api-Token"
MAX_ANSWER_BYTES = 64 * 1024  # the sealed data of a 16384-bit key has 2732 letters; the rest is envelope
_MAX_TOKEN_CHARS = 4096  # those seen are far shorter; a longer one is something else that was pasted
_MAX_SEALED_CHARS = 16 * 1024
_CHECK_URL = "check exchange.open_data_url in the configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniProgram:
    """The merchant's Mini Program: its app id, and the pair of keys that signs its questions."""

    app_id: str
    access_key: Secret
    secret_key: Secret


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``path`` and ``query`` are encoded already: what is sent is what is signed."""

    path: str
    query: str = field(repr=False)

    @property
    def target(self) -> str:
        """The request's path and query, as on the wire."""
        return f"{self.path}?{self.query}"


def question(app_id: str, token: Secret) -> Question:
    """Return the question for a data token. Raises UsageError when it cannot be one."""
    value = token.reveal()
    if not value.strip() or len(value) > _MAX_TOKEN_CHARS or fields.clean(value) != value:
        raise UsageError(
            f"a data token is a text of 1 to {_MAX_TOKEN_CHARS} characters",
            remedy="give the text that the Mini Program got, whole",
        )
    return Question(f"{_APPS}/{quote(app_id, safe='')}/user-open-data", f"openData={quote(value, safe='')}")


def canonical_request(method: str, path: str, query: str, body: bytes = b"") -> str:
    """Return what is digested: four lines without a line break at the end.

    ``path`` and ``query`` are as on the wire. The path's segments are encoded anew, and it ends in a slash here though
    the address has none.
    """
    segments = "/".join(quote(unquote(segment), safe="") for segment in path.split("/"))
    uri = segments if segments.endswith("/") else f"{segments}/"
    return "\n".join((method.upper(), uri, query, hashlib.sha256(body).hexdigest()))


def digest(asked: Question) -> str:
    """Return the SHA-256 of the question's canonical request, in lower-case hex."""
    return hashlib.sha256(canonical_request("GET", asked.path, asked.query).encode("utf-8")).hexdigest()


def authority(program: MiniProgram, asked: Question, now_ms: int) -> Secret:
    """Return the JWT (HS256) for one request of ``asked`` at ``now_ms``, Unix milliseconds; the claim has seconds."""
    claims = {"iss": program.access_key.reveal(), "dig": digest(asked), "ts": now_ms // 1000}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of short keys: how long it is, the exchange has decided
        return Secret(jwt.encode(claims, program.secret_key.reveal(), algorithm="HS256"))


def read_sealed(http: HttpAnswer) -> str:
    """Return the encrypted data of a successful answer.

    Raises KeyRefused (900002), RequestRefused (900001, 900200, 900201), ExchangeUnavailable (900003, 5xx, a web page),
    RateLimited, LocationRefused, AnswerMalformed.
    """
    said = fields.json_object(http.body.decode("utf-8-sig", "replace")) if len(http.body) <= MAX_ANSWER_BYTES else None
    code = fields.text((said or {}).get("code"), fields.MAX_IDENTITY_CHARS) or ""
    success = (said or {}).get("success")
    if said is None or (not code and success is None):
        raise _no_judgement(http)
    if code not in ("", SUCCESS):
        raise _refused(code, http.status)
    if success is not True and not (code == SUCCESS and success is None):
        raise AnswerMalformed("the answer about open data says neither success nor what failed", status=http.status)
    return _sealed(said, http.status)


def _sealed(said: Mapping[str, object], status: int) -> str:
    data = fields.mapping(said.get("data")) or {}
    sealed = data.get("userData")
    if not isinstance(sealed, str) or not sealed or len(sealed) > _MAX_SEALED_CHARS:
        raise AnswerMalformed("the answer about open data says success and holds no data", status=status)
    return sealed


def _no_judgement(http: HttpAnswer) -> P2pbotError:
    """Return the error for an answer that is not the interface's: a gateway's, a web page, nothing."""
    if http.status in (418, 429, 451) or http.status >= 500:  # noqa: PLR2004 - HTTP statuses read best as numbers
        wait_s = retry_after_s(http.retry_after, http.received_at_ms)
        return error_of(Refusal(status=http.status, wait_s=wait_s))
    if len(http.body) > MAX_ANSWER_BYTES:
        return AnswerMalformed(f"the answer about open data is longer than {MAX_ANSWER_BYTES} bytes")
    if http.status != 200:  # noqa: PLR2004 - same
        return RequestRefused(
            f"the address for open data refuses the question (HTTP {http.status})",
            remedy=_CHECK_URL,
            status=http.status,
        )
    start = http.body[:256].strip()
    if not start or start.startswith(b"<"):
        return ExchangeUnavailable(
            "the address for open data answers with a web page or nothing", remedy=_CHECK_URL, status=200
        )
    return AnswerMalformed("the answer about open data is not the documented one", remedy=_CHECK_URL, status=200)


def _refused(code: str, status: int) -> P2pbotError:
    return _REFUSALS.get(code, _unknown)(code, status)


def _parameter(code: str, status: int) -> P2pbotError:
    return RequestRefused(
        "the exchange calls the question invalid (900001)",
        remedy="check open_data.app_id, and that the data token is whole",
        code=code,
        status=status,
    )


def _authority(_code: str, _status: int) -> P2pbotError:
    return KeyRefused(
        "the exchange refuses the signature of the question (900002)",
        remedy="check that access key and secret key belong together and to this app_id, and this machine's clock",
    )


def _unexpected(code: str, status: int) -> P2pbotError:
    return ExchangeUnavailable(
        "the exchange met an unexpected error (900003)", remedy="try again", code=code, status=status
    )


def _expired(code: str, status: int) -> P2pbotError:
    return RequestRefused(
        "the data token has expired (900200): it lives two minutes",
        remedy="ask the customer's Mini Program for a new one",
        code=code,
        status=status,
    )


def _invalid(code: str, status: int) -> P2pbotError:
    return RequestRefused(
        "the exchange does not know the data token (900201)",
        remedy="check that it is whole and of this app_id; else ask the customer's Mini Program for a new one",
        code=code,
        status=status,
    )


def _unknown(code: str, status: int) -> P2pbotError:
    return RequestRefused(f"the exchange refuses the question for open data ({quoted(code)})", code=code, status=status)


_REFUSALS: dict[str, Callable[[str, int], P2pbotError]] = {
    "900001": _parameter,
    "900002": _authority,
    "900003": _unexpected,
    "900200": _expired,
    "900201": _invalid,
}
