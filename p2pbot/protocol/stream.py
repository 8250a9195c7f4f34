"""A user-data stream as a pure core: when to recover, what to tell, and when what was told is the whole truth again.

Promise: whatever ends a stream (close, expiry, -1125, another key, rotation, shutdown notice, suspend) funnels into one
recovery; causes that come while it runs change nothing. A gap is open from the first cause until a snapshot was taken
and the events that came meanwhile were told after it, each once. It retries for ever, at a bounded pace.
Danger: a handshake proves nothing: a stream is live only after its snapshot. What is told in a gap is history.
Times are milliseconds of a clock that counts suspend. Source: the futures and user-data notes, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from p2pbot.errors import P2pbotError, RateLimited, Retry
from p2pbot.protocol.backoff import Backoff, Uniform
from p2pbot.protocol.listen_keys import is_missing
from p2pbot.protocol.machine import Machine
from p2pbot.protocol.user_data_dedupe import Novelty
from p2pbot.protocol.user_data_events import AccountSnapshot, UserDataEvent

MOST_BUFFERED = 2000  # events of one gap; at ten a second that is more than three minutes of a slow snapshot
LIFE_MS = 23 * 3_600_000  # the exchange cuts every socket at 24 h
_EARLIER = 1 / 46  # of its life, 30 minutes: the accounts of one machine do not all rotate at once
_MOST_LAGGING = 3  # snapshots in a row that are older than what was told, each a second after the other
_SLOW = Backoff(base_s=60.0, cap_s=900.0)  # for refusals that only a person can mend
_FAST = Backoff(full_jitter=True)


class Cause(StrEnum):
    """Why a stream is taken anew."""

    START = "start"
    CLOSED = "closed"
    EXPIRED = "expired"
    KEY_MISSING = "key_missing"
    KEY_CHANGED = "key_changed"
    ROTATION = "rotation"
    SHUTDOWN = "shutdown"
    TERMINATED = "terminated"
    SUSPENDED = "suspended"


class StreamState(StrEnum):
    """Where a stream is. WAITING: for the next try; CATCHING_UP: it is open, its snapshot is not taken yet."""

    WAITING = "waiting"
    OPENING = "opening"
    CATCHING_UP = "catching_up"
    LIVE = "live"


class StreamEvent(StrEnum):
    """What can happen to it."""

    TRY = "try"
    OPENED = "opened"
    FAILED = "failed"
    CAUGHT_UP = "caught_up"
    RECOVER = "recover"


STREAM = Machine[StreamState, StreamEvent](
    "user-data stream",
    {
        StreamState.WAITING: {
            StreamEvent.TRY: StreamState.OPENING,
            StreamEvent.RECOVER: StreamState.WAITING,
        },
        StreamState.OPENING: {
            StreamEvent.OPENED: StreamState.CATCHING_UP,
            StreamEvent.FAILED: StreamState.WAITING,
            StreamEvent.RECOVER: StreamState.WAITING,
        },
        StreamState.CATCHING_UP: {
            StreamEvent.CAUGHT_UP: StreamState.LIVE,
            StreamEvent.FAILED: StreamState.CATCHING_UP,  # the snapshot, which is asked for again
            StreamEvent.RECOVER: StreamState.WAITING,
        },
        StreamState.LIVE: {StreamEvent.RECOVER: StreamState.WAITING},
    },
)


@dataclass(frozen=True, slots=True)
class GapOpened:
    """Say that changes may be missed from now on."""


@dataclass(frozen=True, slots=True)
class GapClosed:
    """Say that all is known again."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Hand over the whole account."""

    snapshot: AccountSnapshot


@dataclass(frozen=True, slots=True)
class News:
    """Hand over one event."""

    event: UserDataEvent


Command = GapOpened | GapClosed | Snapshot | News


