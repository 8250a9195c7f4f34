"""The chat session's life as a pure core: when to fetch a credential, when to connect, how long to wait after trouble.

Promise: one credential per connect (the token is reported single-use); it never gives up and never loops tightly; it
never fights another client for the account (``Bye``). The loop in ``daemon.chat`` carries out what this says. Source:
C2C chat protocol notes, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from p2pbot.conversation.overlap import Overlap
from p2pbot.errors import (
    ConnectionLost,
    CredentialRefused,
    KeyRefused,
    LocationRefused,
    P2pbotError,
    RateLimited,
    Retry,
)
from p2pbot.protocol.backoff import Backoff, Uniform
from p2pbot.protocol.machine import Machine

BYE_REASON = "bye"
_SOON_MS = 60_000  # a Bye this soon after connecting means that another client holds the account
_BACKOFF = Backoff()
_BYE_BACKOFF = Backoff(base_s=120.0, cap_s=900.0, useful_s=3600.0)
_SLOW_BACKOFF = Backoff(base_s=60.0, cap_s=900.0, useful_s=60.0)
_UNTRIED = Overlap()
_RENEWAL_PAUSE_S = 0.1
_RENEWAL_TRIES = 2
_REFUSED_OVERLAP_MS = 10_000  # a renewed socket that ends this soon was not wanted beside the old one


class SessionState(StrEnum):
    """Where the session is."""

    WAITING = "waiting"
    AUTHORISING = "authorising"
    CONNECTING = "connecting"
    OPEN = "open"
    RENEWING = "renewing"
    CLOSING = "closing"


class SessionEvent(StrEnum):
    """What can happen to it."""

    WAIT_OVER = "wait_over"
    CREDENTIAL = "credential"
    OPENED = "opened"
    FAILED = "failed"
    LOST = "lost"
    RENEW = "renew"
    BREAK = "break"
    SUSPECT = "suspect"


SESSION = Machine[SessionState, SessionEvent](
    "chat session",
    {
        SessionState.WAITING: {SessionEvent.WAIT_OVER: SessionState.AUTHORISING},
        SessionState.AUTHORISING: {
            SessionEvent.CREDENTIAL: SessionState.CONNECTING,
            SessionEvent.FAILED: SessionState.WAITING,
        },
        SessionState.CONNECTING: {
            SessionEvent.OPENED: SessionState.OPEN,
            SessionEvent.FAILED: SessionState.WAITING,
        },
        SessionState.OPEN: {
            SessionEvent.LOST: SessionState.WAITING,
            SessionEvent.RENEW: SessionState.RENEWING,
            SessionEvent.BREAK: SessionState.CLOSING,
            SessionEvent.SUSPECT: SessionState.CLOSING,
        },
        SessionState.RENEWING: {
            SessionEvent.OPENED: SessionState.OPEN,
            SessionEvent.FAILED: SessionState.OPEN,
        },
        SessionState.CLOSING: {SessionEvent.LOST: SessionState.WAITING},
    },
)


class Alarm(StrEnum):
    """What the operator should hear of: each needs a person."""

    KEY_REFUSED = "key_refused"
    ANOTHER_CLIENT = "another_client"
    CREDENTIAL_REFUSED = "credential_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The session as a value.

    ``wait_s`` is the delay that WAITING asks for; ``alarm`` what the last step wants said; ``calm_s`` how long the chat
    was held in one planned renewal after the other: trouble is forgotten by that sum, for no single socket need live
    as long as a Bye is remembered. ``overlap``: whether the exchange seems to keep a socket that was opened beside
    another, so that a renewal can make before it breaks; ``renewing``: it breaks first, by our own will.
    """

    state: SessionState = SessionState.WAITING
    wait_s: float = 0.0
    opened_at_ms: int = 0
    renewed_at_ms: int | None = None
    overlaps: Overlap = _UNTRIED
    failed_renewals: int = 0
    renewing: bool = False
    calm_s: float = 0.0
    refused_tokens: int = 0
    trouble: Backoff = _BACKOFF
    slow: Backoff = _SLOW_BACKOFF
    byes: Backoff = _BYE_BACKOFF
    alarm: Alarm | None = None

    @property
    def overlap(self) -> bool:
        """Whether the next renewal opens the new socket before it lets the old one go."""
        return self.overlaps.allowed

    def step(self, event: SessionEvent) -> Session:
        """Return the session after an event that carries nothing. Raises IllegalTransition."""
        renewing = event is SessionEvent.BREAK or (self.renewing and event is not SessionEvent.SUSPECT)
        return replace(self, state=SESSION.next(self.state, event), renewing=renewing, alarm=None)

    def opened(self, now_ms: int) -> Session:
        """Return the session after a successful handshake. It proves nothing yet: backoffs are not reset here."""
        state = SESSION.next(self.state, SessionEvent.OPENED)
        fresh = replace(self, state=state, opened_at_ms=now_ms, renewed_at_ms=None, renewing=False, alarm=None)
        return replace(fresh, failed_renewals=0)

    def renewed(self, now_ms: int) -> Session:
        """Return the session after the next socket was opened beside the old one: calm goes on, nothing was missed."""
        state = SESSION.next(self.state, SessionEvent.OPENED)
        calm_s = self.calm_s + max(0, now_ms - self.opened_at_ms) / 1000
        after = _after_open(self._seen_to_last(now_ms), calm_s)
        return replace(after, state=state, opened_at_ms=now_ms, renewed_at_ms=now_ms, failed_renewals=0, alarm=None)

    def renewal_failed(self) -> Session:
        """Return the session after the next socket could not be opened; the old one goes on. Twice: break first."""
        failures = self.failed_renewals + 1
        state = SESSION.next(self.state, SessionEvent.FAILED)
        overlaps = self.overlaps.refused() if failures >= _RENEWAL_TRIES else self.overlaps
        return replace(self, state=state, failed_renewals=failures, overlaps=overlaps, alarm=None)

    def failed(self, error: P2pbotError, rng: Uniform) -> Session:
        """Return the session after the credential or the handshake failed with ``error``."""
        waiting = replace(self, state=SESSION.next(self.state, SessionEvent.FAILED), alarm=None, calm_s=0.0)
        return _after_failure(waiting, error, rng)

    def lost(self, error: ConnectionLost, now_ms: int, rng: Uniform) -> Session:
        """Return the session after an open socket ended with ``error`` at ``now_ms``."""
        waiting = replace(self._seen_to_last(now_ms), state=SESSION.next(self.state, SessionEvent.LOST), alarm=None)
        is_bye = error.reason.strip().lower() == BYE_REASON
        if self._ended_soon(now_ms) and not self.renewing:
            waiting = replace(waiting, overlaps=self.overlaps.refused() if is_bye else self.overlaps.doubted())
            if is_bye:  # our own doing: no alarm
                wait_s, trouble = waiting.trouble.failed(rng)
                return replace(waiting, renewed_at_ms=None, wait_s=wait_s, trouble=trouble)
        open_ms = max(0, now_ms - self.opened_at_ms)
        waiting = _after_open(waiting, self.calm_s + open_ms / 1000)
        if self.renewing:
            skipped = self.overlaps.skipped()
            return replace(waiting, wait_s=_RENEWAL_PAUSE_S, renewing=False, overlaps=skipped)
        waiting = replace(waiting, calm_s=0.0)
        if is_bye:
            return _after_bye(waiting, open_ms, rng)
        wait_s, trouble = waiting.trouble.failed(rng)
        return replace(waiting, wait_s=wait_s, trouble=trouble)

    def _ended_soon(self, now_ms: int) -> bool:
        """Whether the socket ends so soon after its renewal that it was perhaps not wanted beside the old one."""
        return self.renewed_at_ms is not None and now_ms - self.renewed_at_ms < _REFUSED_OVERLAP_MS

    def _seen_to_last(self, now_ms: int) -> Session:
        """Return the session with what a renewed socket that lived on says of overlap."""
        if self.renewed_at_ms is None or self._ended_soon(now_ms):
            return self
        return replace(self, overlaps=self.overlaps.kept())


