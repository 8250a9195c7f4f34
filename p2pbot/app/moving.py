"""The first start on a state that was restored from a backup: it has not heard what was said since."""

from __future__ import annotations

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.app.doors import Fittings
from p2pbot.model import Notice, Topic
from p2pbot.ports import Store

_TEXT = (
    "p2pbot begins on a restored backup. It looks into the chats before it answers; orders in which this account has "
    "spoken since the backup are left to you until they end (p2pbot unmute ORDER gives one back). "
    "No other p2pbot may run with the same keys."
)


async def moved_in_ms(store: Store, fittings: Fittings) -> int:
    """Return when a daemon first ran on this state after it was restored, 0 = it never was; the first time, say so."""
    if not isinstance(store, SqliteStore):
        return 0
    now_ms = fittings.clock.now_ms()
    at_ms = await store.moved_in(now_ms)
    if at_ms == now_ms:
        fittings.events.warning("moved_in")
        await fittings.notifier.notify(Notice(key="moved_in", text=_TEXT, urgent=True, topic=Topic.HANDOVER))
    return at_ms
