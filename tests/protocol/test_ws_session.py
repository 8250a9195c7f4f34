"""The life of a session: never a tight loop, renewed in time, slow where the key is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from p2pbot.errors import (
    ConnectFailed,
    ConnectionLost,
    ExchangeUnavailable,
    IllegalTransition,
    KeyRefused,
    LocationRefused,
    P2pbotError,
    RateLimited,
    RequestRefused,
    TimedOut,
)
from p2pbot.protocol.ws_session import (
    PROBE_MS,
    ROTATE_JITTER_MS,
    ROTATE_MS,
    WS_SESSION,
    WsAlarm,
    WsDue,
    WsEvent,
    WsLife,
    WsState,
)
from tests.fakes.chance import FixedChance

HOUR_MS = 3_600_000
LUCK = FixedChance()


def opened(at_ms: int = 0, chance: FixedChance = LUCK) -> WsLife:
    """Return a session that was opened at ``at_ms``."""
    return WsLife().connecting().greeted(at_ms, chance)


@pytest.mark.parametrize(("share", "hours"), [(0.0, 23.0), (0.5, 22.75), (1.0, 22.5)])
def test_a_session_is_renewed_before_its_day_is_over(share: float, hours: float) -> None:
    """The renewal is due after 23 hours less up to half an hour, by chance."""
    life = opened(1000, FixedChance(share))
    assert life.renew_at_ms == 1000 + int(hours * HOUR_MS)
    assert life.due(life.renew_at_ms - PROBE_MS) is WsDue.PROBE
    assert life.due(life.renew_at_ms) is WsDue.RENEWAL


def test_a_session_is_probed_every_five_minutes() -> None:
    """A probe is due five minutes after opening and after each probe."""
    life = opened()
    assert life.due(PROBE_MS - 1) is None
    assert life.due_in_s(PROBE_MS - 500) == 0.5
    assert life.due(PROBE_MS) is WsDue.PROBE
    assert life.probed(PROBE_MS).due(2 * PROBE_MS - 1) is None


def test_a_shutdown_notice_makes_the_renewal_due() -> None:
    """A server that says it goes away is left at once."""
    life = opened().told_to_leave(HOUR_MS)
    assert life.due(HOUR_MS) is WsDue.RENEWAL


def test_shutdown_notices_do_not_chase_the_session() -> None:
    """A notice on a connection that is seconds old is obeyed a minute after it was opened, however many come."""
    life = opened(1000)
    for at_ms in range(2000, 50_000, 1000):
        life = life.told_to_leave(at_ms)
    assert life.due(60_999) is None
    assert life.due(61_000) is WsDue.RENEWAL


def test_a_notice_does_not_put_a_renewal_off() -> None:
    """What is due stays due."""
    life = opened()
    assert life.told_to_leave(ROTATE_MS + HOUR_MS).renew_at_ms == life.renew_at_ms


def test_a_failed_renewal_is_tried_again_while_the_old_one_serves() -> None:
    """The tries come in growing distances, at least twelve in the hour that is left."""
    life, now_ms, tries = opened(), ROTATE_MS, 0
    while now_ms < 24 * HOUR_MS:
        assert life.due(now_ms) is WsDue.RENEWAL
        life = life.renewing().renewal_failed(now_ms, FixedChance(1.0))
        assert life.state is WsState.OPEN
        now_ms, tries = life.renew_at_ms, tries + 1
    assert tries >= 12


def test_a_renewal_waits_for_the_budget() -> None:
    """Where no connect is free the renewal is put off for so long."""
    life = opened().postponed(ROTATE_MS, 30.0)
    assert life.renew_at_ms == ROTATE_MS + 30_001


@pytest.mark.parametrize(
    ("error", "least_s", "most_s", "alarm"),
    [
        (ConnectFailed("down"), 0.5, 1.0, None),
        (TimedOut("silent"), 0.5, 1.0, None),
        (ExchangeUnavailable("a page of HTML"), 0.5, 1.0, None),
        (RateLimited("slow down", retry_after_s=90.0), 90.0, 91.0, None),
        (KeyRefused("not this key"), 30.0, 60.0, WsAlarm.KEY_REFUSED),
        (LocationRefused("not here"), 30.0, 60.0, WsAlarm.KEY_REFUSED),
        (RequestRefused("no such method"), 30.0, 60.0, WsAlarm.SESSION_REFUSED),
    ],
)
def test_the_error_decides_how_long_to_wait(
    error: P2pbotError, least_s: float, most_s: float, alarm: WsAlarm | None
) -> None:
    """Passing faults are tried again soon, an order to wait is obeyed, a refused key is tried slowly with an alarm."""
    for share in (0.0, 1.0):
        life = WsLife().connecting().failed(error, FixedChance(share))
        assert least_s <= life.wait_s <= most_s
        assert life.alarm is alarm


def test_a_revoked_key_is_tried_again_slowly() -> None:
    """The end of the key ends an open session like a refused logon."""
    life = opened().lost(KeyRefused("revoked"), 10 * HOUR_MS, LUCK)
    assert life.state is WsState.WAITING
    assert life.alarm is WsAlarm.KEY_REFUSED
    assert life.wait_s >= 30


def test_a_session_that_served_is_opened_again_soon() -> None:
    """Useful time makes trouble forgotten, by a renewal too."""
    life = opened()
    for _ in range(9):
        life = life.lost(ConnectionLost("gone"), life.opened_at_ms, LUCK).connecting().greeted(0, LUCK)
    assert life.trouble.failures == 9
    assert life.lost(ConnectionLost("gone"), 60_000, LUCK).wait_s <= 1.0
    assert life.renewing().greeted(60_000, LUCK).trouble.failures == 0


@pytest.mark.parametrize("state", WsState)
@pytest.mark.parametrize("event", WsEvent)
def test_a_pair_that_the_table_does_not_know_is_a_bug(state: WsState, event: WsEvent) -> None:
    """Each state knows some events; every other is a typed error."""
    if not WS_SESSION.allows(state, event):
        with pytest.raises(IllegalTransition):
            WS_SESSION.next(state, event)
    else:
        assert isinstance(WS_SESSION.next(state, event), WsState)


@given(st.integers(0, 10**12), st.integers(0, 10**9), st.floats(0, 1))
def test_a_session_always_has_something_to_do_within_five_minutes(at_ms: int, later_ms: int, share: float) -> None:
    """No wait of an open session is longer than the probe's interval, and when it is over something is due."""
    life = opened(at_ms, FixedChance(share))
    wait_s = life.due_in_s(at_ms + later_ms)
    assert 0 <= wait_s <= PROBE_MS / 1000
    assert life.due(at_ms + later_ms + round(wait_s * 1000)) is not None


