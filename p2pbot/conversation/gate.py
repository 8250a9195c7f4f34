"""The last look before a reply goes out: what was right when it was decided may be wrong now.

Promise: a reply that is late, or whose order changed, was paused, muted, taken over or went into appeal since, is
dropped with that reason. An order of which nothing is known is not written to.
Source: rule language notes ("cancelled when a person writes, the order changes, or it is older than ``expires:``").
"""

from __future__ import annotations

from p2pbot.conversation.delivery import CLOCK_LEAP_MS
from p2pbot.conversation.inbox import mute_reason
from p2pbot.conversation.records import OrderMemory, OutboxRow
from p2pbot.model import OrderStatus, Reason


def late_reason(row: OutboxRow, memory: OrderMemory | None, *, paused: bool, now_ms: int) -> Reason | None:
    """Return why ``row`` must not be written any more, or None."""
    if is_late(row, now_ms):
        return Reason.LATE
    if paused:
        return Reason.PAUSED
    if memory is None:
        return Reason.ORDER_UNKNOWN
    return _silenced_since(row, memory, now_ms) or _order_since(row, memory)


def is_late(row: OutboxRow, now_ms: int) -> bool:
    """Whether the time for ``row`` is over. A claim from the future has an age that nobody knows: it counts as late."""
    return now_ms > row.expires_at_ms or row.created_at_ms > now_ms + CLOCK_LEAP_MS


def _silenced_since(row: OutboxRow, memory: OrderMemory, now_ms: int) -> Reason | None:
    if row.is_by_hand:
        return None  # it is a person's word itself
    if memory.last_operator_ms > row.created_at_ms:
        return Reason.TAKEN_OVER  # whatever the mute says: it may be an older, longer one, or over already
    reason = mute_reason(memory.mute, now_ms)
    if reason is Reason.MUTED and memory.mute is not None and memory.mute.since_ms <= row.created_at_ms:
        return None  # the handover that this reply itself announces
    return reason


def _order_since(row: OutboxRow, memory: OrderMemory) -> Reason | None:
    if memory.status is OrderStatus.APPEAL:
        return Reason.IN_APPEAL
    return Reason.ORDER_CHANGED if memory.status is not row.order_status else None
