"""Finds that were mended, kept to be played again: one JSON file each, named by its target and what it was."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.target import Input

FINDS = Path(__file__).with_name("finds")


@dataclass(frozen=True)
class Kept:
    """An input that once broke a promise; ``was`` says how."""

    name: str
    target: str
    given: Input
    was: str


def kept() -> list[Kept]:
    """Return every find, by name."""
    found = []
    for path in sorted(FINDS.glob("*.json")):
        told = json.loads(path.read_text("utf-8"))
        found.append(Kept(path.stem, told["target"], tuple(told["input"]), told["was"]))
    return found


def as_json(target: str, given: Input, was: str) -> str:
    """Return a find as its file; escapes keep half surrogate pairs."""
    return json.dumps({"target": target, "was": was, "input": list(given)}, indent=1) + "\n"
