"""What each refusal of the exchange means to a merchant: one table from its code to one of our errors.

Promise: every text is a plain sentence, most with what to do; none holds a key, a URL, or words that the exchange
echoed from our request unscrubbed.
Source: the C2C chat protocol notes, section 1, and Binance's general error list.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from p2pbot.errors import (
    ClockSkew,
    ExchangeUnavailable,
    KeyRefused,
    LocationRefused,
    P2pbotError,
    RateLimited,
    RequestRefused,
)

SLOW_DOWN_S = 60.0  # 429 without Retry-After: the exchange counts per minute
BANNED_S = 300.0  # 418 without Retry-After: bans run from two minutes upwards
LONGEST_WAIT_S = 259_200.0  # the longest documented ban is three days; more is a broken header

_API_MANAGEMENT = "open API Management at the exchange"
_MAX_QUOTED_CHARS = 160
_TOKEN = re.compile(r"[\w+/=%.-]{20,}")  # keys, tokens, signatures; no word of a sentence is that long


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What the exchange said. ``code`` is its own code as text, '' when there was none; ``status`` is HTTP."""

    status: int
    code: str = ""
    message: str = ""
    wait_s: float | None = None
    """How long it asks us to be silent, where it says so."""


def quoted(message: str) -> str:
    """Return the exchange's own words, short, on one line, without anything that looks like a URL or a token."""
    words = ("…" if "://" in word else word for word in message.split())
    bare = _TOKEN.sub("…", " ".join(words))
    line = " ".join("".join(char if char.isprintable() else " " for char in bare).split())
    return line if len(line) <= _MAX_QUOTED_CHARS else f"{line[: _MAX_QUOTED_CHARS - 1]}…"


def error_of(refusal: Refusal) -> P2pbotError:
    """Return the error that a refusal is: by status where the status alone decides, then by code, then by status."""
    if refusal.status == 451:  # noqa: PLR2004 - an HTTP status reads best as its number
        return LocationRefused(
            "the exchange does not serve the country of this machine (HTTP 451)",
            remedy="run p2pbot on a machine with a fixed address in a country that it serves",
        )
    if refusal.status in (418, 429):
        return _rate_limited(refusal)
    if refusal.status >= 500:  # noqa: PLR2004
        return _unavailable(refusal)
    known = _BY_CODE.get(refusal.code) or _BY_STATUS.get(refusal.status)
    return known(refusal) if known else _refused(refusal)


def _rate_limited(refusal: Refusal) -> RateLimited:
    banned = refusal.status == 418 or "banned" in refusal.message.lower()  # noqa: PLR2004
    default = BANNED_S if banned else SLOW_DOWN_S
    wait_s = min(max(default if refusal.wait_s is None else refusal.wait_s, 1.0), LONGEST_WAIT_S)
    what = (
        f"the exchange has banned this machine's address for {wait_s:.0f} s: too many requests were sent"
        if banned
        else f"the exchange asks us to send fewer requests: nothing is sent for {wait_s:.0f} s"
    )
    return RateLimited(what, retry_after_s=wait_s, banned=banned, code=refusal.code, status=refusal.status)


def _unavailable(refusal: Refusal) -> ExchangeUnavailable:
    return ExchangeUnavailable(
        f"the exchange cannot answer now ({_named(refusal)})",
        remedy="p2pbot tries again by itself; if it lasts, look at the exchange's status page",
        code=refusal.code,
        status=refusal.status,
    )


def _clock_skew(refusal: Refusal) -> ClockSkew:
    return ClockSkew(
        "the exchange refused the time stamp of a request: the clocks differ",
        remedy="p2pbot learns the exchange's clock and tries once more; if it lasts, switch on NTP on this machine",
        code=refusal.code,
        status=refusal.status,
    )


def _bad_signature(_refusal: Refusal) -> KeyRefused:
    return KeyRefused(
        "the exchange refused the signature: the API secret or private key does not belong to the API key",
        remedy="copy key and secret again, both from the same entry of API Management; "
        "for RSA and Ed25519 register the public half of exactly this private key",
    )


def _unknown_key(_refusal: Refusal) -> KeyRefused:
    return KeyRefused(
        "the exchange does not know this API key",
        remedy=f"{_API_MANAGEMENT}, check that the key still exists, and copy it again",
    )


def _malformed_key(_refusal: Refusal) -> KeyRefused:
    return KeyRefused(
        "the exchange says that the API key is not in the form of a key",
        remedy="copy the API key again, whole and without spaces, and check that it is not the secret",
    )


def _not_allowed(_refusal: Refusal) -> KeyRefused:
    return KeyRefused(
        "the exchange refused the API key: wrong key, this machine's address is not allowed, "
        "or the permission is missing",
        remedy=f"{_API_MANAGEMENT}, allow this machine's address, enable reading and P2P",
    )


def _missing_parameter(refusal: Refusal) -> RequestRefused:
    return RequestRefused(
        f"the exchange misses a parameter in the request{_words(refusal)}",
        remedy="the interface may have changed: look for a newer p2pbot, or report this",
        code=refusal.code,
        status=refusal.status,
    )


def _illegal_parameter(refusal: Refusal) -> RequestRefused:
    return RequestRefused(
        "the exchange calls a parameter of the request illegal (-31002)",
        remedy="check that the order belongs to this account and that the account is a P2P merchant's; "
        "else look for a newer p2pbot",
        code=refusal.code,
        status=refusal.status,
    )


def _no_such_path(refusal: Refusal) -> RequestRefused:
    return RequestRefused(
        f"the exchange does not know this call ({_named(refusal)})",
        remedy="check exchange.rest_url in the configuration; else look for a newer p2pbot",
        code=refusal.code,
        status=refusal.status,
    )


def _refused(refusal: Refusal) -> RequestRefused:
    return RequestRefused(
        f"the exchange refused the request ({_named(refusal)}){_words(refusal)}",
        code=refusal.code,
        status=refusal.status,
    )


def _named(refusal: Refusal) -> str:
    return f"HTTP {refusal.status}, code {quoted(refusal.code)}" if refusal.code else f"HTTP {refusal.status}"


def _words(refusal: Refusal) -> str:
    said = quoted(refusal.message)
    return f": “{said}”" if said else ""


_BY_CODE: dict[str, Callable[[Refusal], P2pbotError]] = {
    "-1000": _unavailable,  # "an unknown error occurred while processing the request"
    "-1001": _unavailable,  # internal disconnect
    "-1002": _not_allowed,
    "-1003": _rate_limited,
    "-1006": _unavailable,  # outcome unknown; our calls are all repeatable
    "-1007": _unavailable,
    "-1008": _unavailable,  # overloaded
    "-1021": _clock_skew,
    "-1022": _bad_signature,
    "-1102": _missing_parameter,
    "-2008": _unknown_key,
    "-2014": _malformed_key,
    "-2015": _not_allowed,
    "-31002": _illegal_parameter,
}

_BY_STATUS: dict[int, Callable[[Refusal], P2pbotError]] = {
    401: _not_allowed,
    403: _not_allowed,
    404: _no_such_path,
    408: _unavailable,
    410: _no_such_path,
}
