"""The exchange's side of Mini Program open data: judges the signed question, and encrypts the answer for the merchant.

Promise: pure but for the padding of the encryption, which is random by nature; a request value in, an answer value out.
Danger: it verifies the token of authority by hand, without the library that the client uses: a mistake that both made
would be found by neither.
Source: the open-data notes. How far a question's time may be off is not published; here it is a minute.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from p2pbot.sandbox.chance import Chance, hex_text
from p2pbot.sandbox.frames import encode
from p2pbot.sandbox.gateway import Answer, Request
from p2pbot.sandbox.options import SandboxMiniProgram

PREFIX = "/mp-api/"
TOKEN_LIFE_MS = 120_000
_CLOCK_OFF_S = 60
_MOST_TOKENS = 1000  # of a sandbox that runs for months; the oldest have expired long ago
_PATH_PARTS = 6  # '', mp-api, v1, apps, the app's id, user-open-data


@dataclass(frozen=True, slots=True)
class _Issued:
    app_id: str
    open_id: str = field(repr=False)
    at_ms: int


class OpenDataDesk:
    """Answers questions about the users of the Mini Programs that it knows."""

    def __init__(self, programs: tuple[SandboxMiniProgram, ...], rng: Chance) -> None:
        self._programs = {program.app_id: program for program in programs}
        self._rng = rng
        self._issued: dict[str, _Issued] = {}
        self.codes: list[str] = []

    def issue(self, app_id: str, open_id: str, now_ms: int, token: str = "") -> str:
        """Let a user agree in the Mini Program; return the data token. Raises KeyError for an unknown app.

        A token that is made up has the characters that must be encoded in an address.
        """
        if app_id not in self._programs:
            raise KeyError(f"there is no Mini Program {app_id!r}")
        made = token or f"{hex_text(self._rng, 24)}+/{hex_text(self._rng, 6)}=="
        self._issued[made] = _Issued(app_id, open_id, now_ms)
        while len(self._issued) > _MOST_TOKENS:
            del self._issued[next(iter(self._issued))]
        return made

    def answer(self, request: Request, now_ms: int) -> Answer:
        """Answer one question. ``codes`` remembers what was said, oldest first."""
        program = self._programs.get(_app_id(request.path) or "")
        code, data = ("900001", "") if program is None else self._judged(program, request, now_ms)
        self.codes = [*self.codes, code][-_MOST_TOKENS:]
        if code == "000000":
            return _envelope(200, code, {"userData": data})
        return _envelope(200 if program is None else program.error_status, code, None)

    def _judged(self, program: SandboxMiniProgram, request: Request, now_ms: int) -> tuple[str, str]:
        """Return the code and, with 000000, the encrypted open id."""
        asked = [unquote(value) for name, _, value in _pairs(request.raw_query) if name == "openData"]
        if request.method != "GET" or len(asked) != 1 or not asked[0]:
            return "900001", ""
        if not _has_authority(program, request, now_ms):
            return "900002", ""
        issued = self._issued.get(asked[0])
        if issued is None or issued.app_id != program.app_id:
            return "900201", ""
        if now_ms - issued.at_ms > TOKEN_LIFE_MS:
            return "900200", ""
        return "000000", sealed(program, issued.open_id)


def sealed(program: SandboxMiniProgram, text: str) -> str:
    """Return ``text`` encrypted for the program's public key, in base64 as this program is answered."""
    key = load_pem_public_key(program.public_key_pem.encode())
    if not isinstance(key, RSAPublicKey):
        raise ValueError("a Mini Program registers an RSA key")  # noqa: TRY004 – a wrong value of the input
    data = key.encrypt(text.encode(), PKCS1v15())
    letters = (base64.urlsafe_b64encode if program.url_safe else base64.b64encode)(data).decode()
    return letters if program.padded else letters.rstrip("=")


def canonical_request(request: Request) -> str:
    """Return what the client should have digested, from the address as it came."""
    path = "/".join(map(_again, request.path.split("/")))
    query = "&".join(f"{_again(name)}{equals}{_again(value)}" for name, equals, value in _pairs(request.raw_query))
    slashed = path if path.endswith("/") else f"{path}/"
    return f"{request.method}\n{slashed}\n{query}\n{hashlib.sha256(request.body).hexdigest()}"


def _again(text: str) -> str:
    return quote(unquote(text), safe="-_.~", errors="replace")


def _pairs(raw_query: str) -> list[tuple[str, str, str]]:
    return [pair.partition("=") for pair in raw_query.split("&") if pair]


def _app_id(path: str) -> str | None:
    parts = path.split("/")
    known = len(parts) == _PATH_PARTS and parts[1:4] == ["mp-api", "v1", "apps"] and parts[5] == "user-open-data"
    return unquote(parts[4]) if known else None


def _has_authority(program: SandboxMiniProgram, request: Request, now_ms: int) -> bool:
    """Whether the request carries a JWT (HS256) of the program for exactly this request, made about now."""
    signed, _, signature = request.headers.get("x-mp-open-api-token", "").rpartition(".")
    wanted = hmac.new(program.secret_key.encode(), signed.encode("utf-8", "surrogateescape"), hashlib.sha256).digest()
    try:
        if not hmac.compare_digest(wanted, _bytes(signature)):
            return False
        header, claims = (_json(part) for part in signed.split("."))
    except ValueError:  # no base64, no JSON, not two parts
        return False
    at_s = claims.get("ts")
    return (
        header.get("alg") == "HS256"
        and claims.get("iss") == program.access_key
        and claims.get("dig") == hashlib.sha256(canonical_request(request).encode()).hexdigest()
        and type(at_s) is int
        and abs(now_ms / 1000 - at_s) <= _CLOCK_OFF_S
    )


def _json(part: str) -> Mapping[str, Any]:
    value = json.loads(_bytes(part))
    return value if isinstance(value, dict) else {}


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _envelope(status: int, code: str, data: object) -> Answer:
    good = code == "000000"
    said = {"code": code, "message": None if good else f"SIMULATED refusal {code}", "data": data, "success": good}
    return Answer(status, encode(said), code=code)
