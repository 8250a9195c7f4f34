"""How often a rule may speak: counted per order, counterparty, account or day, under its ``group`` or ``id``.

Promise: keyed by what the merchant named, never by the rule's text, so that mending a comma does not answer again.
``once_per: day`` is once a day to the same person, by the merchant's calendar.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from p2pbot.model import FiringCount, LimitScope
from p2pbot.rules.facts import Facts
from p2pbot.rules.spec import AtMostSpec, EverySpec, OncePerSpec
from p2pbot.rules.variables import moment, zone_of


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` firings in a scope's life (None: no count), and ``pause_ms`` between two."""

    scope: LimitScope
    most: int | None = None
    pause_ms: int = 0
    text: str = ""

    def refuses(self, count: FiringCount, now_ms: int) -> bool:
        """Whether ``count`` leaves no room for one more firing now."""
        if self.most is not None:
            return count.count >= self.most
        return now_ms < count.last_ms + self.pause_ms


def compile_limit(spec: OncePerSpec | EverySpec | AtMostSpec) -> Limit:
    """Return the limit that is written."""
    match spec:
        case OncePerSpec(once_per=scope):
            return Limit(LimitScope(scope), most=1, text=f"once per {scope}")
        case EverySpec(every=pause_ms, per=scope):
            return Limit(LimitScope(scope), pause_ms=pause_ms, text=f"every {_spoken(pause_ms)} per {scope}")
        case AtMostSpec(at_most=most, per=scope):
            return Limit(LimitScope(scope), most=most, text=f"at most {most} per {scope}")


def _spoken(span_ms: int) -> str:
    """Return a time as it would be written: in the largest unit that says it whole."""
    units = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000))
    return next((f"{span_ms // size}{unit}" for unit, size in units if span_ms and span_ms % size == 0), f"{span_ms}ms")


def scope_ids(facts: Facts, counterparty_key: str) -> Mapping[LimitScope, str]:
    """Return what each scope is now. A person without a key is somebody new in each order."""
    day = moment(facts.now_ms, zone_of(facts.timezone)).date().isoformat()
    return {
        LimitScope.ORDER: facts.order.number,
        LimitScope.COUNTERPARTY: counterparty_key,
        LimitScope.ACCOUNT: facts.account or facts.order.account,
        LimitScope.DAY: f"{day}/{counterparty_key or facts.order.number}",
    }


def refusal(
    limits: Iterable[Limit],
    group: str,
    firings: Iterable[FiringCount],
    ids: Mapping[LimitScope, str],
    now_ms: int,
) -> tuple[Limit, FiringCount] | None:
    """Return the first limit that forbids ``group`` to speak, with the count that it met."""
    ours = [count for count in firings if count.group == group]
    for limit in limits:
        for count in ours:
            if (count.scope, count.scope_id) == (limit.scope, ids[limit.scope]) and limit.refuses(count, now_ms):
                return limit, count
    return None
