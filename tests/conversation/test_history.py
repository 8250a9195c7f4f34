"""Reading an order's history: nothing stops it early, nothing keeps it for ever, and what is left out is said."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.history import ROWS, Reading, UnreadWatch, since_of
from p2pbot.conversation.records import OrderMemory
from p2pbot.model import ChatMessage, MessageKind, Path
from tests.fakes.records import ACCOUNT, NOW_MS, ORDER


def message(number: int, at_ms: int | None = None, **more: str) -> ChatMessage:
    """Return a message whose id grows with its time, one a second."""
    return ChatMessage(
        order_no=ORDER,
        kind=MessageKind.TEXT,
        path=Path.HISTORY,
        message_id=more.pop("message_id", str(number)),
        text=more.pop("text", "hi"),
        created_at_ms=NOW_MS + number * 1000 if at_ms is None else at_ms,
        from_us=False,
    )


def read(
    talk: list[ChatMessage | None], since_ms: int, *, page_size: int = ROWS, ignores_cursor: bool = False
) -> tuple[Reading, int]:
    """Read ``talk`` (oldest first; None: a row that cannot be read) as an exchange gives it. Returns also the calls."""
    reading = Reading(since_ms=since_ms)
    for calls in count(1):
        top = len(talk) if ignores_cursor or not reading.below_id else int(reading.below_id)
        rows = list(enumerate(talk))[:top][::-1][:page_size]
        readable = tuple(row for _, row in rows if row is not None)
        reading = reading.page(readable, len(rows), str(rows[-1][0]) if rows else "")
        if reading.done:
            return reading, calls
    raise AssertionError


TALKS = st.lists(st.booleans(), max_size=400)


@given(TALKS, st.integers(0, 400), st.sampled_from([20, 50, 100]))
def test_nothing_newer_than_asked_for_is_left_out(readable: list[bool], since: int, page_size: int) -> None:
    """Whatever rows cannot be read, wherever the cut lies, whatever the server takes for a page."""
    talk = [message(number) if is_readable else None for number, is_readable in enumerate(readable)]
    reading, _ = read(talk, NOW_MS + since * 1000, page_size=page_size)
    wanted = {row for number, row in enumerate(talk) if row is not None and number >= since}
    assert wanted <= set(reading.messages)
    assert not reading.truncated


@given(TALKS)
def test_what_was_read_comes_in_the_order_in_which_it_was_said_and_once(readable: list[bool]) -> None:
    """The desk works it off in that order."""
    talk = [message(number) if is_readable else None for number, is_readable in enumerate(readable)]
    reading, _ = read(talk, 0)
    assert list(reading.oldest_first()) == [row for row in talk if row is not None]


def test_a_short_talk_costs_one_call() -> None:
    """Fewer rows than any page size in use are all there is."""
    _, calls = read([message(number) for number in range(19)], 0)
    assert calls == 1


def test_a_server_that_gives_smaller_pages_than_were_asked_for_does_not_end_the_reading() -> None:
    """20 rows of 50 asked for may be its largest page."""
    reading, _ = read([message(number) for number in range(55)], 0, page_size=20)
    assert len(reading.messages) == 55


def test_a_page_of_pictures_that_cannot_be_read_does_not_hide_the_texts_behind_it() -> None:
    """The cursor is the raw page's, not that of what we understood."""
    reading, _ = read([message(0), *[None] * 120], 0)
    assert reading.messages == (message(0),)


def test_one_wrong_time_does_not_end_the_reading() -> None:
    """A row of 1970 amid a page says nothing about the rows behind it."""
    talk: list[ChatMessage | None] = [message(number) for number in range(120)]
    talk[100] = message(100, at_ms=1_682_102_167)
    reading, _ = read(talk, NOW_MS)
    assert len(reading.messages) == 120


@pytest.mark.parametrize(("new", "calls"), [(0, 1), (10, 1), (40, 1), (41, 2), (90, 2), (91, 3)])
def test_reading_stops_behind_what_was_asked_for(new: int, calls: int) -> None:
    """A page that ends in ten rows of the decided part is the last: a long talk is not read whole at each look."""
    _, made = read([message(number) for number in range(400)], NOW_MS + (400 - new) * 1000)
    assert made == calls


def test_a_page_that_is_sorted_the_other_way_round_does_not_end_the_reading_early() -> None:
    """Old rows first say nothing about what lies behind the page."""
    rows = tuple(message(number) for number in range(50))
    assert not Reading(since_ms=NOW_MS + 30_000).page(rows, 50, "0").done


def test_a_talk_beyond_the_bound_is_cut_and_said_so() -> None:
    """Twenty pages, the newest ones."""
    reading, calls = read([message(number) for number in range(2_000)], 0)
    assert (calls, reading.truncated, len(reading.messages)) == (20, True, 20 * ROWS)
    assert reading.messages[0] == message(1_999)


def test_a_server_that_ignores_the_cursor_is_not_asked_for_ever() -> None:
    """The same page again is no progress: what lies behind it is left out, and said so."""
    reading, calls = read([message(number) for number in range(400)], 0, ignores_cursor=True)
    assert (calls, reading.truncated, len(reading.messages)) == (2, True, ROWS)


