"""As much of JSON Schema as our own schema uses, written from the standard; an unknown keyword fails."""

from __future__ import annotations

from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_NOTES = {"description", "title", "$defs", "$schema", "properties", "pattern", "format"}


def fits(value: Any, schema: Any, root: Any | None = None) -> bool:
    """Whether ``value`` is valid under ``schema``."""
    root = schema if root is None else root
    if isinstance(schema, bool):
        return schema
    return all(_holds(word, told, value, schema, root) for word, told in schema.items() if word not in _NOTES)


def _holds(word: str, told: Any, value: Any, schema: dict[str, Any], root: Any) -> bool:  # noqa: PLR0911 - a table
    match word:
        case "$ref":
            return fits(value, root["$defs"][told.removeprefix("#/$defs/")], root)
        case "type":
            return any(_is(value, name) for name in ([told] if isinstance(told, str) else told))
        case "enum":
            return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in told)
        case "const":
            return bool(value == told)
        case "anyOf":
            return any(fits(value, one, root) for one in told)
        case "items":
            return not isinstance(value, list) or all(fits(one, told, root) for one in value)
        case "required":
            return not isinstance(value, dict) or set(told) <= set(value)
        case "propertyNames":
            return not isinstance(value, dict) or all(fits(key, told, root) for key in value)
        case "additionalProperties":
            return not isinstance(value, dict) or _properties(value, told, schema, root)
        case _:
            return _within(word, told, value)


def _is(value: Any, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and (not isinstance(value, bool) or name == "boolean")


def _properties(value: dict[str, Any], others: Any, schema: dict[str, Any], root: Any) -> bool:
    known = schema.get("properties", {})
    return all(fits(one, known.get(key, others), root) for key, one in value.items())


def _within(word: str, bound: float, value: Any) -> bool:
    kinds = {"Length": str, "Items": list, "Properties": dict, "imum": (int, float)}
    side, ending = word[:3], word[3:]
    if side not in {"min", "max"} or ending not in kinds:
        raise AssertionError(f"the schema uses {word}, which this validator does not know")
    if not isinstance(value, kinds[ending]):  # type: ignore[arg-type]
        return True
    size = value if ending == "imum" else len(value)
    return size >= bound if side == "min" else size <= bound