def _after_open(session: Session, calm_s: float) -> Session:
    useful = calm_s >= session.trouble.useful_s
    return replace(
        session,
        calm_s=calm_s,
        trouble=session.trouble.lasted(calm_s),
        slow=session.slow.lasted(calm_s),
        byes=session.byes.lasted(calm_s),
        refused_tokens=0 if useful else session.refused_tokens,
    )


def _after_bye(session: Session, open_ms: int, rng: Uniform) -> Session:
    if open_ms < _SOON_MS or session.byes.failures:
        wait_s, byes = session.byes.failed(rng)
        return replace(session, wait_s=wait_s, byes=byes, alarm=Alarm.ANOTHER_CLIENT)
    # The first Bye of a long session may be the exchange's own house-keeping: one ordinary retry, but remember it.
    wait_s, trouble = session.trouble.failed(rng)
    return replace(session, wait_s=wait_s, trouble=trouble, byes=replace(session.byes, failures=1))


def _after_failure(session: Session, error: P2pbotError, rng: Uniform) -> Session:
    match error:
        case RateLimited():
            # Growing too: an exchange that says "in a second" for ever would spend the whole attempt budget.
            wait_s, trouble = session.trouble.failed(rng)
            obeyed_s = error.retry_after_s + rng.uniform(0.0, 1.0)
            return replace(session, wait_s=max(wait_s, obeyed_s), trouble=trouble)
        case KeyRefused() | LocationRefused():
            wait_s, slow = session.slow.failed(rng)
            return replace(session, wait_s=wait_s, slow=slow, alarm=Alarm.KEY_REFUSED)
        case CredentialRefused() if session.refused_tokens:
            wait_s, slow = session.slow.failed(rng)
            refused = session.refused_tokens + 1
            return replace(session, wait_s=wait_s, slow=slow, refused_tokens=refused, alarm=Alarm.CREDENTIAL_REFUSED)
        case CredentialRefused():
            wait_s, trouble = session.trouble.failed(rng)
            return replace(session, wait_s=wait_s, trouble=trouble, refused_tokens=1)
        case _ if error.retry is Retry.NEVER:
            wait_s, slow = session.slow.failed(rng)
            return replace(session, wait_s=wait_s, slow=slow, alarm=Alarm.CREDENTIAL_REFUSED)
        case _:
            wait_s, trouble = session.trouble.failed(rng)
            return replace(session, wait_s=wait_s, trouble=trouble)
