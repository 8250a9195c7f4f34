"""A phone is not flooded and not left in the dark."""

from __future__ import annotations

import re
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.notices import (
    HOUR_MS,
    LINES,
    LONGEST_LINE,
    LONGEST_TEXT,
    MOST_WAITING,
    OLDEST_MS,
    Fate,
    Message,
    NoticeBox,
    NoticePolicy,
    harmless,
)
from p2pbot.model import Notice, Topic
from p2pbot.rules.hours import Window
from tests.fakes.chance import FixedChance

NOW_MS = 1_767_607_200_000  # 2026-01-05 10:00 UTC
ISTANBUL = ZoneInfo("Europe/Istanbul")  # three hours ahead
NIGHT = Window("quiet", ISTANBUL, ((23 * 60, 7 * 60),), frozenset(range(7)))
AT_23_30_MS = NOW_MS + 10 * HOUR_MS + HOUR_MS // 2
CHANCE = FixedChance()


def word(text: str = "look", *, key: str = "k", order_no: str = "", urgent: bool = False, **more: Topic) -> Notice:
    """Return a notice."""
    return Notice(key=key, text=text, account="main", order_no=order_no, urgent=urgent, **more)


def sent(box: NoticeBox, now_ms: int = NOW_MS) -> Message | None:
    """Return the message that may leave, taken by the service at once."""
    message = box.compose(now_ms)
    if message:
        box.delivered(now_ms)
    return message


def test_a_word_leaves_at_once() -> None:
    """A single word is a message that names the account, the order and the topic."""
    box = NoticeBox(NoticePolicy())
    assert box.take(word("Rule x hands over", order_no="7", topic=Topic.HANDOVER), NOW_MS) is Fate.WAITS
    message = sent(box)
    assert message == Message(title="p2pbot: handover", text="[order 7, main] Rule x hands over", words=1)
    assert box.compose(NOW_MS) is None


def test_what_the_service_is_not_about_is_not_told() -> None:
    """A service hears of its topics alone."""
    box = NoticeBox(NoticePolicy(about=frozenset({Topic.APPEAL})))
    assert box.take(word(topic=Topic.RULE), NOW_MS) is Fate.UNWANTED
    assert box.compose(NOW_MS) is None


def test_the_same_word_is_said_once_in_its_time_and_counted() -> None:
    """Repeats within ``repeat_ms`` are silent; the next one afterwards tells how many there were."""
    box = NoticeBox(NoticePolicy(repeat_ms=HOUR_MS))
    box.take(word("refused"), NOW_MS)
    sent(box)
    for minute in (10, 20, 59):
        assert box.take(word("refused"), NOW_MS + minute * 60_000) is Fate.REPEATED
    assert sent(box, NOW_MS + 59 * 60_000) is None
    box.take(word("refused"), NOW_MS + 61 * 60_000)
    again = sent(box, NOW_MS + 61 * 60_000)
    assert again is not None
    assert again.text == "[main] refused (4 times)"


@pytest.mark.parametrize("order_no", ["", "7"])
def test_another_text_is_another_word(order_no: str) -> None:
    """Rules that are refused for a second mistake are told of at once, though the first was told a minute ago."""
    box = NoticeBox(NoticePolicy())
    for text in ("a.yaml:1: first", "a.yaml:2: second"):
        box.take(word(text, order_no=order_no), NOW_MS)
        assert sent(box) is not None


def test_what_waits_becomes_one_message_urgent_first() -> None:
    """Several words are one message of several lines, urgent ones first."""
    box = NoticeBox(NoticePolicy())
    box.take(word("a", key="a"), NOW_MS)
    box.take(word("b", key="b", urgent=True, topic=Topic.APPEAL), NOW_MS)
    message = sent(box)
    assert message is not None
    assert (message.title, message.text, message.urgent, message.words) == (
        "p2pbot: appeal and 1 more",
        "[main] b\n[main] a",
        True,
        2,
    )


def test_ordinary_words_wait_for_the_end_of_quiet_hours() -> None:
    """At night an urgent word comes alone; the others come in the morning, as one message with their times."""
    box = NoticeBox(NoticePolicy(quiet=NIGHT, zone=ISTANBUL))
    box.take(word("a", key="a"), AT_23_30_MS)
    box.take(word("b", key="b"), AT_23_30_MS)
    assert box.compose(AT_23_30_MS) is None
    box.take(word("fire", key="c", urgent=True), AT_23_30_MS)
    urgent = sent(box, AT_23_30_MS)
    assert urgent is not None
    assert urgent.text == "[main] fire"
    seven_ms = AT_23_30_MS + 7 * HOUR_MS + HOUR_MS // 2
    assert sent(box, seven_ms - 1) is None
    morning = sent(box, seven_ms)
    assert morning is not None
    assert morning.text == "23:30 [main] a\n23:30 [main] b"


