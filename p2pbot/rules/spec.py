"""The shape of a rule file: one pydantic specification drives parsing, "did you mean", the JSON Schema and the docs.

Promise: what the language has and this version has not is refused with a sentence; nothing is ever ignored in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from p2pbot.document import complaint, did_you_mean
from p2pbot.model import EventKind, LimitScope, Mode, OrderStatus, Side
from p2pbot.rules.languages import LANGUAGES
from p2pbot.rules.measures import Bound, Kind, duration_ms, duration_range_ms, parse_bound

T = TypeVar("T")
MAX_PHRASES = 500  # in one list of one rule; longer ones are a list of their own
_LATER_EVENTS = ("payment_expiring", "appeal_opened", "appeal_closed", "silence", "operator_message")


def _later(*keys: str) -> dict[str, str]:
    return {key: f"`{key}` is not supported yet" for key in keys}


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _filled(value: tuple[T, ...]) -> tuple[T, ...]:
    if not value:
        raise complaint("the list is empty", hint="remove the key, or give it a value")
    return value


def _worded(parse: Callable[[str], T]) -> Callable[[Any], Any]:
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
    return BeforeValidator(_worded(lambda text: parse_bound(text, kind)), json_schema_input_type=str)


def _duration(longest_ms: int, spoken: str) -> BeforeValidator:
    def parse(text: str) -> int:
        value = duration_ms(text)
        if value > longest_ms:
            raise ValueError(f"`{text[:40]}` is too long; at most {spoken}")
        return value

    return BeforeValidator(_worded(parse), json_schema_input_type=str)


def _event(value: object) -> object:
    if value in _LATER_EVENTS:
        raise complaint(f"the event `{value}` is not supported yet")
    return value


def _language(code: str) -> str:
    if code not in LANGUAGES:
        near = did_you_mean(code, LANGUAGES)
        raise complaint(f"`{code[:40]}` is not a language code", hint=near or "write en, ru, zh …, or default")
    return code


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise complaint(f"`{text[:64]}` is not a name", hint="write letters, digits, . _ - without blanks, at most 64")
    return text


def _delay(text: str) -> tuple[int, int]:
    low, high = duration_range_ms(text)
    if high > _LONGEST_DELAY_MS:
        raise ValueError(f"`{text[:40]}` is too long; at most 10m")
    return low, high


_LONGEST_MEASURE = 60  # characters of a number, a time or a range
_NAME = re.compile(r"\w[\w.-]{0,63}")
_LONGEST_DELAY_MS = 600_000  # a reply that comes later answers nobody
_YEAR_MS = 366 * 86_400_000

Many = Annotated[tuple[T, ...], BeforeValidator(_listed), AfterValidator(_filled)]
Phrases = Annotated[Many[str], Field(max_length=MAX_PHRASES)]
Numbers = Many[Annotated[Bound, _bounded("number")]]
Percents = Many[Annotated[Bound, _bounded("percent")]]
Days = Many[Annotated[Bound, _bounded("days")]]
Name = Annotated[str, AfterValidator(_name)]
Language = Annotated[str, AfterValidator(_language)]


class Strict(BaseModel):
    """A mapping with known keys only."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class CounterpartySpec(Strict):
    """``when.counterparty``."""

    orders: Numbers | None = None
    completion: Percents | None = None
    registered: Days | None = None
    trades_with_us: Numbers | None = None
    nickname: Many[str] | None = None


class WhenSpec(Strict):
    """``when:``: all must hold; a list means any of it."""

    EXPLAINED_KEYS: ClassVar = _later("hours", "weekday", "after_rule", "futures", "balance")

    side: Many[Side] | None = None
    order_status: Many[Literal["unpaid", "paid", "appeal", "completed", "cancelled"]] | None = None
    asset: Many[str] | None = None
    fiat: Many[str] | None = None
    amount: Numbers | None = None
    total: Numbers | None = None
    price: Numbers | None = None
    payment_method: Many[str] | None = None
    ad: Many[str] | None = None
    account: Many[str] | None = None
    counterparty: CounterpartySpec | None = None
    first_message: bool | None = None
    message_no: Numbers | None = None
    language: Many[Language] | None = None
    operator_idle: Annotated[int, _duration(_YEAR_MS, "366d")] | None = None

    @property
    def statuses(self) -> frozenset[OrderStatus]:
        """The order states in which the rule may speak; empty means any."""
        return frozenset(OrderStatus(status) for status in self.order_status or ())


