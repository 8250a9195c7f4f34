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
class RestCall(Generic[T]):
    """A call whose answer is a ``T``.

    ``query`` is unsigned parameters in order; ``body`` JSON or None; ``parse`` reads the envelope's ``data`` and
    raises AnswerMalformed.
    ``idempotent``: a repeated call does no harm, so the door may retry it. ``signed``: timestamp, recvWindow and
    signature are added.
    """

    name: str
    method: str
    path: str
    parse: Callable[[object], T] = field(repr=False)
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, object] | None = None
    signed: bool = True
    idempotent: bool = True