class Stream:
    """One source's stream. Its methods return what to tell the sink, in order.

    ``attempt`` numbers the tries: what is said of an older one than the present changes nothing. ``wait_s`` is how long
    WAITING asks to wait (or CATCHING_UP, before the snapshot is asked for again).
    """

    def __init__(self, life_ms: int = LIFE_MS) -> None:
        self._life_ms = life_ms
        self.state = StreamState.WAITING
        self.attempt = 0
        self.wait_s = 0.0
        self.cause = Cause.START
        self.recoveries = 0
        self.buffered = 0
        self.dropped = 0
        self._gap = True
        self._buffer: list[UserDataEvent] = []
        self._overflowed = False
        self._lagging = 0
        self._novelty = Novelty()
        self._live_since_ms: int | None = None
        self._rotate_at_ms = 0
        self._fast = _FAST
        self._slow = _SLOW

    @property
    def gap(self) -> bool:
        """Whether changes may have been missed."""
        return self._gap

    def begin(self) -> int:
        """Begin the next try: return its number. Raises IllegalTransition unless WAITING."""
        self._move(StreamEvent.TRY)
        self.attempt += 1
        return self.attempt

    def opened(self, attempt: int, now_ms: int, rng: Uniform) -> bool:
        """Take the socket of a try. False: it was overtaken by a cause meanwhile; close it."""
        if attempt != self.attempt or self.state is not StreamState.OPENING:
            return False
        self._move(StreamEvent.OPENED)
        self._rotate_at_ms = now_ms + self._life_ms - int(rng.uniform(0.0, self._life_ms * _EARLIER))
        return True

    def asking(self) -> None:
        """Note that the snapshot is asked for now: the events from here on must all be kept."""
        self._overflowed = False

    def failed(self, error: P2pbotError, rng: Uniform) -> None:
        """Take the failure of the try, or of its snapshot. One that was overtaken already changes nothing."""
        if STREAM.allows(self.state, StreamEvent.FAILED):
            self._move(StreamEvent.FAILED)
            self.wait_s = self._wait_after(error, rng)

    def caught_up(self, attempt: int, snapshot: AccountSnapshot, now_ms: int) -> tuple[Command, ...]:
        """Take the snapshot. Nothing is told if it was overtaken, or is no good and must be asked for again."""
        if attempt != self.attempt or self.state is not StreamState.CATCHING_UP:
            return ()
        if self._overflowed or self._lags(snapshot):
            self.wait_s = self._fast.base_s
            return ()
        self._move(StreamEvent.CAUGHT_UP)
        self.wait_s = 0.0
        self._gap = False
        self._lagging = 0
        self._live_since_ms = now_ms
        self._slow = _SLOW
        self._novelty.begin(snapshot)
        return (Snapshot(snapshot), *self._drained(), GapClosed())

    def heard(self, event: UserDataEvent) -> tuple[Command, ...]:
        """Take an event of whichever socket is open: keep it in a gap, else tell it if it is news."""
        if not self._gap:
            return self._told(event)
        self._buffer.append(event)
        if len(self._buffer) > MOST_BUFFERED:
            self.dropped += len(self._buffer)
            self._buffer.clear()
            self._overflowed = True
        self.buffered = len(self._buffer)
        return ()

    def recover(self, cause: Cause, attempt: int, now_ms: int, rng: Uniform) -> tuple[Command, ...]:
        """Take a cause that the ``attempt`` met. The first one counts; the others, and old ones, change nothing."""
        if attempt != self.attempt or self.state is StreamState.WAITING:
            return ()
        self._move(StreamEvent.RECOVER)
        self.cause = cause
        self.recoveries += 1
        self.wait_s = self._wait_for(cause, now_ms, rng)
        self._live_since_ms = None
        opens = () if self._gap else (GapOpened(),)
        self._gap = True
        return opens

    def rotation_is_due(self, now_ms: int) -> bool:
        """Whether the socket is so old that the exchange would soon cut it."""
        return self.state is StreamState.LIVE and now_ms >= self._rotate_at_ms

    def rotation_in_ms(self, now_ms: int) -> int:
        """Return how long the present socket may still be used."""
        return max(0, self._rotate_at_ms - now_ms)

    def _lags(self, snapshot: AccountSnapshot) -> bool:
        """Whether the exchange shows less than it told before; believed in the end, for its clocks may differ."""
        self._lagging = self._lagging + 1 if self._novelty.has_outrun(snapshot) else 0
        return 0 < self._lagging <= _MOST_LAGGING

    def _wait_for(self, cause: Cause, now_ms: int, rng: Uniform) -> float:
        """Return the delay before the next try: none for what is planned or healed by it, if the stream was useful."""
        live_s = 0.0 if self._live_since_ms is None else (now_ms - self._live_since_ms) / 1000
        self._fast = self._fast.lasted(live_s)
        if cause is not Cause.CLOSED and live_s >= self._fast.useful_s:
            return 0.0
        wait_s, self._fast = self._fast.failed(rng)
        return wait_s

    def _wait_after(self, error: P2pbotError, rng: Uniform) -> float:
        if error.retry in (Retry.SLOWLY, Retry.NEVER) and not is_missing(error):
            wait_s, self._slow = self._slow.failed(rng)
            return wait_s
        wait_s, self._fast = self._fast.failed(rng)
        return max(wait_s, error.retry_after_s + rng.uniform(0.0, 1.0)) if isinstance(error, RateLimited) else wait_s

    def _drained(self) -> tuple[Command, ...]:
        kept, self._buffer = self._buffer, []
        self.buffered = 0
        return tuple(command for event in kept for command in self._told(event))

    def _told(self, event: UserDataEvent) -> tuple[Command, ...]:
        news = self._novelty.news(event)
        return () if news is None else (News(news),)

    def _move(self, event: StreamEvent) -> None:
        self.state = STREAM.next(self.state, event)