def test_urgent_words_wait_where_the_merchant_says_so() -> None:
    """``urgent_in_quiet`` False: the night is quiet whatever happens."""
    box = NoticeBox(NoticePolicy(quiet=NIGHT, urgent_in_quiet=False))
    box.take(word(urgent=True), AT_23_30_MS)
    assert box.compose(AT_23_30_MS) is None
    assert box.waiting == 1


def test_a_full_hour_makes_a_digest() -> None:
    """Beyond ``per_hour`` messages words wait, and come together when the hour has room; urgent ones do not wait."""
    box = NoticeBox(NoticePolicy(per_hour=3))
    told = 0
    for number in range(10):
        box.take(word(key=str(number)), NOW_MS + number)
        told += sent(box, NOW_MS + number) is not None
    assert told == 3
    box.take(word(key="fire", urgent=True), NOW_MS + 20)
    assert sent(box, NOW_MS + 20) is not None
    assert sent(box, NOW_MS + HOUR_MS - 1) is None
    wake_ms = box.wake_ms(NOW_MS + 21)
    assert wake_ms is None or wake_ms <= NOW_MS + HOUR_MS


def test_a_failed_message_is_said_again_with_what_came_meanwhile() -> None:
    """Nothing is lost by a failure: after a pause that grows the words leave together, the older first."""
    box = NoticeBox(NoticePolicy())
    box.take(word("a", key="a"), NOW_MS)
    assert box.compose(NOW_MS) is not None
    assert box.compose(NOW_MS) is None, "one message is under way at a time"
    box.take(word("a", key="a"), NOW_MS)
    box.take(word("b", key="b"), NOW_MS)
    box.failed(NOW_MS, CHANCE)
    assert box.compose(NOW_MS) is None
    wake_ms = box.wake_ms(NOW_MS)
    assert wake_ms is not None
    assert 5_000 <= wake_ms - NOW_MS <= 10_000
    message = sent(box, wake_ms)
    assert message is not None
    assert message.text == "[main] a (2 times)\n[main] b"


def test_a_repeat_while_a_word_is_under_way_is_counted_when_it_comes_again() -> None:
    """What came between the sending and the service's answer is not lost."""
    box = NoticeBox(NoticePolicy(repeat_ms=HOUR_MS))
    box.take(word(), NOW_MS)
    assert box.compose(NOW_MS) is not None
    assert box.take(word(), NOW_MS) is Fate.REPEATED
    box.delivered(NOW_MS)
    box.take(word(), NOW_MS + HOUR_MS)
    again = sent(box, NOW_MS + HOUR_MS)
    assert again is not None
    assert again.text.endswith("(2 times)")


def test_long_words_share_a_message_as_far_as_it_goes() -> None:
    """What would make a message longer than a phone shows goes with the next one; nothing is cut away."""
    box = NoticeBox(NoticePolicy())
    for number in range(10):
        box.take(word("x" * LONGEST_LINE, key=str(number)), NOW_MS)
    first, second = sent(box), sent(box)
    assert first is not None
    assert second is not None
    assert len(first.text) <= LONGEST_TEXT + LINES
    assert first.words + second.words == 10


def test_a_service_that_is_well_again_is_trusted_again() -> None:
    """After a message that was taken the next failure begins with a short pause."""
    box, now_ms = NoticeBox(NoticePolicy()), NOW_MS
    for key, failures in (("a", 6), ("b", 1)):
        box.take(word(key=key), now_ms)
        for _ in range(failures):
            assert box.compose(now_ms) is not None
            box.failed(now_ms, CHANCE)
            wake_ms = box.wake_ms(now_ms)
            assert wake_ms is not None
            pause_ms, now_ms = wake_ms - now_ms, wake_ms
        assert sent(box, now_ms) is not None
    assert pause_ms <= 10_000


def test_pauses_grow_up_to_ten_minutes() -> None:
    """A service that stays down is asked ever more seldom, and at least every ten minutes."""
    box, now_ms, pauses = NoticeBox(NoticePolicy()), NOW_MS, []
    box.take(word(), now_ms)
    for _ in range(12):
        assert box.compose(now_ms) is not None
        box.failed(now_ms, CHANCE)
        wake_ms = box.wake_ms(now_ms)
        assert wake_ms is not None
        pauses.append(wake_ms - now_ms)
        now_ms = wake_ms
    assert pauses == sorted(pauses)
    assert pauses[-1] <= 600_000


def test_what_was_interrupted_may_leave_at_once() -> None:
    """A stop of the daemon is no fault of the service: there is no pause."""
    box = NoticeBox(NoticePolicy())
    box.take(word(), NOW_MS)
    first = box.compose(NOW_MS)
    box.interrupted()
    assert box.compose(NOW_MS) == first


