"""The life of a WebSocket-API session as a pure core: when to connect, to renew, to ask whether anybody is there.

Promise: it never gives up and never loops tightly; a session is renewed before the exchange's 24 hours are over, the
next connection first; a key that is refused is tried again slowly, with an alarm. The loop in ``daemon.ws_session``
carries out what this says. Times named ``now_ms`` are monotonic milliseconds.
Danger: a handshake proves nothing – trouble is forgotten only after useful time on a session that was greeted.
Source: the futures and user-data notes, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from p2pbot.errors import KeyRefused, LocationRefused, P2pbotError, RateLimited, Retry
from p2pbot.protocol.backoff import Backoff, Uniform
from p2pbot.protocol.machine import Machine

ROTATE_MS = 23 * 3_600_000  # an hour before the exchange's hard cut
ROTATE_JITTER_MS = 30 * 60_000  # earlier by up to this: many sessions that began together must not renew together
PROBE_MS = 300_000  # weight 2 in five minutes; refreshes the clock too, well within the 10–30 minutes it needs
_CALM_MS = 60_000  # at the earliest so long after opening is a session renewed: shutdown notices may come in floods
_BACKOFF = Backoff()
_SLOW_BACKOFF = Backoff(base_s=60.0, cap_s=900.0, useful_s=60.0)
_RENEWAL_BACKOFF = Backoff(base_s=10.0, cap_s=300.0)  # an hour is left: at least twelve tries


class WsState(StrEnum):
    """Where the session is."""

    WAITING = "waiting"
    CONNECTING = "connecting"
    OPEN = "open"
    RENEWING = "renewing"


class WsEvent(StrEnum):
    """What can happen to it."""

    WAIT_OVER = "wait_over"
    GREETED = "greeted"
    FAILED = "failed"
    RENEW = "renew"
    LOST = "lost"


WS_SESSION = Machine[WsState, WsEvent](
    "WebSocket-API session",
    {
        WsState.WAITING: {WsEvent.WAIT_OVER: WsState.CONNECTING},
        WsState.CONNECTING: {WsEvent.GREETED: WsState.OPEN, WsEvent.FAILED: WsState.WAITING},
        WsState.OPEN: {WsEvent.RENEW: WsState.RENEWING, WsEvent.LOST: WsState.WAITING},
        WsState.RENEWING: {WsEvent.GREETED: WsState.OPEN, WsEvent.FAILED: WsState.OPEN},
    },
)


class WsDue(StrEnum):
    """What an open session has to do now."""

    RENEWAL = "renewal"
    PROBE = "probe"


class WsAlarm(StrEnum):
    """What the operator should hear of: each needs a person."""

    KEY_REFUSED = "ws_key_refused"
    SESSION_REFUSED = "ws_session_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class WsLife:
    """The session as a value.

    ``wait_s`` is the delay that WAITING asks for; ``alarm`` what the last step wants said.
    """

    state: WsState = WsState.WAITING
    wait_s: float = 0.0
    opened_at_ms: int = 0
    renew_at_ms: int = 0
    probe_at_ms: int = 0
    trouble: Backoff = _BACKOFF
    slow: Backoff = _SLOW_BACKOFF
    renewals: Backoff = _RENEWAL_BACKOFF
    alarm: WsAlarm | None = None

    def connecting(self) -> WsLife:
        """Return the session after its wait. Raises IllegalTransition."""
        return _moved(self, WsEvent.WAIT_OVER)

    def greeted(self, now_ms: int, rng: Uniform) -> WsLife:
        """Return the session after a connection was opened, its clock learnt and, where it can, logged on.

        It proves little yet: backoffs are not reset here, only by the useful time of the connection before.
        """
        renewed = _useful(self, now_ms) if self.state is WsState.RENEWING else self
        renew_at_ms = now_ms + ROTATE_MS - int(rng.uniform(0.0, ROTATE_JITTER_MS))
        return replace(
            _moved(renewed, WsEvent.GREETED),
            opened_at_ms=now_ms,
            renew_at_ms=renew_at_ms,
            probe_at_ms=now_ms + PROBE_MS,
            renewals=_RENEWAL_BACKOFF,
        )

    def failed(self, error: P2pbotError, rng: Uniform) -> WsLife:
        """Return the session after connecting, the first question or the logon failed with ``error``."""
        return _after(_moved(self, WsEvent.FAILED), error, rng)

    def lost(self, error: P2pbotError, now_ms: int, rng: Uniform) -> WsLife:
        """Return the session after an open connection ended with ``error``: also a key that was revoked."""
        return _after(_moved(_useful(self, now_ms), WsEvent.LOST), error, rng)

    def renewing(self) -> WsLife:
        """Return the session that opens its next connection beside the one that serves."""
        return _moved(self, WsEvent.RENEW)

    def renewal_failed(self, now_ms: int, rng: Uniform) -> WsLife:
        """Return the session after the next connection could not be had: the old one serves on, and it is tried again.

        The exchange ends the old one at last; then ``lost`` says how to go on.
        """
        wait_s, renewals = self.renewals.failed(rng)
        return replace(
            _moved(self, WsEvent.FAILED), renewals=renewals, renew_at_ms=now_ms + int(wait_s * 1000), alarm=None
        )

    def postponed(self, now_ms: int, wait_s: float) -> WsLife:
        """Return the session whose renewal has to wait: no connect is free in the address's budget."""
        return replace(self, renew_at_ms=now_ms + int(wait_s * 1000) + 1)

    def told_to_leave(self, now_ms: int) -> WsLife:
        """Return the session after the server said that it will go away: the renewal is due now, or nearly.

        One that failed and is to be tried again keeps its pause: notices must not make a tight loop of it.
        """
        if self.renewals.failures:
            return self
        soon_ms = max(now_ms, self.opened_at_ms + _CALM_MS)
        return replace(self, renew_at_ms=min(self.renew_at_ms, soon_ms))

    def probed(self, now_ms: int) -> WsLife:
        """Return the session after it was asked whether it is there, whatever came of it."""
        return replace(self, probe_at_ms=now_ms + PROBE_MS)

    def due(self, now_ms: int) -> WsDue | None:
        """Return what an open session has to do at ``now_ms``."""
        if self.state is not WsState.OPEN:
            return None
        if now_ms >= self.renew_at_ms:
            return WsDue.RENEWAL
        return WsDue.PROBE if now_ms >= self.probe_at_ms else None

    def due_in_s(self, now_ms: int) -> float:
        """Return in how many seconds an open session has something to do."""
        return max(0, min(self.renew_at_ms, self.probe_at_ms) - now_ms) / 1000


