"""Forgetting on this machine: the store's rows, the archive's pictures, and a sentence's worth of what was done.

Promise: one function for the daemon and for the command line, so that both forget the same.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from p2pbot.adapters.picture_archive import forget_pictures
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.conversation.control import Answer, Refusal

_HOUR_MS = 3_600_000
_STILL_READ_MS = 6 * _HOUR_MS  # so long after an order began its history may be read again though it is over


async def forget(
    store: SqliteStore, state_dir: Path, who: str, account: str, *, now_ms: int, max_age_ms: int
) -> Answer:
    """Forget an order or a person; return the counts, or why nothing was done. Raises StateError.

    ``max_age_ms``: the age at which a message is too old to be answered; orders that are younger, or whose
    history may still be read, keep their identities.
    """
    done = await store.forget(who, account, now_ms, now_ms - max(max_age_ms, _STILL_READ_MS) - _HOUR_MS)
    if done.waiting:
        return Refusal(
            f"{done.waiting} replies are on their way there", "wait until they are sent, or p2pbot outbox drop them"
        )
    if done.is_nothing:
        return Refusal("nothing is known of this order or person")
    pairs = (*done.orders, *done.emptied)
    pictures = 0
    for name, order_no in pairs:
        pictures += await asyncio.to_thread(forget_pictures, state_dir / "archive" / name, order_no)
    return {
        "orders": done.orders,
        "emptied": done.emptied,
        "rows": done.rows,
        "pictures": pictures,
        "wiped": await store.wipe(),
    }
