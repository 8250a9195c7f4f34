"""The sockets of the account context: both WebSocket APIs, the private streams, and paths that lead nowhere.

Promise: pure. A link is cut after its life, pinged by the exchange, and dropped if it does not copy the ping's payload
in time; it is thrown out for floods. What is said to a link that a fault has muted is lost.
Source: futures and user-data notes sections 1 to 3. The close codes are made up.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from p2pbot.sandbox.frames import encode
from p2pbot.sandbox.records import LinkSeen
from p2pbot.sandbox.state import Abort, Close, Mute, Ping, Push, State

MOST_KEYS = 200  # streams on one connection
_MOST_LINKS = 2000
_MOST_RECORDS = 20_000
_SECOND_MS = 1000
_MOST_CONTROL_FRAMES = 5  # a second, pings and pongs of the client
_MOST_STREAM_FRAMES = 10  # a second, on a stream
_GOING_AWAY, _POLICY = 1001, 1008


class LinkKind(StrEnum):
    """What a link is for. An UNROUTED one acknowledges everything and then stays silent."""

    FUTURES_API = "futures_api"
    SPOT_API = "spot_api"
    FUTURES_STREAM = "futures_stream"
    SPOT_STREAM = "spot_stream"
    UNROUTED = "unrouted"

    @property
    def is_api(self) -> bool:
        """Whether requests are answered here."""
        return self in (LinkKind.FUTURES_API, LinkKind.SPOT_API)


class Source(StrEnum):
    """Which half of the account context an event or a listenKey belongs to."""

    FUTURES = "futures"
    SPOT = "spot"


@dataclass(frozen=True, slots=True)
class Logon:
    """Who is logged on, and since when (exchange's time)."""

    account: str
    api_key: str = field(repr=False)
    since_ms: int


@dataclass(slots=True)
class Link:
    """One open socket. ``account`` is whose key it used last ('' = nobody's yet), for faults and records."""

    socket_id: int
    kind: LinkKind
    opened_ms: int
    account: str = ""
    keys: dict[str, None] = field(default_factory=dict, repr=False)
    events: frozenset[str] | None = None
    combined: bool = False
    returns_limits: bool = True
    logon: Logon | None = None
    subscriptions: dict[int, str] = field(default_factory=dict)
    of_session: set[int] = field(default_factory=set)  # subscriptions that end with the logon
    subscribed: int = 0
    asked_ping: bytes = b""
    answered_ping: bytes = b""
    pongs: int = 0
    frames_ms: deque[int] = field(default_factory=lambda: deque(maxlen=_MOST_STREAM_FRAMES + 1))
    controls_ms: deque[int] = field(default_factory=lambda: deque(maxlen=_MOST_CONTROL_FRAMES + 1))


class Links:
    """All of them, and how each began and ended."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.open: dict[int, Link] = {}
        self.seen: deque[LinkSeen] = deque(maxlen=_MOST_RECORDS)

    def enter(self, link: Link, now_ms: int) -> None:
        """Take a link in and put its pings and its end on the agenda."""
        if len(self.open) >= _MOST_LINKS:
            self._state.effects.append(Close(link.socket_id, _POLICY, "too many connections"))
            return
        self.open[link.socket_id] = link
        self.note(link, now_ms, "opened")
        options = self._state.options
        self._state.later(now_ms + options.link_life_ms, lambda at: self.end(link, at, _GOING_AWAY, "24 hours"))
        self._state.later(now_ms + options.ping_every_ms, lambda at: self._ping(link, at))

    def leave(self, socket_id: int, now_ms: int) -> None:
        """Forget a link that its peer has ended. Idempotent."""
        link = self.open.pop(socket_id, None)
        if link:
            self.note(link, now_ms, "left")

    def end(self, link: Link, now_ms: int, code: int, reason: str = "") -> None:
        """Close a link from the exchange's side; code 0 resets its connection. Idempotent."""
        if self.open.pop(link.socket_id, None) is None:
            return
        self.note(link, now_ms, f"closed {code} {reason}".rstrip())
        deaf = self.mute_of(link, now_ms) is Mute.HALF_OPEN
        effect = Abort(link.socket_id) if code == 0 or deaf else Close(link.socket_id, code, reason)
        self._state.effects.append(effect)

    def of(self, account: str = "", kind: str = "") -> list[Link]:
        """Return the open links of an account and a kind ('' = any), oldest first."""
        return [link for link in self.open.values() if account in ("", link.account) and kind in ("", link.kind.value)]

    def mute_of(self, link: Link, now_ms: int) -> Mute:
        """Return how a link fails to talk now."""
        for name, mute in (("link_half_open", Mute.HALF_OPEN), ("link_silence", Mute.SILENT)):
            if self._state.faults.find(name, now_ms, account=link.account, link=link.kind.value):
                return mute
        return Mute.NONE

    def send(self, link: Link, payload: Any, now_ms: int) -> bool:
        """Write a JSON value, or a text as it is; return whether the link was able to talk."""
        if link.socket_id not in self.open or self.mute_of(link, now_ms) is not Mute.NONE:
            return False
        data = payload if isinstance(payload, str) else encode(payload)
        self._state.effects.append(Push(link.socket_id, data))
        return True

    def is_flooded(self, link: Link, now_ms: int) -> bool:
        """Count a frame; True when a stream's peer sent too many in a second: then it is closed."""
        if link.kind.is_api:
            return False
        return self._flood(link, link.frames_ms, _MOST_STREAM_FRAMES, now_ms)

    def control(self, link: Link, now_ms: int, pong: bytes | None = None) -> None:
        """Count a ping of the peer's, or take its ``pong``: only one that copies our ping's payload answers it."""
        if pong and pong == link.asked_ping:
            link.asked_ping, link.answered_ping, link.pongs = b"", pong, link.pongs + 1
        if pong and pong == link.answered_ping:
            return  # what we asked for, maybe more than once, is no flood
        self._flood(link, link.controls_ms, _MOST_CONTROL_FRAMES, now_ms)

    def _flood(self, link: Link, times: deque[int], most: int, now_ms: int) -> bool:
        times.append(now_ms)
        flooded = len(times) > most and now_ms - times[0] < _SECOND_MS
        if flooded:
            self.end(link, now_ms, _POLICY, "Too many requests")
        return flooded

    def _ping(self, link: Link, now_ms: int) -> None:
        """Ping, look for the pong in its time, and come again."""
        if link.socket_id not in self.open:
            return
        options = self._state.options
        if not link.asked_ping:
            payload = link.asked_ping = str(self._state.exchange_ms(now_ms)).encode()
            self._state.later(now_ms + options.pong_within_ms, lambda at: self._judge(link, payload, at))
        if self.mute_of(link, now_ms) is Mute.NONE:
            self._state.effects.append(Ping(link.socket_id, link.asked_ping))
        self._state.later(now_ms + options.ping_every_ms, lambda at: self._ping(link, at))

    def _judge(self, link: Link, payload: bytes, now_ms: int) -> None:
        if link.asked_ping == payload:
            self.end(link, now_ms, _POLICY, "Pong timeout")

    def note(self, link: Link, now_ms: int, what: str) -> None:
        """Record what became of a link."""
        seen = LinkSeen(at_ms=now_ms, socket_id=link.socket_id, kind=link.kind.value, account=link.account, what=what)
        self.seen.append(seen)
