"""Joins the door for people to what carries their wishes out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from p2pbot.adapters.control_socket import ControlSocket
from p2pbot.adapters.forgetting import forget
from p2pbot.adapters.logs import LogEvents
from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.config import Settings
from p2pbot.conversation.control import Answer, Refusal, answer_line
from p2pbot.daemon.account import Account
from p2pbot.daemon.control import Control, Reload
from p2pbot.ports import Clock, Store

_BUG = Refusal("this is a bug in p2pbot; its log has the traceback", "p2pbot ends and is started again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the composition root lends: how to load rules, what to say of the daemon, how to end it, the time."""

    clock: Clock
    reload: Reload
    status: Callable[[], Mapping[str, Any]]
    stop: Callable[[], None]


@asynccontextmanager
async def open_control(
    settings: Settings, accounts: Mapping[str, Account], store: Store, log: LogEvents, reach: Reach
) -> AsyncIterator[None]:
    """Let people on this machine ask, until the block ends; a store of another kind than ours has no such door."""
    if not isinstance(store, SqliteStore):
        yield
        return
    clock = reach.clock

    async def forgotten(who: str, account: str) -> Answer:
        max_age_ms = max(one.limits.max_age.ms for one in settings.accounts)
        answer = await forget(store, settings.state_dir, who, account, now_ms=clock.now_ms(), max_age_ms=max_age_ms)
        if not isinstance(answer, Refusal):
            for name, order_no in (*answer["orders"], *answer["emptied"]):
                if name in accounts:  # the state may remember one that the configuration has no more
                    accounts[name].book.forget(order_no)
        return answer

    control = Control(accounts, store, clock, log, status=reach.status, reload=reach.reload, forget=forgotten)
    socket = ControlSocket(settings.state_dir, _guarded(control.answer, log, reach.stop), log)
    async with socket.serve():
        yield


def _guarded(
    answer: Callable[[bytes], Awaitable[bytes]], log: LogEvents, stop: Callable[[], None]
) -> Callable[[bytes], Awaitable[bytes]]:
    """Return ``answer`` that ends the daemon for a bug, as a bug in any loop does."""

    async def guarded(line: bytes) -> bytes:
        try:
            return await answer(line)
        except Exception as error:
            log.error("control_failed", what=str(error), exc_info=error)  # noqa: TRY400 - our log has no such word
            stop()
            return answer_line(_BUG)

    return guarded
