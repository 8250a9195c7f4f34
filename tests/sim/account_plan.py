"""What happens to an account in ninety days: trade, and everything that ends a socket, a key or a night's sleep.

Promise: the seed alone decides; the plan is a list of times and deeds, made before anything happens.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

DAY_S = 86_400.0
HOUR_S = 3_600.0
QUIET_S = 4 * HOUR_S  # at the end: longer than the longest sleep, so that everything must have come to rest


class Deed(StrEnum):
    """What can happen."""

    TRADE = "trade"  # holdings change
    FLOOD = "flood"  # thousands of events within seconds
    FOREIGN = "foreign"  # noise, unknown events, doubles
    KEY_EXPIRES = "key_expires"  # and the sockets are told
    KEY_DIES = "key_dies"  # and nobody is told
    KEY_REPLACED = "key_replaced"  # another program closed it and made a new one
    REVOKED = "revoked"  # the API key is not in force for a while
    RESET = "reset"  # all sockets at once
    SILENCE = "silence"  # the network swallows everything for a while
    SHUTDOWN = "shutdown"  # the exchange says goodbye and closes
    REFUSED_LINKS = "refused_links"  # handshakes are answered 503
    SLOW_DOWN = "slow_down"  # handshakes are answered 429
    ACCEPT_AND_CUT = "accept_and_cut"  # handshakes succeed, and the socket is reset at once
    LOST_ANSWERS = "lost_answers"  # the API answers nothing for a while
    OVERLOADED = "overloaded"  # -1008
    PAGES = "pages"  # HTML in place of JSON
    REST_TROUBLE = "rest_trouble"
    CLOCK_LEAPS = "clock_leaps"  # this machine's wall clock
    EXCHANGE_CLOCK = "exchange_clock"  # the exchange's
    SUSPEND = "suspend"


# How often in a day, on average. Each is far above what a year brings, so that they meet.
RATES: dict[Deed, float] = {
    Deed.TRADE: 48.0,
    Deed.FLOOD: 0.2,
    Deed.FOREIGN: 2.0,
    Deed.KEY_EXPIRES: 0.7,
    Deed.KEY_DIES: 0.7,
    Deed.KEY_REPLACED: 0.3,
    Deed.REVOKED: 0.1,
    Deed.RESET: 1.0,
    Deed.SILENCE: 0.5,
    Deed.SHUTDOWN: 0.3,
    Deed.REFUSED_LINKS: 0.3,
    Deed.SLOW_DOWN: 0.1,
    Deed.ACCEPT_AND_CUT: 0.2,
    Deed.LOST_ANSWERS: 0.3,
    Deed.OVERLOADED: 0.5,
    Deed.PAGES: 0.3,
    Deed.REST_TROUBLE: 0.5,
    Deed.CLOCK_LEAPS: 0.2,
    Deed.EXCHANGE_CLOCK: 0.2,
    Deed.SUSPEND: 0.15,
}


@dataclass(frozen=True, order=True)
class Planned:
    """A deed at its time, and how much of it: 0 to 1."""

    at_s: float
    deed: Deed
    much: float


def plan_of(seed: int, days: float) -> list[Planned]:
    """Return what will happen, in order; the last hours are quiet."""
    rng = random.Random(f"account {seed}")  # noqa: S311 - a repeatable world, not a secret
    return sorted(_planned(rng, days * DAY_S - QUIET_S))


def _planned(rng: random.Random, until_s: float) -> Iterator[Planned]:
    for deed, a_day in RATES.items():
        at_s = rng.expovariate(a_day / DAY_S)
        while at_s < until_s:
            yield Planned(at_s, deed, rng.random())
            at_s += rng.expovariate(a_day / DAY_S)
