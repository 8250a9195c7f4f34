"""A secret value that cannot be printed, formatted, compared in the open or pickled.

Promise: ``repr``, ``str`` and ``format`` show ``<secret>``; the value comes out by ``reveal()`` alone, which is easy
to search for.
Danger: ``reveal()`` belongs into a header, a signature or a URL at the moment of use, never into a variable that
lives on.
The log's last net asks ``known_values()`` for what must never appear, whatever produced the line.
"""

from __future__ import annotations

import hmac
import threading
import weakref
from collections import deque
from typing import NoReturn

# Keyed by identity: a set would drop the second of two equal secrets, and forget the value when the first dies.
_LIVE: weakref.WeakValueDictionary[int, Secret] = weakref.WeakValueDictionary()
_COUNTER = [0]
_LOCK = threading.RLock()  # the store's thread makes log lines too
# A token may die before the log line of its failure is written: the newest stay known. 128 covers hours of reconnects.
_RECENT: deque[str] = deque(maxlen=128)
_SHORTEST_SCRUBBED = 6  # shorter values would blank ordinary words out of logs


class Secret:
    """Holds one secret text."""

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        with _LOCK:
            _LIVE[id(self)] = self
            _RECENT.append(value)
            _COUNTER[0] += 1

    def reveal(self) -> str:
        """Return the value, for use at once."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "<secret>"

    def __format__(self, format_spec: str) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")


def made() -> int:
    """Return how many secrets were made so far: only when this grows, ``known_values`` can hold something new."""
    return _COUNTER[0]


def known_values() -> frozenset[str]:
    """Return every secret text of this process that a log line must not show."""
    with _LOCK:
        values = {secret.reveal() for secret in list(_LIVE.values())}.union(_RECENT)
    return frozenset(value for value in values if len(value) >= _SHORTEST_SCRUBBED)
