"""A step of the script passes if exactly what was expected arrived, by the exchange's own chat."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pbot.cli.demo_judge import Arrival, Expected, Reply, Silence, arrival, audit, failures
from p2pbot.cli.demo_stage import OrderView
from p2pbot.conversation.records import OutboxState
from p2pbot.model import Path, Reason
from p2pbot.sandbox import Life, Outcome, Received, SeenLine, Speaker
from tests.fakes.records import NOW_MS, ORDER, entry, reply

ANSWERED = entry("1")
ROW = replace(reply("u1", state=OutboxState.SENT), attempts=1)
GREETING = Reply("greeting")


def said(uuid: str, text: str = "hello", *, by: Speaker = Speaker.BOT) -> SeenLine:
    """Return a line of the exchange's chat."""
    return SeenLine(message_id=7, by=by, kind="text", text=text, at_ms=NOW_MS, uuid=uuid)


def view(*lines: SeenLine, rows: tuple[object, ...] = (ROW,)) -> OrderView:
    """Return an order in which the message ``m:1`` was answered."""
    return OrderView(number=ORDER, life=Life.TRADING, chat=lines, inbox=(ANSWERED,), outbox=rows)  # type: ignore[arg-type]


def came(*lines: SeenLine) -> Arrival:
    """Return what came of ``m:1``."""
    return arrival(view(*lines), "m:1", frozenset())


def test_one_reply_that_the_chat_has_once_is_right() -> None:
    """Rule, state, attempts and the chat's line agree."""
    assert failures(GREETING, came(said("u1"))) == ()


def test_lines_that_were_judged_before_do_not_count_again() -> None:
    """Each step is about what is new."""
    view_ = view(said("u0"), said("u1"))
    assert arrival(view_, "m:1", frozenset({"u0"})).lines == (said("u1"),)


@pytest.mark.parametrize(
    ("expected", "arrived", "wanted"),
    [
        (GREETING, Arrival(None, (), ()), "nothing was decided in time"),
        (GREETING, came(), "a reply arrived 0 times"),
        (GREETING, came(said("u1"), said("u1")), "a reply arrived 2 times"),
        (GREETING, came(said("u1"), said("u2")), "a line of the bot that no decision explains"),
        (GREETING, came(said("u1"), said("u2")), "the same text arrived twice"),
        (GREETING, Arrival(ANSWERED, (replace(ROW, state=OutboxState.UNKNOWN),), (said("u1"),)), "ended as unknown"),
        (GREETING, Arrival(entry("1", reason=Reason.NO_RULE), (), ()), "not answered: no_rule"),
        (Reply("thanks"), came(said("u1")), "it was greeting that answered, not thanks"),
        (Reply("greeting", attempts=2), came(said("u1")), "1 attempts, not 2"),
        (Reply("greeting", path=Path.HISTORY), came(said("u1")), "learnt by socket, not by history"),
        (Reply("greeting", language="ru"), came(said("u1", "hello")), "the text is not in ru"),
        (Silence(Reason.LIMITED), Arrival(ANSWERED, (), ()), "the reason is answered, not limited"),
        (Silence(Reason.LIMITED), Arrival(entry("1", reason=Reason.LIMITED), (), (said("u9"),)), "something was said"),
    ],
)
def test_what_is_not_as_expected_is_named(expected: Expected, arrived: Arrival, wanted: str) -> None:
    """Too little, too much, the wrong rule, the wrong words, the wrong reason."""
    assert wanted in "; ".join(failures(expected, arrived))


def test_a_text_in_the_expected_language_is_right() -> None:
    """Judged by the words that the chat shows."""
    assert failures(Reply("greeting", language="ru"), came(said("u1", "Спасибо"))) == ()


def frame(outcome: Outcome) -> Received:
    """Return a frame that the daemon wrote."""
    return Received(at_ms=NOW_MS, account="demo", socket_id=1, kind="text", outcome=outcome, reason="because")


def test_at_the_end_every_line_is_explained() -> None:
    """A line that came after its step was judged is found; so is a second copy of a judged one."""
    explained = {ORDER: frozenset({"u1"})}
    assert audit([view(said("u1"), said("x", by=Speaker.COUNTERPARTY))], explained, []) == ()
    assert "1 lines of the bot that nobody expected" in audit([view(said("u1"), said("u2"))], explained, [])[0]
    assert "1 lines of the bot that nobody expected" in audit([view(said("u1"), said("u1"))], explained, [])[0]


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.REPEATED, Outcome.IGNORED])
def test_at_the_end_every_frame_was_taken_or_lost_by_the_exchange(outcome: Outcome) -> None:
    """Frames that are refused or not understood are failures of ours."""
    assert audit([], {}, [frame(Outcome.DELIVERED), frame(Outcome.SWALLOWED)]) == ()
    assert "1 frames that the exchange did not take" in audit([], {}, [frame(outcome)])[0]
