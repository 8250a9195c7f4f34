"""The last look before a reply goes out: what was right when it was decided may be wrong now.

Promise: a reply that is late, or whose order changed, was paused, muted, taken over or went into appeal since, is
dropped with that reason.
Source: rule language notes ("cancelled when a person writes, the order changes, or it is older than ``expires:``").
"""

from __future__ import annotations

from p2pbot.conversation.inbox import mute_reason
from p2pbot.conversation.records import OrderMemory, OutboxRow
from p2pbot.model import OrderStatus, Reason


def late_reason(row: OutboxRow, memory: OrderMemory | None, *, paused: bool, now_ms: int) -> Reason | None:
    """Return why ``row`` must not be written any more, or None."""
    if now_ms > row.expires_at_ms:
        return Reason.LATE
    if paused:
        return Reason.PAUSED
    if memory is None:
        return None
    return _silenced_since(row, memory, now_ms) or _order_since(row, memory)


def _silenced_since(row: OutboxRow, memory: OrderMemory, now_ms: int) -> Reason | None:
    reason = mute_reason(memory.mute, now_ms)
    if reason is Reason.MUTED and memory.mute is not None and memory.mute.since_ms <= row.created_at_ms:
        return None  # the handover that this reply itself announces
    return reason


def _order_since(row: OutboxRow, memory: OrderMemory) -> Reason | None:
    if memory.status is OrderStatus.APPEAL:
        return Reason.IN_APPEAL
    return Reason.ORDER_CHANGED if memory.status is not row.order_status else None
