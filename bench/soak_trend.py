"""Does a quantity rise over hours? Pure arithmetic on samples: a slope that outliers cannot move, and how sure it is.

Promise: the slope is Theil's and Sen's (the median of the slopes between all pairs of samples), so up to a quarter of
wild samples changes nothing; its 95 % interval is Sen's, from Kendall's statistic.
Danger: the interval takes samples for independent. Memory comes in steps, so it is a little too narrow: the bound,
which is far above noise, is what protects from false alarms.
Source: P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", 1968.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

Sample = tuple[float, float]  # hours since the start, value

MOST_SAMPLES = 600  # 180,000 pairs; more are thinned to the medians of equal spans
FEWEST_SAMPLES = 20
_Z = 1.96  # 95 %


class Verdict(StrEnum):
    """What the slope and its interval say against a bound."""

    LEVEL = "level"  # the whole interval lies at or below the bound
    UNSURE = "unsure: run longer"  # the interval reaches above the bound
    RISES = "RISES"  # the whole interval lies above the bound


@dataclass(frozen=True, slots=True)
class Slope:
    """A change per hour: the estimate and the ends of its 95 % interval."""

    per_hour: float
    low: float
    high: float

    def against(self, bound: float) -> Verdict:
        """Return what this says of a quantity that may rise by ``bound`` an hour."""
        if self.low > bound:
            return Verdict.RISES
        return Verdict.LEVEL if self.high <= bound else Verdict.UNSURE


def slope_of(samples: Sequence[Sample]) -> Slope:
    """Return the slope of ``samples``, in time order. Raises ValueError for fewer than ``FEWEST_SAMPLES``."""
    if len(samples) < FEWEST_SAMPLES:
        raise ValueError(f"{len(samples)} samples say nothing of a slope; {FEWEST_SAMPLES} are the least")
    thin = thinned(samples, MOST_SAMPLES)
    slopes = sorted(
        (later[1] - sample[1]) / (later[0] - sample[0])
        for number, sample in enumerate(thin)
        for later in thin[number + 1 :]
    )
    spread = _Z * math.sqrt(len(thin) * (len(thin) - 1) * (2 * len(thin) + 5) / 18)
    low = max(0, math.floor((len(slopes) - spread) / 2))
    high = min(len(slopes) - 1, math.ceil((len(slopes) + spread) / 2))
    return Slope(statistics.median(slopes), slopes[low], slopes[high])


def thinned(samples: Sequence[Sample], most: int) -> list[Sample]:
    """Return at most ``most`` samples: of longer runs, the middle time and the median of equal shares."""
    if len(samples) <= most:
        return list(samples)
    edges = [len(samples) * number // most for number in range(most + 1)]
    shares = [samples[begin:end] for begin, end in itertools.pairwise(edges)]
    return [
        (statistics.median(at for at, _ in share), statistics.median(value for _, value in share)) for share in shares
    ]
