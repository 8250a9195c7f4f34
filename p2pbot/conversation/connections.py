"""The part of docs/connections.md that is drawn from the code: every connection's states, and the numbers behind them.

Promise: each ``Machine`` of the package stands in the page as it is; a test compares, and ``make pages`` mends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from p2pbot.conversation.delivery import DELIVERY
from p2pbot.conversation.session import SESSION
from p2pbot.protocol.backoff import AttemptBudget
from p2pbot.protocol.listen_keys import FUTURES_KEY, KEEP_EVERY_MS, KEY_LIFE_MS, LEGACY_KEY, SUBSCRIPTION
from p2pbot.protocol.machine import Machine
from p2pbot.protocol.stream import LIFE_MS, MOST_BUFFERED, STREAM
from p2pbot.protocol.weights import FUTURES_WEIGHTS, SPOT_WEIGHTS, Weights
from p2pbot.protocol.ws_session import PROBE_MS, ROTATE_JITTER_MS, ROTATE_MS, WS_SESSION

_BUDGET = AttemptBudget()


class Shown(NamedTuple):
    """A machine and what a reader should know of it. ``whole`` False: another one's table says the same."""

    machine: Machine[Any, Any]
    about: str
    whole: bool = True


MACHINES: tuple[Shown, ...] = (
    Shown(
        SESSION,
        "The socket of an account's order chat. `break` and `suspect` are our own will: a planned renewal where the "
        "exchange does not allow two sockets, and a socket that kept a message from us.",
    ),
    Shown(
        WS_SESSION,
        "A session of the futures or the spot WebSocket API. `greeted`: the clock is learnt and, with an Ed25519 key, "
        "the session is logged on. While it renews, calls go by the old connection.",
    ),
    Shown(
        FUTURES_KEY,
        "The account's futures listenKey, owned by no socket. `doubtful`: it died while a question about it was under "
        "way, so that answer is thrown away. `missing` is the exchange's -1125.",
    ),
    Shown(
        LEGACY_KEY,
        "The older spot listenKey: as the futures one, without `replaced`, for its keepalive does not say which key "
        "it kept.",
        whole=False,
    ),
    Shown(SUBSCRIPTION, "What replaced it on spot: a subscription that lives and dies with its session's connection."),
    Shown(
        STREAM,
        "A stream of account events, whichever way it comes. Every cause – closed, expired, -1125, another key, "
        "rotation, shutdown notice, terminated, suspended – is the one event `recover`.",
    ),
    Shown(
        DELIVERY, "Not a connection, but what connections are for: a reply ([delivery.md](delivery.md)).", whole=False
    ),
)


def section() -> str:
    """Return what stands below the mark in docs/connections.md."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "## The numbers\n"
    yield "| what | how much | why |\n|---|---|---|"
    yield from (f"| {what} | {much} | {why} |" for what, much, why in _numbers())
    yield "\n## The states"
    for shown in MACHINES:
        yield f"\n### {shown.machine.name}\n\n{shown.about}"
        yield from _table(shown.machine) if shown.whole else ()


def _numbers() -> Iterator[tuple[str, str, str]]:
    yield (
        "a session of a WebSocket API is renewed after",
        f"{_span(ROTATE_MS)}, less up to {_span(ROTATE_JITTER_MS)}",
        "the exchange cuts it at 24 h; sessions that began together do not renew together",
    )
    yield "it is asked whether it is there every", _span(PROBE_MS), "`session.status`, weight 2; learns the clock too"
    yield "a stream's socket is replaced after", f"{_span(LIFE_MS)}, less a little", "as above"
    yield "a listenKey is kept every", _span(KEEP_EVERY_MS), f"leaves {_span(KEY_LIFE_MS - KEEP_EVERY_MS)} of retries"
    yield "a listenKey lives", _span(KEY_LIFE_MS), "after its last keepalive; not confirmed for so long, it is dead"
    yield "events kept while a snapshot is under way", f"{MOST_BUFFERED}", "more, and the snapshot is asked for again"
    yield "connects of this address", f"{_BUDGET.limit} in {_span(_BUDGET.window_ms)}", "half of what is allowed"
    yield "weight of calls, futures", _weight(FUTURES_WEIGHTS), "sessions and REST together; half is left to others"
    yield "weight of calls, spot", _weight(SPOT_WEIGHTS), "as above"


def _table(machine: Machine[Any, Any]) -> Iterator[str]:
    """Yield a machine as a table and as a diagram."""
    yield "\n| in the state | when this happens | it is then |\n|---|---|---|"
    for state, row in machine.table.items():
        yield from (f"| `{state}` | `{event}` | `{after}` |" for event, after in row.items())
    yield f"\n```mermaid\n{machine.diagram()}\n```"


def _weight(weights: Weights) -> str:
    return f"{weights.share} of {weights.limit} a minute"


def _span(span_ms: int) -> str:
    hours, minutes = divmod(span_ms // 60_000, 60)
    return f"{hours} h" if hours and not minutes else f"{span_ms // 60_000} min"


if __name__ == "__main__":
    print(section())  # noqa: T201 - made to be redirected
