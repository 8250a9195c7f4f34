"""The private streams: who listens to which key, SUBSCRIBE, and an event's way to everybody who should hear it.

Promise: connecting with a dead, wrong or foreign key succeeds and stays silent; after a key has ended its sockets get
listenKeyExpired and then nothing more. ``events`` is an allow-list that nobody validates: a typo is silent.
Source: futures and user-data notes sections 1, 3 and 4.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from p2pbot.sandbox import user_events
from p2pbot.sandbox.chance import pick
from p2pbot.sandbox.context_state import ContextState
from p2pbot.sandbox.links import MOST_KEYS, Link, LinkKind, Source
from p2pbot.sandbox.listen_keys import ListenKey
from p2pbot.sandbox.user_events import Event

_STREAMS = {Source.FUTURES: LinkKind.FUTURES_STREAM, Source.SPOT: LinkKind.SPOT_STREAM}
_NOISE = {"e": "SIMULATED_NOISE", "E": 0, "unknown": {"deep": [1, "2", None]}}


def link_for(context: ContextState, path: str, query: Mapping[str, str], now_ms: int) -> Link | None:
    """Return the link that a path leads to, not yet entered; None if no socket is served there."""
    first, _, rest = path.strip("/").partition("/")
    kind = _kind(first, rest)
    if kind is None:
        return None
    link = Link(context.state.next_socket_id(), kind, now_ms)
    link.returns_limits = query.get("returnRateLimits", "true") != "false"
    link.combined = first == "stream" or rest.partition("/")[0] == "stream"
    listed = rest if first == "ws" else rest.partition("/")[2]
    wanted = (query.get("listenKey", ""), *query.get("streams", "").split("/"), *listed.split("/"))
    _listen(context, link, wanted, now_ms)
    link.events = frozenset(query["events"].split("/")) if query.get("events") else None
    return link


def _kind(first: str, rest: str) -> LinkKind | None:
    """Return what is served under a path's first part."""
    if (first, rest) == ("ws-fapi", "v1"):
        return LinkKind.FUTURES_API
    if (first, rest) == ("ws-api", "v3"):
        return LinkKind.SPOT_API
    served = rest.partition("/")[0] in ("ws", "stream")
    if first == "private" and served:
        return LinkKind.FUTURES_STREAM
    if first in ("public", "market") and served:
        return LinkKind.UNROUTED
    return LinkKind.SPOT_STREAM if first in ("ws", "stream") else None


def _listen(context: ContextState, link: Link, keys: tuple[Any, ...], now_ms: int) -> None:
    for key in keys[:MOST_KEYS]:
        if isinstance(key, str) and key and len(link.keys) < MOST_KEYS:
            link.keys[key] = None
    link.account = _owner(context, link, now_ms) or link.account


def _owner(context: ContextState, link: Link, now_ms: int) -> str:
    """Return whose living key the link uses, for faults and records."""
    for name in context.state.accounts:
        for source, kind in _STREAMS.items():
            key = context.ring(name, source).live(now_ms)
            if kind is link.kind and key and key.text in link.keys:
                return name
    return ""


def take(context: ContextState, link: Link, data: str | bytes, now_ms: int) -> None:
    """Take a frame on a stream: SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS are acknowledged, whatever they name."""
    try:
        asked = json.loads(data)
        method, number, params = asked["method"], asked.get("id"), asked.get("params", [])
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        context.links.send(link, {"error": {"code": 3, "msg": "Invalid JSON: SIMULATED"}}, now_ms)
        return
    keys = tuple(params) if isinstance(params, list) else ()
    result: list[str] | None = None
    if method == "SUBSCRIBE":
        _listen(context, link, keys, now_ms)
    elif method == "UNSUBSCRIBE":
        for key in keys:
            link.keys.pop(str(key), None)
    elif method == "LIST_SUBSCRIPTIONS":
        result = list(link.keys)
    else:
        context.links.send(link, {"error": {"code": 2, "msg": "unknown request: SIMULATED"}, "id": number}, now_ms)
        return
    context.links.send(link, {"result": result, "id": number}, now_ms)


# ---- events ----


def push(context: ContextState, account: str, source: Source, event: Event, now_ms: int) -> None:
    """Send an event to everybody who listens to the account's living key, and to its spot subscriptions."""
    state = context.state
    if state.faults.strike("event_lost", now_ms, state.rng, account=account, event=str(event.get("e", ""))):
        return
    key = context.ring(account, source).live(now_ms)
    twice = state.faults.strike("event_twice", now_ms, state.rng, account=account, event=str(event.get("e", "")))
    noisy = state.faults.strike("event_noise", now_ms, state.rng, account=account)
    for each in (*([_NOISE] if noisy else []), event, *([event] if twice else [])):
        _deliver(context, source, key, each, now_ms)
        if source is Source.SPOT:
            _to_subscribers(context, account, each, now_ms)


def _deliver(context: ContextState, source: Source, key: ListenKey | None, event: Event, now_ms: int) -> None:
    if key is None:
        return
    for link in context.links.of(kind=_STREAMS[source].value):
        if key.text in link.keys and (link.events is None or event.get("e") in link.events):
            payload = {"stream": key.text, "data": event} if link.combined else event
            context.links.send(link, payload, now_ms)


def _to_subscribers(context: ContextState, account: str, event: Event, now_ms: int) -> None:
    for link, number in subscriptions(context, account):
        context.links.send(link, {"subscriptionId": number, "event": event}, now_ms)


def subscriptions(context: ContextState, account: str) -> Iterator[tuple[Link, int]]:
    """Yield the account's subscriptions over spot's WebSocket API."""
    for link in context.links.of(kind=LinkKind.SPOT_API.value):
        yield from ((link, number) for number, owner in link.subscriptions.items() if owner == account)


def end_subscription(context: ContextState, link: Link, number: int, now_ms: int) -> None:
    """End a subscription with eventStreamTerminated."""
    link.subscriptions.pop(number, None)
    event = user_events.stream_terminated(context.state.exchange_ms(now_ms))
    context.links.send(link, {"subscriptionId": number, "event": event}, now_ms)


# ---- listenKeys ----


def start_key(context: ContextState, account: str, source: Source, now_ms: int) -> str:
    """Return the active listenKey, extended, or a new one that will be watched."""
    ring = context.ring(account, source)
    is_new = ring.live(now_ms) is None
    if is_new:
        end_key(context, account, source, now_ms)
    key = ring.start(now_ms, context.state.rng)
    if is_new:
        context.state.later(key.expires_ms, lambda at: _watch(context, account, source, key, at))
    return key.text


def _watch(context: ContextState, account: str, source: Source, key: ListenKey, now_ms: int) -> None:
    """End a key whose time is over, or come again when it will be."""
    if now_ms < key.expires_ms:
        context.state.later(key.expires_ms, lambda at: _watch(context, account, source, key, at))
    elif context.ring(account, source).is_current(key):
        end_key(context, account, source, now_ms)


def end_key(context: ContextState, account: str, source: Source, now_ms: int, *, silently: bool = False) -> bool:
    """End the key: its sockets get listenKeyExpired (futures), stay open and silent. False: there was none."""
    key = context.ring(account, source).end()
    if key and source is Source.FUTURES and not silently:
        state = context.state
        as_text = not state.options.variety or pick(state.rng, (True, False))
        event = user_events.listen_key_expired(key.text, state.exchange_ms(now_ms), as_text=as_text)
        _deliver(context, source, key, event, now_ms)
    return key is not None
