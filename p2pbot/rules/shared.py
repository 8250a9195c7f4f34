"""What rules of any file share by name: lists, snippets, windows of hours, and the ids of one another.

Promise: a name means the same in every file; an unknown one is an ERROR with its nearest neighbour, and one that is
given twice is an ERROR too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pydantic import ConfigDict

from p2pbot.document import Finding, Loaded, Position
from p2pbot.rules.fields import ListRef
from p2pbot.rules.hours import Window, compile_window
from p2pbot.rules.pictures import Pictures
from p2pbot.rules.spec import FileSpec, RuleSpec, SharedSpec

T = TypeVar("T")
_PARTS = ("snippets", "lists", "windows")


class UnknownName(Exception):
    """There is no such list, snippet, window or rule; ``hint`` may name a near one."""

    def __init__(self, what: str, known: Iterable[str], name: str, *, certain: bool) -> None:
        super().__init__(f"there is no {what} `{name[:64]}`")
        self.name = name
        self.known = tuple(known)
        self.certain = certain


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Everything by its name. ``keys``: under what each rule's firings are counted; ``followed``: for ``after_rule``.

    ``timezone``, ``default_language``: the merchant's, empty when no file says them. ``complete`` False: a file could
    not be read whole, so a missing name may be in it and nothing is said.
    """

    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    snippets: Mapping[str, object] = field(default_factory=dict)
    windows: Mapping[str, Window] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    followed: frozenset[str] = frozenset()
    timezone: str = ""
    default_language: str = ""
    complete: bool = True
    pictures: Pictures = field(default_factory=dict)

    def list_of(self, name: str) -> tuple[str, ...]:
        """Return a list's items. Raises UnknownName."""
        return self._found(self.lists, name, "list")

    def snippet(self, name: str) -> object:
        """Return what a snippet says, as it is written. Raises UnknownName."""
        return self._found(self.snippets, name, "snippet")

    def window(self, name: str) -> Window:
        """Return a window of hours. Raises UnknownName."""
        return self._found(self.windows, name, "window of hours")

    def key_of(self, rule_id: str) -> str:
        """Return under what a rule's firings in an order are counted. Raises UnknownName."""
        return self._found(self.keys, rule_id, "rule")

    def _found(self, known: Mapping[str, T], name: str, what: str) -> T:
        if name not in known:
            raise UnknownName(what, known, name, certain=self.complete)
        return known[name]

    def items(self, written: Iterable[str]) -> Iterator[tuple[int, str]]:
        """Yield each item with the place of what it came from, lists replaced by theirs. Raises UnknownName."""
        for at, item in enumerate(written):
            if isinstance(item, ListRef):
                yield from ((at, one) for one in self.list_of(str(item)))
            else:
                yield at, item


@dataclass(frozen=True, slots=True)
class RuleFileRead:
    """A file, and the rules in it that are sound, with their places in its list.

    ``damaged``: what is sound of the others, so that all of their faults are told at once.
    """

    loaded: Loaded[FileSpec]
    rules: tuple[tuple[int, RuleSpec], ...]
    damaged: tuple[tuple[int, RuleSpec], ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether every rule of the file could be read."""
        return len(self.rules) == self.loaded.size(("rules",))


def share(files: Iterable[RuleFileRead]) -> tuple[Shared, list[Finding]]:
    """Return what all files give together, and the names that two of them give."""
    read = list(files)
    given = [(file.loaded, _given(file.loaded)) for file in read]
    parts, findings = _joined((loaded, spec) for loaded, spec in given if spec)
    zone, language = (_said_once(key, given, findings) for key in ("timezone", "default_language"))
    specs = [spec for file in read for _, spec in file.rules]
    complete = all(spec for _, spec in given) and all(file.is_whole for file in read)
    shared = _shared(parts, specs, complete=complete)
    return replace(shared, timezone=zone, default_language=language), findings


def _said_once(key: str, given: Iterable[tuple[Loaded[FileSpec], SharedSpec | None]], findings: list[Finding]) -> str:
    """Return what the first file says of ``key``, empty when none does; a second opinion is a finding."""
    said = {value: loaded for loaded, spec in given if spec and (value := getattr(spec, key))}
    for value in list(said)[1:]:
        place = said[value].position((key,))
        message = f"another file says `{next(iter(said))}`"
        findings.append(said[value].finding(place, message, f"there is one `{key}` for all files", "P003"))
    return next(iter(said), "")


def _joined(
    given: Iterable[tuple[Loaded[FileSpec], SharedSpec]],
) -> tuple[dict[str, dict[str, object]], list[Finding]]:
    parts: dict[str, dict[str, object]] = {part: {} for part in _PARTS}
    first: dict[tuple[str, str], Position] = {}
    findings: list[Finding] = []
    for loaded, spec in given:
        for part, name in _names(spec):
            place = loaded.key_position((part, name))
            if first.setdefault((part, name), place) is place:
                parts[part][name] = getattr(spec, part)[name]
                continue
            message = f"the name `{name}` is taken in `{part}` at {first[part, name]}"
            findings.append(loaded.finding(place, message, "give each its own", "P003"))
    return parts, findings


def _names(spec: SharedSpec) -> Iterator[tuple[str, str]]:
    for part in _PARTS:
        yield from ((part, name) for name in getattr(spec, part))


def _shared(parts: Mapping[str, Mapping[str, object]], specs: list[RuleSpec], *, complete: bool) -> Shared:
    given = SharedSpec.model_construct(None, **parts)
    return Shared(
        lists=given.lists,
        snippets=given.snippets,
        windows={name: compile_window(name, spec) for name, spec in given.windows.items()},
        keys=_keys(specs),
        followed=frozenset(name for spec in specs for name in spec.when.after_rule or ()),
        complete=complete,
    )


def _given(file: Loaded[FileSpec]) -> SharedSpec | None:
    """Return what a file shares, though its rules may be broken."""
    return file.value or file.part((), SharedPart)


class SharedPart(SharedSpec):
    """A file's shared part, whatever else is in it."""

    model_config = ConfigDict(extra="ignore")


def _keys(specs: Iterable[RuleSpec]) -> Mapping[str, str]:
    """Return each rule's counting key: its own id, unless others are counted under it or it under another."""
    rules = list(specs)
    groups = Counter(spec.group or spec.id for spec in rules)
    alone = {spec.id for spec in rules if not spec.group and groups[spec.id] == 1}
    return {spec.id: spec.id if spec.id in alone else f"rule:{spec.id}" for spec in rules}
