"""The ledger of words: who is late by his own word, and nobody by another's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.progress import WORK_S, Promises

Step = tuple[str, float]  # what a loop says, and the seconds of the wait that it names

LATE = [
    ("a promise is kept for the work's time", [("step", 0.0)], WORK_S - 0.1, False),
    ("a promise is broken after the work's time", [("step", 0.0)], WORK_S + 0.1, True),
    ("a wait that was named does not count", [("step", 900.0)], 900.0 + WORK_S - 0.1, False),
    ("a wait that was named ends", [("step", 900.0)], 900.0 + WORK_S + 0.1, True),
    ("a wait of less than nothing is none", [("step", -50.0)], WORK_S - 0.1, False),
    ("who rests is never late", [("step", 0.0), ("rest", 0.0)], 1e9, False),
    ("who was woken may be late again", [("rest", 0.0), ("step", 0.0)], WORK_S + 0.1, True),
    ("the last word counts, also when it is shorter", [("step", 900.0), ("step", 0.0)], WORK_S + 0.1, True),
    ("who has ended owes nothing", [("step", 0.0), ("end", 0.0)], 1e9, False),
]


def say(promises: Promises[str], loop: str, step: Step, now_s: float = 0.0) -> None:
    """Have a loop say one thing."""
    what, after_s = step
    if what == "end":
        promises.end(loop)
    elif what == "rest":
        promises.rest(loop, loop, now_s)
    else:
        promises.promise(loop, loop, now_s, after_s)


@pytest.mark.parametrize(("steps", "asked_s", "late"), [row[1:] for row in LATE], ids=[row[0] for row in LATE])
def test_a_word_is_kept_or_broken(steps: list[Step], asked_s: float, late: bool) -> None:  # noqa: FBT001 - a column
    """Each row: what a loop said at second 0, when it is asked for, and whether it is late."""
    promises = Promises[str]()
    for step in steps:
        say(promises, "chat", step)
    assert ("chat" in promises.broken(asked_s)) is late


def test_the_time_in_which_nobody_could_run_counts_for_nobody() -> None:
    """A machine that slept for an hour wakes with every word kept, and the words end as much later."""
    promises = Promises[str]()
    say(promises, "chat", ("step", 0.0))
    promises.stood_still(3600.0)
    assert not promises.broken(3600.0 + WORK_S - 0.1)
    assert promises.broken(3600.0 + WORK_S + 0.1)


def test_the_one_that_is_silent_longest_comes_first() -> None:
    """Who hangs first is the likelier cause of the others' silence."""
    promises = Promises[str]()
    say(promises, "desk", ("step", 0.0), 20.0)
    say(promises, "chat", ("step", 0.0), 10.0)
    assert [word.loop for word in promises.broken(1000.0).values()] == ["chat", "desk"]


@given(
    st.lists(
        st.tuples(st.sampled_from(["chat", "desk", "timers"]), st.floats(0, 5000), st.floats(0, WORK_S)), max_size=60
    )
)
def test_a_loop_that_keeps_its_words_is_never_late(story: list[tuple[str, float, float]]) -> None:
    """However long the named waits are: who comes back within the work's time after them is late at no moment."""
    promises = Promises[str]()
    back_s = {"chat": 0.0, "desk": 0.0, "timers": 0.0}
    for loop in back_s:
        say(promises, loop, ("step", 0.0))
    for loop, after_s, work_s in story:
        now_s = back_s[loop]
        say(promises, loop, ("step", after_s), now_s)
        back_s[loop] = now_s + after_s + work_s
        assert loop not in promises.broken(back_s[loop])


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_a_loop_that_hangs_is_late_whatever_the_others_say(at_s: float, after_s: float) -> None:
    """Nobody's words stand for another's."""
    promises = Promises[str]()
    say(promises, "hung", ("step", after_s), at_s)
    late_s = at_s + after_s + WORK_S + 1
    for loop in ("chat", "desk"):
        say(promises, loop, ("step", 0.0), late_s)
    assert set(promises.broken(late_s)) == {"hung"}
