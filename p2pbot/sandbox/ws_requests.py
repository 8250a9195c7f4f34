"""Requests of a WebSocket API as values, and the answers' envelope.

Promise: any text is either a request or a refusal that names the id where there was one; never another exception.
Source: futures and user-data notes section 2. The code for JSON that cannot be read is the public list's -1135, that
for an unknown method is made up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = Any
RequestId: TypeAlias = int | str | None

_LONGEST_ID = 64  # the public documents say 36; some clients make longer ones


class WsRefusal(Exception):
    """A request that is refused: ``status`` mirrors HTTP, ``data`` goes beside the code."""

    def __init__(self, status: int, code: int, message: str, data: Mapping[str, Json] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.data = data
        self.request_id: RequestId = None


@dataclass(frozen=True, slots=True)
class WsRequest:
    """One request. ``params`` are as sent."""

    request_id: RequestId
    method: str
    params: Mapping[str, Json] = field(repr=False)


def read_request(data: str | bytes) -> WsRequest:
    """Return the request in a frame. Raises WsRefusal."""
    try:
        asked = json.loads(data)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise WsRefusal(400, -1135, "Invalid JSON Request")
    number, method, params = asked.get("id"), asked.get("method"), asked.get("params", {})
    if isinstance(number, bool) or not isinstance(number, (int, str, type(None))) or len(str(number)) > _LONGEST_ID:
        raise WsRefusal(400, -1100, "Illegal characters found in parameter 'id'; legal range is an integer or a text.")
    refusal = _shape(asked, method, params)
    if refusal:
        refusal.request_id = number
        raise refusal
    return WsRequest(number, str(method), params)


def _shape(asked: Mapping[str, Json], method: Json, params: Json) -> WsRefusal | None:
    """Return what is wrong with a request's fields, or None."""
    if not isinstance(method, str) or not method:
        return WsRefusal(400, -1102, "Mandatory parameter 'method' was not sent, was empty/null, or malformed.")
    extra = set(asked) - {"id", "method", "params"}
    if extra or not isinstance(params, dict):
        return WsRefusal(400, -1101, "Too many parameters; expected 'id', 'method' and an object 'params'.")
    for name, value in params.items():
        # Integers travel as integers and decimals as texts, or nobody could sign exactly what was sent.
        if not isinstance(value, (str, int)):
            return WsRefusal(400, -1100, f"Illegal characters found in parameter '{name}'.")
    return None


def signed_payload(params: Mapping[str, Json]) -> str:
    """Return what a request's signature is made of: all but itself, sorted by name, nothing encoded."""
    return "&".join(f"{name}={_text(params[name])}" for name in sorted(params) if name != "signature")


def _text(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def answered(request_id: RequestId, result: Json, limits: list[Json] | None) -> dict[str, Json]:
    """Return the answer to a request that succeeded; ``limits`` None leaves ``rateLimits`` out."""
    answer = {"id": request_id, "status": 200, "result": result}
    return answer if limits is None else answer | {"rateLimits": limits}


def refused(request_id: RequestId, refusal: WsRefusal, limits: list[Json] | None) -> dict[str, Json]:
    """Return the answer to a request that was refused."""
    error: dict[str, Json] = {"code": refusal.code, "msg": refusal.message}
    if refusal.data:
        error["data"] = refusal.data
    answer: dict[str, Json] = {"id": request_id, "status": refusal.status, "error": error}
    return answer if limits is None else answer | {"rateLimits": limits}
