"""Read one text frame of the exchange's WebSocket API: an answer, a refusal, a push, or something unknown.

Promise: nothing here raises, whatever comes; a frame that is not understood is a value, with what it looked like and
never with what it said. Fractions stay text, so that no money passes through a float.
Danger: the frame ``{"id": null, "status": 401, …}`` answers nobody: it says that the key of the session is no longer
valid, and kills readers that look up its id.
Source: the futures and user-data notes, section 2; the spot interface's ``serverShutdown`` and subscriptions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from p2pbot.errors import P2pbotError
from p2pbot.protocol import fields
from p2pbot.protocol.refusals import Refusal, error_of

_OK = 200
_UNAUTHORISED = 401
_KEY_INVALID = "-2015"
_TOO_MANY = "-1003"
_SHUTDOWN = "serverShutdown"
_MAX_MESSAGE_CHARS = 2000
_EPOCH_MS = 10**11  # above it a retryAfter is a moment (1973 and later), below it a duration
_CODE = re.compile(r"-?[0-9]{1,9}")
_BANNED_UNTIL = re.compile(r"banned until (\d{13})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightCount:
    """What the exchange has counted of this address in the running minute, and what it allows."""

    used: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Our request ``request_id`` was served."""

    request_id: int
    result: object = field(repr=False)
    weight: WeightCount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A request was not served. ``request_id`` None: the exchange does not say which (a frame it could not read).

    ``retry_after_ms``: a duration, or a moment in Unix milliseconds if it is large; None when it says nothing.
    """

    request_id: int | None
    status: int
    code: str = ""
    message: str = field(default="", repr=False)
    retry_after_ms: int | None = None
    weight: WeightCount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """The key that the session logged on with is no longer valid: every request in flight has failed."""

    code: str = ""
    message: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ServerShutdown:
    """The server will soon go away: open the next connection now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedEvent:
    """A user-data event of a subscription. ``subscription_id`` None: the frame names none."""

    subscription_id: int | None
    event: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownFrame:
    """Something else: ``look`` is a word for its shape, ``size`` its characters or bytes."""

    look: str
    size: int


WsFrame: TypeAlias = Answered | Refused | Revoked | ServerShutdown | PushedEvent | UnknownFrame


def read_ws_frame(raw: str | bytes) -> WsFrame:
    """Return what one message of the connection is."""
    if isinstance(raw, bytes):
        return UnknownFrame(look="binary", size=len(raw))
    said = _object(raw)
    if said is None:
        return UnknownFrame(look="no JSON object", size=len(raw))
    if "event" in said or "e" in said:
        return _push(said, len(raw))
    status = fields.count(said.get("status"))
    if status is None or "id" not in said:
        return UnknownFrame(look="neither answer nor event", size=len(raw))
    return _answer(said, status, len(raw))


def _object(raw: str) -> Mapping[str, object] | None:
    try:
        return fields.mapping(json.loads(raw, parse_float=str))
    except (ValueError, RecursionError):
        return None


def _push(said: Mapping[str, object], size: int) -> WsFrame:
    event = fields.mapping(said.get("event")) or (said if "e" in said else None)
    if event is None:
        return UnknownFrame(look="event without content", size=size)
    if event.get("e") == _SHUTDOWN:
        return ServerShutdown()
    return PushedEvent(subscription_id=fields.count(said.get("subscriptionId")), event=event)


def _answer(said: Mapping[str, object], status: int, size: int) -> WsFrame:
    error = fields.mapping(said.get("error")) or {}
    code = _code(error.get("code"))
    message = fields.text(error.get("msg"), _MAX_MESSAGE_CHARS) or ""
    request_id = fields.count(said.get("id"))
    if request_id is None and (status == _UNAUTHORISED or code == _KEY_INVALID):
        return Revoked(code=code, message=message)
    weight = _weight(said.get("rateLimits"))
    if status == _OK and not error:
        if request_id is None:
            return UnknownFrame(look="answer to nobody", size=size)
        return Answered(request_id=request_id, result=said.get("result"), weight=weight)
    wait_ms = fields.millis((fields.mapping(error.get("data")) or {}).get("retryAfter"))
    return Refused(
        request_id=request_id, status=status, code=code, message=message, retry_after_ms=wait_ms, weight=weight
    )


def _code(value: object) -> str:
    """Return the exchange's code as text; '' for what is no number, for it will be shown."""
    found = fields.identity(value)
    return found if _CODE.fullmatch(found) else ""


def _weight(limits: object) -> WeightCount | None:
    """Return the count of the minute's weight; an exchange that names several is believed in the tightest."""
    rows = [row for row in limits if isinstance(row, dict)] if isinstance(limits, list) else []
    minutes = [
        (used, limit)
        for row in rows
        if row.get("rateLimitType") == "REQUEST_WEIGHT"
        and (row.get("interval"), fields.count(row.get("intervalNum"))) == ("MINUTE", 1)
        and (used := fields.count(row.get("count"))) is not None
        and (limit := fields.count(row.get("limit")))
    ]
    if not minutes:
        return None
    used, limit = min(minutes, key=lambda pair: pair[1] - pair[0])
    return WeightCount(used=used, limit=limit)


def ws_refusal(frame: Refused | Revoked, now_ms: int) -> P2pbotError:
    """Return the error that a refusal is. ``now_ms``: Unix time, for a ``retryAfter`` that names a moment."""
    if isinstance(frame, Revoked):
        return error_of(Refusal(status=_UNAUTHORISED, code=frame.code or _KEY_INVALID, message=frame.message))
    # -1003 is "slow down" whatever status it came with: its own code decides, so that a wait is never lost.
    status = 429 if frame.code == _TOO_MANY and frame.status not in (418, 429) else frame.status
    return error_of(Refusal(status=status, code=frame.code, message=frame.message, wait_s=_wait_s(frame, now_ms)))


def _wait_s(frame: Refused, now_ms: int) -> float | None:
    """Return the longer of what the answer's data and its words ask for, in seconds."""
    moments = [int(found.group(1))] if (found := _BANNED_UNTIL.search(frame.message)) else []
    if frame.retry_after_ms is not None:
        moments.append(frame.retry_after_ms + (0 if frame.retry_after_ms > _EPOCH_MS else now_ms))
    return (max(moments) - now_ms) / 1000 if moments else None