@given(st.lists(st.tuples(st.integers(0, 200), st.text("0123456789x", max_size=3)), max_size=60))
def test_whatever_a_server_says_reading_ends(pages: list[tuple[int, str]]) -> None:
    """Rows, cursors and emptiness at random: never more than twenty pages, and an end that is known to be one."""
    reading, calls = Reading(since_ms=0), 0
    for rows, lowest_id in [*pages, *[(0, "")] * 1]:
        reading = reading.page((), rows, lowest_id)
        calls += 1
        if reading.done:
            break
    assert reading.done
    assert calls <= 20


def test_two_texts_of_one_millisecond_without_ids_are_two() -> None:
    """Only what is equal in all it says is the same row twice."""
    twins = (message(1, text="a", message_id=""), message(1, text="b", message_id=""))
    reading = Reading(since_ms=0).page((*twins, twins[0]), 3, "")
    assert set(reading.messages) == set(twins)


@pytest.mark.parametrize(
    ("caught_up_ms", "wanted_ms", "since_ms"),
    [
        (NOW_MS, NOW_MS, NOW_MS - 60_000),
        (NOW_MS, NOW_MS - 300_000, NOW_MS - 300_000),
        (0, NOW_MS, 0),
        (30_000, NOW_MS, 0),
        (NOW_MS, -5, 0),
    ],
)
def test_a_look_reaches_back_to_what_is_asked_for_and_to_what_is_undecided(
    caught_up_ms: int, wanted_ms: int, since_ms: int
) -> None:
    """With a minute of overlap; an order that was never read is read whole."""
    memory = OrderMemory(account=ACCOUNT, order_no=ORDER, caught_up_ms=caught_up_ms)
    assert since_of(memory, wanted_ms) == since_ms


def test_an_order_that_nobody_remembers_is_read_whole() -> None:
    """Nothing of it is decided."""
    assert since_of(None, NOW_MS) == 0


def watched(*steps: int | str | None) -> list[bool]:
    """Return what each look at the list says.

    A number is the unread count of a look, a second after the one before. A letter is a message by socket, made just
    now; the same letter again is the same message; a capital was made before the list was last asked for.
    """
    watch, missed, now_ms = UnreadWatch(), [], NOW_MS
    for step in steps:
        if isinstance(step, str):
            watch = watch.brought(step, now_ms if step.isupper() else now_ms + 1)
        else:
            now_ms += 1_000
            watch, flag = watch.looked(step, now_ms)
            missed.append(flag)
    return missed


@pytest.mark.parametrize(
    ("steps", "missed"),
    [
        ((3,), [False]),
        ((0, "a", 1), [False, False]),
        ((0, 1), [False, True]),
        ((0, "a", 2), [False, True]),
        ((0, "a", "b", 1), [False, False]),
        ((0, None, "a", 1), [False, False, False]),
        ((0, "a", 1, 1, 1), [False, False, False, False]),
        ((5, 0), [False, False]),
        ((5, "a", 1), [False, False]),
        ((5, 1), [False, True]),
        ((5, "a", 2), [False, True]),
        ((0, "a", "a", 2), [False, True]),
        ((0, "a", 1, "a", 2), [False, False, True]),
        ((0, 1, "A", 2), [False, True, True]),
    ],
)
def test_more_unread_than_arrived_means_that_the_socket_missed_something(
    steps: tuple[int | str | None, ...], missed: list[bool]
) -> None:
    """A count that fell was read by somebody: then all that is unread came since. A repeat is no arrival."""
    assert watched(*steps) == missed


@given(st.lists(st.sampled_from(["arrives", "missed", "repeated", "look"]), max_size=40))
def test_a_miss_is_flagged_exactly_when_one_happened_while_nobody_reads(steps: list[str]) -> None:
    """Against the plain truth: with nobody reading, the flag is right at every look, whatever the socket repeats."""
    watch, unread, lost, keys = UnreadWatch().looked(0, NOW_MS)[0], 0, 0, list[str]()
    for now_ms, step in enumerate(steps, NOW_MS + 1):
        if step == "look":
            watch, flag = watch.looked(unread, now_ms)
            assert flag is (lost > 0)
            lost = 0
        elif step == "repeated":
            watch = watch.brought(keys[0], now_ms) if keys else watch
        elif step == "arrives":
            unread += 1
            keys.append(str(unread))
            watch = watch.brought(keys[-1], now_ms)
        else:
            unread += 1
            lost += 1


def test_a_watch_remembers_a_bounded_number_of_messages() -> None:
    """Repeats come soon or not at all."""
    watch = UnreadWatch()
    for number in range(1_000):
        watch = watch.brought(str(number), NOW_MS)
    assert len(watch.known) == 100


def test_pages_that_are_longer_than_asked_for_do_not_lead_further() -> None:
    """A server that gives 1,000 rows at once must not bring more than the desk takes in of one order."""
    talk: list[ChatMessage | None] = [message(number) for number in range(5_000)]
    reading, calls = read(talk, 0, page_size=900)
    assert calls == 2
    assert reading.truncated
    assert len(reading.messages) < 2_000
