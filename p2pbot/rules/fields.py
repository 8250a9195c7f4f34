"""The kinds of values that rule files are made of: lists that may be one, times, numbers, names, references to lists.

Promise: each kind says in words what it takes; the shapes of rules and files (``spec``) are built of these alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

from p2pbot.document import complaint, did_you_mean
from p2pbot.rules.languages import LANGUAGES
from p2pbot.rules.measures import Bound, Kind, duration_ms, parse_bound

T = TypeVar("T")
_LANGUAGE_NAMES = {
    "english": "en",
    "spanish": "es",
    "russian": "ru",
    "chinese": "zh",
    "cn": "zh",
    "arabic": "ar",
    "turkish": "tr",
    "portuguese": "pt",
    "br": "pt",
    "french": "fr",
    "vietnamese": "vi",
    "vn": "vi",
    "hindi": "hi",
    "ukrainian": "uk",
    "ua": "uk",
    "german": "de",
    "indonesian": "id",
    "other": "default",
    "any": "default",
}
MAX_PHRASES = 500  # in one list of one rule; longer ones are a list of their own


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _filled(value: tuple[T, ...]) -> tuple[T, ...]:
    if not value:
        raise complaint("the list is empty", hint="remove the key, or give it a value")
    return value


def worded(parse: Callable[[str], T]) -> Callable[[Any], Any]:
    """Return a validator that parses a text and turns a ValueError into a finding."""

    def validate(value: object) -> T:
        if not isinstance(value, str):
            raise complaint("expected a text here")
        if len(value) > _LONGEST_MEASURE:
            raise complaint("this text is too long here")
        try:
            return parse(value)
        except ValueError as error:
            raise complaint(str(error)) from None

    return validate


def _bounded(kind: Kind) -> BeforeValidator:
    return BeforeValidator(worded(lambda text: parse_bound(text, kind)), json_schema_input_type=str)


def duration(longest_ms: int, spoken: str) -> BeforeValidator:
    """Return a validator of times up to ``longest_ms``, which ``spoken`` says in words."""

    def parse(text: str) -> int:
        value = duration_ms(text)
        if value > longest_ms:
            raise ValueError(f"`{text[:40]}` is too long; at most {spoken}")
        return value

    return BeforeValidator(worded(parse), json_schema_input_type=str)


def _language(code: str) -> str:
    if code not in LANGUAGES:
        named = _LANGUAGE_NAMES.get(code.lower())
        near = f"did you mean `{named}`?" if named else did_you_mean(code, LANGUAGES)
        raise complaint(f"`{code[:40]}` is not a language code", hint=near or _CODES_HINT)
    return code


def meant_shape(value: Mapping[Any, object], shapes: Mapping[str, str], otherwise: str) -> str:
    """Return which of several shapes a mapping is meant to have, by a key that is one's own, or nearly so."""
    keys = [str(key)[:_LONGEST_MEASURE] for key in value]
    near = (word for key in keys for word in get_close_matches(key, shapes, n=1, cutoff=0.7))
    exact = (shape for word, shape in shapes.items() if word in keys)
    return next(exact, None) or shapes.get(next(near, ""), otherwise)


def _spoken_language(code: str) -> str:
    if code == "default":
        raise complaint("which language is it?", hint="write en, ru, zh …")
    return code


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        like = "-".join(re.findall(r"\w+", text))[:64]
        hint = f"write {like}" if like else "write letters, digits, . _ - without blanks"
        raise complaint(f"`{text[:64]}` is not a name", hint=f"{hint} (no blanks, at most 64 characters)")
    return text


_CODES_HINT = "write en, ru, zh … or default; if it is no language, a text that holds ': ' needs quotes"
_LONGEST_MEASURE = 60  # characters of a number, a time or a range
_NAME = re.compile(r"\w[\w.-]{0,63}")
YEAR_MS = 366 * 86_400_000


class ListRef(str):
    """The name of a list where its items are meant: ``{list: vips}``."""

    __slots__ = ()


class Strict(BaseModel):
    """A mapping with known keys only, each with a value: a rule whose ``words`` are forgotten would take every text."""

    MAY_BE_EMPTY: ClassVar[frozenset[str]] = frozenset()

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    @field_validator("*", mode="before")
    @classmethod
    def _has_a_value(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.field_name not in cls.MAY_BE_EMPTY:
            raise complaint("nothing stands behind this key", hint="write a value, or remove the key")
        return value


class ListSpec(Strict):
    """``{list: vips}``."""

    name: Annotated[str, AfterValidator(_name)] = Field(alias="list")


def _item(value: object, text: ValidatorFunctionWrapHandler) -> str:
    """Return a text, or the list that stands for its items."""
    if isinstance(value, dict) and "list" not in value and len(value) == 1:
        key = str(next(iter(value)))
        if near := did_you_mean(key, ["list"]):
            raise complaint(f"unknown key `{key}`", hint=near, code="P001")
    if isinstance(value, dict) and "list" in value:
        return ListRef(ListSpec.model_validate(value).name)
    return value if isinstance(value, ListRef) else str(text(value))


Item = Annotated[str, WrapValidator(_item, json_schema_input_type=str | ListSpec)]
Many = Annotated[tuple[T, ...], BeforeValidator(_listed), AfterValidator(_filled)]
Phrases = Annotated[Many[Item], Field(max_length=MAX_PHRASES)]
Numbers = Many[Annotated[Bound, _bounded("number")]]
Percents = Many[Annotated[Bound, _bounded("percent")]]
Days = Many[Annotated[Bound, _bounded("days")]]
Name = Annotated[str, AfterValidator(_name)]
Language = Annotated[str, AfterValidator(_language)]
SpokenLanguage = Annotated[Language, AfterValidator(_spoken_language)]
