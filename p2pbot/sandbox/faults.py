"""Every fault that the simulated exchange can play, by name, and the book of those that are on.

Promise: a fault that is not in ``FAULTS``, a parameter it does not have, a scope it does not know: ``ValueError`` at
construction, never a fault that silently does nothing.
Danger: a standing fault without ``count`` or ``duration_ms`` stays until it is cleared.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from p2pbot.sandbox.chance import Chance, happens
from p2pbot.sandbox.registry import FAULTS, FaultKind, Scope, Value

_MOST_FAULTS = 1000  # a forgotten loop in a script must not grow the book for ever


class When(StrEnum):
    """At which moment ``drop``, ``close`` and ``bye`` strike."""

    NOW = "now"  # at once, on the sockets that are open
    FRAME = "frame"  # when our frame arrives, which is lost
    AFTER_FRAME = "after_frame"  # when our frame is in the chat, before its echo
    PUSH = "push"  # instead of the next push, which is lost


def _nearest(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"


@dataclass(frozen=True, slots=True, init=False)
class Fault:
    """One fault to play: ``Fault("close", account="main", code=1001)``.

    ``account`` and ``order`` None mean all. ``count`` bounds how often it strikes, ``duration_ms`` how long it stands.
    Raises ValueError for what the registry does not know.
    """

    name: str
    account: str | None
    order: str | None
    probability: float
    count: int | None
    duration_ms: int | None
    parameters: Mapping[str, Value] = field(repr=False)

    def __init__(
        self,
        name: str,
        *,
        account: str | None = None,
        order: str | None = None,
        probability: float = 1.0,
        count: int | None = None,
        duration_ms: int | None = None,
        **parameters: Value,
    ) -> None:
        if name not in FAULTS:
            raise ValueError(f"there is no fault {name!r}{_nearest(name, FAULTS)}")
        kind = FAULTS[name]
        put = object.__setattr__
        put(self, "name", name)
        put(self, "account", account)
        put(self, "order", order)
        put(self, "probability", float(probability))
        put(self, "count", count)
        put(self, "duration_ms", duration_ms)
        put(self, "parameters", _completed(kind, parameters))
        self._check(kind)

    def _check(self, kind: FaultKind) -> None:
        if self.order is not None and kind.scope is not Scope.ORDER:
            raise ValueError(f"the fault {self.name!r} cannot be bound to one order")
        if self.account is not None and kind.scope is Scope.EXCHANGE:
            raise ValueError(f"the fault {self.name!r} is of the whole exchange, not of an account")
        if kind.is_state and (self.count is not None or self.probability < 1):
            raise ValueError(f"the fault {self.name!r} is a state: it has neither probability nor count")
        if not 0 <= self.probability <= 1:
            raise ValueError("a probability lies between 0 and 1")
        limits = (self.count, self.duration_ms)
        if any(limit is not None and limit < 1 for limit in limits):
            raise ValueError("count and duration_ms are at least 1")
        if self.strikes_now and (self.order is not None or self.probability < 1 or limits != (None, None)):
            raise ValueError(f"{self.name!r} with when='now' strikes once, on all sockets: give another ``when``")

    @property
    def strikes_now(self) -> bool:
        """Whether it is over as soon as it is injected."""
        return self.parameters.get("when") == When.NOW

    def number(self, name: str) -> int:
        """Return a whole-number parameter."""
        return int(self.parameters[name])

    def text(self, name: str) -> str:
        """Return a text parameter."""
        return str(self.parameters[name])


def _completed(kind: FaultKind, given: Mapping[str, Value]) -> dict[str, Value]:
    """Return the parameters with defaults filled in. Raises ValueError for unknown ones and wrong types."""
    known = {parameter.name: parameter for parameter in kind.parameters}
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"the fault {kind.name!r} has no parameter {name!r}{_nearest(name, known)}")
        known[name].check(value)
    return {name: given.get(name, parameter.default) for name, parameter in known.items()}


@dataclass(slots=True)
class Standing:
    """A fault that is on."""

    fault_id: int
    fault: Fault
    left: int | None
    until_ms: int | None
    struck: int = 0

    def covers(self, account: str | None, order: str | None, match: Mapping[str, str]) -> bool:
        """Whether it is meant for this account and order, and its parameters agree with ``match`` (empty ones do)."""
        fault = self.fault
        meant = fault.account in (None, account) and fault.order in (None, order)
        return meant and all(fault.text(key) in ("", value) for key, value in match.items())

    def is_over(self, now_ms: int) -> bool:
        """Whether its count or its time is used up."""
        return self.left == 0 or (self.until_ms is not None and now_ms >= self.until_ms)


class FaultBook:
    """The faults that are on, oldest first: the first that fits strikes."""

    def __init__(self) -> None:
        self._standing: list[Standing] = []
        self._made = 0

    def add(self, fault: Fault, now_ms: int) -> int:
        """Enter a fault and return its id. Raises ValueError when too many stand."""
        self._standing = [entry for entry in self._standing if not entry.is_over(now_ms)]
        if len(self._standing) >= _MOST_FAULTS:
            raise ValueError(f"{_MOST_FAULTS} faults stand already; clear some")
        self._made += 1
        until = None if fault.duration_ms is None else now_ms + fault.duration_ms
        self._standing.append(Standing(self._made, fault, fault.count, until))
        return self._made

    def clear(self, fault_id: int | None = None) -> None:
        """Remove one fault, or all."""
        self._standing = [entry for entry in self._standing if fault_id is not None and entry.fault_id != fault_id]

    def standing(self, now_ms: int) -> tuple[Standing, ...]:
        """Return what is on."""
        return tuple(entry for entry in self._standing if not entry.is_over(now_ms))

    def find(
        self, name: str, now_ms: int, *, account: str | None = None, order: str | None = None, **match: str
    ) -> Fault | None:
        """Return a fault that is in force, without dice and without using it up (for states such as silence)."""
        for entry in self._standing:
            if entry.fault.name == name and not entry.is_over(now_ms) and entry.covers(account, order, match):
                return entry.fault
        return None

    def strike(
        self,
        name: str,
        now_ms: int,
        rng: Chance,
        *,
        account: str | None,
        order: str | None = None,
        **match: str,
    ) -> Fault | None:
        """Return the fault that strikes now, if any, and count it.

        ``match`` are parameters that must agree; a fault's empty parameter agrees with everything.
        """
        for entry in self._standing:
            fault = entry.fault
            if fault.name != name or entry.is_over(now_ms) or not entry.covers(account, order, match):
                continue
            if happens(rng, fault.probability):
                entry.struck += 1
                entry.left = None if entry.left is None else entry.left - 1
                return fault
        return None
