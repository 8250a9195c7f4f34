"""The JSON Schema of a rule file, for editors: generated from the models that read the files.

Promise: what p2pbot takes, the schema takes: a scalar stands for a list of one, a text may look like a number or like
``yes``. It is a help while writing; ``rules check`` says more.
Danger: an editor reads YAML by its own rules, where ``12`` is a number and ``yes`` a text; p2pbot reads texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from p2pbot.rules.dialogue import RuleFile
from p2pbot.rules.languages import LANGUAGES
from p2pbot.rules.vocabulary import VOCABULARY, Word

_DIALECT = "http://json-schema.org/draft-07/schema#"
_CODES = ["default", *sorted(LANGUAGES - {"default"})]
_YES_OR_NO = [True, False, "yes", "no", "on", "off"]
_MAY_BE_EMPTY = ("bot", "none")  # `- none:` says all that there is to say
_DROPPED = ("title", "default", "discriminator")


def rule_schema() -> dict[str, Any]:
    """Return the schema, the same for the same models."""
    schema = RuleFile.model_json_schema(by_alias=True, schema_generator=_ForPeople, mode="validation")
    plain: dict[str, Any] = _plain(schema)
    for name, part in {"RuleFile": plain, **plain["$defs"]}.items():
        _describe(part.get("properties", {}), VOCABULARY.get(name, {}))
    return {"$schema": _DIALECT, "title": "p2pbot rule file"} | plain


def _describe(properties: dict[str, Any], words: Mapping[str, Word]) -> None:
    """Say at each key what an editor shows there."""
    for key, word in words.items():
        properties[key] = {name: value for name, value in properties[key].items() if name != "description"}
        properties[key]["description"] = f"{word.meaning}. Example: {key}: {word.example}"


class _ForPeople(GenerateJsonSchema):
    """Says of our validators what they take, which pydantic cannot see."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """``Many``: one or a list. ``handover``: yes, a time or its keys."""
        name = _called(schema)
        inner = super().function_before_schema(schema)
        if name == "_listed":
            item = inner.get("items", {})
            return {"anyOf": [item, inner | {"minItems": 1}]}
        if name == "_handover_shape":
            return {"anyOf": [{"type": "string"}, {"type": "boolean"}, inner]}
        return inner

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> JsonSchemaValue:
        """Language codes."""
        inner = super().function_after_schema(schema)
        return {"enum": _CODES} if _called(schema) == "_language" else inner

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Return the schema of keys with values; of texts by language the keys are known."""
        inner = super().dict_schema(schema)
        keys = self.generate_inner(schema["keys_schema"]) if "keys_schema" in schema else {}
        if keys.get("enum") == _CODES:
            inner["propertyNames"] = {"enum": _CODES}
        return inner


def _called(schema: Any) -> str:
    return getattr(schema["function"]["function"], "__name__", "")


def _plain(schema: Any, *, names: bool = False) -> Any:
    """Return the schema as editors like it: scalars as YAML may read them, no null, no titles; ``names``: of keys."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if names:
        return {key: _plain(value if key in _MAY_BE_EMPTY else _without_null(value)) for key, value in schema.items()}
    kept = {key: value for key, value in schema.items() if key not in _DROPPED}
    if "oneOf" in kept:  # our unions know by their shape which branch is meant; several may fit by the schema alone
        kept["anyOf"] = kept.pop("oneOf")
    plain = {key: _plain(value, names=key in {"properties", "$defs"}) for key, value in kept.items()}
    return _scalar(_length_of_list(plain))


def _length_of_list(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with a length that stands beside "one or a list" moved to the list, which it is meant for."""
    if "anyOf" not in schema or "maxLength" not in schema:
        return schema
    most = schema["maxLength"]
    branches = [one | {"maxItems": most} if one.get("type") == "array" else one for one in schema["anyOf"]]
    return {key: value for key, value in schema.items() if key != "maxLength"} | {"anyOf": branches}


def _scalar(schema: dict[str, Any]) -> dict[str, Any]:
    if schema.get("type") == "string" and "enum" not in schema and "const" not in schema:
        return schema | {"type": ["string", "number", "boolean"]}
    if schema.get("type") == "boolean":
        return {key: value for key, value in schema.items() if key != "type"} | {"enum": _YES_OR_NO}
    if schema.get("const") == "1":
        return {"enum": [1, "1"]}
    if schema.get("type") == "string" and {"0", "1"} & set(schema.get("enum", ())):
        numbers = [int(word) for word in schema["enum"]]
        return {"enum": [*numbers, *schema["enum"]]}
    if "description" in schema:
        return schema | {"description": str(schema["description"]).replace("``", "`")}
    return schema


def _without_null(schema: Any) -> Any:
    """Return an optional value's schema without the null that stands for its absence."""
    if "anyOf" not in schema:
        return schema
    left = [one for one in schema["anyOf"] if one != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(left) == len(schema["anyOf"]):
        return schema
    return rest | (left[0] if len(left) == 1 else {"anyOf": left})
