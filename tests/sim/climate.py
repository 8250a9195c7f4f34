"""A seed's habits: how many orders, how quick the network, how late the history, how patient the daemon.

Promise: everything follows from the seed. Unless the seed is ``wild``, the delivery's assumption holds: writing,
flight, lag of the history and error of the clock together stay below ``settle``. A wild seed breaks it on purpose.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

_PICTURES = 0.2  # of the worlds, in which some replies begin with a picture
PRESIGNS_PER_MINUTE = 4  # of those worlds' exchange: few orders must be able to meet the limit
_SETTLE_SHARE = 0.8  # of the settling delay, that slow writes, flight, lag and clock may use up together


@dataclass(frozen=True, slots=True, kw_only=True)
class Climate:
    """The numbers of one run. Times of the network in seconds."""

    seed: int
    wild: bool
    accounts: int
    orders: int
    span_s: float
    settle_ms: int
    lag_ms: int
    lag_jitter_ms: int
    latency_s: float
    flight_s: float
    disk_s: float
    skew_ms: int
    echo_probability: float
    variety: bool
    bye_on_second: bool
    deduplicate: bool
    poll_s: float
    renewal_s: float
    idle_s: float
    max_age_ms: int
    expires_s: int
    delay_s: int
    takeover_ms: int | None
    default_caps: bool
    pictures: bool

    @property
    def longest_lag_ms(self) -> int:
        """The latest moment after it was said at which the history shows a message."""
        return self.lag_ms + self.lag_jitter_ms


def climate_of(seed: int) -> Climate:
    """Return the habits that a seed stands for."""
    rng = random.Random(f"climate {seed}")  # noqa: S311 - a repeatable world, not a secret
    settle_ms = rng.choice((10_000, 10_000, 6_000, 15_000))
    spare_ms = int(settle_ms * _SETTLE_SHARE)
    skew_ms = rng.choice((0, 0, 500))
    disk_s = rng.choice((0.001, 0.003, 0.02))
    lag_all_ms = rng.randrange(100, int((spare_ms - skew_ms) * 0.7))
    flight_s = (spare_ms - skew_ms - lag_all_ms) / 1000
    jitter_ms = rng.randrange(0, lag_all_ms)
    return Climate(
        seed=seed,
        wild=rng.random() < 0.05,
        accounts=rng.choice((1, 1, 1, 2)),
        orders=_orders(rng),
        span_s=rng.choice((40.0, 90.0, 180.0, 360.0)),
        settle_ms=settle_ms,
        lag_ms=lag_all_ms - jitter_ms,
        lag_jitter_ms=jitter_ms,
        latency_s=rng.choice((0.002, 0.03, 0.03, 0.15, 0.4)),
        flight_s=flight_s,
        disk_s=disk_s,
        skew_ms=skew_ms,
        echo_probability=rng.choice((1.0, 1.0, 0.9, 0.5)),
        variety=rng.random() < 0.7,
        bye_on_second=rng.random() < 0.7,
        deduplicate=rng.random() < 0.2,
        poll_s=rng.choice((5.0, 30.0, 30.0)),
        renewal_s=rng.choice((45.0, 90.0, 300.0, 3000.0)),
        idle_s=rng.choice((0.0, 0.0, 60.0)),
        max_age_ms=rng.choice((600_000, 1_800_000, 1_800_000)),
        expires_s=rng.choice((120, 3000, 3000)),
        delay_s=rng.choice((0, 0, 3)),
        takeover_ms=rng.choice((None, None, 60_000)),
        default_caps=rng.random() < 0.1,
        # Dice of their own, thrown since rules have pictures: the other seeds' worlds stay as they were.
        pictures=random.Random(f"pictures {seed}").random() < _PICTURES,  # noqa: S311 - as above
    )


def _orders(rng: random.Random) -> int:
    """Mostly few: faults meet each other as well in a small world, and more worlds fit into an hour."""
    low, high = rng.choice(((1, 1),) * 6 + ((2, 4),) * 10 + ((5, 9),) * 3 + ((10, 30),))
    return rng.randint(low, high)
