"""One frame of a WebSocket API: read, weighed, checked, answered, recorded; and every way in which that may fail.

Promise: each request is answered once, or a fault or a revocation took the answer away; each is recorded.
Danger: a session whose key was revoked learns it only by its next request, with a frame whose id is null.
Source: futures and user-data notes section 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from p2pbot.sandbox import ws_security
from p2pbot.sandbox.context_state import ContextState
from p2pbot.sandbox.faults import Fault
from p2pbot.sandbox.links import Link, LinkKind, Source
from p2pbot.sandbox.records import WsCallSeen
from p2pbot.sandbox.state import Account, Mute
from p2pbot.sandbox.weights import OverWeight
from p2pbot.sandbox.ws_methods import METHODS, Security, WsCall, WsMethod, log_out
from p2pbot.sandbox.ws_requests import Json, WsRefusal, WsRequest, answered, read_request, refused

_PAGE = "<html><body>SIMULATED: a gateway's page, not JSON</body></html>"
_HANDSHAKE_WEIGHTS = {LinkKind.FUTURES_API: 5, LinkKind.SPOT_API: 2}
_SIGNING = ("apiKey", "signature", "timestamp", "recvWindow")


def source_of(link: Link) -> Source:
    """Return whose weights a link's requests count against."""
    return Source.SPOT if link.kind is LinkKind.SPOT_API else Source.FUTURES


def weigh_handshake(context: ContextState, link: Link, now_ms: int) -> OverWeight | None:
    """Count a handshake's weight; return the refusal, if it is too much."""
    weight = _HANDSHAKE_WEIGHTS.get(link.kind, 0)
    return context.weights[source_of(link)].spend(weight, now_ms) if weight else None


def take(context: ContextState, link: Link, data: str | bytes, now_ms: int) -> None:
    """Take one frame of the peer's."""
    if context.links.mute_of(link, now_ms) is not Mute.NONE:
        return
    request: WsRequest | None = None
    try:
        request = read_request(data)
        if _revoked(context, link, request, now_ms):
            return
        _weigh(context, link, request, now_ms)
        result = _performed(context, link, request, now_ms)
    except WsRefusal as refusal:
        number = request.request_id if request else refusal.request_id
        answer = refused(number, refusal, _limits(context, link, request, now_ms))
        _note(context, link, request, refusal.status, str(refusal.code), now_ms)
    else:
        answer = answered(request.request_id, result, _limits(context, link, request, now_ms))
        _note(context, link, request, 200, "", now_ms)
    _send(context, link, request, answer, now_ms)


def _revoked(context: ContextState, link: Link, request: WsRequest, now_ms: int) -> bool:
    """End the session of a key that is no longer in force: the request gets no answer but the revocation."""
    logon = link.logon
    if logon is None or ws_security.is_allowed(context.state.account(logon.account)):
        return False
    log_out(context, link, now_ms)
    _note(context, link, request, 401, "revoked", now_ms)
    context.links.send(link, refused(None, ws_security.bad_key(), None), now_ms)
    return True


def _weigh(context: ContextState, link: Link, request: WsRequest, now_ms: int) -> None:
    method = METHODS[link.kind].get(request.method)
    over = context.weights[source_of(link)].spend(method.weight if method else 1, now_ms)
    if over:
        raise over_weight(context, over, now_ms)


def over_weight(context: ContextState, over: OverWeight, now_ms: int) -> WsRefusal:
    """Return the refusal of a request that is one too many; ``retryAfter`` is the exchange's time, in ms."""
    server_ms = context.state.exchange_ms(now_ms)
    until_ms = server_ms + over.until_ms - now_ms
    words = "Too many requests; current limit is reached. SIMULATED."
    if over.status == 418:  # noqa: PLR2004 - banned
        words = f"Way too much request weight used; IP banned until {until_ms}. SIMULATED."
    return WsRefusal(over.status, -1003, words, {"serverTime": server_ms, "retryAfter": until_ms})


def _performed(context: ContextState, link: Link, request: WsRequest, now_ms: int) -> Json:
    """Check a request and carry it out. Raises WsRefusal."""
    method = METHODS[link.kind].get(request.method)
    if method is None:
        raise WsRefusal(400, -1000, "Unknown method: SIMULATED.")
    fault = _strike(context, link, request, "ws_api_error", now_ms)
    if fault and not fault.parameters["carried_out"]:
        raise _played(context, fault, now_ms)
    _check_parameters(method, request)
    account = _asking(context, link, method, request.params, now_ms)
    if account:
        link.account = account.spec.name
    result = method.handler(WsCall(context, link, account, request.params, now_ms))
    if fault:
        raise _played(context, fault, now_ms)
    return result


def _played(context: ContextState, fault: Fault, now_ms: int) -> WsRefusal:
    data = None
    if fault.number("retry_after_ms"):
        server_ms = context.state.exchange_ms(now_ms)
        data = {"serverTime": server_ms, "retryAfter": server_ms + fault.number("retry_after_ms")}
    return WsRefusal(fault.number("status"), fault.number("code"), "SIMULATED fault.", data)


def _check_parameters(method: WsMethod, request: WsRequest) -> None:
    known = {*method.parameters, *_SIGNING, "returnRateLimits"}
    if any(name not in known for name in request.params):
        read = sum(name in known for name in request.params)
        sent = len(request.params)
        raise WsRefusal(
            400, -1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
        )


def _asking(
    context: ContextState, link: Link, method: WsMethod, params: Mapping[str, Any], now_ms: int
) -> Account | None:
    if method.security is Security.KEY:
        return ws_security.keyed(context, link, params, now_ms)
    if method.security is Security.SIGNED:
        return ws_security.signed(context, link, params, now_ms)
    if method.security is Security.LOGON:
        return ws_security.logging_on(context, params, now_ms)
    return None


def _limits(context: ContextState, link: Link, request: WsRequest | None, now_ms: int) -> list[Json] | None:
    wanted = request.params.get("returnRateLimits", link.returns_limits) if request else link.returns_limits
    return [context.weights[source_of(link)].row(now_ms)] if wanted in (True, "true") else None


def _send(context: ContextState, link: Link, request: WsRequest | None, answer: Json, now_ms: int) -> None:
    if _strike(context, link, request, "ws_api_lost", now_ms):
        return
    page = _strike(context, link, request, "ws_api_html", now_ms)
    late = _strike(context, link, request, "ws_api_late", now_ms)
    payload = _PAGE if page else answer
    if late:
        context.state.later(now_ms + late.number("delay_ms"), lambda at: _say(context, link, payload, at))
    else:
        _say(context, link, payload, now_ms)


def _say(context: ContextState, link: Link, payload: Json, now_ms: int) -> None:
    context.links.send(link, payload, now_ms)


def _strike(context: ContextState, link: Link, request: WsRequest | None, name: str, now_ms: int) -> Fault | None:
    state, method = context.state, request.method if request else ""
    return state.faults.strike(name, now_ms, state.rng, account=link.account, method=method)


def _note(context: ContextState, link: Link, request: WsRequest | None, status: int, code: str, now_ms: int) -> None:
    seen = WsCallSeen(
        at_ms=now_ms,
        socket_id=link.socket_id,
        account=link.account,
        method=request.method if request else "",
        status=status,
        code=code,
        signed=bool(request and "signature" in request.params),
    )
    context.calls.append(seen)
