"""What a status means to whoever watches."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pbot.conversation.health import Health, health_of

GOOD: dict[str, Any] = {"process": {"loop_lag_us": 900}, "accounts": {"main": {"chat": "open", "lease": True}}}


def test_open_chats_are_ready() -> None:
    """A daemon whose chats are open is alive and ready."""
    assert health_of(GOOD) == Health(live=True, ready=True)


@pytest.mark.parametrize("chat", ["waiting", "authorising", "connecting", "stopped", None])
def test_an_exchange_that_is_away_is_no_matter_of_life(chat: str | None) -> None:
    """A chat that is not open makes the daemon not ready, and leaves it alive."""
    health = health_of({**GOOD, "accounts": {"main": {"chat": chat}, "shop": {"chat": "open"}}})
    assert (health.live, health.ready) == (True, False)
    assert health.reasons == (f"main: the chat is not open ({chat})",)


def test_a_lost_lock_is_not_ready() -> None:
    """Without the lock nothing is answered, however open the chat is."""
    health = health_of({**GOOD, "accounts": {"main": {"chat": "open", "lease": False}}})
    assert not health.ready
    assert "lock" in health.reasons[0]


def test_a_process_that_is_late_with_everything_is_not_alive() -> None:
    """More than ten seconds behind, a start anew is what helps."""
    assert not health_of({**GOOD, "process": {"loop_lag_us": 10_000_001}}).live


@pytest.mark.parametrize(("hanging", "named"), [(["main: desk", "status"], "main: desk, status"), (3, "unknown")])
def test_a_process_of_which_a_part_hangs_is_not_alive(hanging: object, named: str) -> None:
    """However well the rest of it works, a start anew is what helps; the part is named."""
    health = health_of({**GOOD, "process": {"loop_lag_us": 900, "hanging": hanging}})
    assert (health.live, health.ready) == (False, False)
    assert health.reasons == (f"a part of the process hangs: {named}",)


def test_a_daemon_without_accounts_is_not_ready() -> None:
    """Nothing can be answered before the first account has begun."""
    assert not health_of({}).ready


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(process=JSON, accounts=JSON)
def test_any_status_has_a_verdict(process: object, accounts: object) -> None:
    """However odd the status, the verdict agrees with its reasons."""
    health = health_of({"process": process, "accounts": accounts})
    assert health.ready is (not health.reasons)
    assert health.live or not health.ready
