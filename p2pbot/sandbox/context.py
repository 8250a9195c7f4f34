"""The account context of the simulated exchange: its doors for the shell, and what checkers may see.

Promise: pure, as ``World``, of which it is a part. What happens to the holdings is in ``context_deeds``.
Source: futures and user-data notes, whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from p2pbot.sandbox import streams, ws_api
from p2pbot.sandbox.books import Book
from p2pbot.sandbox.context_deeds import ContextDeeds
from p2pbot.sandbox.context_state import ContextState
from p2pbot.sandbox.gate import Refusal
from p2pbot.sandbox.links import Link, Source
from p2pbot.sandbox.records import LinkSeen, WsCallSeen
from p2pbot.sandbox.state import Mute, State

_MOST_CONNECTS = 300
_CONNECTS_MS = 5 * 60_000


class Context(ContextDeeds):
    """Everything about accounts that is not chat."""

    def __init__(self, state: State) -> None:
        super().__init__(ContextState(state))
        self._connects_ms: deque[int] = deque(maxlen=_MOST_CONNECTS)

    @property
    def inside(self) -> ContextState:
        """The mutable inside, for the REST routes."""
        return self._context

    # ---- for the shell ----

    def knock(self, path: str, query: Mapping[str, str], now_ms: int) -> Link | Refusal:
        """Judge a handshake: 300 in five minutes, and the weight of those that have one."""
        state = self._context.state
        link = streams.link_for(self._context, path, query, now_ms)
        if link is None:
            return Refusal(404, "no socket here")
        fault = state.faults.strike("link_status", now_ms, state.rng, account=link.account, link=link.kind.value)
        if fault:
            return self._refuse(link, now_ms, fault.number("status"), fault.number("retry_after_s"))
        full = len(self._connects_ms) == _MOST_CONNECTS and now_ms - self._connects_ms[0] < _CONNECTS_MS
        over = ws_api.weigh_handshake(self._context, link, now_ms)
        if full:
            return self._refuse(link, now_ms, 429, -(-(self._connects_ms[0] + _CONNECTS_MS - now_ms) // 1000))
        if over:
            return self._refuse(link, now_ms, over.status, -(-(over.until_ms - now_ms) // 1000))
        self._connects_ms.append(now_ms)
        return link

    def _refuse(self, link: Link, now_ms: int, status: int, retry_after_s: int) -> Refusal:
        self._context.links.note(link, now_ms, f"refused {status}")
        return Refusal(status, "refused", retry_after_s)

    def enter(self, link: Link, now_ms: int) -> None:
        """Open a link whose handshake succeeded."""
        self._context.links.enter(link, now_ms)

    def leave(self, link: Link, now_ms: int) -> None:
        """Note that a link is gone."""
        self._context.links.leave(link.socket_id, now_ms)

    def take_frame(self, link: Link, data: str | bytes, now_ms: int) -> None:
        """Take a message of the peer's."""
        if link.socket_id not in self._context.links.open or self._context.links.is_flooded(link, now_ms):
            return
        if link.kind.is_api:
            ws_api.take(self._context, link, data, now_ms)
        else:
            streams.take(self._context, link, data, now_ms)

    def take_control(self, link: Link, now_ms: int, pong: bytes | None) -> None:
        """Take a ping of the peer's (None) or its pong."""
        self._context.links.control(link, now_ms, pong)

    def mute_of(self, link: Link, now_ms: int) -> Mute:
        """Return how a link fails to talk now (HALF_OPEN answers no ping)."""
        return self._context.links.mute_of(link, now_ms)

    # ---- for checkers ----

    def links(self, account: str = "", kind: str = "") -> tuple[Link, ...]:
        """Return the open links of an account and a kind ('' = any), oldest first."""
        return tuple(self._context.links.of(account, kind))

    def listens(self, account: str, kind: str = "") -> bool:
        """Whether an open link would hear of the account's events."""
        living = {self._context.ring(account, source).text for source in Source}
        return any(
            account in link.subscriptions.values() or living & set(link.keys)
            for link in self._context.links.of(kind=kind)
        )

    def links_seen(self) -> tuple[LinkSeen, ...]:
        """Return how every link began and ended, oldest first."""
        return tuple(self._context.links.seen)

    def calls(self, account: str = "", method: str = "") -> tuple[WsCallSeen, ...]:
        """Return the requests over both WebSocket APIs."""
        return tuple(
            call for call in self._context.calls if account in ("", call.account) and method in ("", call.method)
        )

    def book(self, account: str) -> Book:
        """Return what an account holds."""
        return self._context.book(account)

    def listen_key(self, account: str, source: Source, now_ms: int) -> str:
        """Return the living listenKey, '' without one. A secret: for comparing only."""
        key = self._context.ring(account, source).live(now_ms)
        return key.text if key else ""

    def weight_used(self, source: Source, now_ms: int) -> int:
        """Return the weight used in the present minute."""
        return self._context.weights[source].used(now_ms)
