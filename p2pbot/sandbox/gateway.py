"""The REST front: routes, faults, key, permissions, clock and signature, both envelopes.

Promise: a request value in, an answer value out; every call is recorded with its account, endpoint and code.
Danger: the path list is closed. Nothing here moves money or changes an order, so a client that tried would get what a
wrong path gets: an empty 200.
Source: C2C chat notes section 1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from p2pbot.sandbox.faults import Fault
from p2pbot.sandbox.frames import encode
from p2pbot.sandbox.records import CallSeen
from p2pbot.sandbox.signatures import split_signed, verify
from p2pbot.sandbox.state import Account, State

_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NUMBER = re.compile(r"[0-9]{1,16}")
LONGEST_WINDOW_MS = 60_000
DEFAULT_WINDOW_MS = 5000
MOST_AHEAD_MS = 1000
_PAGE = "<html><head><title>SIMULATED gateway</title></head><body>SIMULATED: service unavailable</body></html>"
_UNKNOWN_ACCOUNT = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. ``raw_query`` is as on the wire; header names are lower case."""

    method: str
    path: str
    raw_query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


class Delivery(StrEnum):
    """What the shell does with the answer."""

    SEND = "send"
    HANG = "hang"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. ``code`` is the envelope's, for the record."""

    status: int = 200
    body: str = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    delivery: Delivery = Delivery.SEND
    hold_ms: int = 0


Parameters: TypeAlias = Mapping[str, Any]
Handler: TypeAlias = Callable[[Account, Parameters, int], Answer]
Public: TypeAlias = Callable[[int], Answer]
Scale: TypeAlias = "Callable[[Product, int, int], Answer | int]"  # the minute's sum of weights, or a refusal


class Check(StrEnum):
    """What a call is checked for: the key alone, or key, clock and signature."""

    KEY = "key"
    SIGNED = "signed"


class Product(StrEnum):
    """Which of the exchange's houses a call belongs to: its permissions and its budget of weight."""

    P2P = "p2p"
    FUTURES = "futures"
    SPOT = "spot"


@dataclass(frozen=True, slots=True)
class Route:
    """One call: its method, who may use it, and its handler. ``web_only``: needs ``clientType: web``."""

    method: str
    handler: Handler
    chat: bool = False
    web_only: bool = True
    check: Check = Check.SIGNED
    product: Product = Product.P2P
    weight: int = 0


def success(data: object, total: int | None = None) -> Answer:
    """Return the success envelope: ``code`` is a text."""
    envelope: dict[str, object] = {"code": "000000", "message": "success", "data": data, "success": True}
    if total is not None:
        envelope["total"] = total
    return Answer(body=encode(envelope), code="000000")


def refused(code: str, message: str) -> Answer:
    """Return the business error envelope: ``code`` is a text, HTTP 200."""
    return Answer(body=encode({"code": code, "message": message, "data": None, "success": False}), code=code)


def gateway_error(status: int, code: int, message: str, retry_after_s: int | None = None) -> Answer:
    """Return the gateway's envelope: ``code`` is a number, the text is under ``msg``."""
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return Answer(status, encode({"code": code, "msg": message}), headers=headers, code=str(code))


ILLEGAL = gateway_error(400, -31002, "illegal parameter")
_KEY_ERRORS = {
    -2008: gateway_error(400, -2008, "Invalid Api-Key ID."),
    -2014: gateway_error(401, -2014, "API-key format invalid."),
    -2015: gateway_error(401, -2015, "Invalid API-key, IP, or permissions for action."),
    -1022: gateway_error(400, -1022, "Signature for this request is not valid."),
}


