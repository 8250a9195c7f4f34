"""The chat session: one fresh credential per connect, growing delays, alarms where a person must act, never a fight."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from p2pbot.conversation.session import Alarm, Session, SessionEvent, SessionState
from p2pbot.errors import (
    ConnectFailed,
    ConnectionLost,
    CredentialRefused,
    ExchangeUnavailable,
    IllegalTransition,
    KeyRefused,
    LocationRefused,
    P2pbotError,
    RateLimited,
    RequestRefused,
    TimedOut,
)
from tests.fakes.chance import FixedChance

HALF = FixedChance()
HOUR_MS = 3_600_000
BYE = ConnectionLost("the exchange closed the chat", code=1000, reason="Bye")
DROPPED = ConnectionLost("the connection broke")
RATE_LIMITED = RateLimited("slow down", retry_after_s=7.0)


def connecting(session: Session) -> Session:
    """Return the session with a fresh credential."""
    return session.step(SessionEvent.WAIT_OVER).step(SessionEvent.CREDENTIAL)


def held(session: Session, open_ms: int, error: ConnectionLost = DROPPED, *, renew: bool = False) -> Session:
    """Return the session after one socket that lived for ``open_ms``."""
    session = connecting(session).opened(1_000)
    if renew:
        session = session.step(SessionEvent.BREAK)
    return session.lost(error, 1_000 + open_ms, HALF)


def refused(session: Session, error: P2pbotError, times: int = 1) -> list[Session]:
    """Return the sessions after each of ``times`` handshakes that failed alike."""
    seen = []
    for _ in range(times):
        session = connecting(session).failed(error, HALF)
        seen.append(session)
    return seen


def test_a_session_asks_for_a_credential_before_each_connect() -> None:
    """The token serves one connect only, so no way leads around it."""
    with pytest.raises(IllegalTransition):
        Session().step(SessionEvent.WAIT_OVER).opened(0)


def test_a_server_that_accepts_and_closes_at_once_is_met_with_growing_delays() -> None:
    """A handshake proves nothing: the delays double up to the cap."""
    session, waits = Session(), []
    for _ in range(8):
        session = held(session, 10)
        waits.append(session.wait_s)
    assert waits == sorted(waits)
    assert waits[0] < 1.1
    assert waits[-1] == 45


def test_useful_time_forgets_trouble() -> None:
    """After a minute of chat the next loss is met at once again."""
    session = refused(Session(), ConnectFailed("refused"), 6)[-1]
    assert held(session, 60_000).wait_s < 1.1


def test_a_planned_renewal_reconnects_at_once_and_without_alarm() -> None:
    """Whatever the old socket's last words are."""
    session = held(Session(), 3_000_000, BYE, renew=True)
    assert (session.state, session.alarm) == (SessionState.WAITING, None)
    assert session.wait_s < 1


def test_a_renewal_that_turns_out_to_be_a_suspicion_is_no_renewal() -> None:
    """A socket that went silent while it was being renewed is a lost one."""
    session = connecting(Session()).opened(0).step(SessionEvent.SUSPECT)
    assert session.lost(DROPPED, 10, HALF).trouble.failures == 1


def test_renewal_is_forgotten_with_its_socket() -> None:
    """The next socket's loss is an ordinary one."""
    session = held(held(Session(), 10, renew=True), 10)
    assert session.trouble.failures == 1


@pytest.mark.parametrize("reason", ["Bye", "bye", " BYE "])
def test_a_bye_soon_after_connecting_backs_off_for_long_and_tells_the_operator(reason: str) -> None:
    """Another client holds the account: never fight for it."""
    session = held(Session(), 5_000, ConnectionLost("closed", code=1000, reason=reason))
    assert session.alarm is Alarm.ANOTHER_CLIENT
    assert session.wait_s >= 60


def test_byes_in_a_row_are_answered_ever_more_slowly() -> None:
    """Up to a quarter of an hour between two tries."""
    session, waits = Session(), []
    for _ in range(6):
        session = held(session, 5_000, BYE)
        waits.append(session.wait_s)
    assert waits == sorted(waits)
    assert waits[-1] == FixedChance().uniform(450, 900)


