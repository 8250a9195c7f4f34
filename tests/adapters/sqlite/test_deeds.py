"""What people did is kept with its time, and two of their deeds are one statement each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from p2pbot.adapters.sqlite import SqliteStore
from p2pbot.adapters.sqlite.deeds import LONGEST_DETAIL
from p2pbot.conversation.records import Action, ActionWord, Mute, OrderMemory
from p2pbot.model import Reason
from p2pbot.ports import DAY_MS
from tests.fakes.records import ACCOUNT, NOW_MS, ORDER, claim, entry
from tests.fakes.store import SwitchedLease

MUTE = Mute(reason=Reason.MUTED, since_ms=NOW_MS, until_ms=NOW_MS + 5)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """Return the daemon's store on a new file."""
    made = await SqliteStore.open(tmp_path / "state.db", SwitchedLease())
    yield made
    await made.close()


def action(word: ActionWord, order_no: str = ORDER, at_ms: int = NOW_MS, detail: str = "") -> Action:
    """Return an action of the account."""
    return Action(at_ms=at_ms, word=word, account=ACCOUNT, order_no=order_no, detail=detail)


async def test_what_was_done_about_an_order_is_told_in_its_order(store: SqliteStore) -> None:
    """Oldest first, as it was written; other orders' are not among them."""
    done = [action(ActionWord.PAUSE, at_ms=NOW_MS + 9), action(ActionWord.SEND, detail="u1")]
    for one in (done[0], action(ActionWord.PAUSE, "204"), done[1]):
        await store.act(one)
    assert list(await store.actions(ORDER)) == done
    assert list(await store.actions(ORDER, limit=1)) == done[1:]


async def test_a_pause_of_everything_is_told_of_each_order_that_was_known(store: SqliteStore) -> None:
    """What silenced all while p2pbot knew the order explains its silence; what was before does not."""
    await store.claim(claim(entry("1")))
    for at_ms in (NOW_MS - 1, NOW_MS, NOW_MS + 1):
        await store.act(action(ActionWord.PAUSE, "*", at_ms))
    await store.act(action(ActionWord.RELOAD, "*", NOW_MS + 2))
    assert [one.at_ms for one in await store.actions(ORDER)] == [NOW_MS, NOW_MS + 1]


async def test_an_action_is_bounded(store: SqliteStore) -> None:
    """A detail is cut, and what is older than messages are kept is forgotten with them."""
    await store.act(action(ActionWord.DROP, detail="x" * 10_000))
    assert len((await store.actions(ORDER))[0].detail) == LONGEST_DETAIL
    assert await store.prune(NOW_MS + 91 * DAY_MS) == 1
    assert await store.actions(ORDER) == ()


@pytest.mark.parametrize("account", [ACCOUNT, "*"])
async def test_an_order_that_is_known_can_be_muted(store: SqliteStore, account: str) -> None:
    """The memory brings the mute at the next decision; one of another account or number is not touched."""
    await store.remember(OrderMemory(account=ACCOUNT, order_no=ORDER))
    assert await store.mute(account, ORDER, MUTE) == (ACCOUNT,)
    memory = await store.recall(ACCOUNT, ORDER)
    assert memory is not None
    assert memory.mute == MUTE
    assert await store.mute("other", ORDER, MUTE) == ()
    assert await store.mute(account, "205", MUTE) == ()


async def test_a_daemon_moves_in_once(store: SqliteStore) -> None:
    """A state that was never restored has no such moment; a restored one gets it at the first start and keeps it."""
    assert await store.moved_in(NOW_MS) == 0
    await store.act(Action(at_ms=NOW_MS, word=ActionWord.RESTORE))
    assert await store.moved_in(NOW_MS + 5) == NOW_MS + 5
    assert await store.moved_in(NOW_MS + 9) == NOW_MS + 5
    await store.act(Action(at_ms=NOW_MS, word=ActionWord.RESTORE))
    assert await store.moved_in(NOW_MS + 9) == NOW_MS + 9