def _moved(life: WsLife, event: WsEvent) -> WsLife:
    return replace(life, state=WS_SESSION.next(life.state, event), wait_s=0.0, alarm=None)


def _useful(life: WsLife, now_ms: int) -> WsLife:
    """Return the session with its trouble forgotten if the connection lasted long enough to be useful."""
    open_s = max(0, now_ms - life.opened_at_ms) / 1000
    return replace(life, trouble=life.trouble.lasted(open_s), slow=life.slow.lasted(open_s))


def _after(waiting: WsLife, error: P2pbotError, rng: Uniform) -> WsLife:
    """Return ``waiting`` with the delay that ``error`` asks for."""
    match error:
        case RateLimited():
            wait_s, trouble = waiting.trouble.failed(rng)
            obeyed_s = error.retry_after_s + rng.uniform(0.0, 1.0)
            return replace(waiting, wait_s=max(wait_s, obeyed_s), trouble=trouble)
        case KeyRefused() | LocationRefused():
            wait_s, slow = waiting.slow.failed(rng)
            return replace(waiting, wait_s=wait_s, slow=slow, alarm=WsAlarm.KEY_REFUSED)
        case _ if error.retry is Retry.NEVER:
            wait_s, slow = waiting.slow.failed(rng)
            return replace(waiting, wait_s=wait_s, slow=slow, alarm=WsAlarm.SESSION_REFUSED)
        case _:
            wait_s, trouble = waiting.trouble.failed(rng)
            return replace(waiting, wait_s=wait_s, trouble=trouble)