def test_the_first_bye_of_a_long_session_is_an_ordinary_loss() -> None:
    """It may be the exchange's own house-keeping: one quick try, no alarm."""
    session = held(Session(), 2 * HOUR_MS, BYE)
    assert session.alarm is None
    assert session.wait_s < 1.1


def test_a_second_bye_within_the_hour_is_another_client() -> None:
    """However long its socket lived."""
    session = held(held(Session(), 2 * HOUR_MS, BYE), 1_800_000, BYE)
    assert session.alarm is Alarm.ANOTHER_CLIENT
    assert session.wait_s >= 60


def test_an_hour_of_chat_forgets_a_bye_although_no_socket_lives_that_long() -> None:
    """Sockets are renewed every 50 minutes: their time adds up as long as each ends by a renewal."""
    session = held(Session(), 5_000, BYE)
    session = held(session, 50 * 60_000, renew=True)
    session = held(session, 50 * 60_000, renew=True)
    session = held(session, 120_000, BYE)
    assert session.alarm is None


def test_time_before_a_loss_does_not_count_as_calm_after_it() -> None:
    """Only renewals join sockets to one calm time."""
    session = held(held(Session(), 5_000, BYE), 50 * 60_000)
    session = held(session, 50 * 60_000, BYE)
    assert session.alarm is Alarm.ANOTHER_CLIENT


@given(st.floats(0, 259_200), st.floats(0, 1), st.integers(1, 5))
def test_a_rate_limit_is_obeyed(retry_after_s: float, share: float, times: int) -> None:
    """Never earlier than the exchange said, and no later than a backoff beyond it."""
    session = Session()
    for _ in range(times):
        error = RateLimited("slow down", retry_after_s=retry_after_s)
        session = connecting(session).failed(error, FixedChance(share))
    assert retry_after_s <= session.wait_s <= max(retry_after_s + 1, 60)


def test_a_rate_limit_that_never_ends_is_met_with_growing_delays() -> None:
    """An exchange that says "at once" for ever is not asked at once for ever."""
    waits = [session.wait_s for session in refused(Session(), RateLimited("slow down", retry_after_s=0.0), 8)]
    assert waits[-1] == 45


def test_one_refused_token_is_met_with_a_fresh_one_and_the_second_with_an_alarm() -> None:
    """A token may have been spent; if fresh ones are refused too, a person must look."""
    first, second, third = refused(Session(), CredentialRefused("401"), 3)
    assert (first.alarm, second.alarm, third.alarm) == (None, Alarm.CREDENTIAL_REFUSED, Alarm.CREDENTIAL_REFUSED)
    assert first.wait_s < 1.1
    assert 30 <= second.wait_s <= third.wait_s


def test_a_useful_socket_forgives_refused_tokens() -> None:
    """The next refusal is a first one again."""
    session = held(refused(Session(), CredentialRefused("401"), 3)[-1], 60_000)
    assert refused(session, CredentialRefused("401"))[0].alarm is None


@pytest.mark.parametrize("error", [KeyRefused("-2015"), LocationRefused("451"), RequestRefused("-31002")])
def test_what_only_the_operator_can_mend_is_asked_slowly_and_said(error: P2pbotError) -> None:
    """Minutes between the tries, up to a quarter of an hour, and an alarm each time."""
    sessions = refused(Session(), error, 6)
    assert all(session.alarm is not None for session in sessions)
    assert sessions[0].wait_s >= 30
    assert sessions[-1].wait_s == FixedChance().uniform(450, 900)


@pytest.mark.parametrize("error", [ConnectFailed("dns"), TimedOut("deadline"), ExchangeUnavailable("502")])
def test_passing_trouble_is_no_alarm(error: P2pbotError) -> None:
    """It backs off and tries again."""
    sessions = refused(Session(), error, 3)
    assert all(session.alarm is None for session in sessions)
    assert [session.trouble.failures for session in sessions] == [1, 2, 3]


def test_a_clock_set_back_makes_a_socket_short_never_long() -> None:
    """Time that cannot be measured is not useful time."""
    session = connecting(refused(Session(), TimedOut("deadline"), 3)[-1]).opened(HOUR_MS)
    assert session.lost(DROPPED, 0, HALF).trouble.failures == 4


