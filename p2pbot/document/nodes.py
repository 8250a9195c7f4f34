"""YAML text as a tree of positioned texts: no type is guessed, so ``no`` is the text "no" and ``on`` can be a key.

Promise: aliases, anchors, tags, duplicate keys and keys that are not texts are findings; depth and size are bounded
before anything is built, so that a hostile file costs no more than a large one.
Source: the events of PyYAML's parser (libyaml's where it is present), whose marks count characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from p2pbot.document.findings import Finding, Severity
from p2pbot.document.source import Source
from p2pbot.document.yaml_faults import TRAPS, needs_quotes, syntax_finding

MAX_BYTES = 256 * 1024  # a thousand rules; a larger file is not one that a person edits
MAX_DEPTH = 24  # the language needs about ten
MAX_NODES = 50_000  # one per five bytes of the largest file
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_HALF = re.compile("[\ud800-\udfff]")  # written as an escape; libyaml refuses it, PyYAML's own parser does not
_WORD = re.compile(r"[^\s,\]}]{1,40}")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, or None for a plain empty value, ``~`` or ``null``. ``start`` and ``end`` are indices into the source."""

    value: str | None
    start: int
    end: int
    plain: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in the file's order, each key once; ``keys`` says where each key stands."""

    entries: dict[str, Node]
    keys: dict[str, Scalar]
    start: int


@dataclass(frozen=True, slots=True)
class Broken:
    """Something already complained about; it is not judged a second time."""

    start: int


Node = Scalar | Sequence | Mapping | Broken


class _Stop(Exception):
    """The rest of the file cannot be read."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding


def read_nodes(source: Source) -> tuple[Node | None, list[Finding]]:
    """Return the tree of the file's one document (None when it cannot be read) and what is wrong with it."""
    reader = _Reader(source)
    try:
        return reader.document(), reader.findings
    except _Stop as stop:
        known = {finding.position.line for finding in reader.findings}
        return None, [*reader.findings, *([] if stop.finding.position.line in known else [stop.finding])]


def plain_data(node: Node) -> object:
    """Return the tree as texts, lists, dicts and None."""
    match node:
        case Scalar(value=value):
            return value
        case Sequence(items=items):
            return [plain_data(item) for item in items]
        case Mapping(entries=entries):
            return {key: plain_data(value) for key, value in entries.items()}
        case Broken():
            return None


class _Reader:
    """Builds nodes from parser events, with the bounds of this module."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.findings: list[Finding] = []
        self._count = 0
        self._events = self._parse()

    def document(self) -> Node:
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            raise _Stop(self.source.finding(0, "the file is empty"))
        node = self._node(self._next(), depth=1)
        self._next()
        extra = self._next()
        if not isinstance(extra, yaml.StreamEndEvent):
            self._complain(_start(extra), "a second document starts here", "remove the line ---")
        return node

    def _parse(self) -> Iterator[yaml.Event]:
        try:
            size = len(self.source.text.encode())
        except UnicodeEncodeError as error:
            raise _Stop(self.source.finding(error.start, "not a valid character")) from None
        if size > MAX_BYTES:
            raise _Stop(self.source.finding(0, f"the file has {size} bytes, more than {MAX_BYTES}", "split it"))
        try:
            yield from yaml.parse(self.source.text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            raise _Stop(syntax_finding(self.source, error)) from None
        except yaml.YAMLError as error:
            index = getattr(error, "position", 0)
            where = index if isinstance(index, int) and index < len(self.source.text) else 0
            raise _Stop(self.source.finding(where, "a character that YAML does not allow")) from None
        except (ValueError, OverflowError):  # only where libyaml is not present: PyYAML's own parser lets these pass
            where = max(0, self.source.text.find("\\U"))
            raise _Stop(self.source.finding(where, "a character code that does not exist")) from None

    def _next(self) -> yaml.Event:
        event = next(self._events)
        if isinstance(event, yaml.StreamStartEvent):
            event = next(self._events)
        return event

    def _node(self, event: yaml.Event, depth: int) -> Node:
        start = _start(event)
        self._count += 1
        if depth > MAX_DEPTH:
            raise _Stop(self.source.finding(start, f"nested deeper than {MAX_DEPTH} levels"))
        if self._count > MAX_NODES:
            raise _Stop(self.source.finding(start, f"more than {MAX_NODES} values", "split the file"))
        decorated = self._decoration(event)
        node = self._content(event, start, depth)
        return Broken(start) if decorated else node

    def _content(self, event: yaml.Event, start: int, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return Sequence(tuple(self._items(depth)), start)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(start, depth)
        return Broken(start)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        plain = not event.style
        value = None if plain and event.value in _NOTHING else event.value
        end = event.end_mark.index if event.end_mark else _start(event)
        if _HALF.search(event.value):
            raise _Stop(self.source.finding(_start(event), "a character code that does not exist"))
        if plain and value is not None and _looks_cut(value, self.source.text[end : end + 4]):
            hint = "put the text in quotes, or two spaces before a comment"
            message = "the text is cut at ' #', the rest is a comment"
            self.findings.append(self.source.finding(end, message, hint, "P020", Severity.WARNING))
        return Scalar(value, _start(event), end, plain)

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _mapping(self, start: int, depth: int) -> Mapping | Broken:
        entries: dict[str, Node] = {}
        keys: dict[str, Scalar] = {}
        broken = False
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(self._next(), depth + 1)
            if not isinstance(key, Scalar):
                broken = True
                if not isinstance(key, Broken):
                    curly = self.source.text[start : start + 1] == "{"
                    self._complain(start, needs_quotes("{") if curly else "a key must be a text")
                continue
            name = key.value or ""
            if name in entries:
                first = self.source.position(keys[name].start).line
                self._complain(key.start, f"the key `{name}` stands here twice, first in line {first}", code="P002")
                continue
            entries[name] = value
            keys[name] = key
        return Broken(start) if broken else Mapping(entries, keys, start)

    def _decoration(self, event: yaml.Event) -> bool:
        start = _start(event)
        if isinstance(event, yaml.AliasEvent):
            self._trapped(start, "alias")
        elif getattr(event, "anchor", None):
            self._trapped(start, "anchor")
        elif getattr(event, "tag", None):
            self._trapped(start, "tag")
        else:
            return False
        return True

    def _complain(self, index: int, message: str, hint: str = "", code: str = "") -> None:
        self.findings.append(self.source.finding(index, message, hint, code))

    def _trapped(self, index: int, taken_for: str) -> None:
        """Say that a text without quotes begins with a character of YAML's own."""
        word = _WORD.match(self.source.echo(index))
        char = self.source.text[index : index + 1]
        trap = f"a text that starts with {char} needs quotes" if char in TRAPS else ""
        self._complain(index, trap or f"a YAML {taken_for} is not used here", f'write "{word[0]}"' if word else "")


def _start(event: yaml.Event) -> int:
    return event.start_mark.index if event.start_mark else 0


def _looks_cut(value: str, rest: str) -> bool:
    """Whether ` #` behind a plain text was hardly meant as a comment: ``order #5``, or one blank in a sentence."""
    behind = rest.lstrip(" \t")
    if not behind.startswith("#") or len(behind) == len(rest):
        return False
    return (behind[1:2].strip() not in {"", "#"}) or (" " in value and rest.startswith(" #"))
