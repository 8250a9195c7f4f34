"""Reading an order's history back to where it is already decided, and noticing that the socket missed something.

Promise: nothing newer than ``since_ms`` is left out, whatever its kind: the cursor is the lowest id of the *raw*
page, so that a row which we cannot read never hides the ones behind it, and a row with a wrong time ends nothing. What
could not be read to its end says so (``truncated``).
Source: C2C chat protocol notes, sections 1 and 6 ("a cursor stuck on a picture").
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from p2pbot.conversation.records import OrderMemory
from p2pbot.model import ChatMessage

ROWS = 50
_SMALLEST_PAGE = 20  # pages of 20, 50 and 100 are in use: a server that gives 20 although 50 were asked has more
_PAGES = 20  # 1,000 messages of one order: beyond that the oldest are left, and said so
_MESSAGES = _PAGES * ROWS  # also where a server's pages are longer than asked for: the desk takes 2,000 of one order
_OVERLAP_MS = 60_000  # read a little of the decided part again: the history lags and clocks differ
_SURELY_OLD = 10  # rows in a row that are too old: so many wrong times do not happen
_KEPT_IDS = 100  # of one order's latest messages: repeats come soon or not at all


def since_of(memory: OrderMemory | None, wanted_ms: int) -> int:
    """Return how far back to read: what is asked for, and never less than what is not decided yet."""
    decided_ms = memory.caught_up_ms - _OVERLAP_MS if memory and memory.caught_up_ms else 0
    return max(0, min(wanted_ms, decided_ms))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at one order's history, page by page, newest first."""

    since_ms: int
    below_id: str = ""
    pages: int = 0
    messages: tuple[ChatMessage, ...] = ()
    done: bool = False
    truncated: bool = False

    def page(self, messages: tuple[ChatMessage, ...], rows: int, lowest_id: str) -> Reading:
        """Return the reading after a page of ``rows`` raw rows, of which ``messages`` could be read."""
        known = set(self.messages)
        fresh = tuple(message for message in messages if message not in known)
        after = replace(self, messages=self.messages + fresh, pages=self.pages + 1, below_id=lowest_id)
        stuck = not lowest_id or lowest_id == self.below_id
        if self._reached(messages) or rows < _SMALLEST_PAGE:
            return replace(after, done=True)
        if stuck or after.pages >= _PAGES or len(after.messages) >= _MESSAGES:
            return replace(after, done=True, truncated=True)
        return after

    def _reached(self, messages: tuple[ChatMessage, ...]) -> bool:
        """Whether a page ends in the part that is not asked for.

        Its last rows must be too old, not one row of it: one wrong time would hide what lies behind. A page that is
        not sorted newest first does not end so, and costs a call more.
        """
        last = messages[-_SURELY_OLD:]
        return bool(last) and all(0 < message.created_at_ms < self.since_ms for message in last)

    def oldest_first(self) -> tuple[ChatMessage, ...]:
        """Return what was read, in the order in which it was said."""
        return tuple(reversed(self.messages))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadWatch:
    """Compares an order's unread count with the messages that the socket brought since the last look at the list.

    A count that fell was read by somebody: then what is unread now arrived since, and the old count says nothing. A
    message that comes again, or was made before the list was asked for, is in the old count and is not counted twice:
    it would hide another one that is missing.
    """

    unread: int | None = None
    asked_ms: int = 0
    arrived: int = 0
    known: tuple[str, ...] = ()

    def brought(self, key: str, created_at_ms: int) -> UnreadWatch:
        """Return the watch after the socket brought a message of the counterparty, known by ``key``."""
        if key in self.known:
            return self
        late = 0 < created_at_ms <= self.asked_ms
        return replace(self, arrived=self.arrived + (not late), known=(*self.known, key)[-_KEPT_IDS:])

    def looked(self, unread: int | None, asked_ms: int) -> tuple[UnreadWatch, bool]:
        """Return the watch after a look at the list, asked for at ``asked_ms``, and whether messages are missing."""
        if unread is None:
            return self, False
        after = replace(self, unread=unread, asked_ms=asked_ms, arrived=0)
        if self.unread is None:
            return after, False
        before = self.unread if unread >= self.unread else 0
        return after, unread - before > self.arrived