def test_calm_goes_on_over_a_renewal_beside_the_old_socket() -> None:
    """A Bye is forgotten by an hour of chat, whether the sockets of that hour were joined by overlap or not."""
    session = connecting(held(Session(), 5_000, BYE)).opened(0)
    session = session.step(SessionEvent.RENEW).renewed(50 * 60_000).step(SessionEvent.RENEW).renewed(100 * 60_000)
    assert session.lost(BYE, 110 * 60_000, HALF).alarm is None


def renewed(session: Session, now_ms: int = 60_000) -> Session:
    """Return the session after a renewal beside the old socket."""
    return session.step(SessionEvent.RENEW).renewed(now_ms)


def broken_first(session: Session, now_ms: int) -> Session:
    """Return the session after a renewal that broke first."""
    return connecting(session.step(SessionEvent.BREAK).lost(DROPPED, now_ms, HALF)).opened(now_ms)


def test_a_bye_right_after_a_renewal_beside_the_old_socket_is_no_alarm_and_the_next_renewal_breaks_first() -> None:
    """The exchange does not allow two: our own doing. The renewal after the next tries again."""
    session = renewed(connecting(Session()).opened(0)).lost(BYE, 61_000, HALF)
    assert (session.alarm, session.overlap, session.byes.failures) == (None, False, 0)
    assert session.wait_s < 1.1
    assert broken_first(connecting(session).opened(62_000), 3_000_000).overlap


def test_a_network_that_breaks_right_after_a_renewal_says_nothing_once_and_something_twice() -> None:
    """One coincidence must not cost a gap at every renewal for months."""
    once = renewed(connecting(Session()).opened(0)).lost(DROPPED, 61_000, HALF)
    assert once.overlap
    twice = renewed(connecting(once).opened(62_000), 3_000_000).lost(DROPPED, 3_001_000, HALF)
    assert not twice.overlap


@pytest.mark.parametrize("lives_ms", [10_000, 3_000_000])
def test_a_renewed_socket_that_lived_on_speaks_for_the_next_renewal(lives_ms: int) -> None:
    """However it ends later: lost, or renewed in its turn."""
    doubted = renewed(connecting(Session()).opened(0)).lost(DROPPED, 61_000, HALF)
    lived = renewed(connecting(doubted).opened(62_000), 100_000)
    for session in (lived.lost(DROPPED, 100_000 + lives_ms, HALF), renewed(lived, 100_000 + lives_ms)):
        assert session.overlaps.doubts == 0


def test_the_old_socket_goes_on_when_the_next_cannot_be_opened_and_twice_means_break_first() -> None:
    """A renewal is no reason to be deaf."""
    once = connecting(Session()).opened(0).step(SessionEvent.RENEW).renewal_failed()
    twice = once.step(SessionEvent.RENEW).renewal_failed()
    assert (once.state, once.overlap) == (SessionState.OPEN, True)
    assert (twice.state, twice.overlap) == (SessionState.OPEN, False)


def test_renewals_that_failed_are_forgotten_with_the_next_socket() -> None:
    """Else each further socket would be renewed in haste, a gap every minute for ever."""
    session = connecting(Session()).opened(0)
    for _ in range(2):
        session = session.step(SessionEvent.RENEW).renewal_failed()
    after = broken_first(session, 200_000)
    assert (after.failed_renewals, after.overlap) == (0, True)


ERRORS = st.sampled_from(
    [ConnectFailed("dns"), TimedOut("late"), CredentialRefused("401"), KeyRefused("-2015"), RATE_LIMITED]
)


