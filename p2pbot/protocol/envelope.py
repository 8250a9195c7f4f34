"""Take an HTTP answer of the exchange out of its envelope: the data, or the right error.

Promise: an ``Answer`` comes out only for a success that says so; everything else raises exactly one of
``p2pbot.errors``, with a plain sentence. No body, key or URL is quoted.
Danger: HTTP 200 proves nothing. An empty 200 means a wrong path or a call that the key may not make.
Source: the C2C chat protocol notes, section 1 (both envelopes, reported from live use).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

from p2pbot.errors import AnswerMalformed, ExchangeUnavailable, P2pbotError
from p2pbot.protocol import fields
from p2pbot.protocol.refusals import Refusal, error_of
from p2pbot.protocol.rest import Answer

MAX_ANSWER_BYTES = 2 * 1024 * 1024  # a page of 100 orders with bank data stays under 500 KB
SUCCESS = "000000"
_MAX_MESSAGE_CHARS = 2000
_BANNED_UNTIL = re.compile(r"banned until (\d{10,14})", re.IGNORECASE)
_COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)
_CHECK_URL = "check exchange.rest_url in the configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What came over HTTP. Times are ours, Unix milliseconds: when the request left and when the answer was whole.

    ``weight_used``: the header ``X-MBX-USED-WEIGHT-1M`` as it came, what the exchange counted of this address.
    """

    status: int
    body: bytes = field(repr=False)
    retry_after: str = ""
    asked_at_ms: int = 0
    received_at_ms: int = 0
    weight_used: str = ""


def weight_of(http: HttpAnswer) -> int | None:
    """Return what the exchange counted of this address in its running minute; None where it does not say so."""
    said = http.weight_used.strip()
    return int(said) if _COUNT.fullmatch(said) else None


def read_envelope(http: HttpAnswer, *, bare: bool = False) -> Answer:
    """Return the data of a successful answer.

    ``bare``: the answer has no envelope (``/api/v3/time``). Raises KeyRefused, LocationRefused, RateLimited, ClockSkew,
    ExchangeUnavailable, AnswerMalformed, RequestRefused.
    """
    said = _object(http.body) if len(http.body) <= MAX_ANSWER_BYTES else None
    if http.status != 200:  # noqa: PLR2004 - an HTTP status reads best as its number
        raise _refusal(http, said or {})
    if said is None:
        raise _not_json(http.body)
    code = fields.text(said.get("code"), fields.MAX_IDENTITY_CHARS)
    if bare and code is None:
        return Answer(data=said, as_of_ms=http.asked_at_ms)
    if code not in (SUCCESS, None):
        raise _refusal(http, said)
    if said.get("success") is not True and not (code == SUCCESS and said.get("success") is None):
        raise AnswerMalformed("the exchange's answer says neither success nor what failed", status=http.status)
    return Answer(data=said.get("data"), total=fields.count(said.get("total")), as_of_ms=http.asked_at_ms)


def _object(body: bytes) -> Mapping[str, object] | None:
    """Return the body as a JSON object. Fractions stay text, so that no money passes through a float.

    A byte that is no UTF-8 becomes a mark: in one message of a page it must not hide the others.
    """
    try:
        return fields.mapping(json.loads(body.decode("utf-8-sig", "replace"), parse_float=str))
    except (ValueError, RecursionError):
        return None


def _not_json(body: bytes) -> P2pbotError:
    """Return the error for a 200 that is not a JSON object."""
    if len(body) > MAX_ANSWER_BYTES:
        return AnswerMalformed(f"the exchange's answer is longer than {MAX_ANSWER_BYTES} bytes", status=200)
    start = body[:256].strip()
    if not start:
        return ExchangeUnavailable(
            "the exchange answered with nothing: the path is wrong, or the key may not make this call",
            remedy=f"{_CHECK_URL}, and in API Management that the key may use P2P",
            status=200,
        )
    if start.startswith(b"<"):
        return ExchangeUnavailable(
            "the exchange's address answered with a web page instead of data: a maintenance page, or not the exchange",
            remedy=_CHECK_URL,
            status=200,
        )
    return AnswerMalformed("the exchange's answer is not a JSON object", status=200)


def _refusal(http: HttpAnswer, said: Mapping[str, object]) -> P2pbotError:
    if 300 <= http.status < 400:  # noqa: PLR2004
        return AnswerMalformed(
            f"the exchange's address redirects elsewhere (HTTP {http.status}), which is not followed",
            remedy=_CHECK_URL,
            status=http.status,
        )
    message = fields.text(said.get("msg"), _MAX_MESSAGE_CHARS) or fields.text(said.get("message"), _MAX_MESSAGE_CHARS)
    code = fields.text(said.get("code"), fields.MAX_IDENTITY_CHARS)
    return error_of(
        Refusal(
            status=http.status,
            code=code or "",
            message=message or "",
            wait_s=_wait_s(http.retry_after, message or "", http.received_at_ms),
        )
    )


def _wait_s(retry_after: str, message: str, now_ms: int) -> float | None:
    """Return the longer of what the header and the words ask for, in seconds."""
    waits = [retry_after_s(retry_after, now_ms)]
    if until := _BANNED_UNTIL.search(message):
        digits = until.group(1)
        until_ms = int(digits) if len(digits) >= 13 else int(digits) * 1000  # noqa: PLR2004 - 13 digits: milliseconds
        waits.append((until_ms - now_ms) / 1000)
    return max((wait for wait in waits if wait is not None), default=None)


def retry_after_s(header: str, now_ms: int) -> float | None:
    """Return a Retry-After header (seconds or an HTTP date) as seconds from now, None when it says nothing usable."""
    if (seconds := fields.decimal(header)) is not None:
        return float(seconds)
    try:
        date = parsedate_to_datetime(header)
        return date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now_ms / 1000
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