def test_too_many_words_give_up_the_oldest_ordinary_ones_and_say_so() -> None:
    """Beyond the bound the oldest words that are not urgent are given up, and counted in the next message."""
    box = NoticeBox(NoticePolicy())
    box.take(word("fire", key="fire", urgent=True), NOW_MS)
    for number in range(MOST_WAITING + 4):
        box.take(word(key=str(number), topic=Topic.REJECTED), NOW_MS)
    assert (box.waiting, box.dropped) == (MOST_WAITING, 5)
    message = sent(box)
    assert message is not None
    lines = message.text.splitlines()
    assert lines[0] == "[main] fire"
    assert lines[-1] == "Not told, too many or too old: 5 rejected. They stand in the log."
    again = sent(box)
    assert again is not None
    assert "Not told" not in again.text


def test_what_was_not_told_is_counted_until_a_message_arrives() -> None:
    """A failed message takes the count of given-up words with it into the next."""
    box = NoticeBox(NoticePolicy())
    for number in range(MOST_WAITING + 1):
        box.take(word(key=str(number)), NOW_MS)
    assert box.compose(NOW_MS) is not None
    box.failed(NOW_MS, CHANCE)
    message = sent(box, NOW_MS + 600_000)
    assert message is not None
    assert "1 other" in message.text.splitlines()[-1]


def test_a_word_that_nobody_could_be_told_for_half_a_day_is_given_up() -> None:
    """What is older than twelve hours is counted, not told."""
    box = NoticeBox(NoticePolicy())
    box.take(word("old", key="old"), NOW_MS)
    later_ms = NOW_MS + OLDEST_MS + 1
    box.take(word("new", key="new"), later_ms)
    message = sent(box, later_ms)
    assert message is not None
    assert message.text == "[main] new\nNot told, too many or too old: 1 other. They stand in the log."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\x1b[31m", "two lines [31m"),
        ("@everyone look @here", "everyone look here"),
        ("\u202eback", "back"),
        ("付款了", "付款了"),
        ("x" * (LONGEST_LINE + 1), "x" * (LONGEST_LINE - 1) + "…"),
    ],
)
def test_a_text_is_one_harmless_line(text: str, shown: str) -> None:
    """What somebody wrote neither breaks the line nor moves a cursor nor calls a whole chat group."""
    assert harmless(text) == shown


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["take", "urgent", "ok", "fail", "stop"]),
        st.integers(0, 200),
        st.integers(-HOUR_MS, 3 * HOUR_MS),
    ),
    max_size=200,
)


@given(events=EVENTS, per_hour=st.integers(1, 5), quiet=st.sampled_from([None, NIGHT]))
def test_every_word_is_told_or_counted(events: list[tuple[str, int, int]], per_hour: int, quiet: Window | None) -> None:
    """Whatever comes, fails, stops or leaps: a word is told, waits, or is counted as given up; bounds hold."""
    box, now_ms = NoticeBox(NoticePolicy(per_hour=per_hour, quiet=quiet)), NOW_MS
    taken: set[str] = set()
    told: Counter[str] = Counter()
    for kind, key, step_ms in events:
        now_ms += step_ms
        if kind in ("take", "urgent"):
            fate = box.take(word(f"w{key}", key=str(key), urgent=kind == "urgent"), now_ms)
            taken |= {f"w{key}"} if fate is Fate.WAITS else set()
            continue
        message = box.compose(now_ms)
        if message is None:
            continue
        assert message.words <= LINES
        assert len(message.text) <= LONGEST_TEXT + 200
        if kind == "ok":
            told.update(re.findall(r"\bw\d+\b", message.text))
            box.delivered(now_ms)
        elif kind == "fail":
            box.failed(now_ms, CHANCE)
        else:
            box.interrupted()
        assert box.waiting <= MOST_WAITING
    assert len(taken) <= len(told) + box.waiting + box.dropped


@given(minutes=st.lists(st.integers(0, 90), max_size=60), per_hour=st.integers(1, 5), urgent=st.booleans())
def test_no_hour_holds_more_messages_than_allowed(minutes: list[int], per_hour: int, *, urgent: bool) -> None:
    """In any hour at most ``per_hour`` messages of a kind leave, however words come."""
    box, now_ms, sent_ms = NoticeBox(NoticePolicy(per_hour=per_hour)), NOW_MS, []
    for number, minute in enumerate(minutes):
        now_ms += minute * 60_000
        box.take(word(key=str(number), urgent=urgent), now_ms)
        if sent(box, now_ms):
            sent_ms.append(now_ms)
    for at_ms in sent_ms:
        assert sum(at_ms <= other < at_ms + HOUR_MS for other in sent_ms) <= per_hour


def test_a_clock_that_is_set_back_holds_nothing_up_for_long() -> None:
    """After a failure and a clock that leaps a day back the next try is at most ten minutes away."""
    box = NoticeBox(NoticePolicy())
    box.take(word(), NOW_MS)
    assert box.compose(NOW_MS) is not None
    box.failed(NOW_MS, CHANCE)
    yesterday_ms = NOW_MS - 24 * HOUR_MS
    wake_ms = box.wake_ms(yesterday_ms)
    assert wake_ms is not None
    assert wake_ms - yesterday_ms <= 600_000
