"""The life of a listenKey and of a subscription: every row of every table, and what the values carry."""

from __future__ import annotations

import pytest

from p2pbot.errors import ConnectionLost, IllegalTransition, P2pbotError, RateLimited, RequestRefused
from p2pbot.protocol.listen_keys import (
    FUTURES_KEY,
    KEEP_EVERY_MS,
    KEY_LIFE_MS,
    LEGACY_KEY,
    SUBSCRIPTION,
    KeyEvent,
    KeyState,
    ListenKey,
    SubscriptionEvent,
    SubscriptionState,
    is_missing,
)
from p2pbot.protocol.machine import E, Machine, S
from p2pbot.secret import Secret
from tests.fakes.chance import FixedChance

K1, K2 = Secret("K1-for-tests"), Secret("K2-for-tests")
MISSING = RequestRefused("no such key", code="-1125", status=400)
LOST = ConnectionLost("over")
CHANCE = FixedChance(0.0)

KEY_ROWS = {
    ("absent", "start"): "starting",
    ("absent", "gone"): "absent",
    ("starting", "started"): "live",
    ("starting", "failed"): "absent",
    ("starting", "missing"): "absent",
    ("starting", "gone"): "doubtful",
    ("live", "start"): "starting",
    ("live", "keep"): "keeping",
    ("live", "gone"): "absent",
    ("live", "close"): "closing",
    ("keeping", "kept"): "live",
    ("keeping", "replaced"): "live",
    ("keeping", "failed"): "live",
    ("keeping", "missing"): "absent",
    ("keeping", "gone"): "doubtful",
    ("doubtful", "started"): "absent",
    ("doubtful", "kept"): "absent",
    ("doubtful", "replaced"): "absent",
    ("doubtful", "failed"): "absent",
    ("doubtful", "missing"): "absent",
    ("doubtful", "gone"): "doubtful",
    ("closing", "closed"): "absent",
    ("closing", "failed"): "absent",
    ("closing", "missing"): "absent",
    ("closing", "gone"): "closing",
}
SUBSCRIPTION_ROWS = {
    ("absent", "subscribe"): "subscribing",
    ("absent", "lost"): "absent",
    ("absent", "terminated"): "absent",
    ("absent", "subscribed"): "absent",
    ("absent", "failed"): "absent",
    ("subscribing", "subscribed"): "live",
    ("subscribing", "failed"): "absent",
    ("subscribing", "lost"): "absent",
    ("subscribing", "terminated"): "subscribing",
    ("live", "subscribe"): "subscribing",
    ("live", "lost"): "absent",
    ("live", "terminated"): "absent",
}


@pytest.mark.parametrize("state", KeyState)
@pytest.mark.parametrize("event", KeyEvent)
def test_futures_key(state: KeyState, event: KeyEvent) -> None:
    """Each pair of the futures key's table leads where the table says; every other pair is an error."""
    expected(FUTURES_KEY, state, event, KEY_ROWS)


@pytest.mark.parametrize("state", KeyState)
@pytest.mark.parametrize("event", KeyEvent)
def test_legacy_key(state: KeyState, event: KeyEvent) -> None:
    """The legacy key lives like the futures one, except that no keepalive names another key."""
    rows = {pair: after for pair, after in KEY_ROWS.items() if pair[1] != "replaced"}
    expected(LEGACY_KEY, state, event, rows)


@pytest.mark.parametrize("state", SubscriptionState)
@pytest.mark.parametrize("event", SubscriptionEvent)
def test_subscription(state: SubscriptionState, event: SubscriptionEvent) -> None:
    """Each pair of the subscription's table leads where the table says; every other pair is an error."""
    expected(SUBSCRIPTION, state, event, SUBSCRIPTION_ROWS)


def expected(machine: Machine[S, E], state: S, event: E, rows: dict[tuple[str, str], str]) -> None:
    """Compare one pair with the table of the test."""
    if (state.value, event.value) in rows:
        assert machine.next(state, event).value == rows[state.value, event.value]
    else:
        with pytest.raises(IllegalTransition):
            machine.next(state, event)


def live(key: Secret = K1, at_ms: int = 1000) -> ListenKey:
    """Return a key that was just started."""
    return ListenKey().step(KeyEvent.START).started(key, at_ms)


def test_a_key_that_was_started_lives() -> None:
    """A started key may be used, is known since then, and must be kept 25 minutes later."""
    key = live(at_ms=1000)
    assert key.live_key == K1
    assert key.age_ms(61_000) == 60_000
    assert not key.keep_is_due(1000 + KEEP_EVERY_MS - 1)
    assert key.keep_is_due(1000 + KEEP_EVERY_MS)


