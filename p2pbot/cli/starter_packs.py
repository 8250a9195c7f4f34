"""The starter set as packs: one file a topic, its tests beside it, cut to the packs and languages that are wanted.

Promise: pure but for reading the set. A file is cut by its lines, so comments and order stay as they were written. What
belongs to one language follows a comment that holds its code alone (``# ru``), or its key in a reply (``ru:``), up to
a line that is empty, is indented less or closes the list. The first language that is wanted comes first, and so is
spoken to who has not written yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

from p2pbot.adapters.files import TESTS, read_rules, read_tests

LANGUAGES = {
    "en": "English",
    "es": "Spanish",
    "ru": "Russian",
    "zh": "Chinese",
    "ar": "Arabic",
    "tr": "Turkish",
    "pt": "Portuguese",
    "fr": "French",
    "vi": "Vietnamese",
    "hi": "Hindi",
}
EXTRA = "extra"  # the directory of packs that need to know something of the merchant; the demo has none of them
_TITLE = re.compile(r"# Pack (?P<name>[\w-]+): (?P<about>[^\n.;]+)")
_HEAD = re.compile(rf"(?P<indent> +)(?:# (?P<mark>{'|'.join(LANGUAGES)})$|(?P<key>{'|'.join(LANGUAGES)}): )")
_CLOCK = re.compile(r"(?<=    clock: )\S+")
_RULE = re.compile(r"^  - id: ([\w-]+)", re.MULTILINE)
_ASKED = re.compile(r"\brule: ([\w-]+)")


@dataclass(frozen=True, slots=True)
class Pack:
    """A topic: ``file`` is its name below rules/, ``about`` a line on it. ``extra``: it is not in by itself."""

    name: str
    about: str
    file: str
    text: str
    extra: bool

    @property
    def rules(self) -> frozenset[str]:
        """The ids of its rules."""
        return frozenset(_RULE.findall(self.text))


def read_packs(directory: Path) -> tuple[Pack, ...]:
    """Return all packs in the order of their files. Raises ConfigError."""
    found = [
        (place == directory, path, text) for place in _places(directory) for path, text in read_rules(place).items()
    ]
    packs = []
    for usual, path, text in found:
        title = _TITLE.match(text)
        name, about = (title["name"], title["about"]) if title else (Path(path).stem, "")
        packs.append(Pack(name, about, Path(path).name, text, extra=not usual))
    return tuple(sorted(packs, key=lambda pack: pack.file))


def rule_texts(packs: Iterable[Pack], codes: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the rule files of ``packs`` in the languages ``codes``, by their names."""
    for pack in packs:
        yield pack.file, in_languages(pack.text, codes)


def dialogue_texts(directory: Path, packs: Iterable[Pack], codes: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the test files that ask for rules of ``packs`` alone, in the languages ``codes``. Raises ConfigError."""
    rules = frozenset(chain.from_iterable(pack.rules for pack in packs))
    files = {path: text for place in _places(directory) for path, text in read_tests(place).items()}
    for path, text in sorted(files.items(), key=lambda file: Path(file[0]).name):
        cut = in_languages(text, codes)
        if set(_ASKED.findall(text)) <= rules and "- name:" in cut:
            yield f"{TESTS}/{Path(path).name}", cut


def in_languages(text: str, codes: Sequence[str]) -> str:
    """Return a file without what is for other languages than ``codes``, in their order."""
    kept: list[str] = []
    parts: dict[str, list[str]] = {}
    indent = code = ""
    for line in text.splitlines(keepends=True):
        head = _HEAD.match(line)
        if head and (not parts or head["indent"] == indent):
            indent, code = head["indent"], head["mark"] or head["key"]
            parts[code] = [line]
        elif parts and line.startswith(indent) and line.strip() != "]":
            parts[code].append(line)
        else:
            kept += [*_in_order(parts, codes), line]
            parts = {}
    return "".join([*kept, *_in_order(parts, codes)])


def in_zone(text: str, zone: str) -> str:
    """Return a file with the hours of ``zone`` instead of UTC's; the clocks of tests are moved along."""
    if not zone:
        return text
    return _CLOCK.sub(lambda clock: _moved(clock[0], zone), text).replace("zone: UTC", f"zone: {zone}")


def only_clocks_differ(text: str, other: str) -> bool:
    """Whether two files are the same but for the clocks of their tests."""
    return text != other and _CLOCK.sub("", text) == _CLOCK.sub("", other)


def _moved(clock: str, zone: str) -> str:
    return datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo(zone)).isoformat(timespec="minutes")


def _in_order(parts: dict[str, list[str]], codes: Sequence[str]) -> Iterator[str]:
    return chain.from_iterable(parts.get(code, ()) for code in codes)


def _places(directory: Path) -> Iterator[Path]:
    yield directory
    if (directory / EXTRA).is_dir():
        yield directory / EXTRA
