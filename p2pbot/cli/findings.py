"""What ``p2pbot check`` found out: one line each, good or bad, with the way to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from p2pbot.cli.output import Paint, shown
from p2pbot.errors import P2pbotError


class Grade(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


_COLOURS = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.FAILED: "red"}


@dataclass(frozen=True, slots=True)
class Checked:
    """One check. ``details`` are lines of their own below it."""

    grade: Grade
    about: str
    said: str
    details: tuple[str, ...] = ()


def failed(about: str, error: P2pbotError) -> Checked:
    """Return the check that an error ended, with the error's remedy and findings."""
    return Checked(Grade.FAILED, about, str(error), tuple(getattr(error, "findings", ())))


def show(found: Checked, paint: Paint) -> None:
    """Print a check at once: the next one may take its time."""
    print(
        f"{paint(_COLOURS[found.grade], f'{found.grade.value:8}')}{shown(found.about, 80)}: {shown(found.said)}",
        flush=True,
    )
    for detail in found.details:
        for line in detail.splitlines():
            print(f"          {shown(line)}", flush=True)


def worst(checks: Iterable[Checked]) -> Grade:
    """Return the worst grade."""
    grades = {found.grade for found in checks}
    return next((grade for grade in (Grade.FAILED, Grade.WARNING) if grade in grades), Grade.OK)
