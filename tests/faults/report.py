"""What the fault tests saw, one JSON line a test, and ``docs/faults.md`` made from it.

Promise: the document names every fault test that exists, and no other; what was not run says so.
``python -m tests.faults.report ROWS`` prints the document; ``make faults`` runs the tests and then this.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDE = Path(__file__).with_name("guide.md")
ROWS = "P2PBOT_FAULT_ROWS"  # the file that tests append to
ABOUT_OURSELVES = (
    "test_proxy.py",
    "test_report.py",
    "test_picture_flood.py::test_the_busiest",
)  # tests of these tools, not of a fault
_SEEN = 6  # what an operator sees of one fault, at most: the rest is repetition


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one test saw. Times in milliseconds; -1 = the bot never was deaf, or nothing was to be answered."""

    test: str
    saw: tuple[str, ...] = ()
    deaf_ms: int = -1
    wait_ms: int = -1
    connects: int = 0
    asked: int = 0
    answered_once: int = 0
    note: str = ""
    silent: Mapping[str, int] = field(default_factory=dict)


def append(row: Row) -> None:
    """Add a row to the file of this run, if one is wanted."""
    place = os.environ.get(ROWS)
    if place:
        with Path(place).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(row)) + "\n")


def rows_of(text: str) -> dict[str, Row]:
    """Return the rows by test; of several the last."""
    return {row["test"]: Row(**row) for row in map(json.loads, text.splitlines())}


def plain(text: str) -> str:
    """Return a log line's words without what differs from run to run: ports, counts of seconds, order numbers, ids."""
    text = re.sub(r"(127\.0\.0\.1|localhost|[\w.-]+\.invalid):\d+", r"\1", text)
    text = re.sub(r"\b\d{15,}\b", "…", text)
    text = re.sub(r"/\S+/(?=[\w.]+)", "…/", text)
    text = re.sub(r"process \d+", "process …", text)
    return re.sub(r"\b\d+(?:\.\d+)? s\b", "… s", text)


def seen_by_operator(lines: Iterable[Mapping[str, object]]) -> tuple[str, ...]:
    """Return what log lines of warning and above tell, each once."""
    told: dict[str, None] = {}
    for line in lines:
        if line.get("level") in ("warning", "error"):
            what = line.get("text") or line.get("what") or line.get("finding") or ""
            told[plain(f"{line['event']}: {what}" if what else str(line["event"]))] = None
    return tuple(told)


def fault_tests() -> tuple[str, ...]:
    """Return the names of all fault tests, in the order in which they stand in their files."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests/faults"]
    environment = os.environ | {"P2PBOT_FAULTS": "all"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own tests
    names = [line.removeprefix("tests/faults/") for line in done.stdout.splitlines() if "::" in line]
    if done.returncode or not names:
        raise RuntimeError(f"the tests cannot be collected:\n{done.stdout}{done.stderr}")
    return tuple(name for name in names if not name.startswith(ABOUT_OURSELVES))


def document(names: Iterable[str], rows: Mapping[str, Row]) -> str:
    """Return the whole of ``docs/faults.md``."""
    parts = [GUIDE.read_text(encoding="utf-8").rstrip()]
    group = ""
    for name in names:
        file, _, test = name.partition("::")
        if file != group:
            group = file
            parts.append(f"\n## {_title(file)}\n\n{_HEAD}")
        parts.append(_line(test, rows.get(name)))
    return "\n".join(parts) + "\n"


def named_in(text: str) -> tuple[str, ...]:
    """Return the tests that a document names, as ``fault_tests`` does."""
    found, file = [], ""
    for line in text.splitlines():
        if heading := re.match(r"## .*\(`(?P<file>test_\w+\.py)`\)", line):
            file = heading["file"]
        elif cell := re.match(r"\| `(?P<test>test_[^`]+)` \|", line):
            found.append(f"{file}::{cell['test'].replace(chr(92) + '|', '|')}")
    return tuple(found)


_COLUMNS = ("test", "what the operator sees", "deaf", "longest wait", "connects", "asked → once")
_HEAD = "| " + " | ".join(_COLUMNS) + " |\n|" + " --- |" * len(_COLUMNS)


def _title(file: str) -> str:
    words = file.removeprefix("test_").removesuffix(".py").replace("_", " ")
    return f"{words.capitalize()} (`{file}`)"


def _line(test: str, row: Row | None) -> str:
    if row is None:
        return f"| `{test}` | not run in this measurement | | | | |"
    saw = [*row.saw[:_SEEN], *(["…"] if len(row.saw) > _SEEN else []), *([f"*{row.note}*"] if row.note else [])]
    told = "<br>".join(text.replace("|", "\\|") for text in saw or ["nothing"])
    silent = "".join(f"; {count} {reason}" for reason, count in row.silent.items())
    answers = f"{row.asked} → {row.answered_once}{silent}" if row.asked else ""
    return f"| `{test}` | {told} | {_time(row.deaf_ms)} | {_time(row.wait_ms)} | {row.connects or ''} | {answers} |"


def _time(ms: int) -> str:
    return "" if ms < 0 else f"{ms / 1000:.1f} s"


if __name__ == "__main__":
    sys.stdout.write(document(fault_tests(), rows_of(Path(sys.argv[1]).read_text(encoding="utf-8"))))
