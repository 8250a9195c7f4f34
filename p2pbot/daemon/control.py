"""Carries out what a person asks of the running daemon, and writes each deed down with its time.

Promise: a wish that cannot be fulfilled is answered by a sentence; what changes something is recorded when it is done.
Danger: only bugs leave as exceptions; whoever called ends the daemon for them as for any other bug.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from p2pbot.conversation.control import (
    ALL,
    Answer,
    Ask,
    Refusal,
    Request,
    answer_line,
    parse_request,
    told_action,
    told_entry,
    told_reply,
)
from p2pbot.conversation.records import Action, ActionWord, Mute, OutboxRow
from p2pbot.daemon.account import Account
from p2pbot.daemon.hand import Hand
from p2pbot.errors import OurError, P2pbotError
from p2pbot.model import Reason
from p2pbot.ports import Clock, Events, Store

_MOST = 200  # messages and replies of an order in one answer; `p2pbot why` reads all from the state directory
_LOOKS = frozenset({Ask.STATUS, Ask.WHY, Ask.OUTBOX})  # asked again and again, and changing nothing
_LISTED = 1000  # replies that wait, in one answer

Reload = Callable[[], Awaitable[Mapping[str, tuple[str, ...]]]]
Forget = Callable[[str, str], Awaitable[Answer]]


class ControlStore(Store, Protocol):
    """What people ask for besides: the same memory, and what they did."""

    async def mute(self, account: str, order_no: str, mute: Mute) -> tuple[str, ...]:
        """Silence an order that is remembered, ``"*"`` as account is any; return the accounts in which it is."""
        ...

    async def reply(self, seq: int) -> OutboxRow | None:
        """Return the reply with this number, of whatever account and order."""
        ...

    async def act(self, action: Action) -> None:
        """Write down what a person did."""
        ...

    async def actions(self, order_no: str, *, limit: int = 1000) -> tuple[Action, ...]:
        """Return what people did about an order, oldest first."""
        ...


class Control:
    """``reload`` loads every account's rules and returns what was wrong with each; ``forget(who, account)`` forgets."""

    def __init__(
        self,
        accounts: Mapping[str, Account],
        store: ControlStore,
        clock: Clock,
        events: Events,
        *,
        status: Callable[[], Mapping[str, Any]],
        reload: Reload,
        forget: Forget,
    ) -> None:
        self._accounts = accounts
        self._store = store
        self._clock = clock
        self._events = events
        self._status = status
        self._reload = reload
        self._forget = forget

    async def answer(self, line: bytes) -> bytes:
        """Return the line that answers a line."""
        request = parse_request(line)
        if isinstance(request, Refusal):
            return answer_line(request)
        if request.ask not in _LOOKS:
            self._events.info("asked", ask=request.ask.value, account=request.account, order=request.order)
        try:
            return answer_line(await self.carry_out(request))
        except OurError:
            raise
        except P2pbotError as error:
            return answer_line(Refusal(error.what, error.remedy))

    async def carry_out(self, request: Request) -> Answer:
        """Do what is asked."""
        if request.account not in (ALL, *self._accounts):
            return Refusal(f"there is no account `{request.account}`", f"the accounts are: {', '.join(self._accounts)}")
        deeds: dict[Ask, Callable[[Request], Awaitable[Answer]]] = {
            Ask.STATUS: self._tell_status,
            Ask.WHY: self._why,
            Ask.PAUSE: self._pause,
            Ask.RESUME: self._pause,
            Ask.MUTE: self._mute,
            Ask.UNMUTE: self._unmute,
            Ask.SEND: self._send,
            Ask.OUTBOX: self._outbox,
            Ask.RETRY: self._retry,
            Ask.DROP: self._drop,
            Ask.RELOAD: self._load,
            Ask.FORGET: lambda wanted: self._forget(wanted.who, wanted.account),
        }
        return await deeds[request.ask](request)

    async def _tell_status(self, _request: Request) -> Answer:
        return {"status": self._status()}

    async def _why(self, request: Request) -> Answer:
        entries = await self._store.inbox(request.order, limit=_MOST)
        rows = await self._store.outbox(request.order, limit=_MOST)
        actions = await self._store.actions(request.order, limit=_MOST)
        return {
            "messages": [told_entry(entry) for entry in entries],
            "replies": [told_reply(row) for row in rows],
            "actions": [told_action(action) for action in actions],
        }

    async def _pause(self, request: Request) -> Answer:
        paused = request.ask is Ask.PAUSE
        await self._store.set_paused(request.account, request.order, paused=paused)
        unmuted: tuple[str, ...] = ()
        if not paused and request.order != ALL:
            unmuted = await self._store.unmute(request.account, request.order)
        await self._note(ActionWord(request.ask.value), request.account, request.order)
        return {"paused": await self._store.paused(), "unmuted": unmuted}

    async def _mute(self, request: Request) -> Answer:
        now_ms = self._now_ms()
        until_ms = None if request.for_ms is None else now_ms + request.for_ms
        mute = Mute(reason=Reason.MUTED, since_ms=now_ms, until_ms=until_ms)
        accounts = await self._store.mute(request.account, request.order, mute)
        if not accounts:
            return Refusal("p2pbot knows nothing of this order yet", "p2pbot pause ORDER silences any order")
        for name in accounts:
            await self._note(
                ActionWord.MUTE, name, request.order, f"for {request.for_ms // 60_000} min" if request.for_ms else ""
            )
        return {"accounts": accounts, "until_ms": until_ms}

    async def _unmute(self, request: Request) -> Answer:
        accounts = await self._store.unmute(request.account, request.order)
        for name in accounts:
            await self._note(ActionWord.UNMUTE, name, request.order)
        return {"accounts": accounts}

    async def _send(self, request: Request) -> Answer:
        account = await self._account_of(request.order, request.account)
        if isinstance(account, Refusal):
            return account
        row = await Hand(account).send(request.order, request.text, request.key)
        return row if isinstance(row, Refusal) else await self._sent(ActionWord.SEND, row)

    async def _retry(self, request: Request) -> Answer:
        row = await self._store.reply(request.seq)
        if row is None or row.account not in self._accounts:
            return Refusal("there is no reply of this number", "p2pbot outbox lists those that wait")
        after = await Hand(self._accounts[row.account]).again(row)
        return after if isinstance(after, Refusal) else await self._sent(ActionWord.RETRY, after)

    async def _sent(self, word: ActionWord, row: OutboxRow) -> Answer:
        stored = await self._accounts[row.account].doors.store.find_own(row.account, row.order_no, row.uuid)
        seq = stored.seq if stored else 0
        await self._note(word, row.account, row.order_no, f"reply {seq}")
        return {"account": row.account, "order": row.order_no, "seq": seq}

    async def _drop(self, request: Request) -> Answer:
        row = await self._store.reply(request.seq)
        if row is None or row.account not in self._accounts:
            return Refusal("there is no reply of this number", "p2pbot outbox lists those that wait")
        refusal = await Hand(self._accounts[row.account]).drop(row)
        if refusal is not None:
            return refusal
        await self._note(ActionWord.DROP, row.account, row.order_no, f"reply {row.seq}")
        return {"account": row.account, "order": row.order_no, "seq": row.seq}

    async def _outbox(self, request: Request) -> Answer:
        """List what waits; with an order also what was settled there last."""
        if request.order != ALL:
            rows = await self._store.outbox(request.order, limit=_MOST)
            found = [row for row in rows if request.account in (ALL, row.account)]
            return {"replies": [told_reply(row) for row in found]}
        names = self._accounts if request.account == ALL else (request.account,)
        waiting = [row for name in names for row in await self._store.pending(name)]
        return {"replies": [told_reply(row) for row in waiting[:_LISTED]], "more": max(0, len(waiting) - _LISTED)}

    async def _load(self, _request: Request) -> Answer:
        findings = await self._reload()
        refused = sorted(name for name, lines in findings.items() if lines)
        await self._note(ActionWord.RELOAD, ALL, ALL, f"refused: {', '.join(refused)}" if refused else "loaded")
        return {"findings": {name: list(lines) for name, lines in findings.items()}}

    async def _account_of(self, order_no: str, wanted: str) -> Account | Refusal:
        """Return the account whose order it is."""
        if wanted != ALL:
            return self._accounts[wanted]
        known = [name for name in self._accounts if await self._store.recall(name, order_no) is not None]
        names = known or list(self._accounts)
        if len(names) == 1:
            return self._accounts[names[0]]
        return Refusal("more than one account may have this order", f"name one: --account {' | '.join(names)}")

    async def _note(self, word: ActionWord, account: str, order_no: str, detail: str = "") -> None:
        await self._store.act(
            Action(at_ms=self._clock.now_ms(), word=word, account=account, order_no=order_no, detail=detail)
        )

    def _now_ms(self) -> int:
        """Return the exchange's time as far as any account knows it: mutes are reckoned in it."""
        return next(iter(self._accounts.values())).doors.now_ms()
