"""``status`` shows each source of the account's figures in one line."""

from __future__ import annotations

import pytest

from p2pbot.cli.status_context import context_lines

_NOW = 1_767_600_000_000
_SESSION = {
    "state": "open",
    "logged_on": True,
    "connected_since_ms": _NOW - 7_200_000,
    "offset_ms": -12,
    "weight_used": 45,
    "trouble": "",
}
_STREAM = {"state": "live", "since_ms": _NOW - 3_600_000, "last_event_ms": _NOW - 3_000, "key_age_ms": 720_000}


def told(**feeds: object) -> dict[str, object]:
    """Return an account's status with these sources, of which futures is known."""
    notes = {"futures": "told 3s ago", "spot": "the spot stream is interrupted for 12s"}
    return {"context": {"known": {"futures": True, "spot": False}, "notes": notes, "feeds": feeds, "failures": 0}}


def test_a_source_that_works_shows_its_stream_key_session_clock_and_weight() -> None:
    """All of it in one line."""
    ((known, line),) = context_lines(told(futures={"stream": _STREAM, "session": _SESSION}), _NOW)
    assert known
    assert line == (
        "futures: told 3s ago; stream live for 1 h; last event 3 s ago; key known for 12 min; "
        "session open for 2 h, logged on; clock off by -12 ms; weight used 45"
    )


def test_a_source_that_does_not_work_says_why() -> None:
    """What is not known, and the trouble of the loop that has it."""
    session = _SESSION | {"state": "waiting", "logged_on": False, "connected_since_ms": None, "trouble": "no answer"}
    ((known, line),) = context_lines(told(spot={"stream": {"state": "waiting"}, "session": session}), _NOW)
    assert not known
    assert line.startswith("spot: not known: the spot stream is interrupted for 12s; stream waiting for ")
    assert line.endswith("session waiting, each call signed; clock off by -12 ms; weight used 45; no answer")


def test_faults_behind_the_bulkhead_are_shown() -> None:
    """A person should look at the log."""
    status = told()
    status["context"] = {"feeds": {}, "failures": 3}
    assert [line for _, line in context_lines(status, _NOW)] == [
        "its loops ended by a fault and were begun anew, 3 in all: see the log"
    ]


@pytest.mark.parametrize(
    "context",
    [None, {}, [], {"feeds": {"futures": 7}}, {"feeds": {"futures": {"stream": [], "session": {"state": {}}}}}],
)
def test_a_status_of_another_shape_is_no_error(context: object) -> None:
    """Written by another version, or by nobody."""
    assert len(list(context_lines({"context": context}, _NOW))) <= 1
