"""What pydantic found wrong, in a merchant's words and at the place in the file.

Promise: of a union only the branch that the writer meant is judged (the one of the right shape with the fewest
faults); an unknown key or word comes with its nearest neighbour; the value of a secret-looking key is never repeated.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import BaseModel
from pydantic_core import ErrorDetails, PydanticCustomError

from p2pbot.document.findings import Finding
from p2pbot.document.nodes import Broken, Mapping, Node, Scalar, Sequence
from p2pbot.document.source import Source, gives_away, looks_secret

_SHAPES = {
    "string_type": "a text",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "keys with values",
    "mapping_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "bool_type": "yes or no",
    "bool_parsing": "yes or no",
    "none_required": "nothing",
}
_BOUNDS = {
    "greater_than_equal": "it must be {ge} or more",
    "greater_than": "it must be more than {gt}",
    "less_than_equal": "it must be {le} or less",
    "less_than": "it must be less than {lt}",
    "too_long": "there are {actual_length} entries; at most {max_length} are taken",
    "too_short": "at least {min_length} must be written here",
    "string_too_long": "the text is too long; at most {max_length} characters are taken",
    "string_too_short": "the text is empty",
}
_LONGEST_ECHO = 40
_FEW = 6  # choices that are named beside the nearest one
_JOINED = re.compile(r"(?P<key>[\w-]{1,40})[:=](?P<value>.*)", re.DOTALL)  # `side:sell`, which YAML takes for one text
_MANY = 8  # keys that a hint names
_LEFT_OVER = "complaint"
_KEY_ITSELF = "[key]"  # pydantic's word for: not the value is wrong, its key is
_Path = tuple[str | int, ...]


def complaint(message: str, *, hint: str = "", code: str = "") -> PydanticCustomError:
    """Return the error that a validator raises to say ``message`` at its value's place, with hint and lint code."""
    return PydanticCustomError(_LEFT_OVER, "{message}", {"message": message, "hint": hint, "code": code})


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean `x`?`` for the nearest known word, or an empty text."""
    if len(word) > _LONGEST_ECHO:
        return ""  # nobody misspells that much, and comparing long words is dear
    near = get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""


@dataclass(frozen=True, slots=True)
class _Fault:
    """One pydantic error against the tree: the path in the data, and the union branches passed on the way."""

    error: ErrorDetails
    path: _Path
    branches: tuple[tuple[_Path, int, str], ...]
    node: Node


def findings_of(errors: list[ErrorDetails], model: type[BaseModel], root: Node, source: Source) -> list[Finding]:
    """Return one finding for each error that the writer can mend."""
    faults = _without_misspelt(_of_meant_branches([_place(error, root) for error in errors]))
    merged = _merge_shapes(fault for fault in faults if not isinstance(fault.node, Broken))
    return [_finding(fault, wanted, model, root, source) for fault, wanted in merged]


def _place(error: ErrorDetails, root: Node) -> _Fault:
    path: list[str | int] = []
    branches: list[tuple[_Path, int, str]] = []
    node, above, nth = root, root, 0
    for part in error["loc"]:
        if part == _KEY_ITSELF and path and isinstance(above, Mapping):
            node = above.keys.get(str(path[-1]), node)
            break
        below = child(node, part)
        if below is not None:
            above, node, nth = node, below, 0
            path.append(part)
        elif isinstance(part, str) and not (error["type"] == "missing" and part == error["loc"][-1]):
            branches.append((tuple(path), nth, part))
            nth += 1
    return _Fault(error, tuple(path), tuple(branches), node)


def child(node: Node, part: str | int) -> Node | None:
    """Return the node below ``node`` that a key or an index names, or None."""
    if isinstance(node, Mapping) and isinstance(part, str):
        return node.entries.get(part)
    if isinstance(node, Sequence) and isinstance(part, int) and 0 <= part < len(node.items):
        return node.items[part]
    return None


def _of_meant_branches(faults: list[_Fault]) -> list[_Fault]:
    """Drop the faults of union branches that the writer did not mean."""
    for junction in sorted(
        {branch[:2] for fault in faults for branch in fault.branches}, key=lambda j: (len(j[0]), j[1])
    ):
        by_branch: dict[str, list[_Fault]] = {}
        for fault in faults:
            for path, nth, tag in fault.branches:
                if (path, nth) == junction:
                    by_branch.setdefault(tag, []).append(fault)
        fitting = {tag: group for tag, group in by_branch.items() if not _wrong_shape(group, junction[0])}
        if not fitting or len(by_branch) == 1:
            continue
        meant = min(fitting, key=lambda tag: len(fitting[tag]))
        unmeant = [id(fault) for tag, group in by_branch.items() if tag != meant for fault in group]
        faults = [fault for fault in faults if id(fault) not in unmeant]
    return faults


def _without_misspelt(faults: list[_Fault]) -> list[_Fault]:
    """Drop what says that a key is missing which is there with a slip of the pen."""
    unknown = {fault.path for fault in faults if fault.error["type"] == "extra_forbidden"}

    def is_misspelt(fault: _Fault) -> bool:
        name = str(fault.error["loc"][-1]) if fault.error["type"] == "missing" else ""
        return any(path[:-1] == fault.path and did_you_mean(str(path[-1]), [name]) for path in unknown)

    return [fault for fault in faults if not is_misspelt(fault)]


def _wrong_shape(group: list[_Fault], junction: _Path) -> bool:
    return any(fault.path == junction and fault.error["type"] in _SHAPES for fault in group)


def _merge_shapes(faults: Iterable[_Fault]) -> list[tuple[_Fault, list[str]]]:
    """Join the faults that only say of one place what was expected there: "a text or a list"."""
    merged: dict[tuple[_Path, bool | int], tuple[_Fault, list[str]]] = {}
    for number, fault in enumerate(faults):
        wanted = _SHAPES.get(fault.error["type"])
        _, known = merged.setdefault((fault.path, True if wanted else -number), (fault, []))
        if wanted and wanted not in known:
            known.append(wanted)
    return list(merged.values())


def _finding(fault: _Fault, wanted: list[str], model: type[BaseModel], root: Node, source: Source) -> Finding:
    error, name = fault.error, str(fault.error["loc"][-1]) if fault.error["loc"] else ""
    if error["type"] == "extra_forbidden" and fault.path:
        return _unknown_key(fault, name, model, root, source)
    start = fault.node.start
    if error["type"] == "missing":
        return source.finding(start, f"the key `{name}` is missing", _missing_hint(fault.path, name, model))
    if wanted:
        hint = _shape_hint(fault, wanted, model)
        return source.finding(start, f"expected {' or '.join(wanted)}, found {_found(fault)}", hint)
    return _judged(fault, source)


def _missing_hint(path: _Path, name: str, model: type[BaseModel]) -> str:
    """Return how the key would be written, where its model says so (``MISSING_HINTS: ClassVar``)."""
    hints = (getattr(holder, "MISSING_HINTS", {}).get(name, "") for holder in _models_at(model, path))
    return next(filter(None, hints), "")


def _judged(fault: _Fault, source: Source) -> Finding:
    """Return what a validator or a bound said about a value of the right shape."""
    error, start = fault.error, fault.node.start
    context = error.get("ctx", {})
    if error["type"] == _LEFT_OVER:
        return source.finding(start, context["message"], context["hint"], context["code"])
    if error["type"] in {"literal_error", "enum"}:
        return _not_a_choice(fault, re.findall(r"'([^']*)'", str(context.get("expected", ""))), source)
    bound = _BOUNDS.get(error["type"])
    if bound is not None:
        return source.finding(start, bound.format(**context))
    message = error["msg"].removeprefix("Value error, ").replace("Input should", "the value should")
    return source.finding(start, message)


def _unknown_key(fault: _Fault, name: str, model: type[BaseModel], root: Node, source: Source) -> Finding:
    holders = list(_models_at(model, fault.path[:-1]))
    parent = root
    for part in fault.path[:-1]:
        parent = child(parent, part) or parent
    start = parent.keys[name].start if isinstance(parent, Mapping) and name in parent.keys else fault.node.start
    for holder in holders:
        explained = getattr(holder, "EXPLAINED_KEYS", {})
        if name in explained:
            return source.finding(start, explained[name], code="P001")
    known = [field.alias or key for holder in holders for key, field in holder.model_fields.items()]
    if name in known:
        return source.finding(start, f"`{name}` does not belong here", "it is a key of another form of this", "P001")
    joined = _JOINED.fullmatch(name)
    shown = joined["key"] if joined and looks_secret(joined["key"]) else name
    hint = did_you_mean(shown, known)
    if joined and shown == name and joined["key"] in known:
        hint = f"write `{joined['key']}: {joined['value'][:_LONGEST_ECHO]}`"
    if not hint and known:
        hint = "known here: " + ", ".join(sorted(set(known)))
    return source.finding(start, f"unknown key `{shown[:_LONGEST_ECHO]}`", hint, "P001")


def _not_a_choice(fault: _Fault, choices: list[str], source: Source) -> Finding:
    given = fault.node.value if isinstance(fault.node, Scalar) else None
    near = did_you_mean(given, choices) if given and not _is_secret(fault) else ""
    if near and len(choices) > _FEW:
        return source.finding(
            fault.node.start, f"{_found(fault)} is none of the {len(choices)} words here", near, "P001"
        )
    one_of = "one of " if len(choices) > 1 else ""
    message = f"expected {one_of}{', '.join(choices)}, found {_found(fault)}"
    return source.finding(fault.node.start, message, near, "P001")


def _found(fault: _Fault) -> str:
    match fault.node:
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=str(value)):
            hidden = _is_secret(fault) or gives_away(value)
            return "a text" if hidden else f"`{value[:_LONGEST_ECHO]}`"
        case Sequence():
            return "a list"
        case _:
            return "keys with values"


def _is_secret(fault: _Fault) -> bool:
    return any(looks_secret(part) for part in fault.path)


def _shape_hint(fault: _Fault, wanted: list[str], model: type[BaseModel]) -> str:
    """Return what to do about a value of the wrong shape."""
    if "a text" in wanted:
        return _quoting_hint(fault.node, wanted)
    if wanted == ["a list"]:
        return "begin each entry with a - and a blank"
    if "keys with values" in wanted and not isinstance(fault.node, Mapping):
        holders = _models_at(model, fault.path)
        known = sorted({field.alias or key for holder in holders for key, field in holder.model_fields.items()})
        return f"write keys below it: {', '.join(known[:_MANY])}{' …' if len(known) > _MANY else ''}" if known else ""
    return ""


def _quoting_hint(node: Node, wanted: list[str]) -> str:
    match node:
        case Mapping():
            return "a text that starts with { or holds ': ' needs quotes"
        case Sequence() if "a list" not in wanted:
            return "a text that starts with [ needs quotes"
        case Scalar(value=None):
            return "write the text, or remove the key"
        case _:
            return ""


def _models_at(annotation: object, path: _Path) -> Iterable[type[BaseModel]]:
    """Yield the models that may stand at ``path`` below ``annotation``, all branches of unions included."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        yield from _models_at(arguments[0], path)
    elif origin in {typing.Union, types.UnionType}:
        for argument in arguments:
            yield from _models_at(argument, path)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _models_in(annotation, path)
    elif arguments:
        below = path[1:] if path else path
        for argument in arguments:
            yield from _models_at(argument, below)


def _models_in(model: type[BaseModel], path: _Path) -> Iterable[type[BaseModel]]:
    if not path:
        yield model
        return
    for key, field in model.model_fields.items():
        if path[0] in {key, field.alias}:
            yield from _models_at(field.annotation, path[1:])
