"""What lasts becomes a word, once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.records import OutboxState
from p2pbot.conversation.watch import Sight, Watch, WatchPolicy
from p2pbot.model import Notice, Topic
from tests.fakes.records import NOW_MS, reply

MIB = 1024 * 1024
POLICY = WatchPolicy(deaf_ms=300_000, in_doubt_ms=300_000, disk_low_bytes=200 * MIB)


def sight(*, deaf_ms: int = 0) -> Sight:
    """Return an account without replies whose chat is down for so long."""
    return Sight(account="main", now_ms=NOW_MS, deaf_ms=deaf_ms)


def told(watch: Watch, *sights: Sight, free_bytes: int | None = None) -> list[Notice]:
    """Return what the watch tells now."""
    return list(watch.look(sights, free_bytes))


def test_a_chat_that_is_down_long_enough_is_told_once_and_its_end_too() -> None:
    """Not before its time, once, urgently; and once more, calmly, when it is open again."""
    watch = Watch(POLICY)
    assert told(watch, sight(deaf_ms=299_999)) == []
    (word,) = told(watch, sight(deaf_ms=420_000))
    assert (word.topic, word.urgent, word.account) == (Topic.DEAF, True, "main")
    assert word.text == "The chat has been down for 7 minutes; nobody is answered."
    assert told(watch, sight(deaf_ms=3_600_000)) == []
    (end,) = told(watch, sight())
    assert (end.topic, end.urgent) == (Topic.DEAF, False)
    assert end.text == "The chat is open again; it was down for 60 minutes."
    assert told(watch, sight()) == []


def test_a_short_outage_is_not_told() -> None:
    """Neither its beginning nor its end."""
    watch = Watch(POLICY)
    assert told(watch, sight(deaf_ms=100_000)) == []
    assert told(watch, sight()) == []


def test_each_outage_is_a_word_of_its_own() -> None:
    """A second outage within the hour is no repeat of the first: its key differs. Even when none saw the chat open."""
    watch = Watch(POLICY)
    words = [*told(watch, sight(deaf_ms=400_000)), *told(watch, sight()), *told(watch, sight(deaf_ms=400_000))]
    assert len({word.key for word in words}) == 3
    between = told(watch, sight(deaf_ms=10_000))
    assert [word.text[:30] for word in between] == ["The chat is open again; it was"]


@pytest.mark.parametrize("state", list(OutboxState))
def test_a_reply_in_doubt_is_told_once(state: OutboxState) -> None:
    """SENDING and UNKNOWN for too long are told with their order; other states and younger doubts are not."""
    watch = Watch(POLICY)
    row = replace(reply("u"), state=state, sending_at_ms=NOW_MS)
    young = Sight(account="main", now_ms=NOW_MS + 299_999, replies=(row,))
    old = Sight(account="main", now_ms=NOW_MS + 300_000, replies=(row,))
    assert told(watch, young) == []
    words = told(watch, old)
    if state in (OutboxState.SENDING, OutboxState.UNKNOWN):
        (word,) = words
        assert (word.topic, word.urgent, word.order_no) == (Topic.IN_DOUBT, True, row.order_no)
        assert "For 5 minutes nobody knows" in word.text
        assert row.text not in word.text
    else:
        assert words == []
    assert told(watch, old) == []


def test_a_disk_that_fills_up_is_told_until_there_is_room_again() -> None:
    """Once below the mark; again only after there was twice the room. A disk that cannot be asked says nothing."""
    watch = Watch(POLICY)
    assert told(watch, free_bytes=None) == []
    assert told(watch, free_bytes=200 * MIB) == []
    (word,) = told(watch, free_bytes=199 * MIB)
    assert (word.topic, word.urgent) == (Topic.DISK, True)
    assert "199 MiB" in word.text
    for free in (10 * MIB, 250 * MIB, 199 * MIB):
        assert told(watch, free_bytes=free) == []
    assert told(watch, free_bytes=400 * MIB) == []
    assert len(told(watch, free_bytes=0)) == 1


@given(downs=st.lists(st.integers(0, 10**7), max_size=50))
def test_beginnings_and_ends_alternate(downs: list[int]) -> None:
    """However an outage comes and goes, every end that is told has its beginning, and no beginning comes twice."""
    watch, open_words = Watch(POLICY), 0
    for deaf_ms in downs:
        for word in told(watch, sight(deaf_ms=deaf_ms)):
            open_words += 1 if word.urgent else -1
            assert open_words in (0, 1)
