"""What may be stored: every text encodable, every number within 64 bits, nothing longer than its bound.

Promise: no message that a stranger sends can make a transaction fail by its content. JSON can carry half a surrogate
pair, which UTF-8 cannot, and a number that no column holds; both are replaced, not refused.
Danger: identities (ids, uuids, keys) pass through here too, so compare only what has passed on both sides.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from p2pbot.conversation.records import Action, Claim, InboxEntry, OrderMemory, OutboxRow

MAX_TEXT = 20_000  # characters of an inbound text: ten times what rules look at; the chat itself takes 1000
MAX_TRACE = 100_000  # characters: a trace names each rule once; a longer one is dropped, for half a JSON text is none
EMPTY_TRACE = "[]"
_MOST = 2**63 - 1

Record = TypeVar("Record", Action, Claim, InboxEntry, OrderMemory, OutboxRow)


def storable_text(value: str) -> str:
    """Return ``value`` with every half surrogate pair replaced by ``?``."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def storable(record: Record) -> Record:
    """Return the record as the store keeps it: cleaned, and an inbox entry's text and trace within their bounds."""
    cleaned: Record = _cleaned(record)
    return cleaned


def _cleaned(value: Any) -> Any:
    if value is None or isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, int):
        return max(-_MOST, min(value, _MOST))
    if isinstance(value, tuple):
        return tuple(_cleaned(item) for item in value)
    return _cleaned_fields(value) if is_dataclass(value) else value


def _cleaned_fields(record: Any) -> Any:
    values = [(name, getattr(record, name)) for name in _names(record.__class__)]
    changed = {name: after for name, before in values if (after := _cleaned(before)) is not before}
    cleaned = replace(record, **changed) if changed else record
    return _bounded(cleaned) if isinstance(cleaned, InboxEntry) else cleaned


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind))


def _bounded(entry: InboxEntry) -> InboxEntry:
    if len(entry.text) <= MAX_TEXT and len(entry.trace) <= MAX_TRACE:
        return entry
    trace = entry.trace if len(entry.trace) <= MAX_TRACE else EMPTY_TRACE
    return replace(entry, text=entry.text[:MAX_TEXT], trace=trace)
