"""A YAML text as positioned values: typed by the schema, every fault reported with its place, all of them at once.

Promise: ``load_document`` is pure and total: any text gives a value or findings, never an exception; the schema alone
decides what a scalar is, so ``reply: no`` is the text "no", ``12:30`` stays and ``on:`` is a key.
Danger: a value is given only when no finding is an ERROR; there is no half-loaded file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from p2pbot.document.complaints import child, complaint, did_you_mean, findings_of
from p2pbot.document.findings import Finding, Position, Severity
from p2pbot.document.nodes import Mapping, Node, Scalar, Sequence, plain_data, read_nodes
from p2pbot.document.source import Source, looks_secret

M = TypeVar("M", bound=BaseModel)
P = TypeVar("P", bound=BaseModel)
MAX_FINDINGS = 100  # per file; nobody reads more at once
_ATTEMPTS = 3  # without the wrong keys others may be wrong, but hardly twice
_MAX_ERRORS = 1000  # of pydantic, before the branches of unions are sorted out

__all__ = [
    "Finding",
    "Loaded",
    "Position",
    "Severity",
    "complaint",
    "did_you_mean",
    "load_document",
    "looks_secret",
]


@dataclass(frozen=True)
class Loaded(Generic[M]):
    """A file's value (None when a finding is an ERROR), its findings by position, and the places of its parts."""

    value: M | None
    findings: tuple[Finding, ...]
    source: Source
    root: Node | None

    def position(self, path: tuple[str | int, ...]) -> Position:
        """Return the place of the value at ``path``, or of its nearest known ancestor."""
        return self.source.position(self._nearest(path).start) if self.root else Position(self.source.file, 1, 1)

    def key_position(self, path: tuple[str | int, ...]) -> Position:
        """Return the place of the key that ``path`` ends with, or of the nearest known ancestor."""
        parent = self._nearest(path[:-1]) if self.root and path else None
        if isinstance(parent, Mapping) and path[-1] in parent.keys:
            return self.source.position(parent.keys[str(path[-1])].start)
        return self.position(path)

    def find(self, path: tuple[str | int, ...], part: str) -> Position:
        """Return the first place of ``part`` as it is written within the text at ``path``, or that text's place."""
        node = self._nearest(path) if self.root else None
        if isinstance(node, Scalar):
            index = self.source.text.find(part, node.start, node.end)
            return self.source.position(index if index >= 0 else node.start)
        return self.position(path)

    def span(self, path: tuple[str | int, ...]) -> tuple[int, int] | None:
        """Return from where to where in the source the text at ``path`` is written; None for blocks and for no text."""
        node = self._exact(path)
        if not isinstance(node, Scalar) or self.source.text[node.start : node.start + 1] in {"|", ">"}:
            return None
        return node.start, node.end

    def finding(
        self,
        position: Position,
        message: str,
        hint: str = "",
        code: str = "",
        severity: Severity = Severity.ERROR,
    ) -> Finding:
        """Return a finding of this file at ``position`` with its line."""
        return self.source.with_snippet(Finding(position, message, hint, code, severity))

    def part(self, path: tuple[str | int, ...], model: type[P]) -> P | None:
        """Return the value at ``path`` alone as a ``model``, or None: what is sound in a file that is not."""
        node = self._exact(path)
        try:
            return None if node is None else model.model_validate(plain_data(node))
        except ValidationError:
            return None

    def sound_part(self, path: tuple[str | int, ...], model: type[P]) -> P | None:
        """Return the mapping at ``path`` as a ``model`` without those of its keys that are wrong, or None."""
        node = self._exact(path)
        data = plain_data(node) if isinstance(node, Mapping) else {}
        assert isinstance(data, dict)  # noqa: S101 - a mapping's data
        for _ in range(_ATTEMPTS):
            try:
                return model.model_validate(data)
            except ValidationError as error:
                wrong = {detail["loc"][0] if detail["loc"] else None for detail in error.errors(include_url=False)}
                if not wrong <= data.keys():
                    return None
                data = {key: value for key, value in data.items() if key not in wrong}
        return None

    def size(self, path: tuple[str | int, ...]) -> int:
        """Return how many items the list at ``path`` has; 0 when there is none."""
        node = self._exact(path)
        return len(node.items) if isinstance(node, Sequence) else 0

    def _exact(self, path: tuple[str | int, ...]) -> Node | None:
        node = self.root
        for part in path:
            node = child(node, part) if node else None
        return node

    def _nearest(self, path: tuple[str | int, ...]) -> Node:
        assert self.root is not None  # noqa: S101 - the callers asked
        node = self.root
        for part in path:
            below = child(node, part)
            if below is None:
                break
            node = below
        return node


def load_document(text: str, file: str, model: type[M]) -> Loaded[M]:
    """Read ``text`` as one YAML document of the shape ``model``; ``file`` is the name that positions carry.

    ``model`` forbids extra keys. A key in its ``EXPLAINED_KEYS: ClassVar[Mapping[str, str]]`` is refused with that
    sentence instead of "unknown key". Validators raise ``complaint(…)`` or ValueError.
    """
    source = Source(text, file)
    root, findings = read_nodes(source)
    value: M | None = None
    if root is not None:
        try:
            value = model.model_validate(plain_data(root))
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)[:_MAX_ERRORS]
            findings += findings_of(details, model, root, source)
    findings.sort(key=lambda finding: finding.position)
    usable = not any(finding.severity is Severity.ERROR for finding in findings)
    return Loaded(
        value if usable else None, tuple(source.with_snippet(found) for found in _bounded(findings)), source, root
    )


def _bounded(findings: list[Finding]) -> list[Finding]:
    if len(findings) <= MAX_FINDINGS:
        return findings
    left = len(findings) - MAX_FINDINGS
    last = findings[MAX_FINDINGS]
    return [*findings[:MAX_FINDINGS], Finding(last.position, f"and {left} more findings from here on")]