class Gateway:
    """Answers REST requests over a closed list of routes."""

    def __init__(
        self, state: State, routes: Iterable[tuple[str, Route]], public: Mapping[str, Public], scale: Scale
    ) -> None:
        self._state = state
        self._routes = {(route.method, path): route for path, route in routes}
        self._public = public
        self._scale = scale

    def answer(self, request: Request, now_ms: int) -> Answer:
        """Answer one request and record it under the account of its key ('' = nobody's)."""
        account = self._owner(request)
        name = account.spec.name if account else _UNKNOWN_ACCOUNT
        endpoint = request.path.rpartition("/")[2]
        answer = self._faulty(request, account, name, endpoint, now_ms)
        if account:
            seen = CallSeen(at_ms=now_ms, account=name, endpoint=endpoint, status=answer.status, code=answer.code)
            account.calls.append(seen)
        return answer

    def _owner(self, request: Request) -> Account | None:
        key = request.headers.get("x-mbx-apikey", "")
        return next((one for one in self._state.accounts.values() if one.spec.api_key == key), None)

    def _faulty(self, request: Request, account: Account | None, name: str, endpoint: str, now_ms: int) -> Answer:
        for fault_name, play in _PLAYED_BEFORE.items():
            fault = self._strike(fault_name, name, endpoint, now_ms)
            if fault:
                return play(fault)
        answer = self._routed(request, account, now_ms)
        late = self._strike("rest_timeout", name, endpoint, now_ms)
        if late:
            return Answer(code="rest_timeout", delivery=Delivery.HANG, hold_ms=late.number("hold_ms"))
        if self._strike("rest_drop", name, endpoint, now_ms):
            return Answer(code="rest_drop", delivery=Delivery.RESET)
        return answer

    def _strike(self, fault_name: str, account: str, endpoint: str, now_ms: int) -> Fault | None:
        state = self._state
        return state.faults.strike(fault_name, now_ms, state.rng, account=account, endpoint=endpoint)

    def _routed(self, request: Request, account: Account | None, now_ms: int) -> Answer:
        public = self._public.get(request.path) if request.method == "GET" else None
        if public:
            product = Product.SPOT if request.path.startswith("/api/") else Product.FUTURES
            return self._weighed(product, 1, now_ms, lambda: public(now_ms))
        route = self._routes.get((request.method, request.path))
        if route is None:
            return Answer() if request.path.startswith("/sapi/") else Answer(404, _PAGE, "text/html")
        return self._weighed(
            route.product, route.weight, now_ms, lambda: self._checked(route, request, account, now_ms)
        )

    def _weighed(self, product: Product, weight: int, now_ms: int, deed: Callable[[], Answer]) -> Answer:
        if not weight:
            return deed()
        used = self._scale(product, weight, now_ms)
        if isinstance(used, Answer):
            return used
        answer = deed()
        return replace(answer, headers={**answer.headers, "X-MBX-USED-WEIGHT-1M": str(used)})

    def _checked(self, route: Route, request: Request, account: Account | None, now_ms: int) -> Answer:
        bad = self._key_trouble(route, request, account, now_ms)
        if bad or account is None:
            return bad or _KEY_ERRORS[-2008]
        if route.check is Check.KEY:
            return route.handler(account, _form(request), now_ms)
        return self._signature_trouble(request, account, now_ms) or _handled(route, request, account, now_ms)

    def _key_trouble(self, route: Route, request: Request, account: Account | None, now_ms: int) -> Answer | None:
        """Return the refusal of a malformed, unknown or forbidden key, or None."""
        if not _KEY.fullmatch(request.headers.get("x-mbx-apikey", "")):
            return _KEY_ERRORS[-2014]
        if account is None:
            return _KEY_ERRORS[-2008]
        fault = self._state.faults.strike("key_refused", now_ms, self._state.rng, account=account.spec.name)
        if fault:
            return _KEY_ERRORS.get(fault.number("code"), _KEY_ERRORS[-2015])
        allowed = account.spec.p2p_allowed or route.product is not Product.P2P
        return None if allowed and account.spec.address_allowed and account.key_valid else _KEY_ERRORS[-2015]

    def _signature_trouble(self, request: Request, account: Account, now_ms: int) -> Answer | None:
        """Return the refusal of missing parameters, a wrong clock or a wrong signature, in this order, or None."""
        query = dict(parse_qsl(request.raw_query, keep_blank_values=True))
        bad = _missing(query) or self._late(query, now_ms)
        if bad:
            return bad
        signed = split_signed(request.raw_query)
        return None if signed and verify(account.spec, *signed) else _KEY_ERRORS[-1022]

    def _late(self, query: Mapping[str, str], now_ms: int) -> Answer | None:
        """Return -1021 for a clock outside recvWindow: at most 1 s ahead, at most recvWindow behind."""
        window = int(query.get("recvWindow") or DEFAULT_WINDOW_MS)
        behind = self._state.exchange_ms(now_ms) - int(query["timestamp"])
        if behind <= -MOST_AHEAD_MS:
            return gateway_error(400, -1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if behind > window:
            return gateway_error(400, -1021, "Timestamp for this request is outside of the recvWindow.")
        return None


def _handled(route: Route, request: Request, account: Account, now_ms: int) -> Answer:
    if route.web_only and request.headers.get("clienttype") != "web":
        return ILLEGAL
    if route.chat and not account.spec.merchant:
        return Answer()
    parameters = _parameters(request)
    return ILLEGAL if parameters is None else route.handler(account, parameters, now_ms)


def _missing(query: Mapping[str, str]) -> Answer | None:
    for name in ("timestamp", "signature"):
        if not query.get(name):
            return gateway_error(
                400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
            )
    window = query.get("recvWindow", "0")
    if not _NUMBER.fullmatch(query["timestamp"]) or not _NUMBER.fullmatch(window):
        return gateway_error(400, -1100, "Illegal characters found in a parameter.")
    if int(window) > LONGEST_WINDOW_MS:
        return gateway_error(400, -1131, "recvWindow must be less than 60000.")
    return None


def _form(request: Request) -> Parameters:
    """Return what an unsigned call carries, in its query or as a form."""
    texts = (request.raw_query, request.body.decode("utf-8", "replace"))
    return {name: value for text in texts for name, value in parse_qsl(text, keep_blank_values=True)}


def _parameters(request: Request) -> Parameters | None:
    """Return a GET's query or a POST's JSON body; None if the body is not a JSON object."""
    if request.method == "GET":
        return dict(parse_qsl(request.raw_query, keep_blank_values=True))
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _limited(status: int) -> Callable[[Fault], Answer]:
    words = "Too many requests; SIMULATED." if status == 429 else "Way too many requests; banned; SIMULATED."  # noqa: PLR2004
    return lambda fault: gateway_error(status, -1003, words, fault.number("retry_after_s"))


_PLAYED_BEFORE: dict[str, Callable[[Fault], Answer]] = {
    "rest_429": _limited(429),
    "rest_418": _limited(418),
    "rest_451": lambda _: Answer(451, encode({"code": 0, "msg": "restricted location; SIMULATED"})),
    "rest_5xx": lambda fault: Answer(fault.number("status"), _PAGE, "text/html"),
    "rest_empty_200": lambda _: Answer(),
    "rest_html": lambda _: Answer(200, _PAGE, "text/html"),
    "rest_garbage": lambda _: Answer(
        200, '{"code":"000000","message":"success","data":"SIMULATED garbage","success":true}'
    ),
}