class SessionLife(RuleBasedStateMachine):
    """Any legal order of events: the session always knows how to go on, and never goes on at once for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session()
        self.now_ms = 1_000_000
        self.fresh_credentials = 0
        self.waited_s = 0.0
        self.connects = 0
        self.renewals = 0

    @precondition(lambda self: self.session.state is SessionState.WAITING)
    @rule()
    def wait(self) -> None:
        """The delay passes."""
        self.waited_s += self.session.wait_s
        self.now_ms += int(self.session.wait_s * 1000)
        self.session = self.session.step(SessionEvent.WAIT_OVER)

    @precondition(lambda self: self.session.state is SessionState.AUTHORISING)
    @rule()
    def credential(self) -> None:
        """A credential comes."""
        self.fresh_credentials += 1
        self.session = self.session.step(SessionEvent.CREDENTIAL)

    @precondition(lambda self: self.session.state in (SessionState.AUTHORISING, SessionState.CONNECTING))
    @rule(error=ERRORS, share=st.floats(0, 1))
    def fail(self, error: P2pbotError, share: float) -> None:
        """The credential or the handshake fails."""
        self.fresh_credentials = 0
        self.session = self.session.failed(error, FixedChance(share))

    @precondition(lambda self: self.session.state is SessionState.CONNECTING)
    @rule()
    def open(self) -> None:
        """The handshake succeeds."""
        assert self.fresh_credentials == 1
        self.fresh_credentials = 0
        self.connects += 1
        self.session = self.session.opened(self.now_ms)

    @precondition(lambda self: self.session.state is SessionState.OPEN)
    @rule(event=st.sampled_from([SessionEvent.BREAK, SessionEvent.SUSPECT]))
    def close(self, event: SessionEvent) -> None:
        """We close it."""
        self.session = self.session.step(event)

    @precondition(lambda self: self.session.state is SessionState.OPEN and self.session.overlap)
    @rule(open_ms=st.integers(0, HOUR_MS), kept=st.booleans())
    def renew(self, open_ms: int, kept: bool) -> None:  # noqa: FBT001 - Hypothesis draws it
        """The next socket is opened beside the old one, or cannot be."""
        self.now_ms += open_ms
        beside = self.session.step(SessionEvent.RENEW)
        self.session = beside.renewed(self.now_ms) if kept else beside.renewal_failed()
        self.connects += kept
        self.renewals += kept

    @precondition(lambda self: self.session.state in (SessionState.OPEN, SessionState.CLOSING))
    @rule(reason=st.sampled_from(["", "Bye", "going away"]), open_ms=st.integers(0, HOUR_MS), share=st.floats(0, 1))
    def lose(self, reason: str, open_ms: int, share: float) -> None:
        """The socket ends."""
        self.now_ms += open_ms
        self.renewals += self.session.renewing
        self.session = self.session.lost(ConnectionLost("gone", reason=reason), self.now_ms, FixedChance(share))

    @invariant()
    def every_state_leads_on(self) -> None:
        """Nothing gives up: from each state an event leads on, and each wait is finite and of sane length."""
        assert 0 <= self.session.wait_s <= 1_000

    @invariant()
    def no_tight_loop(self) -> None:
        """All connects but the first and the planned renewals waited at least half a second each."""
        assert self.waited_s >= 0.5 * (self.connects - 1 - self.renewals)

    @invariant()
    def alarms_only_while_waiting(self) -> None:
        """An alarm belongs to the step that raised it and is not repeated by the next."""
        assert self.session.alarm is None or self.session.state is SessionState.WAITING


TestSessionLife = SessionLife.TestCase


@given(st.sampled_from(SessionState), st.sampled_from(SessionEvent))
def test_an_event_that_a_state_cannot_have_is_our_bug(state: SessionState, event: SessionEvent) -> None:
    """Two tasks that both reconnect would show here at once."""
    session = Session(state=state)
    allowed = {
        SessionState.WAITING: {SessionEvent.WAIT_OVER},
        SessionState.AUTHORISING: {SessionEvent.CREDENTIAL, SessionEvent.FAILED},
        SessionState.CONNECTING: {SessionEvent.OPENED, SessionEvent.FAILED},
        SessionState.OPEN: {SessionEvent.LOST, SessionEvent.RENEW, SessionEvent.BREAK, SessionEvent.SUSPECT},
        SessionState.RENEWING: {SessionEvent.OPENED, SessionEvent.FAILED},
        SessionState.CLOSING: {SessionEvent.LOST},
    }
    assume(event not in allowed[state])
    with pytest.raises(IllegalTransition):
        session.step(event)
