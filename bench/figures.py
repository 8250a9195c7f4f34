"""Figures of one run: samples, their middle and their ends, and ratios between two things measured side by side.

Promise: pure. A figure without its twin says more of the machine than of the program, so a ratio names both.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """Repeated measurements of one thing. ``values`` are never empty; ``unit`` such as ``ms``, ``1/s``, ``MiB``."""

    name: str
    unit: str
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"{self.name}: nothing was measured")

    @property
    def median(self) -> float:
        """The middle value: half of the measurements are at or below it."""
        return statistics.median(self.values)

    @property
    def p99(self) -> float:
        """The value that 99 of 100 measurements stay at or below."""
        ordered = sorted(self.values)
        return ordered[max(0, -(-len(ordered) * 99 // 100) - 1)]

    def as_data(self) -> dict[str, object]:
        """Return what the JSON file holds: the summary, not each measurement."""
        ends = {"min": min(self.values), "median": self.median, "p99": self.p99, "max": max(self.values)}
        return {"name": self.name, "unit": self.unit, "n": len(self.values)} | {
            end: round(value, 4) for end, value in ends.items()
        }


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times ``of`` is ``to``, by their medians."""

    of: Figure
    to: Figure

    @property
    def value(self) -> float:
        """The ratio of the medians."""
        return self.of.median / self.to.median

    def as_data(self) -> dict[str, object]:
        """Return what the JSON file holds."""
        return {"of": self.of.name, "to": self.to.name, "ratio": round(self.value, 2)}


def table(figures: Sequence[Figure], ratios: Iterable[Ratio]) -> str:
    """Return both as text to be read in a terminal and pasted into a Markdown file."""
    lines = ["| figure | n | min | median | p99 | max | unit |", "|---|--:|--:|--:|--:|--:|---|"]
    for figure in figures:
        ends = (min(figure.values), figure.median, figure.p99, max(figure.values))
        numbers = " | ".join(short(value) for value in ends)
        lines.append(f"| {figure.name} | {len(figure.values)} | {numbers} | {figure.unit} |")
    lines += ["", "| of | to | ratio |", "|---|---|--:|"]
    lines += [f"| {ratio.of.name} | {ratio.to.name} | {short(ratio.value)} |" for ratio in ratios]
    return "\n".join(lines)


def as_json(machine: dict[str, object], figures: Iterable[Figure], ratios: Iterable[Ratio]) -> str:
    """Return the run as JSON: the machine, the figures, the ratios."""
    data = {
        "machine": machine,
        "figures": [figure.as_data() for figure in figures],
        "ratios": [ratio.as_data() for ratio in ratios],
    }
    return json.dumps(data, indent=2)


def short(value: float) -> str:
    """Return three digits that matter."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
