"""What ``p2pbot status`` shows of an account's streams: each source's facts, stream, key, session and clock.

Promise: pure; whatever stands in the status file, there is a line or none, never an error.
"""

from __future__ import annotations

from collections.abc import Iterator

from p2pbot.cli.output import shown, span
from p2pbot.conversation.health import Status, number, part


def context_lines(told: Status, now_ms: int) -> Iterator[tuple[bool, str]]:
    """Yield a line for each source that is switched on, and whether its facts are known."""
    context = part(told, "context")
    for source in sorted(part(context, "feeds")):
        feed = part(part(context, "feeds"), source)
        known = part(context, "known").get(source) is True
        note = shown(str(part(context, "notes").get(source, "")), 80)
        parts = [note if known else f"not known: {note}", *_stream(part(feed, "stream"), now_ms)]
        parts += _session(part(feed, "session"), now_ms)
        yield known, f"{shown(source, 20)}: " + "; ".join(part for part in parts if part)
    if failures := int(number(context, "failures")):
        yield False, f"its loops ended by a fault and were begun anew, {failures} in all: see the log"


def _stream(stream: Status, now_ms: int) -> Iterator[str]:
    if not stream:
        return
    yield f"stream {shown(str(stream.get('state')), 20)} for {span(now_ms - int(number(stream, 'since_ms')))}"
    if last_ms := int(number(stream, "last_event_ms")):
        yield f"last event {span(now_ms - last_ms)} ago"
    if stream.get("key_age_ms") is not None:
        yield f"key known for {span(int(number(stream, 'key_age_ms')))}"
    if trouble := stream.get("trouble"):
        yield shown(str(trouble), 120)


def _session(session: Status, now_ms: int) -> Iterator[str]:
    if not session:
        return
    since_ms = int(number(session, "connected_since_ms"))
    lasted = f" for {span(now_ms - since_ms)}" if since_ms else ""
    logged_on = "logged on" if session.get("logged_on") is True else "each call signed"
    yield f"session {shown(str(session.get('state')), 20)}{lasted}, {logged_on}"
    if session.get("offset_ms") is not None:
        yield f"clock off by {int(number(session, 'offset_ms'))} ms"
    yield f"weight used {int(number(session, 'weight_used'))}"
    if trouble := session.get("trouble"):
        yield shown(str(trouble), 120)
