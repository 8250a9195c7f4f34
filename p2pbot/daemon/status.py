"""What the daemon says of itself: one JSON file beside the store, replaced whole.

Promise: no text, no name, no secret; ``p2pbot status`` reads it without touching the daemon.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from p2pbot.daemon.account import Account
from p2pbot.ports import Clock

_EVERY_S = 2.0
_HANGING = 20  # one is enough to act on
_FRAMES = 10  # redacted frames that nobody understood, 1000 characters each at most


class StatusLoop:
    """Writes the status every two seconds.

    ``write`` replaces the file; ``extra`` adds what only the composition root knows; ``hanging`` names loops that hang.
    """

    def __init__(
        self,
        clock: Clock,
        accounts: Iterable[Account],
        write: Callable[[str], None],
        extra: dict[str, object],
        hanging: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._clock = clock
        self._accounts = tuple(accounts)
        self._write = write
        self._extra = extra
        self._hanging = hanging
        self._late_s = 0.0

    async def run(self) -> NoReturn:
        """Write for ever, and note how late the event loop woke us: so late is everything else as well."""
        while True:
            self.write_now()
            asleep_s = self._clock.monotonic_s()
            await self._clock.sleep(_EVERY_S)
            self._late_s = max(0.0, self._clock.monotonic_s() - asleep_s - _EVERY_S)

    def write_now(self) -> None:
        """Write once."""
        self._write(json.dumps(self.now(), sort_keys=True))

    def now(self) -> dict[str, object]:
        """Return the state of this moment as plain JSON values."""
        accounts = {account.plan.name: account_status(account) for account in self._accounts}
        process = {
            "tasks": len(asyncio.all_tasks()),
            "loop_lag_us": round(self._late_s * 1_000_000),
            "hanging": list(self._hanging())[:_HANGING],
        }
        return {**self._extra, "written_at_ms": self._clock.now_ms(), "process": process, "accounts": accounts}


def account_status(account: Account) -> dict[str, object]:
    """Return one account's state as plain JSON values; times in ms of Unix time."""
    chat = account.chat
    notes = [note for note in (chat.trouble, account.orders.trouble) if note]
    return {
        "chat": chat.session.state.value,
        "since_ms": chat.since_ms,
        "deaf_since_ms": chat.down_since_ms,
        "lease": account.doors.lease.held(account.plan.name),
        "mode": account.plan.policy.mode.value,
        "rules": account.rules().hash,
        "open_orders": len(account.book.numbers()),
        "pending": account.pending(),
        "unknown": account.pending()["unknown"],
        "desk_waiting": account.desk.waiting,
        "scans_waiting": account.scans.waiting,
        "last_message_at_ms": account.clerk.last_message_ms or None,
        "offset_ms": account.doors.rest.clock_offset_ms,
        "context": account.context.status(),
        "paused": account.doors.brake.is_set(account.plan.name),
        "frames": dict(account.frames),
        "not_understood": list(account.not_understood)[-_FRAMES:],
        "notes": notes,
    }
