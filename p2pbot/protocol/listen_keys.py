"""The life of a listenKey, and of the subscription that replaced it on spot, as tables and frozen values.

Promise: a key is confirmed before each use and every 25 minutes, which leaves 35 minutes of retries; it is believed
dead only when the exchange says so, when its hour is over, or when its successor is named. It is owned by no socket:
a lost connection does not touch it.
Danger: an answer that was under way when the key died may speak of the dead one: such an answer is thrown away
(DOUBTFUL). One key serves every program of the account, so closing it silences them all: that happens only when asked.
Times are milliseconds of a clock that counts suspend, for the key's hour runs on while the machine sleeps.
Source: the futures and user-data notes, sections 1 and 3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from p2pbot.errors import ExchangeError, P2pbotError, RateLimited
from p2pbot.protocol.backoff import Backoff, Uniform
from p2pbot.protocol.machine import Machine
from p2pbot.secret import Secret

KEEP_EVERY_MS = 25 * 60_000
KEY_LIFE_MS = 60 * 60_000
NO_SUCH_KEY = "-1125"
_EAGER = Backoff(full_jitter=True)


class KeyState(StrEnum):
    """Where a listenKey is."""

    ABSENT = "absent"
    STARTING = "starting"
    LIVE = "live"
    KEEPING = "keeping"
    DOUBTFUL = "doubtful"
    CLOSING = "closing"


class KeyEvent(StrEnum):
    """What can happen to it. MISSING: -1125. GONE: it expired, or its stream said so."""

    START = "start"
    STARTED = "started"
    KEEP = "keep"
    KEPT = "kept"
    REPLACED = "replaced"
    MISSING = "missing"
    FAILED = "failed"
    GONE = "gone"
    CLOSE = "close"
    CLOSED = "closed"


FUTURES_KEY = Machine[KeyState, KeyEvent](
    "futures listenKey",
    {
        KeyState.ABSENT: {KeyEvent.START: KeyState.STARTING, KeyEvent.GONE: KeyState.ABSENT},
        KeyState.STARTING: {
            KeyEvent.STARTED: KeyState.LIVE,
            KeyEvent.FAILED: KeyState.ABSENT,
            KeyEvent.MISSING: KeyState.ABSENT,
            KeyEvent.GONE: KeyState.DOUBTFUL,
        },
        KeyState.LIVE: {
            KeyEvent.START: KeyState.STARTING,
            KeyEvent.KEEP: KeyState.KEEPING,
            KeyEvent.GONE: KeyState.ABSENT,
            KeyEvent.CLOSE: KeyState.CLOSING,
        },
        KeyState.KEEPING: {
            KeyEvent.KEPT: KeyState.LIVE,
            KeyEvent.REPLACED: KeyState.LIVE,
            KeyEvent.FAILED: KeyState.LIVE,
            KeyEvent.MISSING: KeyState.ABSENT,
            KeyEvent.GONE: KeyState.DOUBTFUL,
        },
        KeyState.DOUBTFUL: {
            KeyEvent.STARTED: KeyState.ABSENT,
            KeyEvent.KEPT: KeyState.ABSENT,
            KeyEvent.REPLACED: KeyState.ABSENT,
            KeyEvent.FAILED: KeyState.ABSENT,
            KeyEvent.MISSING: KeyState.ABSENT,
            KeyEvent.GONE: KeyState.DOUBTFUL,
        },
        KeyState.CLOSING: {
            KeyEvent.CLOSED: KeyState.ABSENT,
            KeyEvent.FAILED: KeyState.ABSENT,
            KeyEvent.MISSING: KeyState.ABSENT,
            KeyEvent.GONE: KeyState.CLOSING,
        },
    },
)

LEGACY_KEY = Machine[KeyState, KeyEvent](
    "spot listenKey (legacy)",
    {  # its keepalive names the key in the question and none in the answer: nothing can be REPLACED
        state: {event: after for event, after in row.items() if event is not KeyEvent.REPLACED}
        for state, row in FUTURES_KEY.table.items()
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenKey:
    """One account's key as a value.

    ``key``: the last that was named, live or not (``live_key``); ``since_ms``: when it was first named to us;
    ``confirmed_ms``: when the exchange last said that it lives; ``due_ms``: when it must be kept.
    """

    machine: Machine[KeyState, KeyEvent] = FUTURES_KEY
    state: KeyState = KeyState.ABSENT
    key: Secret | None = None
    since_ms: int = 0
    confirmed_ms: int = 0
    due_ms: int = 0
    trouble: Backoff = _EAGER
    keep_every_ms: int = KEEP_EVERY_MS
    life_ms: int = KEY_LIFE_MS

    @property
    def live_key(self) -> Secret | None:
        """The key if it may be used, else None."""
        return self.key if self.state in (KeyState.LIVE, KeyState.KEEPING) else None

    def age_ms(self, now_ms: int) -> int | None:
        """Return how long we have known the live key; None when there is none."""
        return None if self.live_key is None else max(0, now_ms - self.since_ms)

    def keep_is_due(self, now_ms: int) -> bool:
        """Whether the key must be kept now."""
        return self.state is KeyState.LIVE and now_ms >= self.due_ms

    def step(self, event: KeyEvent) -> ListenKey:
        """Return the key after an event that brings nothing along. Raises IllegalTransition."""
        return replace(self, state=self.machine.next(self.state, event))

    def started(self, key: Secret, now_ms: int) -> ListenKey:
        """Return the key that the exchange named. Thrown away if a key died while it was asked for."""
        return self._confirmed(KeyEvent.STARTED, key, now_ms)

    def kept(self, key: Secret | None, now_ms: int) -> ListenKey:
        """Return the key after a keepalive; ``key``: which one the exchange says it kept, None: it does not say."""
        if key is None or self.key is None or key == self.key:
            return self._confirmed(KeyEvent.KEPT, key or self.key, now_ms)
        return self._confirmed(KeyEvent.REPLACED, key, now_ms)

    def failed(self, error: P2pbotError, now_ms: int, rng: Uniform) -> ListenKey:
        """Return the key after a call that failed. One that was not confirmed for its whole life is dead."""
        if is_missing(error):
            return self.step(KeyEvent.MISSING)
        following = self.step(KeyEvent.FAILED)
        wait_s, trouble = following.trouble.failed(rng)
        if isinstance(error, RateLimited):
            wait_s = max(wait_s, error.retry_after_s)
        following = replace(following, trouble=trouble, due_ms=now_ms + int(wait_s * 1000))
        over = following.state is KeyState.LIVE and now_ms - following.confirmed_ms >= self.life_ms
        return following.step(KeyEvent.GONE) if over else following

    def ended(self, key: Secret | None) -> ListenKey:
        """Return the key after a stream said that ``key`` is dead (None: it does not say which, so ours)."""
        is_another = key is not None and self.key is not None and key != self.key
        return self if is_another else self.step(KeyEvent.GONE)

    def _confirmed(self, event: KeyEvent, key: Secret | None, now_ms: int) -> ListenKey:
        following = self.step(event)
        if following.state is not KeyState.LIVE:
            return following
        return replace(
            following,
            key=key,
            since_ms=self.since_ms if key == self.key else now_ms,
            confirmed_ms=now_ms,
            due_ms=now_ms + self.keep_every_ms,
            trouble=replace(self.trouble, failures=0),
        )


def is_missing(error: P2pbotError) -> bool:
    """Whether the exchange says that there is no such listenKey (-1125)."""
    return isinstance(error, ExchangeError) and error.code == NO_SUCH_KEY


class SubscriptionState(StrEnum):
    """Where a spot user-data subscription is; it lives and dies with its socket."""

    ABSENT = "absent"
    SUBSCRIBING = "subscribing"
    LIVE = "live"


class SubscriptionEvent(StrEnum):
    """What can happen to it. LOST: its socket; TERMINATED: the exchange ended it, the socket lives on."""

    SUBSCRIBE = "subscribe"
    SUBSCRIBED = "subscribed"
    FAILED = "failed"
    LOST = "lost"
    TERMINATED = "terminated"


SUBSCRIPTION = Machine[SubscriptionState, SubscriptionEvent](
    "spot subscription",
    {
        SubscriptionState.ABSENT: {
            SubscriptionEvent.SUBSCRIBE: SubscriptionState.SUBSCRIBING,
            SubscriptionEvent.LOST: SubscriptionState.ABSENT,
            SubscriptionEvent.TERMINATED: SubscriptionState.ABSENT,
            SubscriptionEvent.SUBSCRIBED: SubscriptionState.ABSENT,  # of a socket that was lost meanwhile
            SubscriptionEvent.FAILED: SubscriptionState.ABSENT,
        },
        SubscriptionState.SUBSCRIBING: {
            SubscriptionEvent.SUBSCRIBED: SubscriptionState.LIVE,
            SubscriptionEvent.FAILED: SubscriptionState.ABSENT,
            SubscriptionEvent.LOST: SubscriptionState.ABSENT,
            SubscriptionEvent.TERMINATED: SubscriptionState.SUBSCRIBING,  # the one before
        },
        SubscriptionState.LIVE: {
            SubscriptionEvent.SUBSCRIBE: SubscriptionState.SUBSCRIBING,  # on the socket that replaces this one's
            SubscriptionEvent.LOST: SubscriptionState.ABSENT,
            SubscriptionEvent.TERMINATED: SubscriptionState.ABSENT,
        },
    },
)
