"""What turns into a word by lasting: a chat that is down, a reply in doubt, a disk that fills up.

Promise: each trouble is told once when it has lasted long enough, and a chat's once more when it is over; one that came
and went sooner is told by the log alone. Pure: what is seen and ``now_ms`` go in, notices come out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from p2pbot.conversation.records import OutboxRow, OutboxState
from p2pbot.model import Notice, Topic

_MIB = 1024 * 1024
_DOUBTFUL = (OutboxState.SENDING, OutboxState.UNKNOWN)
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPolicy:
    """How long is too long, and how little too little. The defaults leave a person time to answer by hand."""

    deaf_ms: int = 300_000
    in_doubt_ms: int = 300_000
    disk_low_bytes: int = 200 * _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is seen of one account at ``now_ms``: how long its chat has been down, and its replies."""

    account: str
    now_ms: int
    deaf_ms: int = 0
    replies: tuple[OutboxRow, ...] = ()


class Watch:
    """Remembers what was told. It holds one entry for each account and for each reply in doubt."""

    def __init__(self, policy: WatchPolicy) -> None:
        self._policy = policy
        self._deaf: dict[str, int] = {}
        self._outages = 0
        self._doubtful: frozenset[str] = frozenset()
        self._disk_told = False

    def look(self, sights: Iterable[Sight], free_bytes: int | None) -> tuple[Notice, ...]:
        """Return what is to be told now. ``free_bytes`` of the state directory's disk; None: nobody knows."""
        seen = tuple(sights)
        notices = [*(word for sight in seen for word in self._chat(sight)), *self._replies(seen)]
        if free_bytes is not None:
            notices += self._disk(free_bytes)
        return tuple(notices)

    def _chat(self, sight: Sight) -> Iterator[Notice]:
        account = sight.account
        if account in self._deaf and sight.deaf_ms < self._deaf[account]:
            text = f"The chat is open again; it was down for {_minutes(self._deaf.pop(account))}."
            yield Notice(key=f"heard:{account}:{self._outages}", text=text, account=account, topic=Topic.DEAF)
        elif account in self._deaf:
            self._deaf[account] = sight.deaf_ms
        elif sight.deaf_ms >= self._policy.deaf_ms:
            self._deaf[account] = sight.deaf_ms
            self._outages += 1  # each is a word of its own
            text = f"The chat has been down for {_minutes(sight.deaf_ms)}; nobody is answered."
            key = f"deaf:{account}:{self._outages}"
            yield Notice(key=key, text=text, account=account, urgent=True, topic=Topic.DEAF)

    def _replies(self, sights: tuple[Sight, ...]) -> Iterator[Notice]:
        doubtful = {row.uuid: (row, sight.now_ms) for sight in sights for row in sight.replies if self._old(row, sight)}
        for uuid, (row, now_ms) in doubtful.items():
            if uuid not in self._doubtful:
                text = (
                    f"For {_minutes(now_ms - row.sending_at_ms)} nobody knows whether a reply of rule {row.rule_id} "
                    "arrived. p2pbot goes on looking for it in the chat's history."
                )
                key = f"in_doubt:{row.account}:{uuid}"
                yield Notice(
                    key=key, text=text, account=row.account, order_no=row.order_no, urgent=True, topic=Topic.IN_DOUBT
                )
        self._doubtful = frozenset(doubtful)

    def _old(self, row: OutboxRow, sight: Sight) -> bool:
        return row.state in _DOUBTFUL and sight.now_ms - row.sending_at_ms >= self._policy.in_doubt_ms

    def _disk(self, free_bytes: int) -> Iterator[Notice]:
        low = self._policy.disk_low_bytes
        if free_bytes < low and not self._disk_told:
            self._disk_told = True
            text = (
                f"The disk of the state directory has {free_bytes // _MIB} MiB left. p2pbot ends when it is full, "
                "for it answers nothing that it cannot remember."
            )
            yield Notice(key="disk", text=text, urgent=True, topic=Topic.DISK)
        elif free_bytes >= 2 * low:  # not at the edge: it would be told again and again
            self._disk_told = False


def _minutes(ms: int) -> str:
    minutes = max(0, ms) // _MINUTE_MS
    return "less than a minute" if minutes < 1 else "a minute" if minutes == 1 else f"{minutes} minutes"
