"""The clerk: what the core decided is written whole, and no event is lost or mistaken on the way there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from p2pbot.conversation.decision import Policy
from p2pbot.conversation.delivery import DeliveryEvent, DeliveryPolicy, advanced
from p2pbot.conversation.orders import Heard
from p2pbot.conversation.records import OutboxState
from p2pbot.daemon.book import OrderBook
from p2pbot.daemon.clerk import Clerk
from p2pbot.daemon.rulebook import Rulebook
from p2pbot.daemon.sender import Sender
from p2pbot.daemon.surroundings import AccountPlan
from p2pbot.model import (
    ChatMessage,
    MessageKind,
    Mode,
    OrderStatus,
    Path,
    Reason,
    SystemEvent,
    SystemEventKind,
)
from tests.fakes.occasions import NOW_MS, NUMBER, an_order, rules
from tests.fakes.world import StillClock, World, not_connected

RULES = """
  - {id: greeting, on: order_created, reply: "hello"}
  - {id: thanks, on: order_paid, reply: "thank you"}
  - {id: question, words: [paid, question], limit: {every: 1ms}, reply: "we look into it"}
"""
_PAID, _APPEAL = OrderStatus.PAID, OrderStatus.APPEAL
PLAN = AccountPlan(name="main", policy=Policy(mode=Mode.LIVE))


@dataclass
class Office:
    """A clerk with all that a decision needs, and nobody who sends."""

    world: World
    clerk: Clerk
    sender: Sender
    desk: EmptyDesk

    async def decided(self) -> list[tuple[str, Reason]]:
        """Return what is in the inbox: kind and reason, in the order of the decisions."""
        return [(entry.kind.value, entry.reason) for entry in await self.world.store.inbox(NUMBER)]


@dataclass
class EmptyDesk:
    """Nothing of the other side waits behind the item that is decided; of ours what a test puts there."""

    ours: tuple[ChatMessage, ...] = ()

    def take_ours(self, order_no: str) -> tuple[ChatMessage, ...]:  # noqa: ARG002 - the same for every order
        """Return what a person of ours said, once."""
        ours, self.ours = self.ours, ()
        return ours

    def coming(self, order_no: str) -> tuple[ChatMessage, ...]:  # noqa: ARG002 - the same for every order
        """Return nothing."""
        return ()


def office(status: OrderStatus = OrderStatus.UNPAID, plan: AccountPlan = PLAN) -> Office:
    """Return an office whose exchange shows one order, a minute old, in a state."""
    world = World(StillClock(NOW_MS))
    world.rest.orders[NUMBER] = an_order(status=status, created_at_ms=NOW_MS - 60_000)
    doors = world.doors()
    sender = Sender(
        plan,
        doors,
        write=not_connected,
        online=lambda: False,
        look=lambda _order, _since_ms: None,
        suspect=lambda _written_ms: None,
    )
    rulebook = Rulebook("main", dict, world.told, world.told)
    rulebook.adopt(rules(RULES).ruleset)
    desk = EmptyDesk()
    clerk = Clerk(plan, doors, OrderBook(plan, doors), sender, rulebook, lambda _message: None, desk)
    return Office(world, clerk, sender, desk)


def card(event: SystemEvent, message_id: str) -> ChatMessage:
    """Return a system card in the order's chat."""
    return ChatMessage(
        order_no=NUMBER,
        kind=MessageKind.SYSTEM,
        path=Path.HISTORY,
        message_id=message_id,
        created_at_ms=NOW_MS,
        system=event,
    )


def said(text: str, message_id: str, **more: Any) -> ChatMessage:
    """Return a text in the order's chat."""
    usual: dict[str, Any] = {"path": Path.SOCKET, "from_us": False, "created_at_ms": NOW_MS, "message_id": message_id}
    return ChatMessage(order_no=NUMBER, kind=MessageKind.TEXT, text=text, **(usual | more))


UNPAID = Heard(status=OrderStatus.UNPAID, at_ms=NOW_MS, created_at_ms=NOW_MS - 60_000)


async def test_an_event_that_only_a_messages_facts_tell_of_is_decided_first() -> None:
    """The claim of the message would write the state down, and nobody would be greeted."""
    desk = office()
    await desk.clerk.take(said("a question", "1"))
    assert await desk.decided() == [("order_created", Reason.ANSWERED), ("text", Reason.ANSWERED)]


async def test_an_event_that_another_events_facts_tell_of_is_not_lost() -> None:
    """The list said UNPAID, the detail that was fetched to answer it says PAID."""
    desk = office(OrderStatus.PAID)
    await desk.clerk.hear(NUMBER, UNPAID)
    assert sorted(await desk.decided()) == [("order_created", Reason.ANSWERED), ("order_paid", Reason.ANSWERED)]


async def test_what_is_heard_again_is_decided_no_more() -> None:
    """By a card, by the list, by the facts of the next message."""
    desk = office()
    for number in range(3):
        await desk.clerk.hear(NUMBER, replace(UNPAID, at_ms=NOW_MS + number, exact=number == 1))
        await desk.clerk.take(said("a question", "1"))
    assert len(await desk.decided()) == 2


