"""A soak counts honestly: what was answered twice, or is nowhere, is found."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from bench.soak_trade import Tally, judge
from p2pbot.conversation.records import InboxEntry, OutboxRow, OutboxState
from p2pbot.model import Reason
from tests.fakes.records import entry, reply

ANSWERED = entry("1", text="question 7")
DROPPED = replace(reply("u-1", state=OutboxState.DROPPED), reason=Reason.LATE)
REFUSED = entry("1", text="question 7", reason=Reason.TOO_OLD)
NOTHING = Tally(asked=1, unaccounted=["question 7"])


@pytest.mark.parametrize(
    ("decided", "row", "times", "told"),
    [
        (ANSWERED, reply("u-1", state=OutboxState.SENT), 1, Tally(asked=1, answered=1)),
        (ANSWERED, reply("u-1", state=OutboxState.SENT), 2, Tally(asked=1, twice=["question 7"])),
        (ANSWERED, DROPPED, 0, Tally(asked=1, silent=Counter(late=1))),
        (REFUSED, None, 0, Tally(asked=1, silent=Counter(too_old=1))),
        (None, None, 0, NOTHING),
        (ANSWERED, None, 0, NOTHING),
        (ANSWERED, reply("u-1"), 0, NOTHING),
    ],
    ids=["once", "twice", "dropped", "too_old", "never_decided", "no_reply", "still_waiting"],
)
def test_a_question_is_counted(decided: InboxEntry | None, row: OutboxRow | None, times: int, told: Tally) -> None:
    """Once, twice, never with a reason, or unaccounted for."""
    tally = Tally()
    judge("question 7", decided, {row.stimulus_key: row} if row else {}, Counter({"Answer 7.": times}), tally)
    assert tally == told


@pytest.mark.parametrize(("decided", "lost"), [(entry("1", text="chatter 3"), []), (None, ["chatter 3"])])
def test_other_messages_must_be_decided(decided: InboxEntry | None, lost: list[str]) -> None:
    """A message that no rule answers must still be in the store."""
    tally = Tally()
    judge("chatter 3", decided, {}, Counter(), tally)
    assert (tally.other, tally.unaccounted) == (1, lost)
