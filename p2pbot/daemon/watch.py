"""Looks every fifteen seconds at what may become a word to the operator by lasting.

Promise: whoever waits for the phone to ring hears of a chat that is down whether or not its loop still tries: this one
looks from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NoReturn

from p2pbot.conversation.watch import Sight, Watch, WatchPolicy
from p2pbot.daemon.account import Account
from p2pbot.ports import Clock, Notifier

EVERY_S = 15.0


class WatchLoop:
    """``free_bytes`` asks the state directory's disk; None: nobody knows."""

    def __init__(
        self,
        policy: WatchPolicy,
        accounts: Iterable[Account],
        free_bytes: Callable[[], int | None],
        notifier: Notifier,
        clock: Clock,
    ) -> None:
        self._watch = Watch(policy)
        self._accounts = tuple(accounts)
        self._free_bytes = free_bytes
        self._notifier = notifier
        self._clock = clock

    async def run(self) -> NoReturn:
        """Look for ever."""
        while True:
            for notice in self._watch.look(map(sight_of, self._accounts), self._free_bytes()):
                await self._notifier.notify(notice)
            await self._clock.sleep(EVERY_S)


def sight_of(account: Account) -> Sight:
    """Return what is seen of an account, in the exchange's time."""
    return Sight(
        account=account.plan.name,
        now_ms=account.doors.now_ms(),
        deaf_ms=account.chat.deaf_ms(),
        replies=tuple(account.sender.outbox),
    )
