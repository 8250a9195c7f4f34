"""What is forgotten is gone from the file, and what delivery needs of an order that is open is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.conversation.records import Action, ActionWord, Claim, OrderMemory, OutboxState
from p2pbot.model import FiringMark, LimitScope, OrderStatus
from p2pbot.ports import DAY_MS
from tests.fakes.records import ACCOUNT, NOW_MS, ORDER, entry, reply
from tests.fakes.store import SwitchedLease

OTHER = "30000000000000000000"
ANNA, BORIS = "Anna-Nickname", "Boris-Nickname"
LATER_MS = NOW_MS + DAY_MS
WORDS = ("inbound words", "reply with a bank account", "trace-of-a-rule", ANNA)


@dataclass
class File:
    """A store and the file under it."""

    store: SqliteStore
    path: Path

    def holds(self, text: str) -> bool:
        """Whether a text stands anywhere in the database or its log, as a thief of the disk would look."""
        files = self.path.parent.glob(f"{self.path.name}*")
        return any(text.encode() in file.read_bytes() for file in files)


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[File]:
    """Return the daemon's store on a new file."""
    store = await SqliteStore.open(tmp_path / "state.db", SwitchedLease())
    yield File(store, tmp_path / "state.db")
    await store.close()


async def talked(
    store: SqliteStore, order_no: str = ORDER, nick: str = ANNA, status: OrderStatus = OrderStatus.COMPLETED
) -> None:
    """Have an order with one answered message, whose reply was sent."""
    marks = tuple(
        FiringMark(scope=scope, scope_id=scope_id, group="g", at_ms=NOW_MS)
        for scope, scope_id in (
            (LimitScope.ORDER, order_no),
            (LimitScope.COUNTERPARTY, nick),
            (LimitScope.DAY, f"2026-01-05/{nick}"),
        )
    )
    claim = Claim(
        entry=entry(f"m{order_no}", text="inbound words", order_no=order_no, trace='["trace-of-a-rule"]'),
        replies=(reply(f"u{order_no}", text="reply with a bank account", order_no=order_no, state=OutboxState.SENT),),
        firings=marks,
        memory=OrderMemory(
            account=ACCOUNT, order_no=order_no, status=status, counterparty_key=nick, seen_at_ms=NOW_MS, language="ru"
        ),
    )
    await store.claim(claim)
    await store.act(Action(at_ms=NOW_MS, word=ActionWord.SEND, account=ACCOUNT, order_no=order_no, detail="reply 1"))


async def test_an_order_that_is_over_is_deleted_whole(file: File) -> None:
    """Nothing of it can be asked for, and no letter of it is found in the file or its log."""
    await talked(file.store)
    assert all(file.holds(word) for word in WORDS)
    done = await file.store.forget(ORDER, "*", LATER_MS, LATER_MS - 1)
    assert await file.store.wipe()
    assert (done.orders, done.emptied, done.waiting) == (((ACCOUNT, ORDER),), (), 0)
    assert done.rows == 5
    assert await file.store.inbox(ORDER) == ()
    assert await file.store.outbox(ORDER) == ()
    assert await file.store.recall(ACCOUNT, ORDER) is None
    assert await file.store.actions(ORDER) == ()
    assert not file.holds(ORDER)
    assert not any(file.holds(word) for word in WORDS[:3])


async def test_a_person_is_deleted_with_all_orders_and_counts(file: File) -> None:
    """Orders with this nickname, and what limits counted of it; another person keeps everything."""
    await talked(file.store)
    await talked(file.store, OTHER, BORIS)
    done = await file.store.forget(ANNA, "*", LATER_MS, LATER_MS - 1)
    assert await file.store.wipe()
    assert done.orders == ((ACCOUNT, ORDER),)
    assert not file.holds(ANNA)
    assert not file.holds(ORDER)
    told = await file.store.talk(ACCOUNT, OTHER, BORIS, NOW_MS)
    assert len(told.firings) == 3
    assert [one.text for one in await file.store.inbox(OTHER)] == ["inbound words"]


@pytest.mark.parametrize(
    ("status", "young_ms"),
    [(OrderStatus.UNPAID, LATER_MS - 1), (OrderStatus.UNKNOWN, LATER_MS), (OrderStatus.COMPLETED, NOW_MS)],
)
async def test_an_order_that_could_still_be_answered_keeps_its_identities(
    file: File, status: OrderStatus, young_ms: int
) -> None:
    """Open, of an unknown state, or of just now: the texts go, and the same message is still a duplicate."""
    await talked(file.store, status=status)
    done = await file.store.forget(ORDER, "*", LATER_MS, young_ms)
    assert await file.store.wipe()
    assert (done.orders, done.emptied) == ((), ((ACCOUNT, ORDER),))
    assert not any(file.holds(word) for word in WORDS[:3])
    assert await file.store.claim(Claim(entry=entry(f"m{ORDER}"))) == "duplicate"
    assert await file.store.find_own(ACCOUNT, ORDER, f"u{ORDER}") is not None
    memory = await file.store.recall(ACCOUNT, ORDER)
    assert memory is not None
    assert (memory.status, memory.counterparty_key, memory.language) == (status, "", "")
    told = await file.store.talk(ACCOUNT, ORDER, "", NOW_MS)
    assert [count.scope for count in told.firings] == [LimitScope.ORDER], "what was said once is not said again"


@pytest.mark.parametrize("state", [OutboxState.CLAIMED, OutboxState.SENDING, OutboxState.UNKNOWN])
async def test_while_a_reply_is_on_its_way_nothing_is_forgotten(file: File, state: OutboxState) -> None:
    """Its text is needed; the person is told how many wait."""
    await talked(file.store)
    await file.store.claim(Claim(entry=entry("9"), replies=(reply("u9", state=state),)))
    for who in (ORDER, ANNA):
        done = await file.store.forget(who, "*", LATER_MS, LATER_MS)
        assert (done.waiting, done.rows) == (1, 0)
    assert len(await file.store.inbox(ORDER)) == 2


async def test_whom_nobody_knows_is_nothing(file: File) -> None:
    """An order of another account neither."""
    await talked(file.store)
    for who, account in (("40", "*"), ("Nobody", "*"), (ORDER, "other"), (ANNA, "other")):
        assert (await file.store.forget(who, account, LATER_MS, LATER_MS)).is_nothing
    assert len(await file.store.inbox(ORDER)) == 1


async def test_that_something_was_forgotten_is_kept_without_its_number(file: File) -> None:
    """The deed has its time; whom it was about is what was to be forgotten."""
    await talked(file.store)
    await file.store.forget(ORDER, "*", LATER_MS, LATER_MS)
    (deed,) = await file.store.actions("*")
    assert (deed.word, deed.at_ms, deed.detail) == (
        ActionWord.FORGET,
        LATER_MS,
        "1 orders whole, 0 but for their identities",
    )


async def test_what_retention_deletes_is_overwritten_too(file: File) -> None:
    """The daily round needs no rewriting of the file: the letters are gone when the log is."""
    await talked(file.store)
    assert await file.store.prune(NOW_MS + 91 * DAY_MS)
    await file.store.close()
    assert not any(file.holds(word) for word in WORDS[:3])
