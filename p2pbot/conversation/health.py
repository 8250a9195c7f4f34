"""Health: what the daemon's status means to whoever watches it – a container's health check, a probe, an alert.

Promise: pure; the status of ``daemon.status`` goes in, a verdict with its reasons comes out. Alive and ready are two
questions: a daemon whose exchange is down is alive (starting it again would not help) and not ready.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Status: TypeAlias = Mapping[str, object]

MAX_LAG_US = 10_000_000  # an event loop that is ten seconds late answers nobody in time


@dataclass(frozen=True, slots=True)
class Health:
    """``live``: the process works; ``ready``: every account can answer now. ``reasons`` say why not, in plain words."""

    live: bool
    ready: bool
    reasons: tuple[str, ...] = ()


def health_of(status: Status) -> Health:
    """Return the verdict on a status. One that says nothing of its accounts is not ready."""
    ailments = ailments_of(status)
    reasons = [*ailments]
    accounts = part(status, "accounts")
    if not accounts:
        reasons.append("no account has begun")
    for name in sorted(accounts):
        reasons += [f"{name}: {reason}" for reason in _unready(part(accounts, name))]
    return Health(live=not ailments, ready=not reasons, reasons=tuple(reasons))


def ailments_of(status: Status) -> tuple[str, ...]:
    """Return what is wrong with the process itself, in plain words: a start anew is what helps."""
    process = part(status, "process")
    ailments = []
    if number(process, "loop_lag_us") > MAX_LAG_US:
        ailments.append("the process is busy: it is more than 10 s late with everything")
    if hanging := process.get("hanging"):
        named = ", ".join(map(str, hanging)) if isinstance(hanging, list) else "unknown"
        ailments.append(f"a part of the process hangs: {named}")
    return tuple(ailments)


def _unready(account: Status) -> Iterator[str]:
    chat = account.get("chat")
    if chat != "open":
        yield f"the chat is not open ({chat})"
    if account.get("lease") is False:
        yield "the lock of the state directory is lost; start p2pbot again"


def part(status: Status, key: str) -> Status:
    """Return the mapping that stands under ``key``; nothing if something else stands there."""
    found = status.get(key)
    return found if isinstance(found, Mapping) else {}


def number(status: Status, key: str) -> float:
    """Return the number that stands under ``key``; 0 if something else stands there."""
    value = status.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