ERRORS = st.sampled_from(
    [ConnectFailed("x"), ConnectionLost("x"), KeyRefused("x"), RequestRefused("x"), RateLimited("x", retry_after_s=5)]
)


class Months(RuleBasedStateMachine):
    """A session through anything that may happen to it, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.life = WsLife()
        self.now_ms = 0
        self.connects: list[int] = []

    def pass_time(self, ms: int) -> None:
        """Let time pass."""
        self.now_ms += ms

    @precondition(lambda self: self.life.state is WsState.WAITING)
    @rule(error=ERRORS | st.none(), share=st.floats(0, 1))
    def connect(self, error: P2pbotError | None, share: float) -> None:
        """Wait as told, then try."""
        self.pass_time(round(self.life.wait_s * 1000))
        self.connects.append(self.now_ms)
        life = self.life.connecting()
        chance = FixedChance(share)
        self.life = life.failed(error, chance) if error else life.greeted(self.now_ms, chance)
        assert error is None or self.life.wait_s >= 0.5

    @precondition(lambda self: self.life.state is WsState.OPEN)
    @rule(ms=st.integers(0, 30 * HOUR_MS), error=ERRORS, share=st.floats(0, 1))
    def lose(self, ms: int, error: P2pbotError, share: float) -> None:
        """End after a while."""
        self.pass_time(ms)
        self.life = self.life.lost(error, self.now_ms, FixedChance(share))
        assert self.life.state is WsState.WAITING
        assert 0.5 <= self.life.wait_s <= 901

    @precondition(lambda self: self.life.state is WsState.OPEN)
    @rule(told=st.booleans(), works=st.booleans(), share=st.floats(0, 1))
    def renew(self, told: bool, works: bool, share: float) -> None:  # noqa: FBT001 - drawn
        """Do what is due, when it is due."""
        if told:
            self.life = self.life.told_to_leave(self.now_ms)
        while self.life.due(self.now_ms) is not WsDue.RENEWAL:
            self.pass_time(round(self.life.due_in_s(self.now_ms) * 1000))
            if self.life.due(self.now_ms) is WsDue.PROBE:
                self.life = self.life.probed(self.now_ms)
        life, chance = self.life.renewing(), FixedChance(share)
        self.life = life.greeted(self.now_ms, chance) if works else life.renewal_failed(self.now_ms, chance)
        self.connects.append(self.now_ms)
        assert self.life.state is WsState.OPEN
        assert self.now_ms < self.life.renew_at_ms <= self.now_ms + ROTATE_MS
        assert not works or self.life.renew_at_ms >= self.now_ms + ROTATE_MS - ROTATE_JITTER_MS

    def teardown(self) -> None:
        """Whatever happened, connects never crowd: at most one in half a second."""
        pairs = zip(self.connects, self.connects[1:], strict=False)
        assert all(after - before >= 500 for before, after in pairs)


TestMonths = Months.TestCase