async def test_a_persons_message_is_not_taken_for_an_echo_when_the_history_brings_it_again() -> None:
    """The socket showed a uuid that is not ours; the history's row may show none, and the same words as our reply."""
    desk = office()
    await desk.clerk.take(said("a question", "1"))
    row = next(row for row in desk.sender.outbox if row.text == "we look into it")
    sending = advanced(row, DeliveryEvent.WRITE, NOW_MS)
    doubtful = advanced(sending, DeliveryEvent.LOST, NOW_MS)
    for after, before in ((sending, OutboxState.CLAIMED), (doubtful, OutboxState.SENDING)):
        assert await desk.world.store.advance(after, before)
        desk.sender.outbox.put(after)
    typed = said("We look into it", "2", from_us=True, uuid="typed-in-the-app")
    await desk.clerk.take(typed)
    await desk.clerk.take(replace(typed, uuid="", path=Path.HISTORY))
    held = desk.sender.outbox.get(row.uuid)
    assert held is not None
    assert held.state is OutboxState.UNKNOWN
    memory = await desk.world.store.recall("main", NUMBER)
    assert memory is not None
    assert memory.mute is not None
    assert memory.mute.reason is Reason.TAKEN_OVER


async def test_a_persons_message_from_the_future_is_of_now() -> None:
    """A wrong time must not make every later message of the counterparty a thing of the past."""
    desk = office()
    await desk.clerk.take(said("hi", "1", from_us=True, created_at_ms=NOW_MS + 10**9))
    memory = await desk.world.store.recall("main", NUMBER)
    assert memory is not None
    assert memory.last_operator_ms == NOW_MS


@pytest.mark.parametrize("most", [0, 1])
async def test_a_full_outbox_takes_nothing_more(most: int) -> None:
    """The bound holds, and the message has its reason."""
    desk = office(plan=replace(PLAN, delivery=DeliveryPolicy(max_pending=most)))
    await desk.clerk.take(said("a question", "1"))
    assert (await desk.decided())[-1] == ("text", Reason.CAP_ACCOUNT)
    assert len(desk.sender.outbox) == most


async def test_each_appeal_of_an_order_is_an_event_of_its_own() -> None:
    """Opened, closed and opened again; the card and the list tell of the same one."""
    place = office(OrderStatus.PAID)
    minute_ms = 60_000
    states = [_PAID, _APPEAL, _APPEAL, _PAID, _APPEAL, _PAID]
    for at, status in enumerate(states):
        await place.clerk.hear(NUMBER, Heard(status=status, at_ms=NOW_MS + at * minute_ms), Path.HISTORY)
        if at == 3:  # its card comes behind the list
            closed = SystemEvent(kind=SystemEventKind.APPEAL_CLOSED, raw_type="appeal_closed")
            await place.clerk.take(card(closed, "c1"))
    keys = [entry.key for entry in await place.world.store.inbox(NUMBER) if "appeal" in entry.key]
    assert keys == ["e:appeal_opened", "e:appeal_closed", "e:appeal_opened:2", "e:appeal_closed:2"]


async def test_a_decision_names_the_rules_that_made_it() -> None:
    """The set's content hash stands in the inbox beside the trace, and in the log."""
    place = office()
    await place.clerk.take(said("question", "1"))
    wanted = rules(RULES).ruleset.hash
    (entry,) = [entry for entry in await place.world.store.inbox(NUMBER) if entry.message_id == "1"]
    logged = [values["ruleset"] for event, values in place.world.told.events if event == "decided"]
    assert (entry.ruleset, set(logged)) == (wanted, {wanted})


VAGUE = (
    said("we take over", "1", from_us=None),
    replace(said("", "1", from_us=None), kind=MessageKind.TRANSLATE),
    replace(said("", "1", from_us=None), kind=MessageKind.UNKNOWN),
)


@pytest.mark.parametrize("vague", VAGUE, ids=["no sender", "a translation", "an unknown kind"])
async def test_a_person_counts_although_something_vague_came_first_with_that_id(vague: ChatMessage) -> None:
    """The frame that did not say whose it is has not decided the message."""
    desk = office()
    for _ in range(2):
        await desk.clerk.take(vague)
    await desk.clerk.take(said("we take over", "1", from_us=True, path=Path.HISTORY))
    memory = await desk.world.store.recall("main", NUMBER)
    assert memory is not None
    assert memory.mute is not None
    assert len(await desk.decided()) == 2


async def test_a_word_whose_sender_was_unknown_is_answered_when_the_history_names_him() -> None:
    """Once, however often it comes then."""
    desk = office()
    await desk.clerk.take(said("a question", "1", from_us=None))
    for path in (Path.HISTORY, Path.SOCKET):
        await desk.clerk.take(said("a question", "1", path=path))
    reasons = [reason for kind, reason in await desk.decided() if kind == "text"]
    assert reasons == [Reason.SENDER_UNKNOWN, Reason.ANSWERED]


async def test_a_person_of_ours_who_waits_in_the_queue_is_heard_before_a_message_is_answered() -> None:
    """Also when the order's facts are at hand and nothing has to be fetched."""
    office_ = office()
    await office_.clerk.take(said("a question", "1"))
    office_.desk.ours = (said("I take over", "3", from_us=True, uuid="typed-in-the-app"),)
    await office_.clerk.take(said("another question", "2"))
    assert (await office_.decided())[-2:] == [("text", Reason.OPERATOR_MESSAGE), ("text", Reason.TAKEN_OVER)]


async def test_a_message_that_comes_when_the_facts_are_at_hand_is_answered_with_them() -> None:
    """The exchange, which knows the order no more, is not asked; what the first message was told limits the others."""
    office_ = office()
    for number in range(1, 4):
        await office_.clerk.take(said(f"question {number}", str(number)))
        office_.world.rest.orders.clear()
    assert [reason for _, reason in await office_.decided()][1:] == [Reason.ANSWERED, *[Reason.LIMITED] * 2]
