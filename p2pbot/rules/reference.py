"""The reference of the language, made of the models that read the files: each key, what it takes, what it means.

Promise: what the models have is on the page and nothing else; ``make pages`` writes it below docs/rules.md's tutorial,
and a test keeps it so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel

from p2pbot.rules import dialogue, given, hours, spec
from p2pbot.rules.languages import LANGUAGES
from p2pbot.rules.schema import rule_schema
from p2pbot.rules.variables import MATCH, PAYMENT, VARIABLES
from p2pbot.rules.vocabulary import EVENTS, FILTERS, VOCABULARY

_HEAD = """\
## Reference

Every key, made of the models that read your files. Where a key takes one or a list, a list means "any of these".
"""
_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("A file", dialogue.RuleFile),
    ("A rule", spec.RuleSpec),
    ("`when:`", spec.WhenSpec),
    ("`when: {counterparty: …}`", spec.CounterpartySpec),
    ("`when: {picture: …}`", spec.PictureSpec),
    ("`limit: {once_per: …}`", spec.OncePerSpec),
    ("`limit: {every: …}`", spec.EverySpec),
    ("`limit: {at_most: …}`", spec.AtMostSpec),
    ("`reply: {text_any: …}`", spec.ChoiceSpec),
    ("`reply: {snippet: …}`", spec.SnippetSpec),
    ("`reply: {image: …}`", spec.ImageSpec),
    ("`delay: {typing: …}`", spec.TypingSpec),
    ("`handover:`", spec.HandoverSpec),
    ("A window of `windows:`", hours.WindowSpec),
    ("A test of `tests:`", dialogue.DialogueSpec),
    ("A step of `chat:`", dialogue.StepSpec),
    ("`bot:`", dialogue.BotSpec),
    ("`none:`", dialogue.NoneSpec),
    ("`order:` in a test, and `--order` of the commands", dialogue.OrderGiven),
    ("`order: {counterparty: …}` in a test", dialogue.PersonGiven),
    ("`order: {picture: …}` in a test", given.GivenPicture),
)
_MOST_CHOICES = len(EVENTS)  # words that a row of the table names
_ESCAPED_BAR = r"\|"


def page() -> str:
    """Return the reference."""
    return "\n".join([_HEAD, *_models(), *_names()])


def _models() -> Iterator[str]:
    schema = rule_schema()
    for title, model in _SECTIONS:
        part = schema if model is dialogue.RuleFile else schema["$defs"][model.__name__]
        yield f"### {title}\n"
        yield "| key | example | meaning | if not written |\n|---|---|---|---|"
        yield "\n".join(_row(key, part, model, schema["$defs"]) for key in VOCABULARY[model.__name__]) + "\n"


def _row(key: str, part: Mapping[str, Any], model: type[BaseModel], shared: Mapping[str, Any]) -> str:
    word, schema = VOCABULARY[model.__name__][key], part["properties"][key]
    choices = _choices(schema, shared)
    one_of = f": {', '.join(f'`{one}`' for one in choices)}" if 1 < len(choices) <= _MOST_CHOICES else ""
    several = " (one or a list)" if _takes_several(schema) else ""
    field = next(field for name, field in model.model_fields.items() if (field.alias or name) == key)
    default = "needed" if field.is_required() else _default(field.get_default(call_default_factory=True))
    cells = (f"`{key}`", f"`{word.example}`", f"{word.meaning}{one_of}{several}", default)
    return f"| {' | '.join(cell.replace('|', _ESCAPED_BAR) for cell in cells)} |"


def _choices(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> list[str]:
    """Return the words of which a value is one."""
    if "$ref" in schema:
        return _choices(shared[schema["$ref"].rpartition("/")[2]], shared)
    if "anyOf" in schema:
        return next((found for one in schema["anyOf"] if (found := _choices(one, shared))), [])
    words = [word for word in schema.get("enum", ()) if isinstance(word, str)]
    return [] if set(words) >= {"yes", "no"} or set(words) >= LANGUAGES else list(dict.fromkeys(words))


def _takes_several(schema: Mapping[str, Any]) -> bool:
    kinds = [one.get("type") for one in schema.get("anyOf", ())]
    return "array" in kinds and len(kinds) > 1 and "object" not in kinds


def _default(value: object) -> str:
    """Return a value as it would be written; nothing for one that says that there is none."""
    match value:
        case bool():
            return "yes" if value else "no"
        case Enum():
            return f"`{value.value}`"
        case (Enum() as only,):
            return f"`{only.value}`"
        case (spec.OncePerSpec(once_per=scope),):
            return f"`{{once_per: {scope}}}`"
        case str() | int() if value and value != dialogue.START_MS:
            return f"`{value}`"
        case _:
            return ""


def _names() -> Iterator[str]:
    yield "### Events (`on:`)\n"
    yield "| event | when |\n|---|---|"
    yield "\n".join(f"| `{event}` | {meaning} |" for event, meaning in EVENTS.items()) + "\n"
    yield "### Names in texts\n"
    for group, named in VARIABLES.items():
        yield "- " + ", ".join(f"`{group}.{name}`" for name in named)
    yield f"- `{PAYMENT}.method`, `{PAYMENT}.…`: the fields of the payment method, in sales that are not paid yet"
    yield f"- `{MATCH}.…`: the named groups of the rule's `regex`\n"
    yield "### Filters\n"
    yield "| behind a name | gives |\n|---|---|"
    yield "\n".join(f"| `{_ESCAPED_BAR}{name}` | {meaning} |" for name, meaning in FILTERS.items()) + "\n"
    yield "### Reasons (`because:`)\n"
    yield ", ".join(f"`{reason}`" for reason in dialogue.REASONS) + ".\n"
    yield "### Languages\n"
    yield ", ".join(f"`{code}`" for code in sorted(LANGUAGES - {"default"})) + ", and `default` for all others."


if __name__ == "__main__":
    print(page())  # noqa: T201 - made to be redirected
