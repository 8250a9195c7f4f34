"""One account's loops joined: a socket that keeps messages back is found out, and one that is merely late is not."""

from __future__ import annotations

import json
from typing import cast

import pytest

from p2pbot.conversation.session import SessionEvent
from p2pbot.daemon.account import Account
from p2pbot.daemon.chat import ConnectBudget
from p2pbot.daemon.desk import Looked
from p2pbot.daemon.rulebook import Rulebook
from p2pbot.daemon.surroundings import AccountPlan
from p2pbot.model import ChatMessage, MessageKind, Path
from p2pbot.ports import Connection
from p2pbot.protocol.backoff import AttemptBudget
from tests.fakes.occasions import NOW_MS, NUMBER
from tests.fakes.world import StillClock, World


def an_account(open_since_ms: int = 60_000) -> tuple[Account, StillClock]:
    """Return an account whose chat has been open for so long, and its clock."""
    clock = StillClock(NOW_MS)
    world = World(clock)
    rules = Rulebook("main", dict, world.told, world.told)
    account = Account(AccountPlan(name="main"), world.doors(), ConnectBudget(AttemptBudget()), rules)
    account.chat._connection = cast("Connection", object())
    account.chat.session = (
        account.chat.session.step(SessionEvent.WAIT_OVER).step(SessionEvent.CREDENTIAL).opened(NOW_MS - open_since_ms)
    )
    return account, clock


def found(message_id: str = "7", *, age_ms: int = 1_000) -> ChatMessage:
    """Return a message that the history showed and nobody had decided."""
    return ChatMessage(
        order_no=NUMBER,
        kind=MessageKind.TEXT,
        path=Path.HISTORY,
        message_id=message_id,
        text="hi",
        created_at_ms=NOW_MS - age_ms,
        from_us=False,
    )


def looked(clock: StillClock) -> Looked:
    """Return the end of a look."""
    return Looked(NUMBER, clock.at_ms, clock.at_ms, 0)


@pytest.mark.parametrize(("age_ms", "suspected"), [(10_001, True), (10_000, False), (1_000, False)])
def test_a_message_that_the_socket_should_have_brought_long_ago_speaks_against_it(
    age_ms: int,
    suspected: bool,  # noqa: FBT001 - a table
) -> None:
    """Ten seconds are longer than any flight."""
    account, _ = an_account()
    account._missed(found(age_ms=age_ms))
    assert account.chat._suspect.is_set() is suspected


def test_a_message_that_was_found_early_speaks_against_the_socket_when_it_has_not_come_by_the_next_look() -> None:
    """Else a deaf socket is kept, only because the list was quick."""
    account, clock = an_account()
    account._missed(found())
    clock.at_ms += 10_000
    account._put(looked(clock))
    assert account.chat._suspect.is_set()


async def test_a_message_that_the_socket_brings_late_is_no_miss() -> None:
    """It was on its way."""
    account, clock = an_account()
    account._missed(found())
    frame = {"type": "text", "id": "7", "orderNo": NUMBER, "content": "hi", "self": False, "createTime": NOW_MS - 1_000}
    await account.on_frame(json.dumps(frame))
    clock.at_ms += 10_000
    account._put(looked(clock))
    assert not account.chat._suspect.is_set()


async def test_a_message_that_waits_in_the_queue_is_no_miss() -> None:
    """The socket brought it after the look had put it there, and before it was decided."""
    account, clock = an_account()
    frame = {"type": "text", "id": "7", "orderNo": NUMBER, "content": "hi", "self": False, "createTime": NOW_MS - 1_000}
    await account.on_frame(json.dumps(frame))
    account._missed(found())
    clock.at_ms += 10_000
    account._put(looked(clock))
    assert not account.chat._suspect.is_set()


def test_what_was_said_before_the_socket_opened_is_no_miss() -> None:
    """It is in the history only."""
    account, _ = an_account(open_since_ms=20_000)
    account._missed(found(age_ms=15_000))
    assert not account.chat._suspect.is_set()


def test_a_socket_is_replaced_on_suspicion_every_five_minutes_at_most() -> None:
    """Each replacement costs a gap."""
    account, clock = an_account()
    account._missed(found(age_ms=15_000))
    account.chat._suspect.clear()
    clock.at_ms += 299_000
    account._put(looked(clock))
    assert not account.chat._suspect.is_set()
    clock.at_ms += 1_000
    account._put(looked(clock))
    assert account.chat._suspect.is_set()


@pytest.mark.parametrize(("kind", "counted"), [("text", True), ("image", True), ("system", False)])
async def test_a_card_does_not_make_up_for_a_persons_message(kind: str, counted: bool) -> None:  # noqa: FBT001 - a table
    """Nobody has published whether the count of unread messages counts cards; a look too many does no harm."""
    account, _ = an_account()
    content = json.dumps({"type": "seller_payed", "orderNo": NUMBER}) if kind == "system" else "hi"
    frame = {"type": kind, "id": "8", "orderNo": NUMBER, "content": content, "self": False, "createTime": NOW_MS}
    await account.on_frame(json.dumps(frame))
    assert (NUMBER in account.orders._watches) is counted
