"""What ``p2pbot init`` says when it is done: what was made, what was left alone, and what to type next.

Promise: no line is wider than a terminal of 80 columns (but for the merchant's own long paths).
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from p2pbot.cli.output import Paint, columns, shown

Done = tuple[Path, bool]  # a file, and whether it was made
_WIDTH = 80


def told(directory: Path, done: Sequence[Done], there: Mapping[str, str], paint: Paint) -> Iterator[str]:
    """Yield what was made and what was left alone: a line for each file, or one for all rule files of a directory."""
    groups: dict[tuple[bool, Path], list[str]] = {}
    for path, fresh in done:
        place = path.parent if path.suffix == ".yaml" and path.parent.parts else path
        groups.setdefault((fresh, place), []).append(path.name)
    for (fresh, place), names in groups.items():
        of_rules = place.suffix != ".yaml" and names != [place.name]
        word = paint("green", "made") if fresh else paint("dim", "kept")
        yield f"{word}  {shown(str(directory / place))}" + ("/" if of_rules else "")
        if of_rules:
            wrapped = textwrap.wrap(" ".join(names), _WIDTH - 8, break_on_hyphens=False)
            yield from (f"      {line}" for line in wrapped)
    for name, file in there.items():
        yield f"{paint('dim', 'left')}  the pack {name}: its rules are in {shown(file)} already"


def next_steps(directory: Path, paint: Paint) -> list[str]:
    """Return what to type next; each line can be copied as it is."""
    here = directory.resolve() == Path.cwd().resolve()
    steps = [
        *([] if here else [(f"cd {shlex.quote(str(directory))}", "")]),
        ("p2pbot rules chat", "talk to your rules as a customer; nothing is sent"),
        ("p2pbot rules preview", "every text; say it in your words in rules/"),
        ("p2pbot rules check", "what is wrong? after each change …"),
        ("p2pbot rules test", "… and does it still answer as it should?"),
        ("cat secrets/README.txt", "where your API key goes"),
        ("p2pbot check --online", "is everything right? reads only"),
        ("p2pbot run", "mode: shadow – it decides, records, sends nothing"),
        ("p2pbot status", "what it did; then `mode: live` in config.yaml"),
    ]
    lines = [(f"  {paint('bold', step)}", paint("dim", f"# {about}") if about else "") for step, about in steps]
    return ["", "Next:", *columns(lines)]
