"""One REST call of the exchange as a value: what to ask and how to read the answer. No I/O here.

Source: the C2C chat protocol notes, section 1. The path list is closed: no call that moves money or changes an order
or an ad exists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A successful answer, out of its envelope.

    ``total`` is the row count of all pages, where the exchange says it. ``as_of_ms`` is our time when the request
    left: what ``data`` says is at least that fresh. (The time of arrival would let a slow, stale answer win over news.)
    """

    data: object = field(repr=False)
    total: int | None = None
    as_of_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RestCall(Generic[T]):
    """A call whose answer is a ``T``.

    ``query`` is unsigned parameters in order; ``body`` JSON or None; ``parse`` reads an ``Answer`` and raises
    AnswerMalformed. ``idempotent``: a repeated call does no harm, so the door may retry it. ``signed``: the key's
    header, timestamp, recvWindow and signature are added. ``keyed``: the key's header alone. ``bare``: the answer comes
    without an envelope. ``patient``: nobody waits for the answer, so the door lets it through at a slower pace.
    ``weight`` counts against the address's minute, where the door's gate counts weights.
    """

    name: str
    method: str
    path: str
    parse: Callable[[Answer], T] = field(repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: Mapping[str, object] | None = None
    signed: bool = True
    keyed: bool = False
    idempotent: bool = True
    bare: bool = False
    patient: bool = False
    weight: int = 1
