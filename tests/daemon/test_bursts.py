"""Messages that come at once: each is filed with its reason, and the last is answered for all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from p2pbot.conversation.decision import Policy
from p2pbot.conversation.inbox import InboxPolicy
from p2pbot.daemon.book import OrderBook
from p2pbot.daemon.clerk import Clerk
from p2pbot.daemon.rulebook import Rulebook
from p2pbot.daemon.sender import Sender
from p2pbot.daemon.surroundings import AccountPlan
from p2pbot.model import ChatMessage, MessageKind, Mode, Path, Reason
from tests.fakes.occasions import NOW_MS, NUMBER, an_order, rules
from tests.fakes.world import StillClock, World, not_connected

RULES = """
  - {id: paid, all_words: [i, paid, now], debounce: 3s, limit: {every: 1ms}, reply: Thank you very much for it}
  - {id: any, words: [i, paid], debounce: 3s, limit: {every: 1ms}, reply: Please press the button now}
"""
PLAN = AccountPlan(name="main", policy=Policy(mode=Mode.LIVE, inbox=InboxPolicy()))


@dataclass
class Queue:
    """What waits behind the message that is being decided."""

    theirs: tuple[ChatMessage, ...] = ()
    ours: tuple[ChatMessage, ...] = ()

    def take_ours(self, order_no: str) -> tuple[ChatMessage, ...]:  # noqa: ARG002 - one order
        """Take out what our account said."""
        taken, self.ours = self.ours, ()
        return taken

    def coming(self, order_no: str) -> tuple[ChatMessage, ...]:  # noqa: ARG002 - one order
        """Return the other side's messages."""
        return self.theirs


def a_world() -> World:
    """Return a world with one unpaid order, a minute old."""
    world = World(StillClock(NOW_MS))
    world.rest.orders[NUMBER] = an_order(created_at_ms=NOW_MS - 60_000)
    return world


def clerk(world: World, queue: Queue) -> Clerk:
    """Return a clerk as after a start: all that it knows is in the world."""
    doors = world.doors()
    sender = Sender(
        PLAN,
        doors,
        write=not_connected,
        online=lambda: False,
        look=lambda _order, _since: None,
        suspect=lambda _ms: None,
    )
    rulebook = Rulebook("main", dict, world.told, world.told)
    rulebook.adopt(rules(RULES).ruleset)
    return Clerk(PLAN, doors, OrderBook(PLAN, doors), sender, rulebook, lambda _message: None, queue)


def said(text: str, message_id: str, **more: Any) -> ChatMessage:
    """Return a text of the counterparty, written just now."""
    usual: dict[str, Any] = {"path": Path.SOCKET, "from_us": False, "created_at_ms": NOW_MS, "message_id": message_id}
    return ChatMessage(order_no=NUMBER, kind=MessageKind.TEXT, text=text, **(usual | more))


async def reasons(world: World) -> list[Reason]:
    """Return what became of the messages, in order."""
    return [entry.reason for entry in await world.store.inbox(NUMBER) if entry.key.startswith("m:")]


async def texts(world: World) -> list[str]:
    """Return the replies."""
    return [row.text for row in await world.store.outbox(NUMBER)]


async def test_a_message_without_another_is_answered_when_the_time_is_over() -> None:
    """Three seconds after it was written."""
    world = a_world()
    await clerk(world, Queue()).take(said("I paid", "1"))
    assert await reasons(world) == [Reason.ANSWERED]
    assert world.clock.at_ms >= NOW_MS + 3_000


async def test_what_was_put_off_is_remembered_over_a_restart() -> None:
    """The run of put off messages is in the store, not in the clerk."""
    world = a_world()
    first, second = said("I paid", "1"), said("right now", "2")
    await clerk(world, Queue(theirs=(second,))).take(first)
    assert await reasons(world) == [Reason.DEBOUNCED]
    await clerk(world, Queue()).take(second)
    assert await reasons(world) == [Reason.DEBOUNCED, Reason.ANSWERED]
    assert await texts(world) == ["Thank you very much for it"]


async def test_what_was_answered_is_not_heard_again() -> None:
    """A burst ends with its answer."""
    world = a_world()
    await clerk(world, Queue(theirs=(said("you", "2"),))).take(said("I paid", "1"))
    await clerk(world, Queue()).take(said("you", "2"))
    await clerk(world, Queue()).take(said("now", "3"))
    assert await reasons(world) == [Reason.DEBOUNCED, Reason.ANSWERED, Reason.NO_RULE]


async def test_a_repeat_is_no_further_message() -> None:
    """Neither the same one by another path, nor one that was decided: nobody would be answered."""
    world = a_world()
    old, new = said("hello there", "1"), said("I paid", "2")
    await clerk(world, Queue()).take(old)
    again = (replace(new, path=Path.HISTORY), replace(old, path=Path.HISTORY))
    await clerk(world, Queue(theirs=again)).take(new)
    assert await reasons(world) == [Reason.NO_RULE, Reason.ANSWERED]


async def test_a_machines_message_is_no_further_message() -> None:
    """It will not be answered, so nothing is left to it."""
    world, queue = a_world(), Queue()
    desk = clerk(world, queue)
    await desk.take(said("I paid", "1"))
    world.clock.at_ms += 10_000
    queue.theirs = (said("Please press the button now", "3"),)
    await desk.take(said("paid!", "2", created_at_ms=world.clock.at_ms))
    assert await reasons(world) == [Reason.ANSWERED, Reason.ANSWERED]


async def test_a_message_of_the_past_is_no_further_message() -> None:
    """The history may bring one that nobody answers any more."""
    world = a_world()
    old = said("hello", "0", path=Path.HISTORY, created_at_ms=NOW_MS - 3_600_000)
    await clerk(world, Queue(theirs=(old,))).take(said("I paid", "1"))
    assert await reasons(world) == [Reason.ANSWERED]


async def test_a_person_who_takes_over_meanwhile_ends_it() -> None:
    """The decision is made anew after the wait."""
    world = a_world()
    person = said("I am here", "2", from_us=True, created_at_ms=NOW_MS + 1_000)
    await clerk(world, Queue(ours=(person,))).take(said("I paid", "1"))
    assert set(await reasons(world)) == {Reason.OPERATOR_MESSAGE, Reason.TAKEN_OVER}
    assert await texts(world) == []
