"""The operator hears each word once, never a flood, and the daemon never hears of it."""

from __future__ import annotations

import pytest

from p2pbot.adapters.notices import MAX_REMEMBERED, LogNotifier
from p2pbot.model import Notice


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        return int(self.now_s * 1000)

    def monotonic_s(self) -> float:
        """Return the seconds since some time."""
        return self.now_s

    def boottime_s(self) -> float:
        """Return the same: nothing sleeps here."""
        return self.now_s

    def computed_s(self) -> float:
        """Return nothing: here no time is spent on computing."""
        return 0.0

    async def sleep(self, delay_s: float) -> None:
        """Move on at once."""
        self.now_s += delay_s


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def info(self, event: str, **values: object) -> None:
        """Keep the line."""
        self.lines.append(("info", event, values))

    def warning(self, event: str, **values: object) -> None:
        """Keep the line."""
        self.lines.append(("warning", event, values))

    def error(self, event: str, **values: object) -> None:
        """Keep the line."""
        self.lines.append(("error", event, values))


class BrokenLines(Lines):
    """A log that fails."""

    def warning(self, event: str, **values: object) -> None:
        """Fail."""
        raise RuntimeError(event, values)


@pytest.fixture
def lines() -> Lines:
    """Return the log."""
    return Lines()


@pytest.fixture
def clock() -> HandClock:
    """Return the clock."""
    return HandClock()


@pytest.fixture
def notifier(lines: Lines, clock: HandClock) -> LogNotifier:
    """Return the door under test."""
    return LogNotifier(lines, clock)


async def test_a_notice_is_a_warning_and_an_urgent_one_an_error(notifier: LogNotifier, lines: Lines) -> None:
    """The level tells how much it matters; what is empty is left out."""
    await notifier.notify(Notice(key="a", text="mind this", account="main", order_no="7"))
    await notifier.notify(Notice(key="b", text="mend this", urgent=True))
    assert lines.lines == [
        ("warning", "operator.notice", {"key": "a", "text": "mind this", "account": "main", "order": "7"}),
        ("error", "operator.notice", {"key": "b", "text": "mend this"}),
    ]


async def test_a_repeat_is_counted_until_the_window_ends(notifier: LogNotifier, lines: Lines, clock: HandClock) -> None:
    """The second line of a word says how often it came in between."""
    for _ in range(4):
        await notifier.notify(Notice(key="a", text="again"))
    assert len(lines.lines) == 1
    await clock.sleep(600)
    await notifier.notify(Notice(key="a", text="again"))
    assert lines.lines[1][2]["repeats"] == 3


async def test_another_order_or_account_is_another_word(notifier: LogNotifier, lines: Lines) -> None:
    """The same trouble of two orders is told twice."""
    for account, order_no in (("main", "1"), ("main", "2"), ("shop", "1")):
        await notifier.notify(Notice(key="breaker", text="x", account=account, order_no=order_no))
    assert len(lines.lines) == 3


async def test_a_flood_is_cut_and_counted(notifier: LogNotifier, lines: Lines, clock: HandClock) -> None:
    """Thirty words a minute leave; the next line after that says how many did not."""
    for number in range(100):
        await notifier.notify(Notice(key=str(number), text="x"))
    assert len(lines.lines) == 30
    await clock.sleep(60)
    await notifier.notify(Notice(key="after", text="x"))
    assert lines.lines[-1][2]["dropped"] == 70


async def test_a_flood_of_ordinary_words_does_not_hold_back_an_urgent_one(notifier: LogNotifier, lines: Lines) -> None:
    """What a person must mend has room of its own."""
    for number in range(100):
        await notifier.notify(Notice(key=str(number), text="x"))
    await notifier.notify(Notice(key="key refused", text="x", urgent=True))
    assert lines.lines[-1][0] == "error"


async def test_a_dropped_word_is_not_counted_as_said(notifier: LogNotifier, lines: Lines, clock: HandClock) -> None:
    """What the minute held back is said when it comes again."""
    for number in range(31):
        await notifier.notify(Notice(key=str(number), text="x"))
    await clock.sleep(60)
    await notifier.notify(Notice(key="30", text="x"))
    assert lines.lines[-1][2]["key"] == "30"


async def test_memory_is_bounded(notifier: LogNotifier, clock: HandClock) -> None:
    """Any number of different words needs room for the newest only."""
    for number in range(MAX_REMEMBERED + 100):
        await notifier.notify(Notice(key=str(number), text="x"))
        await clock.sleep(3)
    assert len(notifier._said) == MAX_REMEMBERED


async def test_a_long_text_is_cut(notifier: LogNotifier, lines: Lines) -> None:
    """A word is no letter."""
    await notifier.notify(Notice(key="a", text="x" * 10_000))
    assert len(str(lines.lines[0][2]["text"])) == 500


async def test_it_never_raises(clock: HandClock) -> None:
    """A log that fails costs the word, which is counted, and nothing else."""
    notifier = LogNotifier(BrokenLines(), clock)
    await notifier.notify(Notice(key="a", text="x"))
    assert notifier._dropped == 1
