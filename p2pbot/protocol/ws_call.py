"""One call of the exchange's WebSocket API as a value: what to ask and how to read the answer. No I/O here.

Source: the futures and user-data notes, section 2. The list of methods is closed: no call that moves money or changes
an order exists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Security(StrEnum):
    """What a call must carry: nothing, the API key, or a time stamp and a signature (or a session that logged on).

    SIGNED_ITSELF: key and signature even in a session that logged on, as the logon itself and a signed subscription.
    """

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"
    SIGNED_ITSELF = "signed_itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class WsCall(Generic[T]):
    """A call whose answer is a ``T``.

    ``params`` are the caller's own, without key, time stamp and signature: integers as int, decimals as str.
    ``parse`` reads ``result`` and raises AnswerMalformed. ``weight`` counts against the address's minute.
    """

    method: str
    security: Security
    weight: int
    parse: Callable[[object], T] = field(repr=False)
    params: tuple[tuple[str, str | int | bool], ...] = ()
