"""What the store would know of a rehearsed chat: how often each rule spoke, what we said, what came in.

Promise: ``Ledger.talk`` is what ``Store.talk`` would answer for the same chat, as far as one order can show it.
Danger: whoever changes what the store counts changes it here too (ADR 0010).
"""

from __future__ import annotations

from p2pbot.conversation.records import OutboxRow, OutboxState, SaidText, Talk
from p2pbot.model import ChatMessage, FiringCount, FiringMark, LimitScope, MessageKind

_HOUR_MS, _DAY_MS, _MINUTE_MS = 3_600_000, 86_400_000, 60_000
_KEPT = 50  # of our texts, as the store gives them


class Ledger:
    """Counts of one order's chat."""

    def __init__(self) -> None:
        self._firings: dict[tuple[LimitScope, str, str], FiringCount] = {}
        self._inbound = 0
        self._last_text: str | None = None
        self._streak = 0

    def file(self, message: ChatMessage) -> None:
        """Note a message of the counterparty."""
        self._inbound += 1
        if message.kind is MessageKind.TEXT:
            self._last_text = message.text

    def claim(self, message: ChatMessage | None, replies: int) -> None:
        """Note what was decided about, and how many replies it got."""
        fresh = message is None or self._last_text is None or message.text.strip() != self._last_text.strip()
        self._streak = (0 if fresh else self._streak) + replies
        if message is not None and not message.from_us:
            self.file(message)

    def count(self, mark: FiringMark) -> None:
        """Note that a rule spoke."""
        key = (mark.scope, mark.scope_id, mark.group)
        old = self._firings.get(key)
        self._firings[key] = FiringCount(
            group=mark.group,
            scope=mark.scope,
            scope_id=mark.scope_id,
            count=old.count + 1 if old else 1,
            last_ms=mark.at_ms,
        )

    def talk(self, rows: list[OutboxRow], now_ms: int) -> Talk:
        """Return what a decision is told of the talk; ``rows`` are our replies that were not dropped."""
        return Talk(
            firings=tuple(self._firings.values()),
            said=tuple(_said(row) for row in rows[-_KEPT:]),
            streak=self._streak,
            replies_order_1h=_since(rows, now_ms - _HOUR_MS),
            replies_counterparty_24h=_since(rows, now_ms - _DAY_MS),
            replies_account_1m=_since(rows, now_ms - _MINUTE_MS),
            inbound=self._inbound,
            last_inbound=self._last_text or "",
        )


def _since(rows: list[OutboxRow], after_ms: int) -> int:
    return sum(row.created_at_ms > after_ms for row in rows)


def _said(row: OutboxRow) -> SaidText:
    return SaidText(
        text=row.text, at_ms=row.created_at_ms, written_at_ms=row.not_before_ms, uuid=row.uuid, state=OutboxState.SENT
    )
