"""Health: what the daemon's status means to whoever watches it – a container's health check, a probe, an alert.

Promise: pure; the status of ``daemon.status`` goes in, a verdict with its reasons comes out. Alive and ready are two
questions: a daemon whose exchange is down is alive (starting it again would not help) and not ready.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_LAG_US = 10_000_000  # an event loop that is ten seconds late answers nobody in time


@dataclass(frozen=True, slots=True)
class Health:
    """``live``: the process works; ``ready``: every account can answer now. ``reasons`` say why not, in plain words."""

    live: bool
    ready: bool
    reasons: tuple[str, ...] = ()


def health_of(status: Mapping[str, object]) -> Health:
    """Return the verdict on a status. One that says nothing of its accounts is not ready."""
    late = _number(_part(status, "process"), "loop_lag_us") > MAX_LAG_US
    reasons = [*(["the process is busy: it is more than 10 s late with everything"] if late else [])]
    accounts = _part(status, "accounts")
    if not accounts:
        reasons.append("no account has begun")
    for name in sorted(accounts):
        reasons += [f"{name}: {reason}" for reason in _unready(_part(accounts, name))]
    return Health(live=not late, ready=not reasons, reasons=tuple(reasons))


def _unready(account: Mapping[str, object]) -> Iterator[str]:
    chat = account.get("chat")
    if chat != "open":
        yield f"the chat is not open ({chat})"
    if account.get("lease") is False:
        yield "the lock of the state directory is lost; start p2pbot again"


def _part(status: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = status.get(key)
    return found if isinstance(found, Mapping) else {}


def _number(part: Mapping[str, object], key: str) -> float:
    value = part.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0
