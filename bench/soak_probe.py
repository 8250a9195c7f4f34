"""What a soak weighs, from outside: the kernel's view of the process, its status file, and its files (Linux).

Promise: the daemon is asked for nothing that it does not write anyway.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that must not grow. ``bound``: how much an hour of soak may add without being called a rise."""

    name: str
    unit: str
    bound: float


# A soak's hour is a hundred hours of trade, so 4 MiB are one MiB a day. Of the others none may grow at all; the bounds
# are half a unit of what can be counted, or what a shared machine does to the figure.
QUANTITIES = (
    Quantity("RSS", "MiB", 4.0),
    Quantity("descriptors", "", 0.5),
    Quantity("tasks", "", 0.5),
    Quantity("threads", "", 0.5),
    Quantity("WAL", "MiB", 0.5),
    Quantity("loop lag", "ms", 0.5),
)


@dataclass(frozen=True, slots=True)
class Probe:
    """Where to look. Raises OSError when the process has ended."""

    pid: int
    state_dir: Path

    def values(self) -> dict[str, float]:
        """Return a value for each quantity; those of the status file only once it is there."""
        proc = Path(f"/proc/{self.pid}")
        told = dict(
            row.split(":", 1) for row in (proc / "status").read_text("ascii", "replace").splitlines() if ":" in row
        )
        values = {
            "RSS": int(told["VmRSS"].split()[0]) / 1024,
            "threads": float(told["Threads"]),
            "descriptors": float(sum(1 for _ in (proc / "fd").iterdir())),
            "WAL": self._size_mib("p2pbot.sqlite3-wal"),
        }
        process = self.status().get("process", {})
        if process:
            values |= {"tasks": float(process["tasks"]), "loop lag": process["loop_lag_us"] / 1000}
        return values

    def status(self) -> dict[str, Any]:
        """Return the status file, which is replaced whole; empty before it is there."""
        try:
            told: dict[str, Any] = json.loads((self.state_dir / "status.json").read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return told

    def _size_mib(self, name: str) -> float:
        try:
            return (self.state_dir / name).stat().st_size / _MIB
        except FileNotFoundError:
            return 0.0