class OncePerSpec(Strict):
    """``{once_per: order}``."""

    once_per: Literal["order", "counterparty", "day"]


class EverySpec(Strict):
    """``{every: 10m, per: order}``."""

    every: Annotated[int, _duration(_YEAR_MS, "366d")]
    per: Literal["order", "counterparty", "account"] = "order"


class AtMostSpec(Strict):
    """``{at_most: 3, per: order}``."""

    at_most: Annotated[int, Field(ge=1, le=1000)]
    per: LimitScope = LimitScope.ORDER


class HandoverSpec(Strict):
    """``handover: {for: 2h, reason: …}``."""

    for_ms: Annotated[int, _duration(_YEAR_MS, "366d")] | None = Field(None, alias="for")
    reason: Annotated[str, Field(max_length=200)] = ""


class ChoiceSpec(Strict):
    """``{text_any: […]}``: one of them, by chance."""

    EXPLAINED_KEYS: ClassVar = _later("image", "caption")

    text_any: Annotated[Many[str], Field(max_length=50)]


def _reply_shape(value: object) -> str:
    match value:
        case list():
            return "<bubbles>"
        case ChoiceSpec():
            return "<choice>"
        case dict() if value.keys() & {"text_any", "image", "caption"}:
            return "<choice>"
        case dict():
            return "<languages>"
        case _:
            return "<text>"


def _handover_shape(value: object) -> object:
    """``handover: yes`` and ``handover: 2h`` are short for a mapping."""
    if not isinstance(value, str):
        return value
    return {} if value in {"yes", "true", "on"} else {"for": value}


Text = Annotated[str, Tag("<text>")]
Choice = Annotated[ChoiceSpec, Tag("<choice>")]
Line = Annotated[Text | Choice, Discriminator(_reply_shape)]
ByLanguage = Annotated[dict[Language, Line], Field(min_length=1), Tag("<languages>")]
Bubble = Annotated[Text | Choice | ByLanguage, Discriminator(_reply_shape)]
Lines = Annotated[list[Line], Field(min_length=1, max_length=10), Tag("<bubbles>")]
Spoken = Annotated[Text | Choice | Lines, Discriminator(_reply_shape)]
SpokenByLanguage = Annotated[dict[Language, Spoken], Field(min_length=1), Tag("<languages>")]
Bubbles = Annotated[list[Bubble], Field(min_length=1, max_length=10), Tag("<bubbles>")]
Reply = Annotated[Text | Choice | Bubbles | SpokenByLanguage, Discriminator(_reply_shape)]


class RuleSpec(Strict):
    """One rule as it is written."""

    EXPLAINED_KEYS: ClassVar = _later(
        "any", "all", "not", "typos", "debounce", "unmute", "set", "stop", "before", "for"
    )

    id: Name
    on: Many[Annotated[EventKind, BeforeValidator(_event)]] = (EventKind.MESSAGE,)
    words: Phrases | None = None
    not_words: Phrases | None = None
    all_words: Phrases | None = None
    not_all_words: Phrases | None = None
    exact: Phrases | None = None
    not_exact: Phrases | None = None
    starts: Phrases | None = None
    not_starts: Phrases | None = None
    regex: Annotated[Many[str], Field(max_length=50)] | None = None
    not_regex: Annotated[Many[str], Field(max_length=50)] | None = None
    when: WhenSpec = WhenSpec()
    limit: Many[OncePerSpec | EverySpec | AtMostSpec] = (OncePerSpec(once_per="order"),)
    group: Name | None = None
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    continue_: bool = Field(default=False, alias="continue")
    reply: Reply | None = None
    delay: Annotated[tuple[int, int], BeforeValidator(_worded(_delay), json_schema_input_type=str)] = (0, 0)
    expires: Annotated[int, _duration(3_600_000, "1h")] | None = None
    notify: Annotated[Many[str], Field(max_length=5)] | None = None
    handover: Annotated[HandoverSpec, BeforeValidator(_handover_shape)] | None = None
    mode: Mode = Mode.LIVE
    examples: Annotated[Many[str], Field(max_length=200)] | None = None
    not_examples: Annotated[Many[str], Field(max_length=200)] | None = None


class FileSpec(Strict):
    """A rule file."""

    EXPLAINED_KEYS: ClassVar = _later("snippets", "lists", "tests", "windows", "default_language")

    version: Literal["1"]
    rules: list[RuleSpec]
