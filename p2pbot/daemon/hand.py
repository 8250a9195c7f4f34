"""A person's hand in an account's deliveries: send a text, send a reply again, drop one.

Promise: what is sent by hand is claimed, written, looked up and settled as every reply is, and its ``key`` makes it
once: asked again, nothing is sent. A text by hand is a person's word: the order counts as taken over (ADR 0017).
Danger: it goes out although a mute, a limit or the breaker silences the bot; a pause and an appeal silence it too.
"""

from __future__ import annotations

from dataclasses import replace

from p2pbot.conversation.control import Refusal
from p2pbot.conversation.inbox import takeover
from p2pbot.conversation.orders import order_heard
from p2pbot.conversation.records import (
    BY_HAND,
    HAND_RULE,
    Claim,
    ClaimResult,
    InboxEntry,
    OrderMemory,
    OutboxRow,
    OutboxState,
)
from p2pbot.daemon.account import Account
from p2pbot.daemon.clerk import counterparty_key
from p2pbot.model import EventKind, Mode, Order, OrderStatus, Path, Reason

_SAY_OF = {
    OutboxState.CLAIMED: Refusal("this reply waits to be sent already"),
    OutboxState.SENDING: Refusal("this reply is being sent at this moment", remedy="ask again in some seconds"),
    OutboxState.SENT: Refusal("this reply was sent; the chat shows it"),
    OutboxState.SHADOW: Refusal("this reply was made in mode shadow", remedy="p2pbot send ORDER TEXT says it"),
}
_UNKNOWN = Refusal("nothing is remembered of this order", remedy="ask again in a moment")
_IN_APPEAL = Refusal("the order is in appeal; p2pbot never speaks there", remedy="write in the exchange's app")
_PAUSED = Refusal("p2pbot is paused there", remedy="p2pbot resume ends the pause")
_NOT_CLAIMED = {
    ClaimResult.NOT_LEADER: Refusal("this p2pbot may not act any more: its lock was removed", remedy="start it again"),
    ClaimResult.DUPLICATE: Refusal(
        "this was asked for before, and is not sent a second time", remedy="p2pbot why ORDER tells what became of it"
    ),
}


class Hand:
    """For one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._name = account.plan.name

    async def send(self, order_no: str, text: str, key: str) -> OutboxRow | Refusal:
        """Claim a text for an order and hand it to the sender; asked again with the same key, it is there already."""
        row = OutboxRow(
            uuid=self._account.doors.rng.uuid(),
            account=self._name,
            order_no=order_no,
            rule_id=HAND_RULE,
            stimulus_key=f"{BY_HAND}{key}",
            text=text,
        )
        return await self._claimed(row, takes_over=True)

    async def again(self, row: OutboxRow) -> OutboxRow | Refusal:
        """Send a reply once more that was refused or dropped; look at the history for one that is in doubt."""
        if row.state is OutboxState.UNKNOWN:
            self._account.sender.look_again(row.order_no)
            return row
        if refusal := _SAY_OF.get(row.state):
            return refusal
        if not row.text:
            return Refusal("the text of this reply was forgotten", remedy="p2pbot send ORDER TEXT says another")
        anew = OutboxRow(
            uuid=self._account.doors.rng.uuid(),
            account=self._name,
            order_no=row.order_no,
            rule_id=row.rule_id,
            stimulus_key=f"{BY_HAND}again:{row.uuid}",
            text=row.text,
            picture=row.picture,
        )
        return await self._claimed(anew, takes_over=False)

    async def drop(self, row: OutboxRow) -> Refusal | None:
        """Give a reply up; None when that is done."""
        state = await self._account.sender.drop(row.uuid)
        if state is OutboxState.DROPPED:
            return None
        if state is None:
            return Refusal("this reply has met its end already", remedy="p2pbot why ORDER tells which")
        return _SAY_OF[OutboxState.SENDING]

    async def _claimed(self, row: OutboxRow, *, takes_over: bool) -> OutboxRow | Refusal:
        order = await self._order(row.order_no)
        if isinstance(order, Refusal):
            return order
        account, doors = self._account, self._account.doors
        heard = order_heard(order, order.confirmed_at_ms, counterparty_key(order))
        await account.clerk.hear(row.order_no, heard)  # an event that only the facts tell of is decided first
        async with account.clerk.deciding:
            memory = await doors.store.recall(self._name, row.order_no)
            if memory is None or OrderStatus.APPEAL in (memory.status, order.status):
                return _IN_APPEAL if memory else _UNKNOWN
            if await self._is_paused(row.order_no):
                return _PAUSED
            claim = self._claim(row, memory, takes_over=takes_over)
            result = await doors.store.claim(claim)
        if result is not ClaimResult.CLAIMED:
            return _NOT_CLAIMED[result]
        account.sender.admit(claim.replies, order.created_at_ms)
        return claim.replies[0]

    def _claim(self, row: OutboxRow, memory: OrderMemory, *, takes_over: bool) -> Claim:
        """Return everything that this changes, so that it is written whole."""
        plan, now_ms = self._account.plan, self._account.doors.now_ms()
        policy = plan.policy
        span_ms = policy.picture_expires_ms if row.picture else policy.reply_expires_ms
        row = replace(
            row,
            created_at_ms=now_ms,
            not_before_ms=now_ms,
            expires_at_ms=now_ms + span_ms,
            order_status=memory.status,
        )
        if takes_over:
            mute = takeover(memory, now_ms, policy.inbox)
            memory = replace(memory, mute=mute, last_operator_ms=max(memory.last_operator_ms, now_ms))
        entry = InboxEntry(
            account=self._name,
            order_no=row.order_no,
            key=row.stimulus_key,
            kind=EventKind.OPERATOR_MESSAGE,
            path=Path.SOCKET,
            reason=Reason.OPERATOR_MESSAGE,
            from_us=True,
            created_at_ms=now_ms,
            decided_at_ms=now_ms,
        )
        return Claim(entry=entry, replies=(row,), memory=memory)

    async def _order(self, order_no: str) -> Order | Refusal:
        """Return the order's facts if something can be said there."""
        if self._account.plan.policy.mode is not Mode.LIVE:
            return Refusal("the account runs in mode shadow, in which nothing is sent")
        if self._account.sender.outbox.is_full:
            return Refusal("too many replies wait already", remedy="p2pbot outbox lists them")
        order = await self._account.book.facts(order_no)
        if not isinstance(order, Order):
            return Refusal(f"the exchange tells nothing of this order: {order.what}")
        if order.status is OrderStatus.UNKNOWN:
            return Refusal("the order is in a state that p2pbot does not know", remedy="write in the exchange's app")
        return order

    async def _is_paused(self, order_no: str) -> bool:
        doors = self._account.doors
        if doors.brake.is_set(self._name):
            return True
        return any(
            account in ("*", self._name) and number in ("*", order_no) for account, number in await doors.store.paused()
        )