def test_before_it_is_started_there_is_none() -> None:
    """A key that was never named is none, has no age, and nothing is to be kept."""
    key = ListenKey()
    assert (key.live_key, key.age_ms(9), key.keep_is_due(10**15)) == (None, None, False)


def test_the_same_key_again_is_not_younger() -> None:
    """Confirming a key moves its keepalive, not its age."""
    key = live(at_ms=1000).step(KeyEvent.START).started(K1, 90_000)
    assert (key.since_ms, key.confirmed_ms, key.due_ms) == (1000, 90_000, 90_000 + KEEP_EVERY_MS)


@pytest.mark.parametrize(("said", "since_ms", "key"), [(None, 1000, K1), (K1, 1000, K1), (K2, 5000, K2)])
def test_a_keepalive(said: Secret | None, since_ms: int, key: Secret) -> None:
    """A keepalive confirms our key, or names the one that took its place."""
    kept = live(at_ms=1000).step(KeyEvent.KEEP).kept(said, 5000)
    assert (kept.live_key, kept.since_ms, kept.confirmed_ms) == (key, since_ms, 5000)


def test_a_legacy_keepalive_that_names_another_key_is_illegal() -> None:
    """What the table does not know is a bug, and not another key."""
    key = ListenKey(machine=LEGACY_KEY).step(KeyEvent.START).started(K1, 0).step(KeyEvent.KEEP)
    with pytest.raises(IllegalTransition):
        key.kept(K2, 1)


def test_a_keepalive_that_failed_is_tried_again_soon() -> None:
    """Failed keepalives are repeated at growing distances of at most a minute, and the key lives on meanwhile."""
    key, waits, now_ms = live(at_ms=0), [], KEEP_EVERY_MS
    for _ in range(9):
        assert key.keep_is_due(now_ms)
        key = key.step(KeyEvent.KEEP).failed(LOST, now_ms, FixedChance(1.0))
        waits.append((key.due_ms - now_ms) / 1000)
        now_ms = key.due_ms
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert key.live_key == K1


def test_success_forgets_failures() -> None:
    """After a keepalive that came through, the next failure is again the first."""
    failed = live(at_ms=0).step(KeyEvent.KEEP).failed(LOST, 1, CHANCE)
    assert failed.step(KeyEvent.KEEP).kept(None, 2).trouble.failures == 0


def test_retry_after_is_honoured() -> None:
    """The next try comes no sooner than the exchange asked."""
    error = RateLimited("slowly", retry_after_s=300.0)
    assert live(at_ms=0).step(KeyEvent.KEEP).failed(error, 1000, CHANCE).due_ms == 301_000


def test_an_hour_without_confirmation_is_the_end() -> None:
    """A key that could not be confirmed within its life counts as dead; a moment before it does not."""
    keeping = live(at_ms=0).step(KeyEvent.KEEP)
    assert keeping.failed(LOST, KEY_LIFE_MS - 1, CHANCE).live_key == K1
    assert keeping.failed(LOST, KEY_LIFE_MS, CHANCE).live_key is None


@pytest.mark.parametrize("state", ["starting", "keeping", "closing"])
def test_minus_1125(state: str) -> None:
    """Whatever was asked, -1125 says that there is no key."""
    event = {"starting": KeyEvent.START, "keeping": KeyEvent.KEEP, "closing": KeyEvent.CLOSE}[state]
    assert live().step(event).failed(MISSING, 1, CHANCE).state is KeyState.ABSENT


@pytest.mark.parametrize("ask", [KeyEvent.START, KeyEvent.KEEP])
@pytest.mark.parametrize("said", [K1, K2])
def test_an_answer_that_was_under_way_when_the_key_died(ask: KeyEvent, said: Secret) -> None:
    """Such an answer may speak of the dead key, and is thrown away."""
    doubtful = live().step(ask).ended(K1)
    after = doubtful.started(said, 5) if ask is KeyEvent.START else doubtful.kept(said, 5)
    assert after.live_key is None


@pytest.mark.parametrize(("dead", "left"), [(K1, None), (None, None), (K2, K1)])
def test_an_end(dead: Secret | None, left: Secret | None) -> None:
    """The end of our key is its end; the end of another one is not."""
    assert live(K1).ended(dead).live_key == left


@pytest.mark.parametrize(
    ("error", "missing"),
    [(MISSING, True), (RequestRefused("no", code="-1100", status=400), False), (LOST, False)],
)
def test_is_missing(error: P2pbotError, missing: bool) -> None:  # noqa: FBT001 - a column of the table
    """Only -1125 says that there is no key."""
    assert is_missing(error) is missing


def test_a_key_does_not_show_itself() -> None:
    """The value can be written into a log."""
    assert "tests" not in repr(live())
