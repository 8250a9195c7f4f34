"""The requests in flight on one connection of the WebSocket API, and how a request is written and signed.

Promise: no two requests in flight have the same id; each is settled exactly once – by its answer, its refusal, the end
of the key, or by its owner giving it up; at most ``MAX_IN_FLIGHT`` are in flight. What answers nobody settles nothing.
Danger: a request is written (time stamp, signature) when it leaves, never before: a signed frame kept over a reconnect
is too old, or is accepted for another session.
Source: the futures and user-data notes, section 2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from p2pbot.errors import OurError
from p2pbot.protocol.signing import KeyKind, Signer, ws_payload
from p2pbot.protocol.ws_call import Security, T, WsCall
from p2pbot.protocol.ws_frames import Answered, Refused, Revoked, WsFrame
from p2pbot.secret import Secret

MAX_IN_FLIGHT = 32  # our loops ask one at a time; four times what all of them can have open at once
_LARGEST_ID = 2**31 - 1  # ids may be used again; a 32-bit reader on the other side must not stumble

Params: TypeAlias = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Settled:
    """The request ``request_id`` is over, by ``frame``."""

    request_id: int
    frame: Answered | Refused | Revoked


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What is in flight: ``methods`` by request id. ``last_id`` is the newest id given."""

    last_id: int = 0
    methods: Mapping[int, str] = field(default_factory=dict)

    def asked(self, method: str) -> tuple[int, Requests]:
        """Return the id for a new request, and what is in flight then. Raises OurError when too many are."""
        if len(self.methods) >= MAX_IN_FLIGHT:
            raise OurError(f"more than {MAX_IN_FLIGHT} requests are in flight on one connection")
        fresh = self.last_id % _LARGEST_ID + 1
        while fresh in self.methods:
            fresh = fresh % _LARGEST_ID + 1
        return fresh, replace(self, last_id=fresh, methods={**self.methods, fresh: method})

    def heard(self, frame: WsFrame) -> tuple[tuple[Settled, ...], Requests]:
        """Return what a frame settles, and what is in flight after it."""
        match frame:
            case Revoked():
                return tuple(Settled(one, frame) for one in self.methods), replace(self, methods={})
            case Answered(request_id=int(one)) | Refused(request_id=int(one)) if one in self.methods:
                return (Settled(one, frame),), self.forgotten(one)
            case _:
                return (), self

    def forgotten(self, request_id: int) -> Requests:
        """Return what is in flight when nobody waits for ``request_id`` any more; its late answer is a stray."""
        left = {one: method for one, method in self.methods.items() if one != request_id}
        return replace(self, methods=left)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who asks: the key, how it signs, and for how long a request is good."""

    api_key: Secret
    signer: Signer
    recv_window_ms: int | None = 5000

    @property
    def logs_on(self) -> bool:
        """Whether the session can be logged on, so that its requests need no signature: Ed25519 keys only."""
        return self.signer.kind is KeyKind.ED25519


def request_text(
    request_id: int, call: WsCall[T], identity: Identity, *, timestamp_ms: int, logged_on: bool = False
) -> str:
    """Return a request as it is written to the socket. ``timestamp_ms``: the exchange's time, now."""
    params = _params(call, identity, timestamp_ms, logged_on=logged_on)
    frame: dict[str, object] = {"id": request_id, "method": call.method}
    return json.dumps(frame | {"params": params} if params else frame, ensure_ascii=False, separators=(",", ":"))


def _params(call: WsCall[T], identity: Identity, timestamp_ms: int, *, logged_on: bool) -> Params:
    """Return the caller's parameters and what the call's security asks for; integers stay integers, as signed."""
    own: dict[str, str | int | bool] = dict(call.params)
    if call.security is Security.NONE:
        return own
    if call.security is Security.KEY:
        return {**own, "apiKey": identity.api_key.reveal()}
    stamped = {**own, "timestamp": timestamp_ms}
    if identity.recv_window_ms is not None:
        stamped["recvWindow"] = identity.recv_window_ms
    if logged_on and call.security is Security.SIGNED:
        return stamped
    known = {**stamped, "apiKey": identity.api_key.reveal()}
    return {**known, "signature": identity.signer.sign(ws_payload(known))}
