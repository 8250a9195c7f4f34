"""What a gap costs a merchant with many open orders: counted in calls, in the simulated world.

A start with all orders open, then a minute without the chat in which every tenth person writes, then live talk while
the daemon catches up. ``python -m tests.sim --crowd 50,100,500`` prints the table of docs/catch-up.md.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.sim.climate import Climate, climate_of
from tests.sim.deeds import Deed
from tests.sim.run import Run
from tests.sim.talk import Form, Said
from tests.sim.timeline import EPOCH_MS
from tests.sim.universe import Violation

_GAP_S, _BACK_S, _END_S = 400.0, 460.0, 640.0  # when the chat goes, when it is back, when the live talk ends
_LIVE_EVERY_S = 2.0
_SHARE = 10  # every tenth person writes during the gap
_NAME = "main"
_HISTORY = "retrieveChatMessagesWithPagination"
HEAD = "| open orders | after a start | after a gap | in a steady minute | caught up | live answer, median | longest |"


@dataclass(frozen=True)
class Figures:
    """Calls in the fullest minute of each stretch, and how long things took (seconds)."""

    orders: int
    start_calls: int
    gap_calls: int
    steady_calls: int
    looks_per_gap: int
    caught_up_s: float
    live_s: tuple[float, ...]
    violations: tuple[Violation, ...]

    def row(self) -> str:
        """Return a row of the table."""
        median_s, longest_s = self.live_s[len(self.live_s) // 2], self.live_s[-1]
        calls = f"{self.start_calls} | {self.gap_calls} | {self.steady_calls}"
        return f"| {self.orders} | {calls} | {self.caught_up_s:.0f} s | {median_s:.1f} s | {longest_s:.1f} s |"


def crowd(orders: int) -> Figures:
    """Run a world with so many open orders."""
    climate = _calm_world(orders)
    run = Run(climate, [*_plan(orders)])
    watch = _Watch(run)
    outcome = run.outcome()
    calls = [(call.at_ms - EPOCH_MS) / 1000 for call in run.universe.world.rest_calls(_NAME)]
    looks = [(call.at_ms - EPOCH_MS) / 1000 for call in run.universe.world.rest_calls(_NAME, _HISTORY)]
    return Figures(
        orders=orders,
        start_calls=_fullest_minute([at_s for at_s in calls if at_s < _GAP_S]),
        gap_calls=_fullest_minute([at_s for at_s in calls if at_s >= _GAP_S]),
        steady_calls=_fullest_minute([at_s for at_s in calls if _GAP_S - 90 < at_s < _GAP_S]),
        looks_per_gap=sum(_BACK_S < at_s <= _BACK_S + (watch.caught_up_s or 0) for at_s in looks),
        caught_up_s=watch.caught_up_s or float("inf"),
        live_s=tuple(sorted(_answered(run))),
        violations=outcome.violations,
    )


def _calm_world(orders: int) -> Climate:
    """Return the habits of a world whose only fault is the gap. The history lags by 1 to 3 s."""
    return replace(
        climate_of(1),
        wild=False,
        accounts=1,
        orders=orders,
        span_s=_END_S,
        settle_ms=10_000,
        lag_ms=1_000,
        lag_jitter_ms=2_000,
        latency_s=0.05,
        flight_s=4.0,
        disk_s=0.002,
        skew_ms=0,
        echo_probability=1.0,
        poll_s=30.0,
        renewal_s=3_000.0,
        idle_s=0.0,
        max_age_ms=600_000,
        expires_s=3_000,
        delay_s=0,
        takeover_ms=None,
        default_caps=False,
    )


def _plan(orders: int) -> Iterator[Deed]:
    """Yield what happens."""
    rng = random.Random(f"crowd {orders}")  # noqa: S311 - a repeatable world, not a secret
    opening = {"side": "sell", "kyc": False, "auto_reply": False, "age_ms": 0, "fiat": "USD"}
    yield from (Deed(0.0, "open", order, opening) for order in range(orders))
    yield Deed(_GAP_S, "break")
    yield Deed(_GAP_S, "blackout", 0, {"for_s": _BACK_S - _GAP_S})
    for order in range(0, orders, _SHARE):
        yield Deed(rng.uniform(_GAP_S + 1, _BACK_S - 1), "say", order, {"form": Form.QUESTION.value})
    at_s = _BACK_S + 5.0  # by then the chat is open again
    while at_s < _END_S:
        yield Deed(at_s, "say", rng.randrange(orders), {"form": Form.QUESTION.value})
        at_s += _LIVE_EVERY_S
    yield Deed(_END_S, "calm")


class _Watch:
    """Sees when the history of every order has been read beyond the gap."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.caught_up_s: float | None = None
        run.universe.timeline.at(_BACK_S, self._look)

    def _look(self) -> None:
        back_ms = EPOCH_MS + int(_BACK_S * 1000)
        memories = self._run.judge.plate.disk.orders.values()
        if all(memory.caught_up_ms >= back_ms for memory in memories):
            self.caught_up_s = self._run.universe.timeline.now_s - _BACK_S
        else:
            self._run.universe.timeline.after(1.0, self._look)


def _fullest_minute(times_s: list[float]) -> int:
    """Return how many calls the minute with most of them holds."""
    return max((bisect_right(times_s, at_s + 60.0) - first for first, at_s in enumerate(times_s)), default=0)


def _answered(run: Run) -> Iterator[float]:
    """Yield how long each person who wrote by socket, while the daemon caught up, waited for the answer."""
    for said in run.ledger.said:
        if said.at_s > _BACK_S:
            yield _waited_s(run, said)


def _waited_s(run: Run, said: Said) -> float:
    answer = f"Answer {said.number}."
    lines = [line for line in run.universe.world.said_by_bot(said.order_no) if line.text == answer]
    return (lines[0].at_ms - said.at_ms) / 1000 if lines else float("inf")
